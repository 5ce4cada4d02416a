"""The profiler's numbers against ExecuTorch's own Inspector, on the ETDump of the same calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.program import metadata
from python_backend.profiling import recording
from tests.godot_projects import GodotProject

DUMP = Path(__file__).parent / "dump.gd"
RUNS = 5


def dump(opened: GodotProject, program: Path, folder: Path) -> None:
    """Trace a few calls of a program into `folder`."""
    (opened.path / "dump.gd").write_text(DUMP.read_text(encoding="utf-8"), encoding="utf-8")
    # The lists of native extensions and of the scripts' classes are made when a project is first opened.
    imported = opened.import_all()
    assert imported.status == 0, imported.output
    ran = opened.run("-s", "res://dump.gd", "--", program, folder)
    assert ran.status == 0 and ran.errors == [], ran.output


@pytest.mark.parametrize(
    "model",
    [
        "linear_xnnpack.pte",
        *(pytest.param(name, marks=pytest.mark.slow) for name in ("linear_portable.pte", "two_methods.pte")),
    ],
)
def test_times_are_inspectors(model: str, models: Path, project: Callable[..., GodotProject], tmp_path: Path) -> None:
    inspector = pytest.importorskip("executorch.devtools").Inspector
    dump(project(), models / model, tmp_path)

    ours: dict[str, list[float]] = defaultdict(list)
    calls = json.loads((tmp_path / "calls.json").read_text(encoding="utf-8"))
    assert len(calls) == RUNS
    for call in calls:
        for event in call["events"]:
            if event["depth"] > 0:
                ours[event["name"]].append(event["duration_us"])

    theirs: dict[str, list[float]] = defaultdict(list)
    for block in inspector(etdump_path=str(tmp_path / "calls.etdp")).event_blocks:
        if block.name != "Execute":
            continue
        for event in block.events:
            if event.perf_data is not None and event.name != "Method::execute":
                theirs[event.name].extend(milliseconds * 1000.0 for milliseconds in event.perf_data.raw)

    assert set(ours) <= set(theirs)
    assert ours, "no operator was traced"
    for name, durations in ours.items():
        assert sorted(durations) == pytest.approx(sorted(theirs[name]), abs=1e-3), name
    missed = set(theirs) - set(ours)
    assert missed <= {"OPERATOR_CALL", "Program::load_method", "Method::init"}, missed


def test_the_command_line_takes_what_the_dock_recorded(
    models: Path, project: Callable[..., GodotProject], tmp_path: Path
) -> None:
    program = models / "linear_xnnpack.pte"
    dump(project(), program, tmp_path)
    specs = metadata.inspect(program)["methods"][0]["inputs"]
    calls = recording.read(tmp_path / "inputs", specs)
    assert len(calls) == RUNS
    assert [list(tensor.shape) for tensor in calls[0]] == [item["shape"] for item in specs]
    assert any(float(tensor.abs().max()) > 0 for tensor in calls[0]), "the values came too"


@pytest.mark.slow
def test_the_chrome_trace_keeps_its_format(models: Path, project: Callable[..., GodotProject], tmp_path: Path) -> None:
    """What the trace event format asks of complete ("X") and metadata ("M") events, and that no event is cut off by its
    neighbour: viewers drop or move what overlaps without lying inside."""
    dump(project(), models / "linear_xnnpack.pte", tmp_path)
    trace = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    assert set(trace) == {"traceEvents", "displayTimeUnit"} and trace["displayTimeUnit"] in ("ms", "ns")
    complete = [event for event in trace["traceEvents"] if event["ph"] == "X"]
    described = [event for event in trace["traceEvents"] if event["ph"] == "M"]
    assert len(complete) + len(described) == len(trace["traceEvents"])
    assert {event["name"] for event in described} == {"process_name", "thread_name"}
    calls = json.loads((tmp_path / "calls.json").read_text(encoding="utf-8"))
    assert len(complete) == sum(len(call["events"]) for call in calls)
    open_until: list[float] = []
    for event in complete:
        assert {"name", "cat", "ph", "ts", "dur", "pid", "tid", "args"} == set(event)
        assert isinstance(event["name"], str) and event["name"]
        assert event["ts"] >= 0 and event["dur"] >= 0
        while open_until and open_until[-1] <= event["ts"] + 1e-6:
            open_until.pop()
        assert not open_until or event["ts"] + event["dur"] <= open_until[-1] + 1e-3, event
        open_until.append(event["ts"] + event["dur"])
