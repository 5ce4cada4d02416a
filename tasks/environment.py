"""The virtual environment .venv with everything that the Python packages, the build and the tests need."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import venv
from pathlib import Path

from python_backend.wrong_python import RANGE, is_supported
from tasks.console import LOGS, ROOT, StepFailed, megabytes, size_of, step

FOLDER = ROOT / ".venv"
PYTHON = FOLDER / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
REQUIREMENTS = (ROOT / "requirements.txt", ROOT / "requirements-dev.txt")
STAMP = FOLDER / "requirements.sha256"


def ensure() -> None:
    """Make .venv and install the requirements, unless they are installed."""
    if is_ready():
        return
    check_python()
    if not PYTHON.exists():
        with step(f"virtual environment in {FOLDER.name} (Python {sys.version.split()[0]})"):
            venv.create(FOLDER, with_pip=True, clear=FOLDER.exists())
    with step("Python packages (torch and executorch are large: about 1.7 GB on disk)"):
        # torch first and alone: another package must not pull a different build of it.
        torch = next(line for line in REQUIREMENTS[0].read_text().splitlines() if line.startswith("torch=="))
        _pip("install", torch)
        _pip("install", *(word for file in REQUIREMENTS for word in ("-r", str(file))))
    STAMP.write_text(_digest(), encoding="utf-8")
    print(f"  ok {megabytes(size_of(FOLDER))} in {FOLDER.name}")


def is_ready() -> bool:
    """Whether .venv has the packages of the requirements."""
    return PYTHON.exists() and STAMP.exists() and STAMP.read_text(encoding="utf-8") == _digest()


def enter(arguments: list[str]) -> None:
    """Continue with .venv's Python, unless this process runs it."""
    if Path(sys.prefix).resolve() != FOLDER.resolve():
        sys.stdout.flush()
        if os.name == "nt":
            sys.exit(subprocess.call([PYTHON, *arguments]))
        os.execv(PYTHON, [str(PYTHON), *arguments])


def check_python() -> None:
    """Raise StepFailed when this Python is too old or too new for torch and executorch."""
    if not is_supported():
        found = ".".join(map(str, sys.version_info[:3]))
        raise StepFailed(
            f"Python {found} is not supported: torch and executorch need {RANGE}",
            "run `python3.12 dev.py ...`, or install one (`apt-get install python3.12 python3.12-venv`)",
        )


def _digest() -> str:
    return hashlib.sha256(b"\n".join(file.read_bytes() for file in REQUIREMENTS)).hexdigest()


def _pip(*arguments: str) -> None:
    command = [str(PYTHON), "-m", "pip", "--disable-pip-version-check", "--no-input", *arguments]
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "pip.log"
    with log.open("ab") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        done = threading.Event()
        reporter = threading.Thread(target=_report_growth, args=(done,), daemon=True)
        reporter.start()
        status = process.wait()
        done.set()
        reporter.join()
    if status != 0:
        tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-15:])
        raise StepFailed(f"pip failed:\n{tail}", "correct what the log reports and run the same command again", log)


def _report_growth(done: threading.Event) -> None:
    seconds = 0
    while not done.wait(15):
        seconds += 15
        print(f"     {seconds} s, {megabytes(size_of(FOLDER))} so far", flush=True)
