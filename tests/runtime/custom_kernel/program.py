"""Writes a program that needs `custom::triple.out` to the path in the first argument."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from executorch.exir import EdgeCompileConfig, to_edge

library = torch.library.Library("custom", "DEF")
library.define("triple(Tensor x) -> Tensor")
library.define("triple.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)")


@torch.library.impl(library, "triple", "CompositeExplicitAutograd")
def triple(x: torch.Tensor) -> torch.Tensor:
    return x * 3


@torch.library.impl(library, "triple.out", "CompositeExplicitAutograd")
def triple_out(x: torch.Tensor, *, out: torch.Tensor) -> torch.Tensor:
    return out.copy_(x * 3)


class Net(torch.nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        result: torch.Tensor = torch.ops.custom.triple(x) + 1
        return result


exported = torch.export.export(Net(), (torch.ones(2),))
program = to_edge(exported, compile_config=EdgeCompileConfig(_check_ir_validity=False)).to_executorch()
Path(sys.argv[1]).write_bytes(program.buffer)
