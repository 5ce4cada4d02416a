"""Make an import library of `executorch.dll` with what our objects need of ExecuTorch. Needs binutils' nm."""

from __future__ import annotations

import argparse
import re
import subprocess
from pathlib import Path

# Itanium names of ExecuTorch's namespaces, with those of its virtual tables and types; and its C functions.
OF_EXECUTORCH = re.compile(r"_Z(?:N[KVRO]*|TV|TI|TS|GV)?N?[KVRO]*(?:10executorch|5torch8executor|3c10)|et_pal_|ET_")
DATA = re.compile(r"_ZT[VIS]")


def main() -> None:
    """Write the list of symbols (`.def`) and the import library beside it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dlltool", required=True)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    names = needed(given.files)
    definition = given.output.with_suffix(".def")
    lines = [f"  {name}{' DATA' if DATA.match(name) else ''}" for name in names]
    definition.write_text("\n".join(["LIBRARY executorch.dll", "EXPORTS", *lines, ""]), encoding="utf-8")
    machine = ["-m", "i386:x86-64"]
    subprocess.run([given.dlltool, *machine, "-d", definition, "-l", given.output], check=True)


def needed(files: list[str]) -> list[str]:
    """The symbols of ExecuTorch that are in none of the files and that one of them names."""
    listed = subprocess.run(["nm", "-P", *files], capture_output=True, text=True, check=True).stdout
    undefined, defined = set[str](), set[str]()
    for line in listed.splitlines():
        words = line.split()
        if len(words) >= 2 and len(words[1]) == 1:
            (undefined if words[1] in "Uw" else defined).add(words[0])
    return sorted(name for name in undefined - defined if OF_EXECUTORCH.match(name))


if __name__ == "__main__":
    main()
