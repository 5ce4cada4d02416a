"""The command line's tables of recorded calls; same_tables_test.gd compares the dock's with the same expected.json."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from importer.inputs import made_up
from importer.kernels import threads
from importer.program import etdump, metadata
from python_backend.profiling import call_trace, latency, measure, operators
from python_backend.profiling.call_trace import CallTrace, TracedEvent
from tests.godot_projects import GodotProject
from tests.profiler.same_tables import expected
from tests.profiler.test_inspector import dump

CASES: dict[str, Any] = json.loads((expected.FOLDER / "cases.json").read_text(encoding="utf-8"))
EXPECTED: dict[str, Any] = json.loads((expected.FOLDER / "expected.json").read_text(encoding="utf-8"))
NEAR = {"rel": 1e-9, "abs": 1e-9}


def traces(calls: list[dict[str, Any]]) -> list[CallTrace]:
    """What get_profile() says of calls, as the command line holds it."""
    fields = ("name", "backend", "depth", "start_us", "duration_us")
    return [CallTrace([TracedEvent(*(event[name] for name in fields)) for event in call["events"]]) for call in calls]


def test_the_expected_tables_are_of_these_cases() -> None:
    assert set(CASES) == set(EXPECTED)
    for name, case in CASES.items():
        counted = json.loads(json.dumps(expected.tables(case)))
        assert_tables(counted.pop("operators"), EXPECTED[name]["operators"])
        for part, value in counted.items():
            assert value == pytest.approx(EXPECTED[name][part], **NEAR), f"{name}: {part}"


@pytest.mark.parametrize("name", CASES)
def test_the_same_tables(name: str) -> None:
    case, wanted = CASES[name], EXPECTED[name]
    ordered = sorted(case["durations_us"])
    assert latency.summarise(case["durations_us"]) == pytest.approx(wanted["latency"], **NEAR)
    shown = latency.histogram_range(ordered)
    assert list(shown) == pytest.approx(wanted["range_us"], **NEAR)
    assert latency.histogram(ordered, expected.BINS, *shown) == wanted["histogram"]
    zoomed = latency.percentile(ordered, 50), latency.percentile(ordered, 90) + 1.0
    assert latency.histogram(ordered, expected.BINS, *zoomed) == wanted["zoomed"]
    calls = traces(case["calls"])
    assert_tables([asdict(row) for row in operators.table(call_trace.quieter_half(calls))], wanted["operators"])
    reconciled = operators.reconciliation(case["untraced_us"], case["traced_us"], calls)
    assert reconciled == pytest.approx(wanted["reconciliation"], **NEAR)


@pytest.mark.parametrize(
    "model",
    [
        "linear_xnnpack.pte",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("linear_portable.pte", "two_methods.pte")),
    ],
)
def test_a_dump_gives_the_calls_that_the_game_has(
    model: str, models: Path, project: Callable[..., GodotProject], tmp_path: Path
) -> None:
    """From the same traced calls: the runtime's event dump on one side, get_profile() on the other."""
    dump(project(), models / model, tmp_path)
    theirs = traces(json.loads((tmp_path / "calls.json").read_text(encoding="utf-8")))
    described = {method["name"]: method for method in metadata.inspect(models / model)["methods"]}
    method = described["forward"]
    runs = etdump.calls(etdump.read(tmp_path / "calls.etdp"))
    ours = [call_trace.from_run(run, method["name"], measure.delegate_name(method)) for run in runs]
    assert ours == theirs
    assert len(ours) == 5
    facts = json.loads((tmp_path / "facts.json").read_text(encoding="utf-8"))
    assert facts["memory"]["planned"] == method["planned_memory"]
    assert facts["threads"] == threads.default_count(), "both have the default number"


def assert_tables(rows: list[dict[str, Any]], wanted: list[dict[str, Any]]) -> None:
    """Row by row, in the same order."""
    assert [row["name"] for row in rows] == [row["name"] for row in wanted]
    for row, other in zip(rows, wanted, strict=True):
        assert set(row) == set(other)
        for column, value in other.items():
            assert row[column] == (value if isinstance(value, str) else pytest.approx(value, **NEAR)), (other, column)


def test_the_same_inputs_are_made_up() -> None:
    cases = json.loads((expected.FOLDER / "made_up.json").read_text(encoding="utf-8"))["cases"]
    assert {case["dtype"] for case in cases} == {"float32", "uint8", "bool", "int64"}
    for case in cases:
        made = made_up.make(case["dtype"], [3, 2], case["position"])
        assert made.flatten().tolist() == case["values"], case
    values = made_up.make("uint8", [4096], 0)
    assert (values.min(), values.max()) == (0, 255)
