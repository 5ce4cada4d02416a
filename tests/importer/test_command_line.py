"""`python -m importer`, with its deadline and memory limit."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from rich.console import Console

from importer.__main__ import main
from importer.cli.compare import compare
from importer.cli.convert import Outcome, _summary, with_dynamic
from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert_in_child
from importer.options import ImportOptions
from tests import json_output
from tests.importer.conftest import Convert
from tests.processes import TAKE_NAME, named, unique_name, wait_for_name

ROOT = Path(__file__).parents[2]
SMALL = """
from torch import nn


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.only = nn.Linear(8, 3)

    def forward(self, x):
        return self.only(x)
"""


def importer(*words: object, timeout: int = 200) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "importer", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=timeout)


def test_convert_several_files(models: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    bad.write_text("no model", encoding="utf-8")
    sources = [models / "linear.pt", bad, models / "counter.pte"]
    words = ["convert", *sources, "-o", tmp_path / "out", "--cache", tmp_path / "cache", "--jobs", 2]
    done = importer(*words, "--json")
    assert done.returncode == 4, done.stderr
    linear, refused, counter = json_output.read(done.stdout, "convert")["files"]
    assert refused["error"]["code"] == "NOT_A_MODEL" and not linear["cached"]
    assert linear["metadata"]["recipe"] == "xnnpack_fp32" and counter["metadata"]["recipe"] == "as_is"
    names = {path.name for path in (tmp_path / "out").iterdir()}
    written = ("pte", "tres", "metadata.json", "measured.json")
    assert names == {f"{name}.{suffix}" for name in ("linear", "counter") for suffix in written}
    assert 'payload_path = "linear.pte"' in (tmp_path / "out" / "linear.tres").read_text(encoding="utf-8")
    # The second time nothing is converted, and equal files stay; the summary says so, and what failed.
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").iterdir()}
    program = (tmp_path / "out" / "linear.pte").read_bytes()
    for lost in ("linear.pte", "linear.tres"):
        (tmp_path / "out" / lost).write_bytes(b"another one's")
    again = importer(*words)
    assert again.returncode == 4 and "cached" in again.stdout and "NOT_A_MODEL" in again.stdout
    changed = {path.name for path, before in times.items() if path.stat().st_mtime_ns != before}
    assert changed == {"linear.pte", "linear.tres"} and (tmp_path / "out" / "linear.pte").read_bytes() == program
    listed = json_output.read(importer("cache", "list", "--cache", tmp_path / "cache", "--json").stdout, "cache-list")[
        "entries"
    ]
    assert {entry["name"] for entry in listed} == {"linear", "counter"}
    assert importer("cache", "verify", "--cache", tmp_path / "cache").returncode == 0
    (tmp_path / "cache" / linear["key"][:2] / linear["key"] / "model.pte").write_bytes(b"x" * 2180)
    refusing = importer("cache", "verify", "--cache", tmp_path / "cache", "--json")
    assert refusing.returncode == 3 and json_output.read(refusing.stdout, "cache-verify")["refused"]
    importer("cache", "prune", "--cache", tmp_path / "cache", "--limit-megabytes", 0)
    emptied = importer("cache", "list", "--cache", tmp_path / "cache", "--json")
    assert json_output.read(emptied.stdout, "cache-list")["entries"] == []


@pytest.mark.slow
def test_variants_are_in_the_output(models: Path, tmp_path: Path) -> None:
    words = ["convert", models / "linear.pt", "-o", tmp_path / "out", "--cache", tmp_path / "cache"]
    done = importer(*words, "--variants", "portable", "--json")
    assert done.returncode == 0, done.stderr
    (linear,) = json_output.read(done.stdout, "convert")["files"]
    (variant,) = linear["metadata"]["variants"]
    assert variant["recipe"] == "portable" and variant["payload"]["size"] > 0
    schema = json.loads((json_output.SCHEMAS / "convert.json").read_text(encoding="utf-8"))
    for missing in ("recipe", "payload", "methods"):
        wrong = json.loads(done.stdout)
        del wrong["files"][0]["metadata"]["variants"][0][missing]
        with pytest.raises(jsonschema.ValidationError, match=missing):
            jsonschema.Draft202012Validator(schema).validate(wrong)


@pytest.mark.slow
def test_two_conversions_write_the_same_files_but_for_what_was_measured(models: Path, tmp_path: Path) -> None:
    sources = [models / "linear.pt", models / "counter.pte"]
    for name in ("first", "second"):
        assert (
            importer("convert", *sources, "-o", tmp_path / name, "--cache", tmp_path / f"{name}_cache").returncode == 0
        )
    names = sorted(path.name for path in (tmp_path / "first").iterdir())
    differ = [
        name for name in names if (tmp_path / "first" / name).read_bytes() != (tmp_path / "second" / name).read_bytes()
    ]
    assert differ == ["counter.measured.json", "linear.measured.json"]
    measured = json.loads((tmp_path / "first" / "linear.measured.json").read_text(encoding="utf-8"))
    assert measured["date"] and measured["timings"]["eager_us"] > 0 and measured["timings"]["convert_seconds"] > 0
    text = (tmp_path / "first" / "linear.tres").read_text(encoding="utf-8")
    assert "_us" not in text and "seconds" not in text and "time_share" not in text


def test_how_much_is_printed(models: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.pt"
    bad.write_text("no model", encoding="utf-8")
    words = ["convert", models / "counter.pte", bad, "-o", tmp_path / "out", "--cache", tmp_path / "cache"]
    verbose = importer(*words, "--verbose")
    steps = [line for line in verbose.stderr.splitlines() if re.match(r" *\d+\.\d\d s  counter.pte: \w+", line)]
    assert len(steps) >= 2, verbose.stderr
    silent = importer(*words, "--no-progress")
    assert not silent.stderr and "cached" in silent.stdout and "NOT_A_MODEL" in silent.stdout
    quiet = importer(*words, "--quiet")
    assert not quiet.stdout and quiet.stderr.startswith("bad.pt: NOT_A_MODEL: bad.pt is a text file")
    good = importer(*words[:2], *words[3:], "--quiet")
    assert good.returncode == 0 and not good.stdout + good.stderr
    assert importer(*words, "--quiet", "--verbose").returncode == 2
    assert importer(*words[:2], *words[3:], "--quiet", "--no-progress").returncode == 0
    assert not importer(*words[:2], *words[3:], "--verbose", "--no-progress").stderr


@pytest.mark.parametrize("name", ["policy.pth", "policy.ckpt", "policy.bin"])
def test_weights_of_any_name_bring_the_guess_of_their_factory(name: str, tmp_path: Path) -> None:
    import torch

    code = "from torch import nn\n\n\ndef build() -> nn.Module:\n    return nn.Linear(8, 3)\n"
    (tmp_path / "net.py").write_text(code, encoding="utf-8")
    torch.save(torch.nn.Linear(8, 3).state_dict(), tmp_path / name)
    words = [tmp_path / name, "--project", tmp_path, "-o", tmp_path / "out", "--cache", tmp_path / "cache"]
    (refused,) = json_output.read(importer("convert", *words, "--json").stdout, "convert")["files"]
    assert refused["error"]["code"] == "STATE_DICT_NEEDS_FACTORY"
    assert refused["error"]["remedy"].endswith("Add: --factory net.py:build")


def test_the_words_of_a_guess_can_be_copied(tmp_path: Path) -> None:
    import torch

    (tmp_path / "my net.py").write_text(SMALL, encoding="utf-8")
    torch.save(
        {f"only.{name}": value for name, value in torch.nn.Linear(8, 3).state_dict().items()}, tmp_path / "net.pth"
    )
    words = [sys.executable, "-m", "importer", "convert", "net.pth", "-o", "out", "--cache", "cache", "--quiet"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    refused = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True)
    added = refused.stderr.partition("Add: ")[2].strip()
    assert added == "--factory 'my net.py:Small' --inputs 'x: float32[1,8]'", refused.stderr
    done = subprocess.run([*words, *shlex.split(added)], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0 and (tmp_path / "out" / "net.pte").is_file(), done.stderr


@pytest.mark.slow
def test_words_in_brackets_are_no_markup(models: Path, tmp_path: Path) -> None:
    """Names of files and remedies have them: rich left such words out."""
    good, bad = tmp_path / "net[b].pte", tmp_path / "bad[red].pt2"
    good.write_bytes((models / "linear_portable.pte").read_bytes())
    bad.write_text("no model", encoding="utf-8")
    done = importer("convert", good, bad, "-o", tmp_path / "out", "--cache", tmp_path / "cache")
    assert done.returncode == 4 and "Traceback" not in done.stderr
    assert re.search(
        r"\d+\.\d\d s  net\[b\]\.pte: validate\n", done.stderr
    )  # the progress, where there is no terminal to draw it on
    assert "net[b].pte" in done.stdout and "bad[red].pt2: " in done.stdout
    for words in (["inspect", good], ["cache", "list", "--cache", tmp_path / "cache"], ["compare", good, good]):
        done = importer(*words)
        assert done.returncode == 0 and "net[b]" in done.stdout, done.stderr
    remedy = ImporterError("X", "cause", "Declare `x: float32[batch:1..64,8]`.")
    printed = io.StringIO()
    _summary([Outcome(bad, tmp_path / "bad.pte", error=remedy)], Console(file=printed, width=120))
    assert "float32[batch:1..64,8]" in printed.getvalue()


def test_what_is_printed_of_any_program_fits_the_schema(
    models: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs that do not say which sizes vary, or that take numbers, have no ranges."""
    programs = sorted(models.glob("*.pte"))
    for program in programs:
        assert main(["inspect", str(program), "--json"]) == 0
        assert json_output.read(capsys.readouterr().out, "inspect")["methods"], program
    assert {"voice.pte", "number.pte"} <= {program.name for program in programs}
    cache = str(tmp_path / "cache")
    assert main(["convert", str(models / "voice.pte"), "-o", str(tmp_path), "--cache", cache, "--json"]) == 0
    json_output.read(capsys.readouterr().out, "convert")


