"""Other SDKs than the whole wheel: one without XNNPACK, quantized kernels and event tracer, and one from source."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest

from tasks import native
from tasks.cross import extension_file, sdk, targets
from tasks.godot import run_headless

pytestmark = pytest.mark.slow

PREFIX = os.environ.get("EXECUTORCH_PREFIX", "")
MISSING = ("backend_xnnpack", "kernels_quantized", "etdump")
SCRIPT = """extends SceneTree


func _initialize() -> void:
	var module: RefCounted = ClassDB.instantiate(&"ExecuTorchModule")
	print("backends ", module.get_backends())
	module.enable_profiling(true)
	print("loaded ", module.load_from_file(ProjectSettings.globalize_path("res://linear.pte"), {}))
	print("answer ", module.forward_packed(PackedFloat32Array([2.5])))
	print("dump ", module.save_etdump(ProjectSettings.globalize_path("user://x.etdump")), " ", module.get_last_error())
	quit()
"""


def _smaller(target: Path) -> Path:
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations is not None
    wheel = Path(next(iter(spec.submodule_search_locations)))
    for part in ("include", "share", "lib"):
        shutil.copytree(wheel / part, target / part)
    for name in MISSING:
        (target / "lib" / f"libexecutorch_{name}.so").unlink()
    return target


@pytest.mark.skipif(sys.platform != "linux", reason="the SDK of this machine has other files")
def test_what_the_sdk_lacks_is_absent(tmp_path: Path, godot: Path, models: Path) -> None:
    names, output = _built_and_run(_smaller(tmp_path / "executorch"), tmp_path, godot, models)
    assert "libexecutorch_kernels_optimized.so" in names
    assert not {f"libexecutorch_{name}.so" for name in MISSING} & names
    assert "libgodot_executorch_etdump.so" not in names
    assert "backends []" in output and "does not have the library that writes ETDumps" in output, output
    assert "answer [8.0]" in output, output


@pytest.mark.skipif(not PREFIX, reason="EXECUTORCH_PREFIX names no ExecuTorch that was built and installed")
def test_an_installed_executorch_becomes_one_library(tmp_path: Path, godot: Path, models: Path) -> None:
    """docs/platforms.md says how to build one."""
    assert sdk.check(Path(PREFIX)).startswith("1.")
    names, output = _built_and_run(Path(PREFIX), tmp_path, godot, models)
    assert {name for name in names if name.startswith("libexecutorch")} == {"libexecutorch.so"}
    assert "answer [8.0]" in output, output
    assert ("dump 0" in output) == ("libgodot_executorch_etdump.so" in names), output


def _built_and_run(root: Path, folder: Path, godot: Path, models: Path) -> tuple[set[str], str]:
    """The addon's libraries of an SDK, and what a script prints that runs a program with them."""
    game = folder / "game"
    addon = game / "addons" / "executorch"
    libraries = addon / "bin" / targets.host().folder.name
    options = [f"-DEXECUTORCH_ROOT={root}", f"-DADDON_BIN_DIR={libraries}", f"-DGODOT_HEADER_DIR={native.HEADERS}"]
    native.configure(folder / "build", "-DCMAKE_BUILD_TYPE=Release", *options, "-DDOCTEST_INCLUDE_DIR=")
    native.cmake("--build", folder / "build", "--target", "godot_executorch", log="cmake-build-other-sdk")
    names = {path.name for path in libraries.iterdir()}

    listed = [line for line in extension_file.PATH.read_text(encoding="utf-8").splitlines() if '.so": ""' not in line]
    (addon / "executorch.gdextension").write_text("\n".join(listed), encoding="utf-8")
    (game / "project.godot").write_text("config_version=5\n", encoding="utf-8")
    (game / ".godot").mkdir()
    (game / ".godot" / "extension_list.cfg").write_text("res://addons/executorch/executorch.gdextension\n")
    (game / "run.gd").write_text(SCRIPT, encoding="utf-8")
    shutil.copy(models / "linear_portable.pte", game / "linear.pte")
    output, _ = run_headless(
        godot, game, "--script", "res://run.gd", timeout=60, env={"XDG_DATA_HOME": str(folder / "data")}
    )
    return names, output
