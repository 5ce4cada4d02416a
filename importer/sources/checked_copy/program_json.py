"""The description of an exported program, checked and rewritten before torch reads it. Importing this imports torch.

torch puts the names in it into Python source, gives its sizes to sympy, looks its operators up as attributes and its
trees' classes as modules. Here every value is checked by torch's own schema, and every text by what torch uses it for;
a text that is not listed is left out.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import json
import keyword
import re
import types
import typing
from collections.abc import Callable
from typing import Annotated, Any, NoReturn

from torch._export.serde import schema
from torch._export.serde.union import _Union

from importer.sources.checked_copy import expressions, operators

_DEEPEST = 100
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f'\"\\{}\u2028\u2029\x85]")
_LONGEST_TEXT = 10_000


class Refused(Exception):
    """A part of the description is not what torch.export writes."""


class Undeclared(Exception):
    """A node calls an operator that nothing has registered: its name."""


def rewrite_program(program: Any) -> bytes:
    """A parsed `models/<name>.json` as new JSON. Raises Refused."""
    return json.dumps(_checked(schema.ExportedProgram, program, "", 0)).encode()


def rewrite_payloads(configuration: Any) -> tuple[bytes, dict[str, Any]]:
    """A parsed `<name>_weights_config.json` as new JSON, and name -> what it says of one tensor. Raises Refused."""
    clean = _checked(schema.PayloadConfig, configuration, "", 0)
    return json.dumps(clean).encode(), clean["config"]


def _checked(of: Any, value: Any, place: str, depth: int) -> Any:
    """The value again, when it has the type; place: such as Node.target, the last field of a dataclass on the way."""
    if depth > _DEEPEST:
        _refuse(place, "too many things inside of each other")
    if isinstance(of, str):
        of = getattr(schema, of)
    origin, arguments = typing.get_origin(of), typing.get_args(of)
    if origin is Annotated:
        return _checked(arguments[0], value, place, depth)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _checked(arguments[0], value, place, depth)
    if origin is list:
        return [_checked(arguments[0], item, place, depth + 1) for item in _of(list, value, place)]
    if origin is dict:
        if place == "Node.metadata":
            return _metadata(_of(dict, value, place))
        keys = _KEYS.get(place)
        if keys is None:
            return {}
        found = _of(dict, value, place).items()
        return {_text(keys, key, place): _checked(arguments[1], item, place, depth + 1) for key, item in found}
    if issubclass(of, _Union):
        return _union(of, value, place, depth)
    if isinstance(of, type) and dataclasses.is_dataclass(of):
        return _record(of, value, place, depth)
    return _scalar(of, value, place)


def _record(of: type, value: Any, place: str, depth: int) -> dict[str, Any]:
    _of(dict, value, place or of.__name__)
    hints = _hints(of)
    clean: dict[str, Any] = {}
    for item in dataclasses.fields(of):
        inside = f"{of.__name__}.{item.name}"
        if item.name in value and inside not in _LEFT_OUT:
            clean[item.name] = _checked(hints[item.name], value[item.name], inside, depth + 1)
    return clean


def _union(of: type, value: Any, place: str, depth: int) -> dict[str, Any]:
    kind = next(iter(_of(dict, value, place)), None)
    hints = _hints(of)
    if len(value) != 1 or kind not in hints or f"{of.__name__}.{kind}" in _NOT_ALLOWED:
        _refuse(place, f"a value of the kind '{str(kind)[:80]}'")
    return {kind: _checked(hints[kind], value[kind], f"{of.__name__}.{kind}", depth + 1)}


def _scalar(of: type, value: Any, place: str) -> Any:
    if of is str:
        return _text(_TEXTS[place], value, place) if place in _TEXTS else _refuse(place, "a text that is not expected")
    if of is float and value in ("Infinity", "-Infinity", "NaN"):
        return value
    numbers = (int, float) if of is float else (int,)
    if of is bool and isinstance(value, bool):
        return value
    if isinstance(value, bool) or of is bool or not isinstance(value, numbers):
        _refuse(place, f"{str(value)[:80]!r}")
    if isinstance(value, int) and abs(value) >= 1 << 64:
        _refuse(place, "a number with more than 64 bits")
    if issubclass(of, enum.IntEnum) and value not in list(of):
        _refuse(place, f"the number {value}")
    return value


def _metadata(value: dict[Any, Any]) -> dict[str, str]:
    """The part of a node's metadata that the importer and the quantizers use: its layers."""
    kept = {name: value[name] for name in ("nn_module_stack", "torch_fn", "source_fn_stack") if name in value}
    return {
        name: text for name, text in kept.items()
        if isinstance(text, str) and not _FORBIDDEN.search(text.replace("'", "").replace('"', ""))
        and (name != "source_fn_stack" or _SOURCES.fullmatch(text))
    }  # fmt: skip


def _tree(text: str) -> str:
    """A tree of containers as `treespec_dumps` writes it; torch would import the modules of enumerations in it."""
    try:
        protocol, tree = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise Refused(f"it has a tree that is not JSON ({str(error)[:100]})") from error
    if protocol != 1:
        raise Refused("it has a tree in another form")
    return json.dumps([1, _branch(tree, 0, False)])


