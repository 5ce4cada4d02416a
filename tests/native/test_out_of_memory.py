"""What the native library does when the system has no memory left: an error, and the game goes on."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tests.godot_projects import GodotProject

SCRIPT = """extends SceneTree

func _init() -> void:
\tvar module: Variant = ClassDB.instantiate(&"ExecuTorchModule")
\tvar image: Image = Image.create_empty(2, 2, false, Image.FORMAT_RGB8)
\tvar values: PackedFloat32Array = module.image_to_tensor(image, 16384, 16384)
\tprint("values: %d" % values.size())
\tprint("a small one: %d" % (module.image_to_tensor(image, 2, 2) as PackedFloat32Array).size())
\tquit()
"""
# The limit is under the 3 GB that the picture's values take and over what Godot takes itself.
LIMITED = (
    "import os, resource, sys; resource.setrlimit(resource.RLIMIT_AS, (2500 << 20,) * 2); "
    "os.execv(sys.argv[1], sys.argv[1:])"
)


def test_a_picture_that_does_not_fit_is_an_error(project: Callable[..., GodotProject]) -> None:
    made = project()
    made.import_all()
    (made.path / "out_of_memory.gd").write_text(SCRIPT, encoding="utf-8")
    launcher = made.path / "limited.sh"
    launcher.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{LIMITED}' {made.godot} \"$@\"\n", encoding="utf-8")
    launcher.chmod(0o755)
    limited = GodotProject(made.path, launcher, made.environment)
    run = limited.run("-s", "out_of_memory.gd")
    assert "image_to_tensor: the system has no memory left for it" in run.output, run.output
    assert "values: 0" in run.output
    assert "a small one: 12" in run.output
    assert run.status == 0
