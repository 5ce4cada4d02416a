"""Operators of the game's own: the factory declares them to torch, a kernel library has them at run time."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from importer.cache.cache import Cache
from importer.errors import ImporterError, exit_status
from importer.kernels.library import GAME as LIBRARIES
from importer.options import ImportOptions
from importer.pipeline import convert
from tests.importer.conftest import Convert
from tests.runtime.custom_kernel.library import build

ROOT = Path(__file__).parents[3]
FACTORY = """
import torch

if not hasattr(torch, "custom_triple"):  # operators are defined once in a process
    library = torch.custom_triple = torch.library.Library("custom", "FRAGMENT")
    library.define("triple(Tensor x) -> Tensor")
    library.define("triple.out(Tensor x, *, Tensor(a!) out) -> Tensor(a!)")
    library.impl("triple", lambda x: x * 3, "CompositeExplicitAutograd")
    library.impl("triple.out", lambda x, *, out: out.copy_(x * 3), "CompositeExplicitAutograd")


class Net(torch.nn.Linear):
    def forward(self, x):
        return torch.ops.custom.triple(super().forward(x))


def build():
    return Net(1, 1)
"""


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("kernel"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv(LIBRARIES, "")
    (tmp_path / "net.py").write_text(FACTORY, encoding="utf-8")
    return tmp_path


def test_an_operator_of_a_kernel_library(
    library: Path, project: Path, models: Path, convert_file: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Refused by name without the library; with it, converted and proved equal."""
    source = models / "linear_state_dict.pth"
    options = {"factory": "res://net.py:build", "inputs": "x: float32[2,1]"}
    with pytest.raises(ImporterError) as caught:
        convert_file(source, project=project, **options)
    assert caught.value.code == "OPERATOR_MISSING" and "custom::triple.out" in caught.value.cause
    assert "executorch/runtime/libraries" in caught.value.remedy
    monkeypatch.setenv(LIBRARIES, str(library))
    meta = convert_file(source, project=project, **options).metadata
    assert meta["methods"][0]["operators"]["custom::triple.out"] == 1 and meta["accuracy"]["max_relative"] < 1e-5
    assert any("must ship libtriple.so" in note and "custom::triple.out" in note for note in meta["notes"])


