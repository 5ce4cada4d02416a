"""Attention is written in operators that XNNPACK takes, and computes the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.importer.conftest import Convert


def attention(**arguments: Any) -> Any:
    import torch

    class Attention(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.project = torch.nn.Linear(16, 48)
            mask = torch.rand(6, 6, generator=torch.Generator().manual_seed(1)) - 0.5
            if arguments.get("mask") == "infinite":
                mask[:, 2] = -torch.inf
            if arguments.get("mask") == "whole_rows":
                mask[3] = -torch.inf
            self.register_buffer("mask", mask > 0 if arguments.get("mask") == "bool" else mask)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            query, key, value = self.project(x).view(x.shape[0], x.shape[1], 3, 2, 8).permute(2, 0, 3, 1, 4).unbind(0)
            result = torch.nn.functional.scaled_dot_product_attention(
                query, key, value, self.mask if "mask" in arguments else None,
                is_causal=bool(arguments.get("causal")), scale=arguments.get("scale"),
            )  # fmt: skip
            return result.transpose(1, 2).reshape(x.shape)

    torch.manual_seed(4)
    return Attention().eval().requires_grad_(False)


@pytest.mark.parametrize(
    ("arguments", "rewritten"),
    [
        ({}, True),
        ({"causal": True}, True),
        ({"scale": 0.25}, True),
        ({"mask": "finite"}, True),
        ({"mask": "infinite"}, True),
        ({"mask": "bool"}, False),
        ({"mask": "whole_rows"}, False),
    ],
)
def test_attention(arguments: dict[str, Any], rewritten: bool, tmp_path: Path, convert_file: Convert) -> None:
    """What a mask may hide completely stays with ExecuTorch's own decomposition, which looks for such rows."""
    import torch
    from executorch.extension.pybindings import _C

    network = attention(**arguments)
    x = torch.randn(1, 6, 16, generator=torch.Generator().manual_seed(2))
    torch.export.save(torch.export.export(network, (x,)), tmp_path / "attention.pt2")
    artifact = convert_file(tmp_path / "attention.pt2")
    operators = artifact.metadata["methods"][0]["operators"]
    assert ("aten::where.self_out" not in operators) == rewritten
    method = _C._load_program(str(artifact.payload)).load_method("forward")
    assert torch.allclose(method.call([x])[0], network(x), atol=1e-5)


@pytest.mark.parametrize(("causal", "rewritten"), [(False, True), (True, False)])
def test_attention_over_tokens_that_vary(causal: bool, rewritten: bool, tmp_path: Path, convert_file: Convert) -> None:
    import torch
    from executorch.extension.pybindings import _C

    network = attention(causal=causal)
    tokens = torch.export.Dim("tokens", min=2, max=12)
    program = torch.export.export(network, (torch.randn(1, 6, 16),), dynamic_shapes=({1: tokens},))
    torch.export.save(program, tmp_path / "attention.pt2")
    artifact = convert_file(tmp_path / "attention.pt2")
    assert ("aten::where.self_out" not in artifact.metadata["methods"][0]["operators"]) == rewritten
    method = _C._load_program(str(artifact.payload)).load_method("forward")
    for count in (12, 2, 7):
        x = torch.randn(1, count, 16)
        assert torch.allclose(method.call([x])[0], network(x), atol=1e-5)