def test_inspect(models: Path) -> None:
    inspected = importer("inspect", models / "linear_xnnpack.pte", "--json")
    assert json_output.read(inspected.stdout, "inspect")["name"] == "linear_xnnpack"
    shown = importer("inspect", models / "linear_xnnpack.pte")
    assert "fully_connected" in shown.stdout and "100%" in shown.stdout
    bad = importer("inspect", models / "linear.pt")
    assert bad.returncode == 4 and "PTE_INVALID" in bad.stderr and "Traceback" not in bad.stderr


def test_compare(models: Path) -> None:
    done = importer("compare", models / "linear_xnnpack.pte", models / "linear_portable.pte", "--json")
    found = json_output.read(done.stdout, "compare")
    assert found["difference"]["max_absolute"] < 1e-5 and found["methods"] == ["forward"]
    differ = importer("compare", models / "linear_xnnpack.pte", models / "counter.pte")
    assert differ.returncode == 4 and "PROGRAMS_DIFFER" in differ.stderr


def test_compare_a_fixed_size_with_a_range(convert_zoo: Convert, tmp_path: Path) -> None:
    fixed = convert_zoo("mlp", inputs="x: float32[3,32]", recipe="xnnpack_fp32").payload
    ranged = convert_zoo("mlp", inputs="x: float32[batch:1..8,32]", recipe="portable").payload
    smaller = convert_zoo("mlp", inputs="x: float32[batch:1..2,32]", recipe="portable").payload
    for first, second in ((fixed, ranged), (ranged, fixed), (ranged, smaller)):
        found = compare(first, second)
        assert found["difference"]["samples"] == 2 and found["difference"]["max_absolute"] < 1e-4
    with pytest.raises(ImporterError) as caught:
        compare(fixed, smaller)  # three rows do not fit into a range of two
    assert caught.value.code == "PROGRAMS_DIFFER"


