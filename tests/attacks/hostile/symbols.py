"""Exported programs whose sizes never end, whose names are parts of objects, whose tensors lie outside of bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, expression
from tests.attacks.hostile.programs import Program, _in_ranges, _in_sizes, _rename, changed, graph, with_program

_SECONDS = {"deadline_seconds": 8}

# Sizes that cost a reader of expressions its stack, its time or its memory.
SIZES: dict[str, str] = {
    "parentheses": "(" * 4000 + "s0" + ")" * 4000,
    "minus_signs": "-" * 9000 + "s0",
    "calls": "Max(" * 1500 + "s0" + ")" * 1500,
    "tower": "s0**64**64**64",
    "tower_of_numbers": "2**(2**(2**(2**(2**2))))",
    "power_of_a_sum": "(s0 + s1 + s2 + s3 + s4 + s5 + s6 + s7)**64",
    "product_of_sums": "*".join(f"(s{number} + {number})" for number in range(300)),
    "shift": "LShift(1, 10000000000)",
    "long_number": "9" * 9000,
    "large_float": "1e999",
    "other_digits": "s\u0660 + \u0661",
    "wide_letters": "\uff53\uff10",
    "zero_width": "s0\u200b+1",
    "keyword": "lambda: s0",
    "format": "f'{s0}'",
    "bytes": "b's0'",
    "dunder": "s0.__class__",
    "starred": "Max(*s0)",
    "named_argument": "Max(s0, evaluate=False)",
    "empty": "",
    "division_by_zero": "1 // (s0 - s0)",
    "modulo_zero": "Mod(s0, 0)",
}


def _range(minimum: Any, maximum: Any, program: Program) -> None:
    _in_ranges("s0", program)
    program["range_constraints"]["s0"] = {"min_val": minimum, "max_val": maximum}


RANGES: dict[str, tuple[Any, Any]] = {
    "turned_round": (9, 2),
    "negative": (-(1 << 63), -1),
    "large": (1 << 80, 1 << 90),
    "texts": ("2", "__import__('os')"),
    "lists": ([1], {"a": 1}),
    "infinite": ("-inf", "inf"),
}

# What torch sets as attributes, and looks up by them.
ATTRIBUTES = (
    "__class__ __dict__ __init__ __setattr__ forward _parameters training __reduce_ex__ state_dict "
    "_modules.__class__ 0.__init__.__globals__ ..0.weight 0..weight"
)
NODES = "self torch inf nan device fx_pytree pytree print __import__ None_ _"


def _parameter(name: str, program: Program) -> None:
    _rename("0.weight", name, program)


def _node(name: str, program: Program) -> None:
    _rename(str(graph(program)["nodes"][0]["outputs"][0]["as_tensor"]["name"]), name, program)


def _fqn(name: str, program: Program) -> None:
    calls = program["graph_module"]["module_call_graph"]
    calls.append({**calls[0], "fqn": name})


def _metadata(key: str, canary: Path, program: Program) -> None:
    code = expression(canary)
    for node in graph(program)["nodes"]:
        node["metadata"][key] = f"{code},{code},{code};{code}"


def _deep_tree(_: Path, program: Program) -> None:
    leaf = '{"type":null,"context":null,"children_spec":[]}'
    begin = '{"type":"builtins.tuple","context":"null","children_spec":['
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    signature["in_spec"] = "[1, " + begin * 20_000 + leaf + "]}" * 20_000 + "]"


def _wide_tree(_: Path, program: Program) -> None:
    leaf = {"type": None, "context": None, "children_spec": []}
    tree = {"type": "builtins.tuple", "context": "null", "children_spec": [leaf] * 300_000}
    program["graph_module"]["module_call_graph"][0]["signature"]["in_spec"] = json.dumps([1, tree])


def _deep_graphs(_: Path, program: Program) -> None:
    inner: Program = {**graph(program), "nodes": [], "inputs": [], "outputs": [], "is_single_tensor_return": False}
    first = graph(program)["nodes"][0]
    for depth in range(150):
        argument = {"name": "", "arg": {"as_graph": {"name": f"g{depth}", "graph": inner}}, "kind": 1}
        inner = {**inner, "nodes": [{**first, "target": "torch.ops.higher_order.cond", "inputs": [argument]}]}
    graph(program)["nodes"][0] = inner["nodes"][0]


def _large_tensor(_: Path, program: Program) -> None:
    _in_sizes(str(1 << 62), program)


def _many_nodes(_: Path, program: Program) -> None:
    first = graph(program)["nodes"][0]
    graph(program)["nodes"] += [{**first, "name": f"n{number}"} for number in range(50_000)]


def _uses_itself(_: Path, program: Program) -> None:
    node = graph(program)["nodes"][0]
    node["inputs"][0]["arg"] = {"as_tensor": {"name": node["outputs"][0]["as_tensor"]["name"]}}


def _python(target: str, left: dict[str, Any], right: dict[str, Any], program: Program) -> None:
    """A node more that computes with Python's own numbers and lists, as nodes on sizes do."""
    inputs = [{"name": name, "arg": arg, "kind": 1} for name, arg in (("a", left), ("b", right))]
    graph(program)["sym_int_values"]["n"] = {"as_int": 1}
    node = {"target": f"_operator.{target}", "inputs": inputs, "outputs": [{"as_sym_int": {"as_name": "n"}}]}
    graph(program)["nodes"].append({**node, "metadata": {}, "is_hop_single_tensor_return": None})


