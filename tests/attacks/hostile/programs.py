"""Exported programs whose description or pickles would run code: sizes, names, operators, trees and guards."""

from __future__ import annotations

import io
import json
import pickle
import sys
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, Runs, expression, hidden_behind_frame

Program = dict[str, Any]
_REFUSED = frozenset(
    ["EXPORTED_PROGRAM_REFUSED", "OPERATOR_UNDECLARED", "ARCHIVE_RUNS_CODE", "FILE_DAMAGED", "ARCHIVE_INVALID"]
)


def changed(
    base: Path | io.BytesIO, path: Path, change: Callable[[str, bytes], bytes | None], add: dict[str, bytes]
) -> None:
    """A copy of an archive with other members; names without the root."""
    with zipfile.ZipFile(base) as old, zipfile.ZipFile(path, "w") as new:
        root = old.namelist()[0].partition("/")[0]
        for name in old.namelist():
            data = change(name.partition("/")[2], old.read(name))
            if data is not None:
                new.writestr(name, data)
        for name, data in add.items():
            new.writestr(f"{root}/{name}", data)


def with_program(base: Path, path: Path, change: Callable[[Program], None]) -> None:
    """A copy whose models/model.json is changed."""

    def rewrite(name: str, data: bytes) -> bytes:
        if not name.startswith("models/"):
            return data
        program = json.loads(data)
        change(program)
        return _dumped(program).encode()

    changed(base, path, rewrite, {})


