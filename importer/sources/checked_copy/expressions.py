"""The grammar of sizes in an exported program: numbers, symbols, arithmetic and comparisons.

torch gives these texts to `sympy.sympify`, which evaluates any Python that they hold. What this grammar accepts can
only make an expression, of a size that sympy can handle. No torch.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_LONGEST, _DEEPEST = 10_000, 60
_LARGEST_EXPONENT = 64
_TOKEN = re.compile(
    r"\s*(?:(?P<number>\d{1,20}(?:\.\d{1,40})?(?:e[+-]?\d{1,3})?)|(?P<name>[A-Za-z_][A-Za-z0-9_.]*)"
    r"|'(?P<text>[A-Za-z0-9_.+-]{1,60})'|(?P<sign>\*\*|//|<=|>=|==|!=|[-+*/%<>&|~(),=]))",
    re.ASCII,
)
# torch's names of sizes: s77, u0, zf1, zuf2, ps3.
_SYMBOL = re.compile(r"(s|u|zf|zuf|ps|i|tmp)[0-9]{1,9}", re.ASCII)
_NUMBER = re.compile(r"[+-]?\d{1,20}(\.\d{1,40})?(e[+-]?\d{1,3})?", re.ASCII)
_CONSTANTS = _words("oo int_oo true false True False")
_FUNCTIONS = _words(
    "Add Mul Max Min Mod PythonMod FloorDiv CleanDiv CeilDiv ModularIndexing Where CeilToInt FloorToInt "
    "TruncToFloat TruncToInt RoundToInt RoundDecimal ToFloat Identity FloatTrueDiv IntTrueDiv Abs floor ceiling "
    "IsNonOverlappingAndDenseIndicator Eq Ne Lt Le Gt Ge Equality Unequality StrictLessThan LessThan "
    "StrictGreaterThan GreaterThan And Or Not Rational Integer max min"
)
_POWERS = _words("Pow PowByNatural FloatPow LShift RShift")
_COMPARISONS, _SUMS, _PRODUCTS = _words("< <= > >= == != & |"), _words("+ -"), _words("* / // %")
_ASSUMPTIONS = _words("integer positive nonnegative negative real finite nonzero zero commutative even odd")


class NotAnExpression(Exception):
    """The text holds something else than arithmetic on sizes."""


def check(text: str) -> None:
    """Raises NotAnExpression."""
    if len(text) > _LONGEST:
        raise NotAnExpression(f"an expression of {len(text)} characters")
    parser = _Parser(text)
    parser.comparison(0)
    if parser.kind:
        parser.refuse()


class _Parser:
    """Recursive descent over the tokens. Each rule returns what its expression is: "number", "symbol", "sum" of those,
    or "power" when a power is somewhere inside."""

    def __init__(self, text: str) -> None:
        self._text, self._position = text, 0
        self.kind, self.value = "", ""
        self._advance()

    def refuse(self) -> NoReturn:
        raise NotAnExpression(f"'{self._text[:80]}', which is not arithmetic on sizes")

    def comparison(self, depth: int) -> str:
        return self._chain(_COMPARISONS, depth, self._sum)

    def _sum(self, depth: int) -> str:
        return self._chain(_SUMS, depth, self._product)

    def _product(self, depth: int) -> str:
        return self._chain(_PRODUCTS, depth, self._power)

    def _chain(self, signs: frozenset[str], depth: int, part: Rule) -> str:
        found = part(depth)
        while self.kind == "sign" and self.value in signs:
            self._advance()
            found = _joined(found, part(depth))
        return found

    def _power(self, depth: int) -> str:
        base = self._single(depth)
        if not self._is("**"):
            return base
        self._advance()
        self._exponent(depth)
        return self._raised(base)

    def _raised(self, base: str) -> str:
        if base == "power" or self._is("**"):
            self.refuse()
        return "power"

    def _exponent(self, depth: int) -> None:
        """A number that is small, or one symbol: sympy works out powers of numbers, however large they are."""
        begin = self._position - len(self.value)
        kind = self._single(depth)
        literal = re.fullmatch(r"(?:Integer\()?-?(\d+)\)?[\s,)*]*", self._text[begin : self._position])
        small = kind == "number" and literal and int(literal.group(1)) <= _LARGEST_EXPONENT
        if kind != "symbol" and not small:
            self.refuse()

    def _single(self, depth: int) -> str:
        if depth > _DEEPEST:
            self.refuse()
        kind, value = self.kind, self.value
        self._advance()
        if kind == "number":
            return "number"
        if kind == "sign" and value in "-+~":
            return self._single(depth + 1)
        if kind == "sign" and value == "(":
            found = self.comparison(depth + 1)
            self._expect(")")
            return found
        if kind != "name":
            self.refuse()
        if not self._is("("):
            if value in _CONSTANTS:
                return "sum"
            if not _SYMBOL.fullmatch(value):
                self.refuse()
            return "symbol"
        self._advance()
        return self._call(value, depth + 1)

    def _call(self, name: str, depth: int) -> str:
        if name in ("Symbol", "Float"):
            return self._leaf(name)
        if name in _POWERS:
            base = self.comparison(depth)
            self._expect(",")
            self._exponent(depth)
            self._expect(")")
            return self._raised(base)
        if name not in _FUNCTIONS:
            self.refuse()
        found = "number" if name == "Integer" else "sum"
        while not self._is(")"):
            part = self.comparison(depth)
            found = part if name == "Integer" else _joined(found, part)
            if not self._is(")"):
                self._expect(",")
        self._advance()
        return found

    def _leaf(self, name: str) -> str:
        """`Symbol('s0', positive=True)` and `Float('0.5', precision=53)`."""
        form = _SYMBOL if name == "Symbol" else _NUMBER
        if self.kind != "text" or not form.fullmatch(self.value):
            self.refuse()
        self._advance()
        while self._is(","):
            self._advance()
            keyword = self.value
            self._advance()
            self._expect("=")
            right = (
                self.value in ("True", "False") if name == "Symbol" else self.value.isdigit() and len(self.value) < 4
            )
            if not right or keyword not in (_ASSUMPTIONS if name == "Symbol" else ("precision",)):
                self.refuse()
            self._advance()
        self._expect(")")
        return "symbol" if name == "Symbol" else "number"

    def _is(self, sign: str) -> bool:
        return self.kind == "sign" and self.value == sign

    def _expect(self, sign: str) -> None:
        if not self._is(sign):
            self.refuse()
        self._advance()

    def _advance(self) -> None:
        if not self._text[self._position :].strip(" "):
            self.kind, self.value, self._position = "", "", len(self._text)
            return
        found = _TOKEN.match(self._text, self._position)
        if found is None or found.lastgroup is None:
            self.refuse()
        self.kind, self.value, self._position = found.lastgroup, found.group(found.lastgroup), found.end()


Rule = Callable[[int], str]


def _joined(left: str, right: str) -> str:
    return "power" if "power" in (left, right) else "sum"
