"""Pictures of the addon in a real editor with a window, and the tests that need one."""

from pathlib import Path

HERE = Path(__file__).parent
SCRIPTS = [*sorted(HERE.glob("*.gd")), *sorted(HERE.glob("*.tscn")), HERE.parent / "editor" / "programs.gd"]
