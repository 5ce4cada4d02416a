"""Metrics of single samples against plain torch, also where classes lie along the last axis."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from importer.errors import ImporterError
from importer.proof import metrics


def score(name: str, output: torch.Tensor, target: torch.Tensor) -> float:
    return metrics.metric(name, lambda path: pytest.fail(path)).score([output], target)


@pytest.mark.parametrize(
    ("shape", "axis"), [((1, 7), 1), ((1, 6, 4), 2), ((1, 4, 6), 1), ((1, 4, 5, 6), 1), ((1, 5, 6, 4), 3), ((4,), 0)]
)
def test_classes_lie_along_the_axis_that_the_targets_lack(shape: tuple[int, ...], axis: int) -> None:
    generator = torch.Generator().manual_seed(0)
    output = torch.randn(shape, generator=generator)
    best = output.argmax(axis)
    target = torch.randint(0, shape[axis], best.shape, generator=generator)
    assert metrics.usual(output, target) == "top1"
    assert score("top1", output, target) == pytest.approx((best == target).double().mean().item())
    assert score("top1", output, best) == 1.0
    among = output.argsort(axis, descending=True).narrow(axis, 0, min(5, shape[axis]))
    right = (among == target.unsqueeze(axis)).any(axis).double().mean().item()
    assert score("top5", output, target) == pytest.approx(right)
    if len(shape) > 2:
        assert score("iou", output, best) == 1.0
        parts = []
        for number in {*best.flatten().tolist(), *target.flatten().tolist()}:
            both, either = (best == number) & (target == number), (best == number) | (target == number)
            parts.append(both.sum().item() / either.sum().item())
        assert score("iou", output, target) == pytest.approx(sum(parts) / len(parts))


@pytest.mark.parametrize("axis", [1, 2])
def test_of_equal_scores_the_first_counts(axis: int) -> None:
    """int8 has few values, so that equal scores are common, and torch.topk takes any of them."""
    output = torch.randint(0, 3, (1, 40, 30), generator=torch.Generator().manual_seed(0)).float()
    ordered = output.argsort(dim=axis, descending=True, stable=True)
    for place in range(7):
        target = ordered.select(axis, place)
        assert (score("top1", output, target), score("top5", output, target)) == (place < 1, place < 5)
    assert score("top1", output, output.argmax(axis)) == 1.0


@pytest.mark.parametrize(
    ("output", "target", "words"),
    [
        ((1, 5, 5), (1, 5), "along axis 1 or axis 2"),  # a text of 5 words, or an output of 5 classes first
        ((1, 3, 3, 3), (1, 3, 3), "along axis 1 or axis 3"),
        ((1, 6, 4), (1, 5), "needs class scores along axis 1 or the last one"),
        ((1, 7), (1, 1), "needs class scores along axis 1 or the last one"),
    ],
)
def test_classes_that_are_not_known_are_refused(output: tuple[int, ...], target: tuple[int, ...], words: str) -> None:
    with pytest.raises(ImporterError) as caught:
        score("top1", torch.rand(output), torch.zeros(target, dtype=torch.int64))
    assert caught.value.code == "METRIC_UNSUITABLE" and words in caught.value.cause


@pytest.mark.parametrize("returned", ["outputs[0].argmax(1) == target", "[[1]]", "True", "1.0"])
def test_a_function_may_return_an_array_of_one_value(returned: str, tmp_path: Path) -> None:
    """float() of an array with an axis is an error since NumPy 2.4."""
    (tmp_path / "own.py").write_text(f"def score(outputs, target):\n    return {returned}\n", encoding="utf-8")
    own = metrics.metric("own.py:score", lambda name: tmp_path / name)
    assert own.name == "own.py:score" and own.score([torch.eye(3)[:1]], torch.tensor([0])) == 1.0


def test_a_function_that_returns_several_values_is_refused(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def score(outputs, target):\n    return outputs[0]\n", encoding="utf-8")
    own = metrics.metric("own.py:score", lambda name: tmp_path / name)
    with pytest.raises(ImporterError, match="METRIC_FAILED"):
        own.score([torch.eye(3)[:1]], torch.tensor([0]))
