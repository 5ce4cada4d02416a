"""The demo: the sample project imported headless from a clean state, and run in a real Godot."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

from tasks import environment, project
from tasks.console import LOGS, StepFailed, step


def run_demo() -> int:
    """Import and run the sample project; the last line is `demo: ok`. Returns the exit status."""
    found = project.ensure_ready()
    title = "import the sample project" if not (project.SAMPLE / ".godot").exists() else "check the imported files"
    with step(title):
        _godot(str(found.program), "--import", timeout=1200, echo=False)
    print()
    output = _godot(str(found.program), "--", "--report", timeout=300, echo=True)
    if not output.rstrip().endswith("demo: ok"):
        raise StepFailed("the demo scene did not end with `demo: ok`", "read what it printed above")
    return 0


def _godot(program: str, *arguments: str, timeout: float, echo: bool) -> str:
    """Run Godot on the sample project; its output is kept in a log. Raises StepFailed when it fails."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "demo.log"
    command = [program, "--headless", "--path", str(project.SAMPLE), *arguments]
    process = subprocess.Popen(
        command,
        env={**os.environ, "EXECUTORCH_PYTHON": str(environment.PYTHON)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        raw, _ = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raw, _ = process.communicate()
    output = raw.decode(errors="replace")
    log.write_text(output, encoding="utf-8")
    shown = "\n".join(line for line in output.splitlines() if not line.startswith(("Godot Engine", "   at:")))
    if process.returncode != 0:
        tail = "\n".join(shown.splitlines()[-40:])
        raise StepFailed(f"Godot ended with status {process.returncode}:\n{tail}", "", log)
    if echo:
        print(shown.strip())
        sys.stdout.flush()
    return output
