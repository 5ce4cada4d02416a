"""The pages of the documentation in the package: their links lead to files of it, and everyone may read them."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile

from tasks import package
from tasks.console import ROOT

LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")


def test_every_link_and_picture_is_in_the_package() -> None:
    files = package.documentation_files(package.sample_files())
    pictures = [name for name in files if name.endswith(".png")]
    assert pictures and "images/.gdignore" in files
    missing = []
    for name, content in files.items():
        for target in LINK.findall(content.decode()) if name.endswith(".md") else []:
            inside = posixpath.normpath(target)
            if target.startswith(("https://", "http://")) or inside in files:
                continue
            # The Python packages lie beside the pages' folder.
            packed = target.removeprefix("../python/")
            if packed == target or not (ROOT / packed).exists():
                missing.append(f"{name}: {target}")
    assert missing == []


def test_everyone_may_read_what_is_unzipped() -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        package._write(archive, "page.md", b"text")
    with zipfile.ZipFile(written) as archive:
        assert archive.getinfo("page.md").external_attr >> 16 == 0o100644
        assert archive.read("page.md") == b"text"
