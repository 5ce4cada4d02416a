"""Names and shapes of a module's state dict, read from its source without running it. Standard library only."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from importer.inputs.dictionary_keys import keys_in
from importer.sources.architecture.torch_layers import (
    BATCH_NORMS,
    WITHOUT_TENSORS,
    Arguments,
    Shape,
    Unknown,
    computed,
    default_of,
    tensors_of,
)

_DEEPEST = 8
_MOST_LAYERS = 2000


@dataclass
class Definition:
    """A class that is a module, or a function that may build one."""

    name: str
    node: ast.ClassDef | ast.FunctionDef
    constants: Mapping[str, int]

    @property
    def is_class(self) -> bool:
        return isinstance(self.node, ast.ClassDef)

    @property
    def is_training(self) -> bool:
        """Whether it is a function that computes gradients: what it returns is a model, after a long time."""
        calls = (node.func for node in ast.walk(self.node) if isinstance(node, ast.Call))
        return not self.is_class and any(_last(call) == "backward" for call in calls)


@dataclass
class Layers:
    """shapes: name in the state dict -> its shape, None where it is not known. open: prefixes below which there may be
    any names. first: kind of the first layer and the end of its weight's name. forward: the names of its inputs."""

    shapes: dict[str, Shape] = field(default_factory=dict)
    optional: set[str] = field(default_factory=set)
    open: set[str] = field(default_factory=set)
    first: tuple[str, str] | None = None
    forward: list[str] = field(default_factory=list)

    def has_unknown_shapes(self) -> bool:
        return any(
            shape is None or any(isinstance(size, Unknown) and not size.name for size in shape)
            for shape in self.shapes.values()
        )

    def add(self, prefix: str, other: Layers) -> None:
        self.shapes |= {f"{prefix}{name}": shape for name, shape in other.shapes.items()}
        self.optional |= {f"{prefix}{name}" for name in other.optional}
        self.open |= {f"{prefix}{name}" for name in other.open}
        if self.first is None and other.first is not None:
            self.first = (other.first[0], f"{prefix}{other.first[1]}")


def definitions(tree: ast.Module) -> dict[str, Definition]:
    """The modules and public functions of a file by their names."""
    constants = {
        target.id: statement.value.value
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.value, ast.Constant)
        and isinstance(statement.value.value, int)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    found: dict[str, Definition] = {}
    for statement in tree.body:
        if isinstance(statement, ast.ClassDef):
            bases = {_last(base) for base in statement.bases}
            if "Module" in bases or any(base in found and found[base].is_class for base in bases):
                found[statement.name] = Definition(statement.name, statement, constants)
        elif isinstance(statement, ast.FunctionDef) and not statement.name.startswith("_"):
            found[statement.name] = Definition(statement.name, statement, constants)
    return found


def parameters_of(definition: Definition) -> dict[str, object]:
    """The parameters with their defaults; None when one has none. Of a class those of its constructor."""
    function = _constructor(definition.node) if isinstance(definition.node, ast.ClassDef) else definition.node
    if function is None:
        return {}
    names = [item.arg for item in (*function.args.posonlyargs, *function.args.args)]
    defaults: list[ast.expr | None] = [None] * (len(names) - len(function.args.defaults)) + list(function.args.defaults)
    names += [item.arg for item in function.args.kwonlyargs]
    defaults += function.args.kw_defaults
    given = {name: _default(value, definition.constants) for name, value in zip(names, defaults, strict=True)}
    if definition.is_class:
        given.pop(names[0], None)
    return given


def layers_of(definition: Definition, known: Mapping[str, Definition]) -> Layers | None:
    """The tensors of the module that a definition makes; empty for a function that does not make one."""
    scope = {name: Unknown(name, 1, default) for name, default in parameters_of(definition).items()}
    return _Reader(known).read(definition, {**definition.constants, **scope}, 0)