@pytest.mark.slow
def test_sweep_with_a_picture(models: Path, tmp_path: Path) -> None:
    from PIL import Image

    words = ["sweep", models / "convnet.pt2", "--cache", tmp_path / "cache", "--plot", tmp_path / "plot.png", "--json"]
    rows = {row["recipe"]: row for row in json_output.read(importer(*words, timeout=400).stdout, "sweep")["recipes"]}
    assert len(rows) == 7 and rows["xnnpack_int8_static"]["size"] < rows["xnnpack_fp32"]["size"]
    with Image.open(tmp_path / "plot.png") as image:
        assert image.width > 500 and len(image.getcolors(1 << 20) or []) > 4


def test_a_sweep_of_a_finished_program(models: Path, tmp_path: Path) -> None:
    done = importer("sweep", models / "linear_portable.pte", "--cache", tmp_path)
    assert done.returncode == 2 and "is a finished program" in done.stderr and "Traceback" not in done.stderr


def test_the_picture_of_a_sweep(tmp_path: Path) -> None:
    from PIL import Image

    from importer.cli.plot import draw_recipes

    good = {"recipe": "portable", "size": 10, "executorch_us": 5.0, "max_relative": 0.0}
    broken = {"recipe": "broken", "error": "LOWERING_FAILED"}
    draw_recipes([good, broken], "x", tmp_path / "x.png")
    draw_recipes([{**good, "value": 0.9}, broken], "x", tmp_path / "evaluated.png", "top1")
    with Image.open(tmp_path / "x.png") as plain, Image.open(tmp_path / "evaluated.png") as evaluated:
        assert plain.format == "PNG" and evaluated.width > plain.width, "the metric has a panel of its own"
        colours = {colour for _, colour in evaluated.getcolors(1 << 20) or []}
        assert (0xC5, 0x86, 0xC0) in colours


