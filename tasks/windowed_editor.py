"""The real editor in a window on a virtual display, where a script of the caller drives it and takes pictures."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tasks import godot as godot_task
from tasks.console import ROOT, StepFailed

PLUGIN = Path(__file__).with_suffix(".gd")
THEMES = {"dark": "Default", "light": "Light"}
SCALES = {"100": 2, "200": 6}  # values of the editor setting interface/editor/display_scale


@dataclass(frozen=True)
class Look:
    """One way the editor can look."""

    theme: str
    scale: str

    @property
    def suffix(self) -> str:
        """The end of a picture's name: dark, light, dark-200, light-200."""
        return self.theme if self.scale == "100" else f"{self.theme}-{self.scale}"

    @property
    def size(self) -> tuple[int, int]:
        """The editor window's pixels."""
        return (1600, 900) if self.scale == "100" else (3200, 1800)


def make_project(path: Path, scripts: Sequence[Path], models: Sequence[Path] = ()) -> Path:
    """A copy of the sample project, imported, with the addon linked and `scripts` in addons/executorch_shots/."""
    shutil.copytree(
        ROOT / "sample_project",
        path,
        ignore=shutil.ignore_patterns(".godot", "addons", "training", "export_presets.cfg"),
    )
    (path / "addons").mkdir()
    (path / "addons" / "executorch").symlink_to(ROOT / "addons" / "executorch", target_is_directory=True)
    for model in models:
        shutil.copy(model, path / "models")
    shots = path / "addons" / "executorch_shots"
    shots.mkdir()
    shutil.copyfile(PLUGIN, shots / "plugin.gd")
    for script in scripts:
        shutil.copyfile(script, shots / script.name)
    (shots / "plugin.cfg").write_text(
        '[plugin]\nname="Shots"\ndescription=""\nauthor=""\nversion="1"\nscript="plugin.gd"\n', encoding="utf-8"
    )
    settings = path / "project.godot"
    text = settings.read_text(encoding="utf-8")
    text = text.replace(
        'executorch/plugin.cfg")', 'executorch/plugin.cfg", "res://addons/executorch_shots/plugin.cfg")'
    )
    cache = ROOT / ".cache" / "test_artifacts"
    settings.write_text(f'{text}\n[executorch]\n\nimport/cache_path="{cache}"\n', encoding="utf-8")
    program = godot_task.ensure().program
    output, status = godot_task.run_headless(program, path, "--import", timeout=300, env=_environment(path))
    if status != 0:
        raise StepFailed(f"Godot did not import the project (status {status}):\n{output[-4000:]}")
    return path


def take(project: Path, look: Look, script: str, out: Path, names: Sequence[str] = (), timeout: float = 420) -> str:
    """Open the editor in a look, call `take_all(names)` of a script, and return what Godot printed."""
    environment = {
        "EXECUTORCH_SHOTS_SCRIPT": f"res://addons/executorch_shots/{script}",
        "EXECUTORCH_SHOTS": ",".join(names) or "all",
        "EXECUTORCH_SHOTS_OUT": str(out),
        "EXECUTORCH_SHOTS_SUFFIX": look.suffix,
    }
    output, status = run_windowed(project, look, [], environment, timeout)
    if status != 0 or "@@SHOTS DONE" not in output:
        raise StepFailed(f"the editor ended with status {status}:\n{output[-6000:]}")
    return output


def run_windowed(
    project: Path, look: Look, arguments: Sequence[str], environment: Mapping[str, str], timeout: float
) -> tuple[str, int]:
    """Open the editor in a window of a display of its own; what it printed and its exit status (-9: it was killed)."""
    godot = godot_task.ensure()
    _write_editor_settings(project, look, godot.version)
    width, height = look.size
    with display(width, height) as name:
        variables = {**_environment(project), **godot_task.display_environment(), "DISPLAY": name, **environment}
        command: list[str | Path] = [godot.program, "--editor", "--path", project, *arguments]
        command += ["--rendering-driver", "opengl3", "--audio-driver", "Dummy"]
        command += ["--windowed", "--resolution", f"{width}x{height}", "--position", "0,0"]
        return godot_task.run_to_end(command, timeout=timeout, env=variables)


@contextmanager
def display(width: int, height: int) -> Iterator[str]:
    """A virtual X display of at least this size; yields its name."""
    if shutil.which("Xvfb") is None:
        raise StepFailed("there is no Xvfb for a virtual display", "install the package xvfb")
    read, write = os.pipe()
    process = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", f"{width}x{height}x24", "-nolisten", "tcp"],
        pass_fds=(write,),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        number = os.read(read, 16).decode().strip()
        if not number:
            raise StepFailed("Xvfb did not start")
        yield f":{number}"
    finally:
        os.close(read)
        process.terminate()
        process.wait(timeout=10)


def _environment(project: Path) -> dict[str, str]:
    """A home folder beside the project: editor settings stay there, and no picture shows a path of this machine."""
    home = project.parent / "home"
    python = home / ".venv"
    if not python.is_symlink():
        home.mkdir(exist_ok=True)
        python.symlink_to(ROOT / ".venv", target_is_directory=True)
    return {
        "HOME": str(home),
        "PATH": f"{python / 'bin'}:/usr/bin",
        "XDG_DATA_HOME": str(home / ".local" / "share"),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_CACHE_HOME": str(home / ".cache"),
    }


def _write_editor_settings(project: Path, look: Look, version: str) -> None:
    major, minor = version.split(".")[:2]
    values: Mapping[str, str] = {
        "interface/editor/display_scale": str(SCALES[look.scale]),
        "interface/editor/single_window_mode": "true",
        "interface/editor/editor_screen": "0",
        "interface/editor/update_continuously": "true",
        "interface/editor/automatically_open_screenshots": "false",
        "interface/theme/preset": f'"{THEMES[look.theme]}"',
        "interface/theme/color_preset": f'"{THEMES[look.theme]}"',
        "interface/theme/follow_system_theme": "false",
        "network/connection/check_for_updates": "0",
        "export/android/debug_keystore": '""',
    }
    text = '[gd_resource type="EditorSettings" format=3]\n\n[resource]\n'
    text += "".join(f"{name} = {value}\n" for name, value in values.items())
    folder = Path(_environment(project)["XDG_CONFIG_HOME"]) / "godot"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"editor_settings-{major}.{minor}.tres").write_text(text, encoding="utf-8")
