"""What the machine lacks is no fault of the model: exit status 5, the name of what is broken, and what repairs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from importer.errors import broken_package
from tests import json_output

ROOT = Path(__file__).parents[2]
PACKAGES = Path(sysconfig.get_path("purelib"))
Broken = Callable[[str, str], Path]


@pytest.fixture
def broken(tmp_path: Path) -> Broken:
    """An environment in which a module of a package cannot be imported."""

    def make(package: str, module: str) -> Path:
        folder = tmp_path / "site"
        shutil.copytree(PACKAGES / package, folder / package, copy_function=os.symlink)
        for information in PACKAGES.glob(f"{package}-*.dist-info"):
            shutil.copytree(information, folder / information.name)
        (folder / package / module).unlink()
        text = 'raise ImportError("libpart.so: undefined symbol: _Z4part")\n'
        (folder / package / module).write_text(text, encoding="utf-8")
        return folder

    return make


def run(*words: object, site: Path | None = None, code: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *(["-c", code] if code else ["-m", "importer"]), *map(str, words)]
    environment = {**os.environ, **({"PYTHONPATH": str(site)} if site else {})}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("package", "module", "recipe"),
    [
        ("torchao", "quantization/pt2e/quantize_pt2e.py", "xnnpack_int8_static"),
        ("executorch", "backends/xnnpack/partition/xnnpack_partitioner.py", "auto"),
        ("executorch", "kernels/quantized/__init__.py", "portable"),
    ],
)
def test_a_part_of_a_package_cannot_be_imported(
    broken: Broken, models: Path, tmp_path: Path, package: str, module: str, recipe: str
) -> None:
    words = ["convert", models / "linear.pt", "-o", tmp_path / "out", "--cache", tmp_path / "cache"]
    done = run(*words, "--recipe", recipe, "--json", site=broken(package, module))
    (found,) = json_output.read(done.stdout, "convert")["files"]
    assert done.returncode == 5 and found["error"]["code"] == "BROKEN_PACKAGE", found.get("error")
    assert package in found["error"]["cause"]
    assert "undefined symbol" in found["error"]["cause"] + found["error"]["log"]
    assert f" -m pip install --force-reinstall --no-deps {package}==" in found["error"]["remedy"]


@pytest.mark.slow
def test_the_api_and_evaluate_name_the_package_too(broken: Broken, models: Path, tmp_path: Path) -> None:
    site = broken("executorch", "kernels/quantized/__init__.py")
    code = (
        "import godot_executorch as ge, sys\ntry:\n    ge.Program(sys.argv[1])\n"
        "except ge.ConversionError as e:\n    print(e)"
    )
    assert run(models / "linear_xnnpack.pte", site=site, code=code).stdout.startswith("BROKEN_PACKAGE: Python cannot")
    np.savez(tmp_path / "test.npz", input_0=np.zeros((4, 1, 1)), target=np.zeros((4, 1, 1)))
    done = run("evaluate", models / "linear_xnnpack.pte", "--inputs", tmp_path / "test.npz", "--json", site=site)
    assert done.returncode == 5 and "executorch==" in json_output.read(done.stdout, "error")["error"]["remedy"]


@pytest.mark.slow
def test_training_with_quantization_names_the_package_too(broken: Broken) -> None:
    code = (
        "import godot_executorch as ge, torch\ntry:\n    ge.prepare_qat(torch.nn.Linear(2, 2), torch.rand(1, 2))\n"
        "except ge.ConversionError as e:\n    print(e)"
    )
    done = run(site=broken("torchao", "quantization/pt2e/quantize_pt2e.py"), code=code)
    assert done.stdout.startswith("BROKEN_PACKAGE: ") and "torchao==" in done.stdout, done.stderr


def test_a_folder_that_cannot_be_written(models: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    # Not even root makes a folder in the system's view of the processes.
    wrong = {"-o": Path("/proc/inside"), "--cache": tmp_path / "file" / "inside"}
    for option, code in (("-o", "OUTPUT_NOT_WRITABLE"), ("--cache", "CACHE_NOT_WRITABLE")):
        places = {"-o": tmp_path / "out", "--cache": tmp_path / "cache", option: wrong[option]}
        words = [word for pair in places.items() for word in pair]
        done = run("convert", models / "counter.pte", *words, "--json")
        (found,) = json_output.read(done.stdout, "convert")["files"]
        assert done.returncode == 5 and found["error"]["code"] == code, (option, found["error"])
        assert str(wrong[option]) in found["error"]["cause"]
        assert ("cache" in found["error"]["remedy"]) == (option == "--cache")
    done = run("convert", models / "counter.pte", "-o", tmp_path / "file" / "inside", "--json")
    error = json_output.read(done.stdout, "error")["error"]
    assert done.returncode == 2 and error["code"] == "OPTION_INVALID" and "is a file" in error["cause"]


def test_an_import_of_a_persons_own_code_is_no_fault_of_the_environment() -> None:
    try:
        import a_package_of_a_person  # type: ignore[import-not-found]  # noqa: F401
    except ImportError as error:
        assert broken_package(error) is None
    try:
        raise ValueError("something else")
    except ValueError as error:
        assert broken_package(error) is None