def test_dynamic_words() -> None:
    assert with_dynamic("x: float32[1,8]", "x[0]=1..64") == "x: float32[1..64,8]"
    assert with_dynamic("float32[1,8]", "input_0[1]=2..9") == "float32[1,2..9]"
    for text in ("x[2]=1..4", "y[0]=1..4", "x[0]=4..1", "x[0]", ""):
        with pytest.raises(ImporterError):
            with_dynamic("x: float32[1,8]", text)


def slow_factory(folder: Path, body: str) -> dict[str, Any]:
    (folder / "slow.py").write_text(f"import torch, time\ndef build():\n    {body}\n", encoding="utf-8")
    return {"factory": "res://slow.py:build", "inputs": "float32[1,1]"}


@pytest.mark.slow
def test_a_deadline_names_the_stage(models: Path, tmp_path: Path) -> None:
    options = ImportOptions.from_mapping({**slow_factory(tmp_path, "time.sleep(60)"), "deadline_seconds": 3})
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    stages: list[str] = []
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job, lambda step: stages.append(step.stage))
    assert (caught.value.code, caught.value.stage) == ("DEADLINE_EXCEEDED", "load") and stages[-1] == "load"


def test_a_memory_limit_names_the_stage(models: Path, tmp_path: Path) -> None:
    body = "x = [torch.ones(1 << 26) for _ in range(12)]; time.sleep(60)"  # 3 GB
    options = ImportOptions.from_mapping({**slow_factory(tmp_path, body), "memory_limit_megabytes": 1500})
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    assert (caught.value.code, caught.value.stage) == ("MEMORY_LIMIT_EXCEEDED", "load")


def test_a_bound_is_not_in_the_key(models: Path, tmp_path: Path) -> None:
    words = ["convert", models / "linear_portable.pte", "-o", tmp_path, "--cache", tmp_path / "cache", "--json"]
    assert not json_output.read(importer(*words).stdout, "convert")["files"][0]["cached"]
    bounds = ["--deadline-seconds", 99, "--memory-limit-megabytes", 4000]
    again = importer(*words, *bounds)
    assert json_output.read(again.stdout, "convert")["files"][0]["cached"]
    files = [(tmp_path / f"linear_portable{suffix}") for suffix in (".tres", ".metadata.json")]
    before = [path.read_bytes() for path in files]
    elsewhere = importer(*words[:-3], "--cache", tmp_path / "other", *bounds)
    assert elsewhere.returncode == 0 and [path.read_bytes() for path in files] == before, "nor in what is committed"


