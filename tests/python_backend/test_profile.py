"""`profile`: against ExecuTorch's own Inspector, against a wall clock, as a command, as a report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import godot_executorch as ge
from importer.errors import ImporterError
from importer.program import etdump
from python_backend.profiling import call_trace, latency, limits, measure, operators, plots, recording
from tests import json_output
from tests.python_backend.editor import ROOT


def profile(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "python_backend", "profile", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=400, check=False)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory, convnet: Path) -> tuple[dict[str, Any], Path, str]:
    """One profile of a convnet: its JSON, the kept event dump, and the report."""
    folder = tmp_path_factory.mktemp("profile")
    run = profile(convnet, "--runs", "200", "--json", "--etdump", folder / "x.etdp", "--html", folder / "x.html")
    assert run.returncode == 0, run.stderr
    return json_output.read(run.stdout, "profile"), folder / "x.etdp", (folder / "x.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def convnet(models: Path, artifact_cache: Path) -> Path:
    """A convnet on XNNPACK."""
    from importer.cache.cache import Cache
    from importer.options import ImportOptions

    code = (
        "import sys; from pathlib import Path; from importer.pipeline import convert; "
        "from importer.cache.cache import Cache;"
        "from importer.options import ImportOptions;"
        "print(convert(Path(sys.argv[1]), cache=Cache(sys.argv[2]), options=ImportOptions()).payload)"
    )
    from importer.cache.cache_key import make_key

    source = models / "convnet.pt2"
    found = Cache(artifact_cache).find(make_key(source, ImportOptions(), None))
    if found is None:
        command = [sys.executable, "-c", code, str(source), str(artifact_cache)]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        found = Cache(artifact_cache).find(make_key(source, ImportOptions(), None))
    assert found is not None
    return found.payload


def test_the_same_numbers_as_executorchs_inspector(measured: tuple[dict[str, Any], Path, str]) -> None:
    _, dump, _ = measured
    code = (
        "import sys, json; from executorch.devtools import Inspector;"
        "print(json.dumps([[event.name, None if event.delegate_debug_identifier is None else "
        "str(event.delegate_debug_identifier), event.perf_data.raw]"
        " for block in Inspector(etdump_path=sys.argv[1]).event_blocks if block.name == 'Execute'"
        " for event in block.events if event.perf_data]))"
    )
    run = subprocess.run([sys.executable, "-c", code, str(dump)], capture_output=True, text=True, check=True)
    theirs: dict[str, list[float]] = {}
    for name, _, raw in json.loads(run.stdout.splitlines()[-1]):
        theirs.setdefault(name, []).extend(raw)
    ours: dict[str, list[float]] = {}
    for call in etdump.calls(etdump.read(dump)):
        for event in call.events:
            ours.setdefault(event.label, []).append(event.duration_ns / 1e6)
    assert set(ours) == set(theirs)
    assert len(ours) > 4
    for name, times in ours.items():
        assert sorted(times) == pytest.approx(sorted(theirs[name])), name


def test_operators_add_up_to_the_call(measured: tuple[dict[str, Any], Path, str]) -> None:
    found, _, _ = measured
    rows = {row["name"]: row for row in found["operators"]}
    assert sum(row["self_us"] for row in found["operators"]) == pytest.approx(rows["forward"]["total_us"])
    assert sum(row["share"] for row in found["operators"]) == pytest.approx(1.0)
    assert rows["forward"]["backend"] == "method"
    assert rows["Convolution (NHWC, F32) IGEMM #1"]["backend"] == "XnnpackBackend"
    reconciled = found["reconciliation"]
    assert 0.5 < reconciled["covered"] <= 1.0 and reconciled["untraced_us"] > 0.0, reconciled
    assert found["trace"]["count"] == measure.TRACED_CALLS
    events = found["trace"]["events"]
    assert events[0]["name"] == "forward"
    whole = events[0]["duration_us"]
    assert all(0 <= event["start_us"] <= whole for event in events)


def test_latency_is_that_of_the_samples(measured: tuple[dict[str, Any], Path, str]) -> None:
    found, _, _ = measured
    samples = found["samples_us"]
    assert len(samples) == 200
    assert found["latency"]["mean_us"] == pytest.approx(sum(samples) / 200, rel=1e-3)
    for percent in (50, 90, 99):
        assert found["latency"][f"p{percent}_us"] == pytest.approx(np.percentile(samples, percent), abs=0.001)
    # Within the runtime a call takes no longer than from outside; both are medians of many.
    assert found["latency"]["min_us"] > 0


def test_percentiles_are_those_of_the_dock() -> None:
    # The same values as in tests/profiler/statistics_test.gd.
    values = [15.0, 20.0, 35.0, 40.0, 50.0]
    assert [latency.percentile(values, p) for p in (0, 40, 50, 90, 99, 100)] == pytest.approx(
        [15, 29, 35, 46, 49.6, 50]
    )
    assert latency.summarise([3.0])["p99_us"] == 3.0


def test_memory_is_the_files(measured: tuple[dict[str, Any], Path, str], convnet: Path) -> None:
    found, _, _ = measured
    assert found["memory"]["file"] == convnet.stat().st_size
    assert (
        found["memory"]["planned"]
        == json.loads(convnet.with_name("metadata.json").read_text())["methods"][0]["planned_memory"]
    )


def test_tables_for_people(models: Path) -> None:
    run = profile(models / "linear_portable.pte", "--runs", "50", "--threads", "1")
    assert run.returncode == 0, run.stderr
    assert "Latency" in run.stdout
    assert "native_call_addmm.out" in run.stdout
    assert "1 of " in run.stdout


def test_other_methods_and_buffers(models: Path) -> None:
    names = [method["name"] for method in _inspect(models / "two_methods.pte")["methods"]]
    run = profile(models / "two_methods.pte", "--method", names[1], "--runs", "20", "--json")
    assert json_output.read(run.stdout, "profile")["method"] == names[1]
    run = profile(models / "counter.pte", "--runs", "20", "--json")
    assert run.returncode == 0, run.stderr


def _inspect(path: Path) -> dict[str, Any]:
    from importer.program import metadata

    return metadata.inspect(path)


SPECS = [{"name": "input_0", "dtype": "float32", "shape": [1, 2]}, {"name": "input_1", "dtype": "int64", "shape": [3]}]


def test_a_program_whose_sizes_vary_fits_the_schema(models: Path) -> None:
    done = profile(models / "voice.pte", "--runs", "5", "--json")
    assert done.returncode == 0, done.stderr
    assert any("dynamic" in value for value in json_output.read(done.stdout, "profile")["outputs"])


def test_recorded_inputs_are_found_by_name_or_by_order(tmp_path: Path) -> None:
    image, words = np.array([[0.5, 2.0]], np.float32), np.array([7, 8, 9])
    np.savez(tmp_path / "0002.npz", input_1=words, input_0=image)
    np.savez(tmp_path / "0001.npz", sound=image * 3, state=words * 3)  # the author's names, which a .pte does not keep
    first, second = recording.read(tmp_path, SPECS)
    assert [tensor.tolist() for tensor in first] == [[[1.5, 6.0]], [21, 24, 27]]
    assert [tensor.tolist() for tensor in second] == [[[0.5, 2.0]], [7, 8, 9]]
    assert [str(tensor.dtype) for tensor in second] == ["torch.float32", "torch.int64"]
    assert len(recording.read(tmp_path / "0002.npz", SPECS)) == 1
    dynamic = [{**SPECS[0], "shape": [4, 2], "dynamic": True}, SPECS[1]]
    assert recording.read(tmp_path / "0002.npz", dynamic)[0][0].shape == (1, 2)


def test_recorded_inputs_that_do_not_fit_are_told(tmp_path: Path) -> None:
    def refused(place: Path) -> str:
        with pytest.raises(ImporterError) as caught:
            recording.read(place, SPECS)
        assert caught.value.code == "INPUTS_INVALID"
        return caught.value.cause

    assert "no .npz file" in refused(tmp_path) and "no .npz file" in refused(tmp_path / "nowhere")
    np.savez(tmp_path / "a.npz", input_0=np.zeros((2, 1)), input_1=np.zeros(3))
    assert "[2, 1]" in refused(tmp_path)
    np.savez(tmp_path / "a.npz", input_0=np.zeros((1, 2)))
    assert "input_1" in refused(tmp_path)
    np.savez(tmp_path / "a.npz", input_0=np.array([object()]), input_1=np.zeros(3))
    assert "pickle" in refused(tmp_path)
    whole = (tmp_path / "a.npz").read_bytes()
    for size in (0, 10, len(whole) // 2):
        (tmp_path / "a.npz").write_bytes(whole[:size])
        refused(tmp_path)
    np.save(tmp_path / "a.npy", np.zeros((1, 2)))
    (tmp_path / "a.npy").rename(tmp_path / "a.npz")
    refused(tmp_path)


def test_recorded_inputs_take_turns() -> None:
    given: list[Any] = []

    class Method:
        def call(self, inputs: list[Any], clone_outputs: bool) -> None:
            given.append(inputs)

    samples, _ = measure._time_calls(Method(), [["a"], ["b"], ["c"]], 6)
    assert len(samples) == 6
    assert given[-6:] == [["a"], ["b"], ["c"], ["a"], ["b"], ["c"]]


def test_a_profile_with_recorded_inputs(models: Path, tmp_path: Path) -> None:
    for index in range(5):
        np.savez(tmp_path / f"{index}.npz", temperature=np.full((1, 1), index, np.float32))
    model = models / "linear_portable.pte"
    run = profile(model, "--runs", "20", "--inputs", tmp_path, "--html", tmp_path / "r.html")
    assert run.returncode == 0, run.stderr
    assert "the inputs of 5 recorded calls" in run.stdout
    assert "with the inputs of 5 recorded calls" in (tmp_path / "r.html").read_text(encoding="utf-8")
    np.savez(tmp_path / "5.npz", temperature=np.zeros((1, 2), np.float32))
    run = profile(model, "--runs", "20", "--inputs", tmp_path)
    assert run.returncode == 4 and "INPUTS_INVALID: 5.npz" in run.stderr


def test_conditions_decide_the_exit_status(models: Path, tmp_path: Path) -> None:
    model = models / "linear_portable.pte"
    fine = profile(model, "--runs", "20", "--fail-if", "p99 > 50s, file > 1MB")
    assert fine.returncode == 0, fine.stderr
    broken = profile(model, "--runs", "20", "--fail-if", "file > 1KB", "--html", tmp_path / "r.html")
    assert broken.returncode == 3
    assert f"file > 1KB: file is {model.stat().st_size / 1e3:.1f} KB" in broken.stderr
    assert "Too slow or too large" in (tmp_path / "r.html").read_text(encoding="utf-8")
    nonsense = profile(model, "--fail-if", "p99 > fast")
    assert nonsense.returncode == 2
    assert "CONDITION_INVALID" in nonsense.stderr


@pytest.mark.parametrize("text", ["", "p99", "p99 > 5", "p98 > 5ms", "file > 5ms", "delegated < 5", "p99 > -5ms"])
def test_conditions_that_mean_nothing(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        limits.parse(text)
    assert caught.value.code == "CONDITION_INVALID"


def test_conditions_know_their_units() -> None:
    first, second, third = limits.parse("p99 > 5ms, planned >= 2 MB, delegated < 90%")
    assert (first.metric, first.bound) == ("p99", 5000.0)
    assert (second.metric, second.bound) == ("planned", 2e6)
    assert (third.metric, third.bound) == ("delegated", pytest.approx(0.9))


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "FILE_EMPTY"), (b"x" * 100, "PTE_INVALID"), (b"\x00" * 4 + b"ET12" + b"\xff" * 200, "PTE_INVALID")],
)
def test_bad_files_are_told(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "bad.pte"
    path.write_bytes(content)
    run = profile(path)
    assert run.returncode == 4
    assert code in run.stderr or "PTE_INVALID" in run.stderr
    assert "Traceback" not in run.stderr.split("\n")[0]
    assert "FILE_NOT_READABLE" in profile(tmp_path / "none.pte").stderr


def test_a_program_that_crashes_the_runtime_is_an_error(models: Path, tmp_path: Path) -> None:
    """Bytes are changed until the runtime crashes or refuses; the command never dies with it."""
    data = bytearray((models / "linear_xnnpack.pte").read_bytes())
    for position in range(len(data) // 2, len(data) // 2 + 40):
        data[position] ^= 0xFF
    path = tmp_path / "damaged.pte"
    path.write_bytes(data)
    run = profile(path, "--runs", "5")
    assert run.returncode in (0, 4)
    assert run.returncode == 0 or run.stderr.startswith("error "), run.stderr


def test_truncated_dumps_are_told(measured: tuple[dict[str, Any], Path, str], tmp_path: Path) -> None:
    _, dump, _ = measured
    data = dump.read_bytes()
    for size in (0, 3, 11, 40, len(data) // 2, len(data) - 1):
        path = tmp_path / "cut.etdp"
        path.write_bytes(data[:size])
        with pytest.raises(ImporterError) as caught:
            etdump.read(path)
        assert caught.value.code == "ETDUMP_INVALID"


class _Page(HTMLParser):
    """Notes what a page would fetch, and whether its tags are balanced."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.fetched: list[str] = []
        self.scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.scripts += tag == "script"
        self.fetched += [value or "" for name, value in attrs if name in ("src", "href", "xlink:href")]
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_report_stands_alone(measured: tuple[dict[str, Any], Path, str]) -> None:
    found, _, text = measured
    page = _Page()
    page.feed(text)
    assert page.open == []
    assert page.fetched == []
    assert page.scripts == 0
    assert "http" not in text.replace("http-equiv", "")
    assert text.count("<svg") == 4
    assert "Convolution (NHWC, F32) IGEMM" in text
    assert found["name"] in text


