"""Writes the tables behind core/text/unicode, from Python's unicodedata: no library has to be installed for them."""

from __future__ import annotations

import sys
import unicodedata
from pathlib import Path

LAST = 0x110000
PAGE = 256
# In the order of enum class Category.
CATEGORIES = (
    *("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe", "Pi", "Pf", "Po"),
    *("Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"),
)
HANGUL = range(0xAC00, 0xD7A4)  # composed by arithmetic


def decomposition(code: int, compatible: bool) -> list[int]:
    """The full decomposition; empty where a character stays itself."""
    if code in HANGUL or 0xD800 <= code < 0xE000:
        return []
    text = unicodedata.normalize("NFKD" if compatible else "NFD", chr(code))
    return [] if text == chr(code) else [ord(character) for character in text]


def compositions() -> list[tuple[int, int, int]]:
    """(first, second, composed), sorted; without those that Unicode excludes."""
    found = []
    for code in range(LAST):
        parts = unicodedata.decomposition(chr(code))
        pair = [] if not parts or parts.startswith("<") else [int(part, 16) for part in parts.split()]
        if len(pair) == 2 and unicodedata.normalize("NFC", chr(code)) == chr(code):
            found.append((pair[0], pair[1], code))
    return sorted(found)


def array(kind: str, name: str, values: list[int]) -> str:
    rows = [", ".join(map(str, values[start : start + 20])) for start in range(0, len(values), 20)]
    return f"const {kind} {name}[] = {{\n    " + ",\n    ".join(rows) + "\n};\n"


def properties() -> str:
    """Two stages: a page for each 256 characters, equal pages once; a byte says which record holds for a character."""
    records: dict[tuple[int, int], int] = {}
    pages: dict[bytes, int] = {}
    page_of = []
    for start in range(0, LAST, PAGE):
        page = bytearray()
        for code in range(start, start + PAGE):
            character = chr(code)
            record = (CATEGORIES.index(unicodedata.category(character)), unicodedata.combining(character))
            page.append(records.setdefault(record, len(records)))
        page_of.append(pages.setdefault(bytes(page), len(pages)))
    return "".join(
        (
            array("uint16_t", "kPageOf", page_of),
            array("uint8_t", "kPages", [value for page in pages for value in page]),
            array("uint8_t", "kRecordCategory", [category for category, _ in records]),
            array("uint8_t", "kRecordCombining", [combining for _, combining in records]),
        )
    )


def mappings(name: str, pairs: list[tuple[int, list[int]]]) -> str:
    """Sorted keys, where each one's characters begin, and the characters; the last start is their number."""
    starts, pool = [0], list[int]()
    for _, characters in pairs:
        pool += characters
        starts.append(len(pool))
    return "".join(
        (
            array("uint32_t", f"k{name}Keys", [code for code, _ in pairs]),
            array("uint32_t", f"k{name}Starts", starts),
            array("uint32_t", f"k{name}Pool", pool),
            f"const uint32_t k{name}Count = {len(pairs)};\n",
        )
    )


def lower(code: int) -> list[int]:
    text = "" if 0xD800 <= code < 0xE000 else chr(code).lower()
    return [] if text == chr(code) else [ord(character) for character in text]


def tables() -> str:
    pairs = compositions()
    text = [
        f"// Made from Unicode {unicodedata.unidata_version} by make_tables.py.\n",
        '#include "core/text/unicode/tables.h"\n\nnamespace godot_executorch::unicode {\n\n',
        f'const char* const kVersion = "{unicodedata.unidata_version}";\n',
        properties(),
        array("uint64_t", "kPairs", [first << 32 | second for first, second, _ in pairs]),
        array("uint32_t", "kComposed", [composed for _, _, composed in pairs]),
        f"const uint32_t kPairCount = {len(pairs)};\n",
    ]
    for name, of in (
        ("Canonical", lambda code: decomposition(code, False)),
        ("Compatible", lambda code: decomposition(code, True)),
        ("Lower", lower),
    ):
        text.append(mappings(name, [(code, found) for code in range(LAST) if (found := of(code))]))
    return "".join([*text, "\n}  // namespace godot_executorch::unicode\n"])


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(tables(), encoding="utf-8")
