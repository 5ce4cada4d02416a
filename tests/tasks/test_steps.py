"""The steps behind dev.py, where a machine is not as it should be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks import bench, console, debian_suite, godot, project
from tasks.console import StepFailed
from tests.godot_projects import ROOT


def test_failed_command_tells_its_output_and_keeps_a_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LOGS", tmp_path)
    with pytest.raises(StepFailed) as caught:
        console.run([sys.executable, "-c", "print('the reason'); raise SystemExit(3)"], log="x", remedy="do this")
    assert "the reason" in caught.value.cause
    assert "(3)" in caught.value.cause
    assert caught.value.remedy == "do this"
    assert "the reason" in (tmp_path / "x.log").read_text()


def test_failed_assertion_far_above_the_end_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LOGS", tmp_path)
    doctest = "t.cpp:8: ERROR: CHECK( a == 2 ) is NOT correct!\n  values: CHECK( 1 == 2 )\n\n" + "another line\n" * 200
    script = tmp_path / "tests.py"
    script.write_text(f"print({doctest!r})\nraise SystemExit(1)\n")
    with pytest.raises(StepFailed) as caught:
        console.run([sys.executable, script], log="x")
    assert "t.cpp:8: ERROR: CHECK( a == 2 )" in caught.value.cause
    assert "values: CHECK( 1 == 2 )" in caught.value.cause
    assert caught.value.cause.count("another line") == 25


def test_command_that_hangs_is_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LOGS", tmp_path)
    with pytest.raises(StepFailed, match="stopped after 1 s"):
        console.run([sys.executable, "-c", "import time; time.sleep(60)"], log="x", timeout=1)


def test_missing_program_is_a_failed_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LOGS", tmp_path)
    with pytest.raises(StepFailed, match="not found"):
        console.run(["no-such-program-anywhere"], log="x")


@pytest.mark.parametrize(
    "text",
    [
        "deb http://mirror.example/debian bookworm main\n",
        "# deb http://old.example/debian sid main\ndeb [signed-by=/k.gpg] http://mirror.example/debian sid main\n",
        "Types: deb\nURIs: http://mirror.example/debian\nSuites: trixie\nComponents: main\n",
        "Types: deb\nURIs: http://mirror.example/debian/\nSuites: trixie\n",
    ],
)
def test_mirror_is_read_from_both_formats(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "sources.list"
    file.write_text(text)
    monkeypatch.setattr(debian_suite, "SOURCES", (file, tmp_path / "none"))
    assert debian_suite._mirror() == "http://mirror.example/debian"


def test_machine_without_a_mirror_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(debian_suite, "SOURCES", (tmp_path / "a", tmp_path / "b"))
    with pytest.raises(StepFailed) as caught:
        debian_suite._mirror()
    assert "GODOT" in caught.value.remedy


@pytest.mark.parametrize("script", ["echo 4.3.1.stable", "echo 3.6.stable", "exit 1"])
def test_named_godot_that_is_too_old_is_refused(script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "godot"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("GODOT", str(program))
    with pytest.raises(StepFailed, match=r"not Godot 4\.4 or newer"):
        godot.find()


def test_godot_on_path_is_used_when_new_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, version in (("godot", "4.3.1.stable"), ("godot4", "4.5.0.stable")):
        (tmp_path / name).write_text(f"#!/bin/sh\necho {version}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.delenv("GODOT", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    found = godot.find()
    assert found is not None
    assert found.program.name == "godot4"


def test_unknown_benchmark_names_the_known_ones() -> None:
    with pytest.raises(StepFailed, match="runtimes") as caught:
        bench.run_benchmarks(["runtimes"])
    assert "runtime" in caught.value.remedy


def test_a_benchmark_gets_the_options_after_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "benchmarks").mkdir()
    script = "import json, sys\njson.dump(sys.argv[3:], open(sys.argv[2], 'w'))\n"
    for name in ("rows", "words"):
        (tmp_path / "benchmarks" / f"{name}.py").write_text(script)
    monkeypatch.setattr(bench, "ROOT", tmp_path)
    monkeypatch.setattr(project, "ensure_ready", lambda: godot.Godot(Path("godot"), "4.4.stable", None))
    kept = tmp_path / "kept.json"
    assert bench.run_benchmarks(["rows", "--json", str(kept), "--networks", "a", "b", "--threads", "1"]) == 0
    assert json.loads(kept.read_text()) == {"rows": ["--networks", "a", "b", "--threads", "1"]}
    for several in (["rows", "words", "--threads", "1"], ["--threads", "1"]):
        with pytest.raises(StepFailed, match="--threads 1"):
            bench.run_benchmarks(several)


def test_python_that_is_too_old_is_told(tmp_path: Path) -> None:
    """A copy without .venv, run by an interpreter that claims to be 3.9."""
    code = (
        "import sys; sys.version_info = (3, 9, 1, 'final', 0); sys.path.insert(0, '.');"
        "from tasks import environment; environment.check_python()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "3.10 to 3.13" in done.stderr