def test_plots_are_well_formed_and_hold_hostile_names() -> None:
    events = [{"name": '<script>"&', "kind": "method", "depth": 0, "start_us": 0.0, "duration_us": 5.0}]
    for drawn in (
        plots.call_chart(events),
        plots.time_line([1.0]),
        plots.time_line([1.0, 1000.0] * 5000),
        plots.histogram([2.0] * 3),
        plots.bar([("weights", 0, "#000")]),
    ):
        ElementTree.fromstring(drawn)


def test_a_spike_is_never_lost() -> None:
    samples = [1.0] * 50_000
    samples[31_234] = 900.0
    assert "call 31,235" in plots.time_line(samples).replace("call 31235", "call 31,235")


def test_a_dump_is_named_and_nested_as_the_games_tracer_does() -> None:
    """Kernels that report themselves have no wrapper; a backend that counts whole microseconds may seem to end after
    its caller."""
    kernel = etdump.Event("native_call_add.out", 0, None, 20, 80)
    wrapper = etdump.Event("OPERATOR_CALL", 0, None, 10, 90)
    alone = etdump.Event("OPERATOR_CALL", 1, None, 92, 98)
    inner = etdump.Event("", 2, "GEMM #1", 900, 1900)
    delegate = etdump.Event("DELEGATE_CALL", 2, None, 100, 1400)
    outer = etdump.Event("Method::execute", -1, None, 0, 1500)
    run = etdump.Run("Execute", [kernel, wrapper, alone, inner, delegate, outer])
    trace = call_trace.from_run(run, "forward", "XnnpackBackend")
    assert [(event.name, event.kind, event.depth) for event in trace.events] == [
        ("forward", "method", 0),
        ("native_call_add.out", "kernels", 1),
        ("OPERATOR_CALL", "kernels", 1),
        ("DELEGATE_CALL", "XnnpackBackend", 1),
        ("GEMM #1", "XnnpackBackend", 2),
    ]
    assert sum(row.self_us for row in operators.table([trace])) == pytest.approx(1.5)


