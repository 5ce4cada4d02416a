"""What a page points at is there: links, headings, pictures, and files of the tree that its text names."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, prose
from tests.godot_projects import ROOT

FILE = re.compile(r"`([\w.-]+(?:/[\w.-]+)+\.(?:py|gd|cpp|h|md|json|cfg|txt|toml)|[\w-]+(?:/[\w-]+)+/)`")
# Names of a reader's own project, and of what a build or an import makes.
NOT_OURS = re.compile(r"^(models|build|dist|my_\w+|addons/executorch/(bin|python))/|^executorch-godot/|^\.")


def anchors(page: Path) -> set[str]:
    """The names by which links reach a page's headings."""
    titles = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"https?://", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path) if path else page
        if not linked.exists() or (anchor and anchor not in anchors(linked)):
            broken.append(target)
    assert broken == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_files_that_the_text_names_exist(page: Path) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    missing = []
    for name in FILE.findall(prose(page)):
        if NOT_OURS.match(name):
            continue
        # A name may begin inside a component: `editor/profiler/data/`.
        pattern = rf"^(?:.*/)?{re.escape(name)}" + ("" if name.endswith("/") else "$")
        if not re.search(pattern, tracked, re.MULTILINE):
            missing.append(name)
    assert missing == []