def _branch(tree: Any, depth: int, named: bool) -> dict[str, Any]:
    """named: the keys are names of arguments, which torch writes into source."""
    if depth > _DEEPEST or not isinstance(tree, dict) or not isinstance(tree.get("children_spec"), list):
        raise Refused("it has a tree in another form")
    kind, context = tree.get("type"), tree.get("context")
    if kind not in _CONTAINERS:
        raise Refused(f"it has a tree of {str(kind)[:80]}")
    clean: Any = None
    if kind is not None:
        try:
            clean = json.loads(context) if isinstance(context, str) else context
        except (ValueError, RecursionError) as error:
            raise Refused("it has a tree in another form") from error
        clean = _keys(clean, named) if clean is not None else None
        clean = json.dumps(clean)
    arguments = depth == 0 and len(tree["children_spec"]) == 2  # (positional, by name)
    children = [
        _branch(child, depth + 1, arguments and index == 1) for index, child in enumerate(tree["children_spec"])
    ]
    return {"type": kind, "context": clean, "children_spec": children}


def _keys(context: Any, named: bool) -> list[Any]:
    right = _is_name if named else _is_plain
    if not isinstance(context, list) or not all(
        right(key) if isinstance(key, str) else type(key) in (int, float, bool) for key in context
    ):
        raise Refused("it has a tree with keys that are not names")
    return context


def _text(right: Rule, value: Any, place: str) -> str:
    if not isinstance(value, str):
        _refuse(place, f"{str(value)[:80]!r} in place of a text")
    if right is _tree:
        return _tree(value)
    if not right(value):
        if right is operators.is_target and (name := operators.undeclared(value)):
            raise Undeclared(name)
        _refuse(place, repr(value[:80]))
    return value


def _of(of: type, value: Any, place: str) -> Any:
    if not isinstance(value, of):
        _refuse(place, f"{str(value)[:80]!r} in place of a {of.__name__}")
    return value


def _refuse(place: str, what: str) -> NoReturn:
    raise Refused(f"its {place or 'program'} holds {what}")


@functools.cache
def _hints(of: type) -> dict[str, Any]:
    return typing.get_type_hints(of, globalns=vars(schema), include_extras=True)


def _is_name(text: str) -> bool:
    """One identifier: torch writes names of nodes and arguments into source."""
    return text.isidentifier() and not keyword.iskeyword(text) and len(text) < 1000


def _is_plain(text: str) -> bool:
    """A path of modules such as `layers.0.weight`, or a key: quoted in source, so no quotes inside."""
    return len(text) < 2000 and not _FORBIDDEN.search(text)


def _is_free(text: str) -> bool:
    return len(text) < _LONGEST_TEXT


def _is_expression(text: str) -> bool:
    try:
        expressions.check(text)
    except expressions.NotAnExpression:
        return False
    return True


def _is_name_or_empty(text: str) -> bool:
    return not text or text.isidentifier()  # operators may call an argument `from`


def _words(text: str) -> list[str]:
    return text.split()


def _matches(form: str) -> Rule:
    return lambda text: re.fullmatch(form, text, re.ASCII) is not None


Rule = Callable[[str], Any]
_CONTAINERS = (
    None, "builtins.tuple", "builtins.list", "builtins.dict", "collections.OrderedDict", "torch.Size",
    "torch.fx.immutable_collections.immutable_list", "torch.fx.immutable_collections.immutable_dict",
)  # fmt: skip
_SOURCES = re.compile(r"([\w.]+,[\w.]+)(;[\w.]+,[\w.]+)*", re.ASCII)
_LEFT_OUT = _words("ExportedProgram.guards_code GraphModule.metadata GraphModule.treespec_namedtuple_fields")
# Objects that run their own code, and the arguments of Triton's kernels.
_NOT_ALLOWED = _words(
    "Argument.as_custom_obj Argument.as_string_to_argument InputSpec.custom_obj InputSpec.token OutputSpec.token"
)
_NAMES = """
    SymIntArgument.as_name SymFloatArgument.as_name SymBoolArgument.as_name TensorArgument.name GraphArgument.name
    Node.name GradientToUserInputSpec.user_input_name UserInputMutationSpec.user_input_name
    ModuleCallSignature.forward_arg_names
"""
_PATHS = """
    InputToParameterSpec.parameter_name InputToBufferSpec.buffer_name BufferMutationSpec.buffer_name
    InputToTensorConstantSpec.tensor_constant_name GradientToParameterSpec.parameter_name
    ParameterMutationSpec.parameter_name ModuleCallEntry.fqn
"""
_TEXTS: dict[str, Rule] = {
    **dict.fromkeys(_words(_NAMES), _is_name),
    **dict.fromkeys(_words(_PATHS), _is_plain),
    **dict.fromkeys(_words("Argument.as_string Argument.as_strings ConstantValue.as_string"), _is_free),
    **dict.fromkeys(_words("NamedArgument.name InputToConstantInputSpec.name"), _is_name_or_empty),
    **dict.fromkeys(_words("Node.target Argument.as_operator"), operators.is_target),
    **dict.fromkeys(_words("ModuleCallSignature.in_spec ModuleCallSignature.out_spec"), _tree),
    **dict.fromkeys(_words("ExportedProgram.verifiers ExportedProgram.torch_version"), _matches(r"[\w.+<=-]{0,80}")),
    "SymExpr.expr_str": _is_expression,
    "Device.type": _matches(r"[a-z]{1,20}"),
    "PayloadMeta.path_name": _matches(r"\w[\w.-]{0,200}"),
}
_MAPS = "Graph.tensor_values Graph.sym_int_values Graph.sym_bool_values Graph.sym_float_values"
_KEYS: dict[str, Rule] = {
    **dict.fromkeys(_words(_MAPS), _is_name),
    "ExportedProgram.opset_version": _is_name,
    "ExportedProgram.range_constraints": _is_expression,
    "PayloadConfig.config": _is_plain,
}