def test_a_library_that_was_built_again_is_proved_again(
    project: Path, models: Path, convert_file: Convert, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the cache has was proved with the kernels that the library had before."""
    options = {"factory": "res://net.py:build", "inputs": "x: float32[2,1]"}
    monkeypatch.setenv(LIBRARIES, str(build(project)))
    proved = convert_file(models / "linear_state_dict.pth", project=project, **options)
    assert proved.metadata["accuracy"]["max_relative"] < 1e-5
    build(project, "4.0F")
    with pytest.raises(ImporterError) as caught:
        convert_file(models / "linear_state_dict.pth", project=project, **options)
    assert caught.value.code == "ACCURACY_LOST", caught.value


@pytest.mark.slow
def test_the_commands_take_libraries(library: Path, project: Path, models: Path) -> None:
    source, out = models / "linear_state_dict.pth", project / "out"
    words = [source, "-o", out, "--factory", project / "net.py:build", "--inputs", "x: float32[2,1]"]
    words += ["--cache", project / "cache"]
    assert "OPERATOR_MISSING" in _run("convert", *words).stdout
    done = _run("convert", *words, "--library", library)
    assert done.returncode == 0 and "must ship libtriple.so" in done.stdout, done.stdout + done.stderr
    program = out / "linear_state_dict.pte"
    assert _run("profile", program, "--runs", 5).returncode == 4
    assert _run("profile", program, "--runs", 5, "--library", library).returncode == 0
    compared = _run("compare", program, program, "--library", library)
    assert compared.returncode == 0 and "no difference" in compared.stdout, compared.stderr
    assert _run("compare", program, program, "--library", project / "libnothing.so").returncode == 2


@pytest.mark.slow
def test_a_script_loads_a_library(library: Path, project: Path, models: Path) -> None:
    """Also after a conversion, whose warm process does not know it."""
    script = (
        "import sys, torch, godot_executorch as ge\n"
        "library, weights, factory, cache = sys.argv[1:]\n"
        "ge.convert(torch.nn.Linear(1, 1), torch.rand(2, 1), recipe='portable', cache=cache)\n"
        "ge.load_library(library)\n"
        "made = ge.convert(weights, 'x: float32[2,1]', factory=factory, cache=cache)\n"
        "print(ge.Program(made)(torch.tensor([[2.5], [0.0]]))['output_0'].tolist())\n"
    )
    words = [library, models / "linear_state_dict.pth", f"{project / 'net.py'}:build", project / "cache"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    assert done.stdout.strip() == "[[24.0], [9.0]]", done.stdout + done.stderr


def test_a_library_that_is_not_there(project: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LIBRARIES, str(project / "libnothing.so"))
    with pytest.raises(ImporterError) as caught:
        convert(models / "linear_portable.pte", project=None, cache=Cache(project / "cache"), options=ImportOptions())
    assert caught.value.code == "LIBRARY_NOT_LOADED" and "libnothing.so" in caught.value.cause


def library_of(folder: Path, kind: str) -> Path:
    """A file that is not a library, and one that ends the process that loads it."""
    place = folder / f"lib{kind}.so"
    if kind == "text":
        place.write_text("not a library", encoding="utf-8")
    else:
        (folder / "crash.c").write_text(
            f"#include <stdlib.h>\n__attribute__((constructor)) static void boom(void) {{ {kind}; }}\n",
            encoding="utf-8",
        )
        place = folder / "libcrash.so"
        subprocess.run(["cc", "-shared", "-fPIC", folder / "crash.c", "-o", place], check=True)
    return place


@pytest.mark.parametrize(
    ("kind", "reason"),
    [("text", "file too short"), ("abort()", "loads it ends (SIGABRT)"), ("_Exit(0)", "loads it ends (exit status 0)")],
)
def test_a_library_that_does_not_load(
    project: Path, models: Path, monkeypatch: pytest.MonkeyPatch, kind: str, reason: str
) -> None:
    """It is not the model's fault, so that no other recipe is tried."""
    bad = library_of(project, kind)
    monkeypatch.setenv(LIBRARIES, str(bad))
    for source in (models / "linear_portable.pte", models / "linear.pt"):
        with pytest.raises(ImporterError) as caught:
            convert(source, project=None, cache=Cache(project / "cache"), options=ImportOptions())
        assert caught.value.code == "LIBRARY_NOT_LOADED" and exit_status(caught.value) == 2
        assert str(bad) in caught.value.cause and reason in caught.value.cause, caught.value.cause
        assert "Build it again" in caught.value.remedy and "AUTO" not in caught.value.remedy


@pytest.mark.slow
def test_commands_with_a_library_that_does_not_load(project: Path, models: Path) -> None:
    program, text, crash = models / "linear_portable.pte", library_of(project, "text"), library_of(project, "abort()")
    np.savez(project / "data.npz", input_0=np.zeros((2, 1)), target=np.zeros((2, 1)))
    for words in (["compare", program, program], ["evaluate", program, "--inputs", project / "data.npz"]):
        for bad in (text, crash):
            done = _run(*words, "--library", bad)
            assert done.returncode == 2 and f"LIBRARY_NOT_LOADED: The kernel library {bad}" in done.stderr, done.stderr
    done = _run("profile", program, "--library", text)
    assert done.returncode == 2 and "LIBRARY_NOT_LOADED" in done.stderr
    done = _run("profile", program, "--library", crash)
    assert f"died in stage `load`, loading the kernel library {crash}" in done.stderr and "SIGABRT" in done.stderr


def test_a_module_with_an_operator_of_ones_own(
    library: Path, project: Path, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is exported in this process, and converted in another one, which gets the operator from the factory's file."""
    script = project / "script.py"
    script.write_text(
        "import sys, torch, net, godot_executorch as ge\n"
        "ge.load_library(sys.argv[1])\n"
        "example = torch.rand(2, 1)\n"
        "try:\n"
        "    ge.convert(net.build(), example, cache='cache')\n"
        "except ge.ConversionError as error:\n"
        "    print(error)\n"
        "made = ge.convert(net.build(), example, cache='cache', factory='net.py')\n"
        "print(made.metadata.as_dict['methods'][0]['operators']['custom::triple.out'], made.metadata.notes[-1])\n",
        encoding="utf-8",
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(script), str(library)]
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True, timeout=300)
    refused, made = done.stdout.splitlines()
    assert refused.startswith("OPERATOR_UNDECLARED: net.pt2 calls custom::triple, an operator that torch does not have")
    assert "torch.library" in refused and "a Python file in factory" in refused
    assert made.startswith("1 The game must ship libtriple.so"), done.stderr


def _run(*words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "import sys; from godot_executorch.command import main; sys.exit(main())"]
    return subprocess.run([*command, *map(str, words)], cwd=ROOT, capture_output=True, text=True, timeout=300)