def _dumped(program: Program) -> str:
    """As text; graphs in graphs are nested more deeply than Python encodes by itself."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(20_000)
    try:
        return json.dumps(program)
    finally:
        sys.setrecursionlimit(limit)


def saved(value: Any, **options: Any) -> bytes:
    import torch

    stream = io.BytesIO()
    torch.save(value, stream, **options)
    return stream.getvalue()


def graph(program: Program) -> Program:
    found: Program = program["graph_module"]["graph"]
    return found


# Each is given Python that makes the canary, and gives a text for a size.
EXPRESSIONS: dict[str, Callable[[str], str]] = {
    "plain": lambda code: code,
    "in_sum": lambda code: f"s0 + {code}",
    "in_call": lambda code: f"Max(1, {code})",
    "in_power": lambda code: f"2**({code})",
    "in_list": lambda code: f"[{code}][0]",
    "in_lambda": lambda code: f"(lambda: {code})()",
    "in_condition": lambda code: f"s0 if {code} else 1",
    "in_symbol": lambda code: f"Symbol('s0', positive={code})",
    "in_comparison": lambda code: f"s0 < {code}",
    "in_format": lambda code: f"int('{{0}}'.format({code}))",
    "after_comment": lambda code: f"1#\n+{code}",
    "in_other_spaces": lambda code: f"1\u00a0+\u2003{code}",
    "in_eval": lambda code: f"sympify({code!r})",
    "in_class": lambda code: f"().__class__.__base__.__subclasses__()[0]({code})",
    "in_walrus": lambda code: f"(x:={code})",
}


def _in_sizes(text: str, program: Program) -> None:
    for meta in graph(program)["tensor_values"].values():
        meta["sizes"][0] = {"as_expr": {"expr_str": text, "hint": {"as_int": 2}}}


def _in_strides(text: str, program: Program) -> None:
    for meta in graph(program)["tensor_values"].values():
        meta["strides"][0] = {"as_expr": {"expr_str": text, "hint": None}}


def _in_integers(text: str, program: Program) -> None:
    graph(program)["sym_int_values"]["x0"] = {"as_expr": {"expr_str": text, "hint": None}}
    graph(program)["inputs"].append({"as_sym_int": {"as_name": "x0"}})


def _in_ranges(text: str, program: Program) -> None:
    program["range_constraints"][text] = {"min_val": 2, "max_val": 9}
    _in_sizes(text, program)


def _rename(old: str, new: str, program: Program) -> None:
    """Change a name wherever it is."""
    text = json.dumps(program["graph_module"]).replace(json.dumps(old), json.dumps(new))
    program["graph_module"] = json.loads(text)
    for node in graph(program)["nodes"]:
        for argument in node["inputs"]:  # names of the operator's schema are others
            argument["name"] = old if argument["name"] == new else argument["name"]


def _first_input(program: Program) -> str:
    return str(graph(program)["inputs"][-1]["as_tensor"]["name"])


NAMES: dict[str, Callable[[str], str]] = {
    "default": lambda code: f"x={code}",
    "new_line": lambda code: f"x):\n    pass\n{code}\ndef f(y",
    "semicolon": lambda code: f"x = 1; {code}; y",
    "call": lambda code: code,
    "comment": lambda code: f"x#\n    {code}",
    "annotation": lambda code: f"x : {code}",
    "tuple": lambda code: f"x, y={code}",
}


def _in_input(name: str, program: Program) -> None:
    _rename(_first_input(program), name, program)


def _in_node(name: str, program: Program) -> None:
    """A node more, whose result nobody takes: its name begins a line of source."""
    first = graph(program)["nodes"][0]
    result = first["outputs"][0]["as_tensor"]["name"]
    graph(program)["tensor_values"][name] = graph(program)["tensor_values"][result]
    graph(program)["nodes"].append({**first, "name": name, "outputs": [{"as_tensor": {"name": name}}]})


def _in_keyword(name: str, program: Program) -> None:
    node = graph(program)["nodes"][0]
    node["target"] = "torch.ops.higher_order.wrap_with_set_grad_enabled"
    node["inputs"] = [{"name": name, "arg": {"as_int": 1}, "kind": 2}]


def _in_signature(name: str, program: Program) -> None:
    program["graph_module"]["module_call_graph"][0]["signature"]["forward_arg_names"] = [name]


def _in_argument(name: str, program: Program) -> None:
    """The names of keyword arguments are the keys of a dictionary in the tree of inputs."""
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    protocol, tree = json.loads(signature["in_spec"])
    leaf = tree["children_spec"][0]["children_spec"].pop()
    tree["children_spec"][1].update(context=json.dumps([name]), children_spec=[leaf])
    signature["in_spec"] = json.dumps([protocol, tree])


def _in_parameter(name: str, program: Program) -> None:
    _rename("0.weight", f'a"+{name}+"', program)


def _in_graph(name: str, program: Program) -> None:
    node = graph(program)["nodes"][0]
    inner = {**graph(program), "nodes": [], "inputs": [], "outputs": [], "is_single_tensor_return": False}
    node["target"] = "torch.ops.higher_order.cond"
    node["inputs"] = [{"name": "", "arg": {"as_graph": {"name": name, "graph": inner}}, "kind": 1}]


TARGETS = """
    torch.ops.load_library torch.ops.aten.from_file.default torch.ops.aten.save.default torch.load torch.save
    torch.ops.debugprims.load_tensor.default torch.hub.load torch.utils.cpp_extension.load torch._ops.os.system
    torch.os.mkdir torch.serialization.os.mkdir torch.sys.exit torch.ops.higher_order.call_torchbind
    _operator.attrgetter _operator.methodcaller _operator.call math.__loader__.load_module torch.ops.prim.PythonOp
    torch.ops.higher_order.triton_kernel_wrapper_mutation torch.classes.load_library
    torch.ops.image.write_file.default torch.ops.inductor._reinterpret_tensor.default
    torch.ops.c10d_functional.all_reduce.default torch.ops.profiler._record_function_enter_new.default
    torch.ops.higher_order.print torch.ops.higher_order.with_effects torch.ops.higher_order.run_and_save_rng_state
    torch.ops.aten.add.Tensor.__call__ torch.ops.aten.add.__class__ torch.ops.aten.__class__.__base__
    torch.ops.import_module.default torch.fx.wrap operator.add _operator.setitem _operator.iadd
