"""Weights that are made of several tensors, as torchao's quantized ones are, taken apart. Importing this imports torch.

torch.export.save pickles such weights, and torch would run the pickle. The graph reads their inner tensors one by one
with `access_subclass_inner_tensor`; here each that it reads becomes a weight of its own, as bytes.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._export.serde.serialize import _dataclass_to_dict, serialize_tensor_meta

from importer.errors import ImporterError
from importer.sources import pickle_reader
from importer.sources.archive_check import tensor_file
from importer.sources.checked_copy.program_json import Refused
from importer.sources.inert_tensors import tensor_of
from importer.sources.pickle_reader import Persistent
from importer.sources.wrapped_tensors import inner_tensors
from importer.sources.zip_archive import ZipArchive

_READS = "torch.ops.export.access_subclass_inner_tensor.default"
_KINDS = {"parameter": "parameter_name", "buffer": "buffer_name", "tensor_constant": "tensor_constant_name"}
_MOST_STORAGE_BYTES = 1 << 40


@dataclass
class Wrapped:
    """A weight in a pickle, or a tensor inside of one that is made of others again. name: of the weight, with the
    attributes that lead to this one."""

    archive: ZipArchive
    name: str
    inner: dict[str, Any]
    storages: dict[str, bytearray] = field(default_factory=dict)

    def read(self, attribute: str) -> Wrapped | torch.Tensor:
        """An inner tensor. Raises Refused when there is none of this name."""
        name = f"{self.name}.{attribute}"
        value = self.inner.get(attribute)
        if value is None or not attribute.isidentifier():
            raise Refused(f"'{name[:200]}' is not in the pickle of its weight")
        if (inner := inner_tensors(value)) is not None:
            return Wrapped(self.archive, name, inner, self.storages)
        tensor = tensor_of(value, self._content)
        if tensor is None:
            raise Refused(f"'{name[:200]}' is not a tensor")
        return tensor.contiguous()

    def _content(self, storage: Persistent) -> bytearray:
        key = str(storage.identifier[2])
        if key not in self.storages:
            member = f"{self.archive.root}data/{key}"
            self.storages[key] = bytearray(self.archive.read(member, _MOST_STORAGE_BYTES))
        return self.storages[key]


def wrapped_weights(archive: ZipArchive, folder: str, configuration: Any) -> dict[str, Wrapped]:
    """The weights of a payload's configuration that a pickle makes of other tensors. folder: where their members are.
    Raises Refused and what opening the pickles raises."""
    found = {}
    for name, entry in _of(dict, _of(dict, configuration).get("config")).items():
        member = f"{folder}{_of(dict, entry).get('path_name')}"
        if entry.get("use_pickle") is not True or member not in archive.members:
            continue
        inside = tensor_file(archive, member)
        data = inside.read(f"{inside.root}data.pkl", pickle_reader.MOST_PICKLE_BYTES)
        if (inner := inner_tensors(pickle_reader.scan(data).value)) is not None:
            _check_order(inside)
            found[name] = Wrapped(inside, name, inner)
    return found


def take_apart(program: Any, configuration: Any, weights: dict[str, Wrapped]) -> dict[str, bytes]:
    """Change a parsed program and the configuration of its weights: what the graph reads of these weights are weights
    of their own. Returns the new members' bytes by `path_name`. Raises Refused."""
    try:
        return _take_apart(program["graph_module"], configuration["config"], weights)
    except (KeyError, TypeError, AttributeError, IndexError, ValueError) as error:
        raise Refused(f"its quantized weights are described in another form ({type(error).__name__})") from error


