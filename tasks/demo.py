"""The demo: imports the sample project headless, and runs it in a real Godot."""

from __future__ import annotations

from pathlib import Path

from tasks import environment, godot, project
from tasks.console import LOGS, StepFailed, step


def run_demo() -> int:
    """Import and run the sample project; the last line is `demo: ok`. Returns the exit status."""
    found = project.ensure_ready()
    title = "import the sample project" if not (project.SAMPLE / ".godot").exists() else "check the imported files"
    with step(title):
        _godot(found.program, "--import", timeout=1200, echo=False)
    print()
    output = _godot(found.program, "--", "--report", timeout=300, echo=True)
    if not output.rstrip().endswith("demo: ok"):
        raise StepFailed("the demo scene did not end with `demo: ok`", "read what it printed above")
    return 0


def _godot(program: Path, *arguments: str, timeout: float, echo: bool) -> str:
    """Run Godot on the sample project; its output is kept in a log. Raises StepFailed when it fails."""
    environment_of_demo = {"EXECUTORCH_PYTHON": str(environment.PYTHON)}
    output, status = godot.run_headless(program, project.SAMPLE, *arguments, timeout=timeout, env=environment_of_demo)
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / "demo.log"
    log.write_text(output, encoding="utf-8")
    shown = "\n".join(line for line in output.splitlines() if not line.startswith(("Godot Engine", "   at:")))
    if status != 0:
        tail = "\n".join(shown.splitlines()[-40:])
        raise StepFailed(f"Godot ended with status {status}:\n{tail}", "", log)
    if echo:
        print(shown.strip(), flush=True)
    return output