"""


def _in_target(target: str, canary: Path, program: Program) -> None:
    node = graph(program)["nodes"][0]
    node["target"] = target
    node["inputs"] = [{"name": "", "arg": {"as_string": str(canary)}, "kind": 1}]


def _file_operator(canary: Path, program: Program) -> None:
    """Makes a file of the given size when the program runs."""
    node = graph(program)["nodes"][0]
    node["target"] = "torch.ops.aten.from_file.default"
    values = {"filename": {"as_string": str(canary)}, "shared": {"as_bool": True}, "size": {"as_int": 4}}
    node["inputs"] = [{"name": name, "arg": value, "kind": 1} for name, value in values.items()]


def _in_source_function(code: str, program: Program) -> None:
    graph(program)["nodes"][0]["metadata"]["source_fn_stack"] = f"x,#a:{code}"


def _in_guards(code: str, program: Program) -> None:
    program["guards_code"] = [f"{code} is None", "L['self'] is not None"]


def _in_tree(canary: Path, program: Program) -> None:
    """torch imports the module of an enumeration that a tree names: here one that lies beside the file."""
    module = canary.name
    canary.with_name(f"{module}.py").write_text(f"import os\nos.mkdir({str(canary)!r})\n", encoding="utf-8")
    enumeration = {"__enum__": True, "fqn": f"{module}:E", "name": "A"}
    signature = program["graph_module"]["module_call_graph"][0]["signature"]
    protocol, tree = json.loads(signature["in_spec"])
    tree["context"] = json.dumps(enumeration)
    signature["in_spec"] = json.dumps([protocol, tree])


def _pickle_forms(canary: Path) -> dict[str, bytes]:
    import torch

    evil = Runs(canary)
    legacy = saved(((torch.zeros(1),), {}), _use_new_zipfile_serialization=False)
    fifth = legacy + pickle.dumps(evil, 2)
    script = io.BytesIO()
    torch.jit.save(torch.jit.script(torch.nn.ReLU()), script)
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("m/data.pkl", b"\x80\x02}.")
        archive.writestr("M/data.pkl", pickle.dumps(evil, 2))
    two = io.BytesIO()
    with zipfile.ZipFile(two, "w") as archive:
        archive.writestr("a/data.pkl", pickle.dumps(evil, 2))
        archive.writestr("a/constants.pkl", b"\x80\x02).")
    hidden = io.BytesIO()
    with zipfile.ZipFile(hidden, "w") as archive:
        archive.writestr("m/data.pkl", hidden_behind_frame(canary))
        archive.writestr("m/version", b"3\n")
        archive.writestr("m/byteorder", b"little")
    return {
        "zip": saved(((evil,), {})),
        "hidden_behind_frame": hidden.getvalue(),
        "legacy": saved(((evil,), {}), _use_new_zipfile_serialization=False),
        "plain": pickle.dumps(evil),
        "fifth_pickle": fifth,
        "torchscript": script.getvalue(),
        "two_names": inner.getvalue(),
        "with_constants": two.getvalue(),
        "in_state": saved({"a": torch.nn.Parameter(torch.zeros(1)), "b": evil}),
    }


def _sample_inputs(base: Path, form: str, path: Path, canary: Path) -> None:
    evil = _pickle_forms(canary)[form]
    changed(base, path, lambda name, data: evil if name.startswith("data/sample_inputs") else data, {})


def _weights(base: Path, form: str, path: Path, canary: Path) -> None:
    evil = _pickle_forms(canary)[form]

    def change(name: str, data: bytes) -> bytes:
        if name.endswith("weights_config.json"):
            return data.replace(b'"use_pickle": false', b'"use_pickle": true', 1)
        return evil if name == "data/weights/weight_0" else data

    changed(base, path, change, {})


def _old_weights(base: Path, form: str, path: Path, canary: Path) -> None:
    """A file of weights from before configurations: torch prefers it."""
    changed(base, path, lambda _, data: data, {"data/weights/model.pt": _pickle_forms(canary)[form]})


def _constant(base: Path, prefix: str, path: Path, canary: Path) -> None:
    evil = pickle.dumps(Runs(canary))
    entry = {"config": {"c": {"path_name": f"{prefix}0", "is_param": False, "use_pickle": True, "tensor_meta": None}}}

    def change(name: str, data: bytes) -> bytes:
        return json.dumps(entry).encode() if name.endswith("constants_config.json") else data

    changed(base, path, change, {f"data/constants/{prefix}0": evil})


def _old_format(base: Path, form: str, path: Path, canary: Path) -> None:
    """What torch.export.save wrote until 2.7."""
    with zipfile.ZipFile(base) as old:
        program = next(old.read(name) for name in old.namelist() if "/models/" in name)
    empty = saved({})
    parts = {"version": b"8.5", "serialized_exported_program.json": program, "serialized_constants.pt": empty}
    parts |= {"serialized_state_dict.pt": empty, "serialized_example_inputs.pt": _pickle_forms(canary)[form]}
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in parts.items():
            archive.writestr(name, data)


def files(models: Path) -> Iterator[Hostile]:
    base = models / "policy.pt2"

    def hostile(name: str, change: Callable[[Path, Program], None]) -> Hostile:
        def make(path: Path, canary: Path) -> None:
            with_program(base, path, partial(change, canary))

        return Hostile(f"program_{name}", ".pt2", make, {}, _REFUSED)

    places: dict[str, Callable[[str, Program], None]] = {
        "sizes": _in_sizes, "strides": _in_strides, "integers": _in_integers, "ranges": _in_ranges,
    }  # fmt: skip
    for index, (form, text) in enumerate(EXPRESSIONS.items()):
        for place in [list(places)[index % 4], "sizes"] if index % 4 else ["sizes"]:
            put = places[place]
            yield hostile(
                f"{place}_{form}", lambda canary, program, put=put, text=text: put(text(expression(canary)), program)
            )
    spots: dict[str, Callable[[str, Program], None]] = {
        "input": _in_input, "node": _in_node, "keyword": _in_keyword, "signature": _in_signature,
        "argument": _in_argument, "parameter": _in_parameter, "graph": _in_graph,
    }  # fmt: skip
    for index, (form, text) in enumerate(NAMES.items()):
        for spot in list(spots) if index < 3 else list(spots)[index % 2 :: 2]:
            put = spots[spot]
            yield hostile(
                f"name_{spot}_{form}",
                lambda canary, program, put=put, text=text: put(text(expression(canary)), program),
            )
    for target in TARGETS.split():
        yield hostile(f"target_{target}", lambda canary, program, target=target: _in_target(target, canary, program))
    yield hostile("operator_of_files", _file_operator)
    yield hostile("tree_of_inputs", _in_tree)
    left_out = {"source_function": _in_source_function, "guards": _in_guards}
    for name, put in left_out.items():
        made = hostile(name, lambda canary, program, put=put: put(expression(canary), program))
        yield Hostile(made.name, ".pt2", made.make, {})
    forms = list(_pickle_forms(models / "canary"))
    for place, make in (("inputs", _sample_inputs), ("weights", _weights), ("old_weights", _old_weights)):
        for form in forms:
            yield Hostile(f"pickle_{place}_{form}", ".pt2", partial(make, base, form), {}, _REFUSED)
    for form in ("zip", "legacy", "fifth_pickle"):
        yield Hostile(f"pickle_old_format_{form}", ".pt2", partial(_old_format, base, form), {}, _REFUSED)
    for prefix in ("custom_obj_", "opaque_obj_", "tensor_"):
        yield Hostile(f"pickle_constant_{prefix}", ".pt2", partial(_constant, base, prefix), {}, _REFUSED)