def test_a_conversion_that_dies(models: Path, tmp_path: Path) -> None:
    options = ImportOptions.from_mapping(slow_factory(tmp_path, "import os; os.kill(os.getpid(), 9)"))
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    assert caught.value.code == "WORKER_KILLED" and "SIGKILL" in caught.value.cause


@pytest.mark.skipif(sys.platform != "linux", reason="programs are tried in a fork on Linux only")
def test_a_conversion_that_dies_while_its_program_is_tried(models: Path, tmp_path: Path) -> None:
    """What the child had started holds the ends of its pipes, and would run on."""
    name = unique_name()
    body = (
        f"import os; {TAKE_NAME.format(name=name)}; os.fork() or time.sleep(60); time.sleep(1); os.kill(os.getpid(), 9)"
    )
    options = ImportOptions.from_mapping({**slow_factory(tmp_path, body), "deadline_seconds": 40})
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    assert caught.value.code == "WORKER_KILLED"
    time.sleep(0.5)
    assert named(name) == []


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
@pytest.mark.parametrize("words", [["importer", "convert", "linear.pt", "-o"], ["python_backend", "profile", "--html"]])
def test_an_interrupt_in_a_terminal_prints_no_traceback(words: list[str], models: Path, tmp_path: Path) -> None:
    """There it reaches each process of the command, not the first alone."""
    main_line = f"from {words[0]}.__main__ import main; sys.exit(main(sys.argv[1:]))"
    begun = f"import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); {main_line}"
    source = models / ("linear.pt" if words[0] == "importer" else "linear_xnnpack.pte")
    given = [source if word == "linear.pt" else word for word in words[1:]] + [tmp_path / "out"]
    given += ["--cache", tmp_path / "cache"] if words[0] == "importer" else [source, "--runs", "100000000"]
    command = [sys.executable, "-c", begun, *map(str, given)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.PIPE, text=True)
    try:
        time.sleep(3)  # torch is being imported, or the program runs
        os.killpg(process.pid, signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130 and "Traceback" not in errors, errors


@pytest.mark.skipif(sys.platform == "win32", reason="SIGINT")
def test_an_interrupt_ends_the_conversions(models: Path, tmp_path: Path) -> None:
    name = unique_name()
    slow_factory(tmp_path, f"{TAKE_NAME.format(name=name)}; time.sleep(100)")
    words = ["convert", models / "linear_state_dict.pth", "-o", tmp_path, "--cache", tmp_path / "cache"]
    words += ["--factory", tmp_path / "slow.py", "--inputs", "float32[1,1]"]
    command = [sys.executable, "-c", "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
               "from importer.__main__ import main; sys.exit(main(sys.argv[1:]))"]  # fmt: skip
    process = subprocess.Popen([*command, *map(str, words)], cwd=ROOT, start_new_session=True)
    try:
        wait_for_name(name)
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    finally:
        process.kill()


def test_wrong_words(tmp_path: Path) -> None:
    assert importer("convert").returncode == 2
    assert importer("convert", tmp_path / "x.pt", "-o", tmp_path, "--inputs", "x: nothing").returncode == 2
    assert importer("nonsense").returncode == 2
    wrong = importer("convert", "x.pt", "-o", "out", "--recipe", "fast")
    assert wrong.returncode == 2 and "invalid choice: 'fast'" in wrong.stderr
    assert len(wrong.stderr.splitlines()) == 2 and "See `python -m importer convert --help`." in wrong.stderr


def test_wrong_options_are_told_together(tmp_path: Path) -> None:
    found = importer("convert", tmp_path / "x.pth", "-o", tmp_path, "--factory", "no.py:f", "--calibration", "none")
    assert found.returncode == 2 and "--factory is 'no.py'" in found.stderr and "--calibration is" in found.stderr
