"""Makes a virtual environment, installs the requirements and reports each step; can be stopped and resumed.

A plain system interpreter runs this file by its path, with nothing but the standard library:

    python3.12 environment_setup.py

With `--json` every line of its output is `{"stage", "fraction", "message"}`, and the last one is
`{"result": {"executable"}}` or `{"error": {"code", "cause", "remedy", "stage", "log"}}`. Run again after an
interruption it goes on where it was.
"""

from __future__ import annotations

import sys

if __name__ == "__main__":
    # Run by its path this file brings its folder along, whose names must not be taken for the standard library's.
    if not getattr(sys.flags, "safe_path", False):
        del sys.path[0]
    import os

    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120

import argparse
import contextlib
import json
import os
import re
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

from python_backend.wrong_python import RANGE, is_supported, user_folder

STAGES = {"venv": 0.0, "download": 0.05, "install": 0.75, "check": 0.95, "done": 1.0}
"""The stages and where each begins, as a part of the whole."""
MARKER = ".executorch-environment"
NEEDED_BYTES = 3_000_000_000
"""The space for torch, executorch and pip's copies of them."""
DEFAULT_REQUIREMENTS = Path(__file__).parent.parent / "requirements.txt"

_EXPECTED_PACKAGES = 50
_NETWORK = re.compile(
    r"NewConnectionError|NameResolutionError|ConnectTimeout|ReadTimeout|ProxyError|Could not fetch URL"
    r"|Connection (refused|reset|broken)|Network is unreachable|Temporary failure in name resolution|Max retries"
)
_SPACE = re.compile(r"No space left on device|Errno 28|not enough space|Disk quota exceeded")

Report = Callable[[str, float, str], None]


class SetupError(Exception):
    """An environment could not be made."""

    def __init__(self, code: str, cause: str, remedy: str, log: str = "") -> None:
        super().__init__(cause)
        self.code, self.cause, self.remedy, self.log = code, cause, remedy, log


def set_up(folder: Path, requirements: Path, wheels: Path | None, report: Report) -> Path:
    """The interpreter of a working environment in `folder`. report: gets a fraction of the whole. Raises SetupError."""
    if not is_supported():
        version = ".".join(map(str, sys.version_info[:3]))
        cause = f"Python {version} at {sys.executable} cannot be used: {RANGE} is needed."
        raise SetupError("SETUP_PYTHON_UNSUPPORTED", cause, "Choose another interpreter, or install Python 3.12.")
    names = _requirement_names(requirements)
    _require_space(folder, NEEDED_BYTES if "torch" in names else 50_000_000)
    report("venv", STAGES["venv"], f"A virtual environment in {folder}")
    python = _make_venv(folder)
    report("download", STAGES["download"], "Asking for the packages")
    _install(python, requirements, wheels, report)
    report("check", STAGES["check"], "Importing what was installed")
    _check(python, names)
    report("done", STAGES["done"], f"Ready: {python}")
    return python


def main(arguments: list[str]) -> int:
    """The command line; an exit status."""
    parser = argparse.ArgumentParser(description="Make a Python environment that converts models.")
    words = "the folder for the environment (default: the one that the editor looks for, %(default)s)"
    parser.add_argument("--folder", type=Path, default=Path(user_folder()), help=words)
    parser.add_argument("--requirements", type=Path, default=DEFAULT_REQUIREMENTS)
    parser.add_argument("--wheels", type=Path, help="install from this folder of wheels, without a network")
    parser.add_argument("--json", action="store_true", help="one JSON object on each line")
    parser.add_argument("--end-with-stdin", action="store_true", help="stop when the standard input closes")
    known = parser.parse_args(arguments)
    if known.end_with_stdin:
        threading.Thread(target=_end_with_stdin, daemon=True).start()
    stage = "venv"

    def report(name: str, fraction: float, message: str) -> None:
        nonlocal stage
        stage = name
        _print({"stage": name, "fraction": round(fraction, 4), "message": message}, message, known.json)

    try:
        python = set_up(known.folder.absolute(), known.requirements.absolute(), known.wheels, report)
    except (SetupError, OSError) as error:
        failure = error if isinstance(error, SetupError) else _from_os(error)
        told = {"code": failure.code, "cause": failure.cause, "remedy": failure.remedy, "stage": stage}
        text = f"{failure.log}\n{failure.code}: {failure.cause}\n{failure.remedy}"
        _print({"error": {**told, "log": failure.log}}, text, known.json)
        return 1
    _print({"result": {"executable": str(python)}}, "", known.json)
    return 0