def _take_apart(module: Any, entries: dict[str, Any], weights: dict[str, Wrapped]) -> dict[str, bytes]:
    graph, signature = module["graph"], module["signature"]
    holders: dict[str, _Holder] = {}  # by the placeholder's name
    values: dict[str, tuple[_Holder, Wrapped]] = {}
    for spec in signature["input_specs"]:
        ((kind, body),) = spec.items()
        if kind in _KINDS and (weight := weights.get(body[_KINDS[kind]])) is not None:
            name = body["arg"]["name"]
            holders[name] = _Holder(kind, entries[weight.name]["path_name"])
            values[name] = holders[name], weight
    twins: dict[str, str] = {}
    nodes = []
    for node in graph["nodes"]:
        if node["target"] != _READS:
            nodes.append(node)
            continue
        source, attribute = (item["arg"] for item in node["inputs"])
        (result,) = (item["as_tensor"]["name"] for item in node["outputs"])
        holder, weight = values[source["as_tensor"]["name"]]
        inner = weight.read(attribute["as_string"])
        if isinstance(inner, Wrapped):
            values[result] = holder, inner
            continue
        name = f"{weight.name}.{attribute['as_string']}"
        if name in holder.inputs:
            twins[result] = holder.inputs[name]
            continue
        _check_meta(graph["tensor_values"][result], inner, name)
        holder.inputs[name], holder.tensors[name] = result, inner
    graph["nodes"] = nodes
    graph["inputs"] = [
        {"as_tensor": {"name": name}} if name else given
        for given in graph["inputs"]
        for name in _replaced(given.get("as_tensor"), holders)
    ]
    signature["input_specs"] = [
        changed for spec in signature["input_specs"] for changed in _specs(spec, holders.get(_placeholder(spec)))
    ]
    for part in (graph["nodes"], graph["outputs"], signature["output_specs"]):
        _rename(part, twins, values)
    for name in values:
        graph["tensor_values"].pop(name, None)
    for name in weights:
        del entries[name]
    data: dict[str, bytes] = {}
    for holder in holders.values():
        for name, tensor in holder.tensors.items():
            path = f"{holder.path}_{len(data)}"
            if name in entries:
                raise Refused(f"it has two weights of the name '{name[:200]}'")
            entries[name] = _entry(path, tensor)
            data[path] = tensor.reshape(-1).view(torch.uint8).numpy().tobytes() if tensor.numel() else b""
    return data


@dataclass
class _Holder:
    """What the graph reads of one weight. kind: its kind of input; path: its member; inputs and tensors: by the new
    weights' names."""

    kind: str
    path: str
    inputs: dict[str, str] = field(default_factory=dict)
    tensors: dict[str, torch.Tensor] = field(default_factory=dict)


def _placeholder(spec: dict[str, Any]) -> str:
    ((kind, body),) = spec.items()
    return str(body["arg"]["name"]) if kind in _KINDS else ""


def _replaced(given: Any, holders: dict[str, _Holder]) -> list[str]:
    """The names of the inputs in place of one; an empty name keeps it."""
    holder = holders.get(given["name"]) if given is not None else None
    return [""] if holder is None else [*holder.inputs.values()]


def _specs(spec: dict[str, Any], holder: _Holder | None) -> list[dict[str, Any]]:
    if holder is None:
        return [spec]
    # XNNPACK takes any parameter for floats.
    kind = "buffer" if holder.kind == "parameter" else holder.kind
    rest = {"persistent": True} if holder.kind == "parameter" else spec[kind]
    return [{kind: {**rest, "arg": {"name": result}, _KINDS[kind]: name}} for name, result in holder.inputs.items()]


def _rename(part: Any, names: dict[str, str], gone: Collection[str]) -> None:
    """Let arguments that are tensors of these names be others. Raises Refused for one that is gone."""
    waiting = [part]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if item.keys() == {"name"} and isinstance(item["name"], str):
                if item["name"] in gone:
                    raise Refused(f"'{item['name'][:200]}', which is made of several tensors, is used as a whole")
                item["name"] = names.get(item["name"], item["name"])
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item


def _check_meta(meta: Any, tensor: torch.Tensor, name: str) -> None:
    """The graph was made for a tensor of one dtype and shape; operators trust it."""
    sizes = [size["as_int"] for size in meta["sizes"]]
    if sizes != list(tensor.shape) or meta["dtype"] != serialize_tensor_meta(tensor).dtype:
        raise Refused(f"its graph and its weights disagree about '{name[:200]}'")


def _entry(path: str, tensor: torch.Tensor) -> dict[str, Any]:
    meta = _dataclass_to_dict(serialize_tensor_meta(tensor))  # type: ignore[no-untyped-call]
    return {"path_name": path, "is_param": False, "use_pickle": False, "tensor_meta": meta}


def _of(kind: type, value: Any) -> Any:
    if not isinstance(value, kind):
        raise Refused(f"a list of its weights holds {str(value)[:80]!r}")
    return value


def _check_order(archive: ZipArchive) -> None:
    order = f"{archive.root}byteorder"
    if order in archive.members and archive.read(order, 16) != b"little":
        cause = f"{archive.title} was saved on a big-endian machine."
        raise ImporterError("FILE_DAMAGED", cause, "Save it again on this machine.", "load")
