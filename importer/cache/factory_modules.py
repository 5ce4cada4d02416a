"""The project's own files that a factory's file may import or read. The addon finds the same ones: cache_key.gd.

Found without running or parsing: every word of a line with `import` in it that is the name of a module or package
beside the factory, and every text in quotes that is the path of a file from the factory's folder on. That is at times
more than what is used (a needless conversion), and less only for what has a made-up name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from importer.plain_files import read_plain

_MOST_BYTES = 16 << 20
_WORD = re.compile(r"[A-Za-z0-9_]+")
# The closing quote may begin the next text: apostrophes of comments must not put the pairs out of step.
_QUOTED = re.compile(r"""["'](?=([^"'\\\r\n]{1,1000})["'])""")
_OF_RESULTS = (".pte", ".ptd", ".tres", ".py")  # what a conversion writes; modules are found by their imports


def imported_files(factory: Path) -> dict[str, Path]:
    """Path from the factory's folder -> file; of a package, every `.py` file below it."""
    root = factory.parent
    beside = sorted(entry.name for entry in root.iterdir())
    found: dict[str, Path] = {}
    seen = {factory.name}
    unread = [factory]
    while unread:
        for word in _words(unread.pop()):
            for name in (f"{word}.py", word):
                if name in seen or name not in beside:
                    continue
                seen.add(name)
                for inside in _files(root, name):
                    found[inside] = root / inside
                    unread.append(root / inside)
    return found


def named_files(factory: Path) -> dict[str, Path]:
    """Path from the factory's folder -> file, of the files that the factory or a module of `imported_files` names in
    quotes: `Path(__file__).with_name("config.json")`. Links and hidden files are left out."""
    found = {}
    for source in (factory, *imported_files(factory).values()):
        for text in _QUOTED.findall(_text(source)):
            name = text.removeprefix("./")
            parts = name.split("/")
            is_plain = not any(part in ("", "..") or part.startswith(".") or ":" in part for part in parts)
            if is_plain and not name.lower().endswith(_OF_RESULTS) and _is_file(factory.parent, parts):
                found[name] = factory.parent / name
    return found


def _is_file(root: Path, parts: list[str]) -> bool:
    """Whether a path without a link on it leads to a file."""
    try:
        for part in parts:
            root = root / part
            if root.is_symlink():
                return False
        return root.is_file()
    except (OSError, ValueError):  # too long a name
        return False


def _text(path: Path) -> str:
    """What is larger than source, or is not a plain file, names nothing; the key has its hash, or says why not."""
    try:
        return read_plain(path, _MOST_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _words(path: Path) -> set[str]:
    text = _text(path).replace("\\\r\n", " ").replace("\\\n", " ")
    return {word for line in text.split("\n") if "import" in line for word in _WORD.findall(line)}


def _files(root: Path, name: str) -> Iterator[str]:
    """A module itself, or the modules below a package. Links to folders are not followed, hidden names left out."""
    if (root / name).is_file():
        if name.endswith(".py"):
            yield name
        return
    if (root / name).is_symlink():
        return
    for folder, folders, files in os.walk(root / name):
        folders[:] = [inner for inner in folders if not inner.startswith(".")]
        modules = (file for file in files if file.endswith(".py") and not file.startswith("."))
        yield from ((Path(folder) / file).relative_to(root).as_posix() for file in modules)