class _Reader:
    def __init__(self, known: Mapping[str, Definition]) -> None:
        self._known = known
        self._count = 0

    def read(self, definition: Definition, scope: Mapping[str, object], depth: int) -> Layers | None:
        if depth > _DEEPEST:
            return _anything()
        if isinstance(definition.node, ast.ClassDef):
            return self._class(definition, definition.node, dict(scope), depth)
        return self._function(definition.node, dict(scope), depth)

    def _class(self, definition: Definition, node: ast.ClassDef, scope: dict[str, object], depth: int) -> Layers:
        layers = Layers(forward=_inputs_of(node))
        for base in node.bases:
            parent = self._known.get(_last(base))
            if parent is not None and parent.name != definition.name:
                inherited = self.read(parent, dict.fromkeys(parameters_of(parent), Unknown()), depth + 1)
                layers.add("", inherited or _anything())
                layers.forward = layers.forward or (inherited.forward if inherited else [])
        constructor = _constructor(node)
        for statement in constructor.body if constructor else []:
            self._statement(statement, scope, layers, depth)
        return layers

    def _statement(self, statement: ast.stmt, scope: dict[str, object], layers: Layers, depth: int) -> None:
        if isinstance(statement, (ast.Assign, ast.AnnAssign)):
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                self._assign(target, statement.value, scope, layers, depth)
            return
        call = statement.value if isinstance(statement, ast.Expr) else None
        if isinstance(call, ast.Call):
            if _last(call.func) == "register_buffer" and call.args and not _is_false(call, "persistent"):
                layers.shapes[str(_literal(call.args[0]))] = None
            return
        # Loops and branches: what they set may be there, with any names inside.
        for inner in ast.walk(statement):
            if isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store) and _is_self(inner.value):
                layers.open.add(f"{inner.attr}.")

    def _assign(
        self, target: ast.expr, value: ast.expr | None, scope: dict[str, object], layers: Layers, depth: int
    ) -> None:
        if value is None:
            return
        if isinstance(target, ast.Name):
            scope[target.id] = self._size(value, scope)
        elif isinstance(target, ast.Attribute) and _is_self(target.value):
            made = self._layer(value, scope, depth) if isinstance(value, ast.Call) else None
            if isinstance(value, ast.Call) and _last(value.func) == "Parameter":
                layers.shapes[target.attr] = None
            elif made is not None:
                layers.add(f"{target.attr}.", made)
            else:
                scope[f"self.{target.attr}"] = self._size(value, scope)

    def _function(self, node: ast.FunctionDef, scope: dict[str, object], depth: int) -> Layers | None:
        made: dict[str, Layers] = {}
        for statement in node.body:
            if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
                name = statement.targets[0].id
                layers = self._layer(statement.value, scope, depth) if isinstance(statement.value, ast.Call) else None
                if layers is not None:
                    made[name] = layers
                scope[name] = self._size(statement.value, scope)
            elif isinstance(statement, ast.Return) and statement.value is not None:
                if isinstance(statement.value, ast.Name):
                    return made.get(statement.value.id)
                return self._layer(statement.value, scope, depth) if isinstance(statement.value, ast.Call) else None
        return None

    def _layer(self, call: ast.expr, scope: Mapping[str, object], depth: int) -> Layers | None:
        """The tensors of a layer that an expression makes; empty when it makes none, as far as is known."""
        self._count += 1
        if not isinstance(call, ast.Call) or self._count > _MOST_LAYERS:
            return _anything()
        kind = _last(call.func)
        if kind in WITHOUT_TENSORS:
            return Layers()
        if kind in ("Sequential", "ModuleList"):
            return self._sequence(call, scope, depth)
        if kind in self._known and self._known[kind].is_class:
            definition = self._known[kind]
            inner = {**definition.constants, **self._arguments(definition, call, scope)}
            return self.read(definition, inner, depth + 1)
        shapes = tensors_of(kind, Arguments(call, lambda value: self._size(value, scope)))
        if shapes is not None:
            optional = {name for name in shapes if name == "num_batches_tracked"}
            first = next((name for name in ("weight", "weight_ih_l0") if name in shapes), "")
            return Layers(shapes, optional, set(), (kind, first) if kind not in BATCH_NORMS and first else None)
        return _anything() if kind[:1].isupper() else None

    def _sequence(self, call: ast.Call, scope: Mapping[str, object], depth: int) -> Layers:
        items: Sequence[ast.expr] = call.args
        if len(items) == 1 and isinstance(items[0], (ast.List, ast.Tuple)):
            items = items[0].elts
        elif len(items) == 1 and isinstance(items[0], ast.ListComp):
            items = self._repeated(items[0], scope)
        if not items or any(isinstance(item, ast.Starred) or not isinstance(item, ast.Call) for item in items):
            return _anything()
        layers = Layers(forward=["input"] if _last(call.func) == "Sequential" else [])
        for index, item in enumerate(items):
            layers.add(f"{index}.", self._layer(item, scope, depth) or Layers())
        return layers

    def _repeated(self, items: ast.ListComp, scope: Mapping[str, object]) -> list[ast.expr]:
        source = items.generators[0].iter
        if len(items.generators) == 1 and isinstance(source, ast.Call) and _last(source.func) == "range":
            count = default_of(self._size(source.args[0], scope)) if len(source.args) == 1 else Unknown()
            if isinstance(count, int) and 0 < count <= _MOST_LAYERS:
                return [items.elt] * count
        return []

    def _arguments(self, definition: Definition, call: ast.Call, scope: Mapping[str, object]) -> dict[str, object]:
        parameters = parameters_of(definition)
        values = {name: Unknown() if value is None else value for name, value in parameters.items()}
        values |= {name: self._size(value, scope) for name, value in zip(parameters, call.args, strict=False)}
        return values | {item.arg: self._size(item.value, scope) for item in call.keywords if item.arg}

    def _size(self, value: ast.expr, scope: Mapping[str, object]) -> object:
        """The value of an expression: a literal, a parameter, or Unknown()."""
        if isinstance(value, ast.Constant):
            return value.value
        if isinstance(value, ast.Name):
            return scope.get(value.id, Unknown())
        if isinstance(value, ast.Attribute) and _is_self(value.value):
            return scope.get(f"self.{value.attr}", Unknown())
        if isinstance(value, ast.Tuple):
            return tuple(self._size(item, scope) for item in value.elts)
        if isinstance(value, ast.BinOp):
            return computed(value.op, self._size(value.left, scope), self._size(value.right, scope))
        return Unknown()


def _anything() -> Layers:
    return Layers(open={""})


def _constructor(node: ast.ClassDef) -> ast.FunctionDef | None:
    return next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__"), None)


def _inputs_of(node: ast.ClassDef) -> list[str]:
    """The inputs that a call of forward must give; of one dictionary its entries."""
    forward = next((item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "forward"), None)
    if forward is None:
        return []
    names = [item.arg for item in (*forward.args.posonlyargs, *forward.args.args)][1:]
    return keys_in(forward) or names[: len(names) - len(forward.args.defaults)]


def _default(value: ast.expr | None, constants: Mapping[str, int]) -> object:
    if value is None:
        return None
    if isinstance(value, ast.Name) and value.id in constants:
        return constants[value.id]
    literal = _literal(value)
    return Unknown() if literal is None else literal


def _literal(value: ast.expr) -> object:
    try:
        return ast.literal_eval(value)
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _is_false(call: ast.Call, name: str) -> bool:
    return any(item.arg == name and _literal(item.value) is False for item in call.keywords)


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id == "self"


def _last(value: ast.expr) -> str:
    """`Linear` of `torch.nn.Linear`."""
    return value.attr if isinstance(value, ast.Attribute) else value.id if isinstance(value, ast.Name) else ""
