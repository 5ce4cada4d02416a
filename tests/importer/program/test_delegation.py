"""The note of a program that is slower than the model it was made from."""

from __future__ import annotations

from typing import Any

from importer.program.delegation import slow_note


def described(eager_us: float, executorch_us: float) -> dict[str, Any]:
    behind = [{"operator": "aten::addmm.out", "time_share": 0.8}, {"operator": "aten::cat.out", "time_share": 0.01}]
    timings = {"eager_us": eager_us, "executorch_us": executorch_us}
    return {"timings": timings, "methods": [{"delegation": {"left_behind": behind}}]}


def test_a_slow_program_is_told() -> None:
    note = slow_note(described(33_000, 3_900_000))
    assert "3,900.0 ms" in note and "33.0 ms" in note and "aten::addmm.out 80%" in note and "cat" not in note


def test_others_are_not() -> None:
    assert slow_note(described(33_000, 40_000)) == ""
    assert slow_note(described(5, 50)) == ""