def _print(message: dict[str, object], text: str, as_json: bool) -> None:
    if as_json or text:
        print(json.dumps(message) if as_json else text, flush=True)


def _requirement_names(requirements: Path) -> list[str]:
    try:
        lines = requirements.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        cause = f"The requirements cannot be read: {error}"
        raise SetupError("SETUP_NO_REQUIREMENTS", cause, "Install the complete addon again.") from error
    matches = (re.match(r"\s*([A-Za-z0-9._-]+)", line.partition("#")[0]) for line in lines)
    return [match.group(1).lower() for match in matches if match]


def _require_space(folder: Path, needed: int) -> None:
    place = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(place).free
    if free < needed and not _is_finished(folder):
        cause = f"{place} has {free / 1e9:.1f} GB free; the packages need {needed / 1e9:.1f} GB."
        raise SetupError("SETUP_NO_SPACE", cause, "Free some space, or choose a folder on another disk.")


def _is_finished(folder: Path) -> bool:
    return (folder / MARKER).exists() and (folder / MARKER).read_text(encoding="ascii") == "finished"


def _make_venv(folder: Path) -> Path:
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if (folder / MARKER).exists() and _works(python):
        return python
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        cause = f"{folder} has other files in it; they are left alone."
        raise SetupError("SETUP_FOLDER_IN_USE", cause, "Choose an empty folder, or a new one.")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARKER).write_text("begun", encoding="ascii")
    output = _Output()
    status = _run([sys.executable, "-I", "-m", "venv", str(folder)], output.append)
    if status:
        log = "\n".join(output)
        if _SPACE.search(log):
            raise SetupError("SETUP_NO_SPACE", f"The disk of {folder} is full.", "Free some space and try again.", log)
        minor = f"{sys.version_info[0]}.{sys.version_info[1]}"
        cause = f"Python at {sys.executable} cannot make virtual environments: {_last(output)}"
        remedy = f"On Debian and Ubuntu: sudo apt install python{minor}-venv. Or choose another interpreter."
        raise SetupError("SETUP_NO_VENV", cause, remedy, log)
    return python


def _works(python: Path) -> bool:
    code = "import sys, pip; print(sys.version_info[:2])"
    try:
        found = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return found.returncode == 0 and found.stdout.strip() == str(tuple(sys.version_info[:2]))


def _install(python: Path, requirements: Path, wheels: Path | None, report: Report) -> None:
    pip = [str(python), "-I", "-m", "pip", "--disable-pip-version-check", "--no-input"]
    if wheels is None and _pip_version(python) < (24, 1):
        # Newer pips report the bytes of a download; without one the bar only moves from package to package.
        _run([*pip, "install", "--quiet", "--upgrade", "pip"], lambda line: None)
    options = [
        "--progress-bar",
        "raw" if _pip_version(python) >= (24, 1) else "off",
        "--retries",
        "3",
        "--timeout",
        "20",
    ]
    if wheels is not None:
        options += ["--no-index", "--find-links", str(wheels)]
    output, reader = _Output(), _PipOutput(report)

    def line(text: str) -> None:
        if not text.startswith("Progress "):
            output.append(text)
        reader.read(text)

    status = _run([*pip, "install", *options, "--requirement", str(requirements)], line)
    if status:
        raise _pip_error(output, status)


def _pip_version(python: Path) -> tuple[int, ...]:
    code = "import pip; print(pip.__version__)"
    found = subprocess.run([str(python), "-I", "-c", code], capture_output=True, text=True, timeout=60, check=False)
    return tuple(int(number) for number in re.findall(r"\d+", found.stdout)[:2])


