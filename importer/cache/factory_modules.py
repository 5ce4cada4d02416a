"""The project's own modules that a factory's file may import. The addon finds the same ones: cache_key.gd.

Found without running or parsing: every word of a line with `import` in it that is the name of a module or package
beside the factory. That is at times more than what is imported (a needless conversion), and less only for what is
imported by a made-up name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from importer.plain_files import read_plain

_MOST_BYTES = 16 << 20
_WORD = re.compile(r"[A-Za-z0-9_]+")


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


def _words(path: Path) -> set[str]:
    """What is larger than source, or is not a plain file, imports nothing; the key has its hash, or says why not."""
    try:
        data = read_plain(path, _MOST_BYTES)
    except OSError:
        return set()
    text = data.decode("utf-8", "replace").replace("\\\r\n", " ").replace("\\\n", " ")
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