def _shared_weights(_: Path, program: Program) -> None:
    """Every parameter of the signature is one of 100,000 others that are named in the graph."""
    inputs = program["graph_module"]["signature"]["input_specs"]
    inputs += [inputs[0]] * 100_000


CHANGES: dict[str, Callable[[Path, Program], None]] = {
    "deep_tree": _deep_tree,
    "wide_tree": _wide_tree,
    "deep_graphs": _deep_graphs,
    "large_tensor": _large_tensor,
    "many_nodes": _many_nodes,
    "uses_itself": _uses_itself,
    "power_of_numbers": lambda _, program: _python("pow", {"as_int": 9}, {"as_int": 999_999_999}, program),
    "shift_of_numbers": lambda _, program: _python("lshift", {"as_int": 1}, {"as_int": 1 << 40}, program),
    "long_list": lambda _, program: _python("mul", {"as_ints": [1]}, {"as_int": 1 << 40}, program),
    "long_text": lambda _, program: _python("mul", {"as_string": "x"}, {"as_int": 1 << 40}, program),
    "format_of_text": lambda _, program: _python("mod", {"as_string": "%999999999999d"}, {"as_int": 1}, program),
    "shared_weights": _shared_weights,
}


def _in_weights(base: Path, change: Callable[[dict[str, Any]], None], path: Path, canary: Path) -> None:
    """change: is given what the configuration says of the first weight."""

    def rewrite(name: str, data: bytes) -> bytes:
        if not name.endswith("weights_config.json"):
            return data
        configuration = json.loads(data)
        change(next(iter(configuration["config"].values())))
        return json.dumps(configuration).replace("CANARY", str(canary)).encode()

    changed(base, path, rewrite, {})


def _meta(entry: dict[str, Any], **values: Any) -> None:
    entry["tensor_meta"].update(values)


def _size(value: int) -> dict[str, int]:
    return {"as_int": value}


WEIGHTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "offset_outside": lambda entry: _meta(entry, storage_offset=_size(1 << 40)),
    "offset_before": lambda entry: _meta(entry, storage_offset=_size(-8)),
    "strides_outside": lambda entry: _meta(entry, strides=[_size(1 << 40)] * len(entry["tensor_meta"]["strides"])),
    "strides_back": lambda entry: _meta(entry, strides=[_size(-1)] * len(entry["tensor_meta"]["strides"])),
    "sizes_outside": lambda entry: _meta(entry, sizes=[_size(1 << 30)] * len(entry["tensor_meta"]["sizes"])),
    "many_dimensions": lambda entry: _meta(entry, sizes=[_size(1)] * 5000, strides=[_size(1)] * 5000),
    "strange_dtype": lambda entry: _meta(entry, dtype=99),
    "strange_layout": lambda entry: _meta(entry, layout=1),
    "strange_device": lambda entry: _meta(entry, device={"type": "meta", "index": None}),
    "name_above": lambda entry: entry.update(path_name="../../../CANARY"),
    "name_absolute": lambda entry: entry.update(path_name="CANARY"),
    "name_of_the_program": lambda entry: entry.update(path_name="../../models/model.json"),
}


def _json_of(base: Path, text: bytes, path: Path, _: Path) -> None:
    changed(base, path, lambda name, data: text if name.startswith("models/") else data, {})


TEXTS: dict[str, bytes] = {
    "deep": b"[" * 200_000 + b"]" * 200_000,
    "deep_objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "long_number": b'{"schema_version": {"major": ' + b"9" * 200_000 + b"}}",
    "not_a_number": b'{"graph_module": NaN, "opset_version": {"aten": Infinity}}',
    "lone_surrogate": rb'{"graph_module": {"graph": {"inputs": [{"as_tensor": {"name": "\ud800"}}]}}}',
    "list": b"[1, 2, 3]",
    "number": b"3",
    "nothing": b"",
    "utf16": '{"graph_module": {}}'.encode("utf-16"),
    "name_twice": b'{"graph_module": {"graph": 1}, "graph_module": {"graph": 2}}',
}


def files(models: Path) -> Iterator[Hostile]:
    base = models / "policy.pt2"

    def hostile(name: str, change: Callable[[Path, Program], None], **options: Any) -> Hostile:
        def make(path: Path, canary: Path) -> None:
            with_program(base, path, partial(change, canary))

        return Hostile(f"symbols_{name}", ".pt2", make, {**_SECONDS, **options})

    for name, text in SIZES.items():
        yield hostile(f"size_{name}", lambda _, program, text=text: _in_sizes(text, program))
        yield hostile(f"range_{name}", lambda _, program, text=text: _in_ranges(text, program))
    for name, ends in RANGES.items():
        yield hostile(f"range_{name}", lambda _, program, ends=ends: _range(*ends, program))
    for name in ATTRIBUTES.split():
        yield hostile(f"parameter_{name}", lambda _, program, name=name: _parameter(name, program))
        yield hostile(f"module_{name}", lambda _, program, name=name: _fqn(name, program))
    for name in NODES.split():
        yield hostile(f"node_{name}", lambda _, program, name=name: _node(name, program))
    for key in ("nn_module_stack", "torch_fn", "source_fn_stack", "stack_trace", "from_node", "custom", "val"):
        yield hostile(f"metadata_{key}", partial(_metadata, key))
    for name, change in CHANGES.items():
        yield hostile(name, change)
    for name, weight in WEIGHTS.items():
        yield Hostile(f"symbols_weight_{name}", ".pt2", partial(_in_weights, base, weight), _SECONDS)
    for name, data in TEXTS.items():
        yield Hostile(f"symbols_json_{name}", ".pt2", partial(_json_of, base, data), _SECONDS)