def _pip_error(output: _Output, status: int) -> SetupError:
    log = "\n".join(output)
    if _SPACE.search(log):
        return SetupError(
            "SETUP_NO_SPACE", "The disk is full.", "Free some space and try again; it continues from here.", log
        )
    if _NETWORK.search(log):
        cause = f"The packages cannot be fetched: {_last(output)}"
        remedy = "Check the network (and `pip config list` for a proxy) and try again; it continues from here."
        return SetupError("SETUP_NO_NETWORK", cause, remedy, log)
    missing = re.search(r"No matching distribution found for (.+)", log)
    if missing:
        cause = f"There is no package {missing.group(1)} for this Python and this machine."
        return SetupError("SETUP_NO_PACKAGE", cause, f"Choose another Python ({RANGE}).", log)
    return SetupError(
        "SETUP_FAILED", f"pip ended with status {status}: {_last(output)}", "The log has the reason.", log
    )


def _check(python: Path, names: list[str]) -> None:
    modules = [module for name, module in (("torch", "torch"), ("executorch", "executorch.exir")) if name in names]
    code = f"import importlib, importlib.metadata as m; [m.version(n) for n in {names!r}]; "
    code += f"[importlib.import_module(n) for n in {modules!r}]"
    output = _Output()
    if _run([str(python), "-I", "-c", code], output.append):
        cause = f"The packages were installed, but do not work: {_last(output)}"
        remedy = f"Delete the folder {python.parent.parent} and set up again."
        raise SetupError("SETUP_BROKEN", cause, remedy, "\n".join(output))
    (python.parent.parent / MARKER).write_text("finished", encoding="ascii")


class _PipOutput:
    """Turns pip's lines into progress that never goes back."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._packages = 0
        self._stage = "download"
        self._file = ""

    def read(self, text: str) -> None:
        if text.startswith("Looking in "):
            return
        progress = re.fullmatch(r"Progress (\d+) of (\d+)", text)
        within = 0.0
        if progress:
            done, total = int(progress.group(1)), max(1, int(progress.group(2)))
            within, text = done / total, f"{self._file}: {done / 1e6:.1f} of {total / 1e6:.1f} MB"
        elif text.startswith(("Collecting ", "Processing ", "Requirement already satisfied")):
            self._packages += 1
        elif text.lstrip().startswith("Downloading "):
            self._file = text.split()[1].rpartition("/")[2].split("-")[0]
        elif text.startswith("Installing collected packages"):
            self._stage = "install"
        # The package that requires another, and the path of its file, only make the lines long.
        text = re.sub(r" \(from .*|\S+/(?=[^/\s]+\.(?:whl|tar\.gz)\b)", "", text)
        begin, end = (STAGES["download"], STAGES["install"]) if self._stage == "download" else (STAGES["install"], 0.9)
        part = min(1.0, (self._packages + within) / _EXPECTED_PACKAGES) if self._stage == "download" else 0.0
        self._report(self._stage, begin + (end - begin) * part, text.strip()[:300])


class _Output(deque):  # type: ignore[type-arg]
    """The last lines of a program."""

    def __init__(self) -> None:
        super().__init__(maxlen=300)


def _run(command: list[str], line: Callable[[str], None]) -> int:
    """Run a program, give its output line by line; its exit status. It never outlives us (`_end_group`)."""
    environment = {**os.environ, "PYTHONUNBUFFERED": "1", "PIP_NO_COLOR": "1"}
    environment.pop("PYTHONPATH", None)
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment,
        text=True,
        errors="replace",
    )
    assert process.stdout is not None
    with process.stdout as lines:
        for text in _split(lines):
            line(text)
    return process.wait()


def _split(lines: Iterator[str]) -> Iterator[str]:
    for text in lines:
        yield from (part for part in re.split(r"[\r\n]", text) if part)


def _last(output: _Output) -> str:
    errors = [text for text in output if text.startswith("ERROR")]
    return str((errors or list(output) or ["no output"])[-1])[:300]


def _from_os(error: OSError) -> SetupError:
    if error.errno == 28:
        return SetupError("SETUP_NO_SPACE", f"The disk is full: {error}", "Free some space and try again.")
    return SetupError("SETUP_FAILED", str(error), "Choose another folder or interpreter.")


def _end_with_stdin() -> None:
    with contextlib.suppress(OSError):
        while os.read(0, 4096):
            pass
    if sys.platform != "win32":
        from importer.posix import end_own_group

        end_own_group()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
