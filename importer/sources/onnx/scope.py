"""The names that a node sees while it is computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from importer.sources.onnx.file.model_file import Attribute
from importer.sources.onnx.values import Value


@dataclass
class Scope:
    """names: of its graph, and of those around it. attributes: of the call, inside of a function of the file."""

    names: dict[str, Value]
    opsets: Mapping[str, int]
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    depth: int = 0

    def find(self, name: str) -> Value:
        return self.names[name] if name else None
