"""Programs with torchao's weights, which are pickled: pickles that call more, and graphs that read other things."""

from __future__ import annotations

import functools
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.attacks.hostile.canary import Hostile, expression
from tests.attacks.hostile.programs import _REFUSED, Program, changed, graph

_CLASS = b"ctorchao.quantization\nInt8Tensor\n"
_MAKES_ONE = b"ctorch._utils\n_rebuild_wrapper_subclass\n"
_MEMBER = "data/weights/weight_0"


@functools.cache
def _base() -> bytes:
    import torch
    from torchao.quantization import Int8WeightOnlyConfig, quantize_

    model = torch.nn.Sequential(torch.nn.Linear(64, 8))
    quantize_(model, Int8WeightOnlyConfig())
    stream = io.BytesIO()
    torch.export.save(torch.export.export(model, (torch.zeros(1, 64),)), stream)
    return stream.getvalue()


def _pickle(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """A file of torch.save with another pickle."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w") as new:
        for name in old.namelist():
            inside = old.read(name)
            new.writestr(name, change(inside) if name.endswith("data.pkl") else inside)
    return stream.getvalue()


def _call(canary: Path) -> bytes:
    path = str(canary).encode()
    return b"cos\nmkdir\nX" + len(path).to_bytes(4, "little") + path + b"\x85R"


PICKLES: dict[str, Callable[[bytes, Path], bytes]] = {
    "class": lambda data, _: data.replace(_CLASS, b"cos\nmkdir\n"),
    "maker": lambda data, _: data.replace(_MAKES_ONE, b"cbuiltins\neval\n"),
    "call_that_is_dropped": lambda data, canary: data[:2] + _call(canary) + b"0" + data[2:],
    "call_in_the_state": lambda data, canary: data.replace(_CLASS, _CLASS + _call(canary) + b"0", 1),
    "call_in_place_of_it": lambda data, canary: data[:2] + _call(canary) + b".",
    "extension": lambda data, _: data[:2] + b"\x82\x010" + data[2:],
    "storage_too_short": lambda data, _: data.replace(b"K\x08K@\x86", b"K\x08M\xff\xff\x86"),
    "all_of_it_large": lambda data, _: data.replace(b"K\x08K@\x86", b"J\xff\xff\xff\x7fJ\xff\xff\xff\x7f\x86"),
}
# Pickles that say nothing wrong of what is read; they are not run.
HARMLESS: dict[str, Callable[[bytes, Path], bytes]] = {
    "function_of_torchao": lambda data, _: data.replace(_CLASS, b"ctorchao.quantization\nquantize_\n"),
    "attribute_of_torchao": lambda data, _: data.replace(_CLASS, b"ctorchao.quantization.quant_api\nsys.exit\n"),
}


def _reads(program: Program) -> list[Any]:
    nodes = [node for node in graph(program)["nodes"] if "access_subclass" in node["target"]]
    assert nodes
    return nodes


def _attribute(name: str, canary: Path, program: Program) -> None:
    _reads(program)[0]["inputs"][1]["arg"]["as_string"] = name.replace("CODE", expression(canary))


def _source(name: str, _: Path, program: Program) -> None:
    _reads(program)[0]["inputs"][0]["arg"]["as_tensor"]["name"] = name


def _result(_: str, canary: Path, program: Program) -> None:
    node = _reads(program)[0]
    old, new = node["outputs"][0]["as_tensor"]["name"], f"x={expression(canary)}"
    values = graph(program)["tensor_values"]
    values[new] = values.pop(old)
    text = json.dumps(program["graph_module"]).replace(json.dumps({"name": old}), json.dumps({"name": new}))
    program["graph_module"] = json.loads(text)


def _size(size: int, _: Path, program: Program) -> None:
    name = _reads(program)[0]["outputs"][0]["as_tensor"]["name"]
    graph(program)["tensor_values"][name]["sizes"][0] = {"as_int": size}


def _dtype(dtype: int, _: Path, program: Program) -> None:
    name = _reads(program)[0]["outputs"][0]["as_tensor"]["name"]
    graph(program)["tensor_values"][name]["dtype"] = dtype


def _whole(_: str, __: Path, program: Program) -> None:
    reads = _reads(program)
    node = next(node for node in graph(program)["nodes"] if node["target"] == "torch.ops.aten.t.default")
    node["inputs"][0]["arg"]["as_tensor"]["name"] = reads[0]["inputs"][0]["arg"]["as_tensor"]["name"]


GRAPHS: dict[str, Callable[[Path, Program], None]] = {
    "class": partial(_attribute, "__class__"),
    "code": partial(_attribute, "CODE"),
    "path": partial(_attribute, "../qdata"),
    "no_text": lambda _, program: _reads(program)[0]["inputs"][1].update(arg={"as_int": 0}),
    "list": lambda _, program: _reads(program)[0].update(inputs=[]),
    "of_an_input": partial(_source, "input"),
    "of_nothing": partial(_source, "nothing"),
    "result": partial(_result, ""),
    "larger": partial(_size, 1 << 40),
    "smaller": partial(_size, 1),
    "other_dtype": partial(_dtype, 8),
    "whole_weight": partial(_whole, ""),
}


def files(_: Path) -> Iterator[Hostile]:
    def with_pickle(change: Callable[[bytes, Path], bytes], place: str, path: Path, canary: Path) -> None:
        evil: list[bytes] = []

        def of_weight(name: str, data: bytes) -> bytes:
            if name == _MEMBER:
                evil.append(_pickle(data, lambda inside: change(inside, canary)))
                return evil[0] if place == "weights" else data
            return evil[0] if name.startswith("data/sample_inputs") and place == "inputs" else data

        changed(io.BytesIO(_base()), path, of_weight, {})

    def with_graph(change: Callable[[Path, Program], None], path: Path, canary: Path) -> None:
        def rewrite(name: str, data: bytes) -> bytes:
            if not name.startswith("models/"):
                return data
            program = json.loads(data)
            change(canary, program)
            return json.dumps(program).encode()

        changed(io.BytesIO(_base()), path, rewrite, {})

    for name, change in PICKLES.items():
        yield Hostile(f"quantized_{name}", ".pt2", partial(with_pickle, change, "weights"), {}, _REFUSED)
    for name, change in HARMLESS.items():
        yield Hostile(f"quantized_{name}", ".pt2", partial(with_pickle, change, "weights"), {})
    as_it_is = partial(with_pickle, lambda data, _: data, "inputs")
    yield Hostile("quantized_sample_inputs", ".pt2", as_it_is, {}, _REFUSED)
    for name, make in GRAPHS.items():
        yield Hostile(f"quantized_graph_{name}", ".pt2", partial(with_graph, make), {}, _REFUSED)