def test_a_full_disk_leaves_no_half_report(models: Path, small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(bytes(2 * 1024 * 1024 - 4096))
    run = profile(models / "linear_portable.pte", "--runs", "20", "--html", small_disk / "r.html")
    assert run.returncode == 5
    assert "REPORT_NOT_WRITTEN" in run.stderr
    assert os.listdir(small_disk) == ["filler"]  # noqa: PTH208


def test_operators_below_the_clock_are_one_line() -> None:
    shares = [0.7, 0.29, 0.0099, 0.0001, 0.0]
    rows = [{"name": f"op{index}", "self_us": share, "share": share} for index, share in enumerate(shares)]
    shown, rest = operators.divided(rows, 30)
    assert [row["name"] for row in shown] == ["op0", "op1", "op2"]
    assert rest == {"name": "2 more", "self_us": 0.0001, "share": 0.0001}
    assert operators.divided(rows, 2)[0] == rows[:2]
    assert operators.divided(rows[4:], 30) == (rows[4:], None)
    assert operators.divided([], 30) == ([], None)


@pytest.mark.slow
def test_a_program_that_calls_the_projects_own_kernel(tmp_path: Path) -> None:
    torch.manual_seed(0)
    artifact = ge.convert(Recurrent(), torch.rand(1, 12, 8), cache=tmp_path / "cache", name="recurrent")
    assert "godot_executorch::lstm.out" in artifact.metadata.as_dict["methods"][0]["operators"]
    found = json_output.read(profile(artifact.path, "--runs", "20", "--json").stdout, "profile")
    assert any("lstm" in row["name"] for row in found["operators"])


class Recurrent(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.LSTM(8, 16, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.layer(x)[0]
