"""`python -m godot_executorch`: the command godot-executorch."""

from __future__ import annotations

import sys

from godot_executorch.command import main

if __name__ == "__main__":
    sys.exit(main())
