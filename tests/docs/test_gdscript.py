"""Every GDScript block of the pages runs in a game of the sample project, without an error, and prints what it says.

A block that begins with `extends` is a script. One with functions or members continues the script before it on its
page. Any other is the body of `_ready`. `print(...)  # text` must print that text.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pytest

from tests import godot_projects
from tests.docs.pages import Block, blocks
from tests.godot_projects import ROOT
from tests.model_sources import artifact_cache

MEMBER = re.compile(r"^(?:@\w+(?:\(.*\))? )?(?:static )?(?:func|var|const|signal|enum|class)\b", re.MULTILINE)
PRINTS = re.compile(r"^\t*print\(.*\) *# (.+)$", re.MULTILINE)


def scripts() -> dict[str, str]:
    """File name -> source, of all blocks of all pages."""
    found: dict[str, str] = {}
    last: Block | None = None
    name = ""
    for block in blocks("gdscript"):
        text = block.text
        if text.startswith(("extends", "@tool", "class_name")):
            name = _name(block)
            found[name] = text
        elif MEMBER.match(text):
            if last is None or last.page != block.page:
                name = _name(block)
                found[name] = "extends Node\n"
            found[name] += "\n\n" + text
        else:
            found[_name(block)] = "extends Node\n\n\nfunc _ready() -> void:\n" + textwrap.indent(text, "\t")
            continue
        last = block
    return found


def _name(block: Block) -> str:
    return "_".join([*block.page.relative_to(ROOT).with_suffix("").parts, str(block.line)]) + ".gd"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory, godot: Path) -> dict[str, str]:
    """What each script printed, in one game."""
    cache = f'\n[executorch]\n\nimport/cache_path="{artifact_cache()}"\n'
    project = godot_projects.copy_sample(tmp_path_factory.mktemp("docs") / "project", godot, cache)
    folder = project.path / "examples"
    folder.mkdir()
    for name, text in scripts().items():
        # A port of the page may be in use on this machine; 0 takes any. The package has the sample in a folder.
        text = text.replace("start_server(8650)", "start_server(0)").replace("res://executorch_sample/", "res://")
        (folder / name).write_text(text, encoding="utf-8")
    project.add_scene("run_examples", Path(__file__).with_name("run_examples.gd").read_text(encoding="utf-8"))
    found = project.import_all()
    assert found.status == 0, found.output[-6000:]
    run = project.run("res://run_examples.tscn", "--", *(f"res://examples/{name}" for name in scripts()))
    parts = re.split(r"^@@EXAMPLE res://examples/(\S+)$", run.output, flags=re.MULTILINE)
    assert run.status == 0, run.output[-3000:]
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize("name", scripts())
def test_an_example_runs(name: str, outputs: dict[str, str]) -> None:
    output = outputs[name]
    assert [line for line in output.splitlines() if godot_projects.is_error(line)] == [], output
    assert f"@@DONE res://examples/{name}" in output
    for expected in PRINTS.findall(scripts()[name]):
        assert expected.strip() in output


def test_the_pages_have_examples() -> None:
    pages = {block.page.relative_to(ROOT).as_posix() for block in blocks("gdscript")}
    assert {"README.md", "docs/mcp.md", "addons/executorch/README.md"} <= pages
