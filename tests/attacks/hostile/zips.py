"""Archives that two readers understand differently: a check that looks at one side says nothing of the other."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from tests.attacks.hostile.canary import Hostile, pickled

HARMLESS = b"\x80\x02}q\x00."
_REFUSED = frozenset(["ARCHIVE_INVALID", "FILE_DAMAGED", "NO_MODEL_INSIDE", "ARCHIVE_UNKNOWN", "NOT_A_MODEL"])


class Member:
    """A member with every field free to lie."""

    def __init__(self, name: bytes, data: bytes, **lies: int | bytes) -> None:
        self.name, self.data, self.lies = name, data, lies
        self.flags = int(lies.get("flags", 0))
        self.method = int(lies.get("method", 0))
        self.crc, self.size = zlib.crc32(data), len(data)

    def local(self) -> bytes:
        get = self.lies.get
        name, extra = bytes(get("local_name", self.name)), bytes(get("local_extra", b""))
        fields = (
            20, get("local_flags", self.flags), get("local_method", self.method), 0, 0, get("local_crc", self.crc),
            get("local_packed", self.size), get("local_size", self.size), len(name), len(extra),
        )  # fmt: skip
        after = bytes(get("after", b""))
        return struct.pack("<4s5H3L2H", b"PK\3\4", *fields) + name + extra + self.data + after

    def central(self, offset: int) -> bytes:
        get = self.lies.get
        extra, comment = bytes(get("extra", b"")), bytes(get("comment", b""))
        fields = (
            20, 20, self.flags, self.method, 0, 0, get("crc", self.crc), get("packed", self.size),
            get("size", self.size), len(self.name), len(extra), len(comment), get("disk", 0), 0, get("attributes", 0),
            get("offset", offset),
        )  # fmt: skip
        return struct.pack("<4s6H3L5H2L", b"PK\1\2", *fields) + self.name + extra + comment


def archive(*members: Member, gap: bytes = b"", before_end: bytes = b"", comment: bytes = b"", **end: int) -> bytes:
    """end: lies of the last record: count, size, offset, disk."""
    data, lines = b"", []
    for member in members:
        lines.append((member, len(data)))
        data += member.local() + gap
    begin = len(data)
    for member, offset in lines:
        data += member.central(offset)
    size = len(data) - begin
    count = end.get("count", len(members))
    fields = (end.get("disk", 0), 0, count, count, end.get("size", size), end.get("offset", begin), len(comment))
    return data + before_end + struct.pack("<4s4H2LH", b"PK\5\6", *fields) + comment


def end64(position: int, count: int, size: int, offset: int) -> bytes:
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, offset)
    return record + struct.pack("<4sLQL", b"PK\6\7", 0, position, 1)


def _two_directories(evil: bytes, kind: str) -> bytes:
    good = archive(Member(b"m/data.pkl", HARMLESS))
    bad = archive(Member(b"m/data.pkl", evil))
    if kind == "appended":
        return good + bad
    if kind == "in_comment":
        return archive(Member(b"m/data.pkl", evil), comment=good)
    if kind == "before_end":
        return archive(Member(b"m/data.pkl", HARMLESS), before_end=bad)
    member = Member(b"m/data.pkl", evil)
    hidden = member.local()
    shown = Member(b"m/data.pkl", HARMLESS)
    begin = len(hidden) + len(shown.local())
    first, second = member.central(0), shown.central(len(hidden))
    record = end64(begin + len(first) + len(second), 1, len(first), begin)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(second), begin + len(first), 0)
    return hidden + shown.local() + first + second + record + last


def _large_field(evil: bytes) -> bytes:
    """The directory's ZIP64 field gives another place than its short one."""
    hidden, shown = Member(b"m/other", evil), Member(b"m/data.pkl", HARMLESS)
    begin = len(hidden.local())
    lying = Member(b"m/data.pkl", HARMLESS, extra=struct.pack("<2HQ", 1, 8, 0), offset=begin)
    data = hidden.local() + shown.local()
    directory = lying.central(begin)
    return data + directory + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(data), 0)


def _same_place(evil: bytes) -> bytes:
    member = Member(b"m/data.pkl", evil)
    data = member.local()
    lines = member.central(0) + Member(b"m/version", evil).central(0)
    return data + lines + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, len(lines), len(data), 0)


def _many_members(_: bytes) -> bytes:
    line = Member(b"m/x", b"").central(0)
    return line * 5000 + struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 5000, 5000, len(line) * 5000, 0, 0)


def _long_end64(evil: bytes) -> bytes:
    """The longer form of the end has room for another archive."""
    whole = _real(evil)
    body, last = whole[:-22], whole[-22:]
    count, size, offset = struct.unpack_from("<H2L", last, 10)
    hidden = _real(HARMLESS)
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44 + len(hidden), 45, 45, 0, 0, count, count, size, offset)
    return body + record + hidden + struct.pack("<4sLQL", b"PK\6\7", 0, len(body), 1) + last


def _one(evil: bytes, name: bytes = b"m/data.pkl", **lies: int | bytes) -> bytes:
    return archive(Member(name, evil, **lies))


def _pair(evil: bytes, first: bytes, second: bytes) -> bytes:
    return archive(Member(first, HARMLESS), Member(second, evil))


def _real(evil: bytes, **options: int) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("m/data.pkl", evil)
    return stream.getvalue()


FORMS: dict[str, Callable[[bytes], bytes]] = {
    "second_directory_appended": partial(_two_directories, kind="appended"),
    "second_directory_in_comment": partial(_two_directories, kind="in_comment"),
    "second_directory_before_end": partial(_two_directories, kind="before_end"),
    "second_directory_of_zip64": partial(_two_directories, kind="zip64"),
    "zip64_field_in_directory": _large_field,
    "members_in_one_place": _same_place,
    "many_members_in_one_place": _many_members,
    "bytes_in_front": lambda evil: b"PK\3\4" + b"\0" * 60 + _real(evil),
    "bytes_behind": lambda evil: _real(evil) + b"\0" * 50,
    "bytes_between": lambda evil: archive(Member(b"m/data.pkl", evil), Member(b"m/version", b"3"), gap=b"\0" * 8),
    "bytes_before_end": lambda evil: archive(Member(b"m/data.pkl", evil), before_end=b"\0" * 8),
    "comment": lambda evil: archive(Member(b"m/data.pkl", evil), comment=b"PK\5\6"),
    "comment_of_member": lambda evil: _one(evil, comment=b"x"),
    "other_name_in_header": lambda evil: _one(evil, local_name=b"m/data.txt"),
    "other_size_in_header": lambda evil: _one(evil, local_size=5),
    "other_packed_size_in_header": lambda evil: _one(evil, local_packed=5),
    "other_crc_in_header": lambda evil: _one(evil, local_crc=5),
    "other_method_in_header": lambda evil: _one(evil, local_method=8),
    "other_flags_in_header": lambda evil: _one(evil, local_flags=8),
    "other_size_in_directory": lambda evil: _one(evil, size=5),
    "wrong_crc": lambda evil: _one(evil, crc=5, local_crc=5),
    "descriptor_missing": lambda evil: _one(evil, flags=8, local_size=0, local_packed=0, local_crc=0),
    "descriptor_lies": lambda evil: _one(evil, flags=8, after=struct.pack("<4s3L", b"PK\7\10", 1, 2, 3)),
    "descriptor_without_flag": lambda evil: _one(evil, after=struct.pack("<3L", zlib.crc32(evil), *[len(evil)] * 2)),
    "unicode_path": lambda evil: _one(evil, extra=struct.pack("<2HBL", 0x7075, 9, 1, 0) + b"m/xy"),
    "extra_too_long": lambda evil: _one(evil, extra=struct.pack("<2H", 0x4246, 99)),
    "encrypted": lambda evil: _one(evil, flags=1),
    "strange_method": lambda evil: _one(evil, method=14),
    "strange_flags": lambda evil: _one(evil, flags=0x2000),
    "another_disk": lambda evil: _one(evil, disk=1),
    "end_of_another_disk": lambda evil: archive(Member(b"m/data.pkl", evil), disk=1),
    "end_counts_too_few": lambda evil: archive(Member(b"m/data.pkl", evil), Member(b"m/v", b""), count=1),
    "end_counts_too_many": lambda evil: archive(Member(b"m/data.pkl", evil), count=2),
    "directory_too_long": lambda evil: archive(Member(b"m/data.pkl", evil), size=9999),
    "directory_elsewhere": lambda evil: archive(Member(b"m/data.pkl", evil), offset=4),
    "offset_outside": lambda evil: _one(evil, offset=1 << 30),
    "name_twice": lambda evil: _pair(evil, b"m/data.pkl", b"m/data.pkl"),
    "name_twice_in_capitals": lambda evil: _pair(evil, b"m/data.pkl", b"m/DATA.pkl"),
    "name_leads_out": lambda evil: _pair(evil, b"m/data.pkl", b"m/../m/data.pkl"),
    "name_with_backslash": lambda evil: _pair(evil, b"m/data.pkl", b"m\\data.pkl"),
    "name_with_zero": lambda evil: _pair(evil, b"m/data.pkl", b"m/data.pkl\0x"),
    "name_absolute": lambda evil: _pair(evil, b"m/data.pkl", b"/m/data.pkl"),
    "name_with_dot": lambda evil: _pair(evil, b"m/data.pkl", b"m/./data.pkl"),
    "name_not_utf8": lambda evil: _pair(evil, b"m/data.pkl", b"m/\xff\xfe"),
    "folder_with_bytes": lambda evil: _pair(evil, b"m/data.pkl", b"m/data/"),
    "member_that_is_a_folder": lambda evil: _one(evil, attributes=0x10),
    "two_roots": lambda evil: _pair(evil, b"m/data.pkl", b"n/data.pkl"),
    "name_empty": lambda evil: _pair(evil, b"m/data.pkl", b""),
    "name_of_64_kilobytes": lambda evil: _pair(evil, b"m/data.pkl", b"m/" + b"x" * 65_000),
    "name_with_other_letters": lambda evil: archive(
        Member(b"m/data.pkl", HARMLESS), Member("m/data.p\u212al".encode(), evil, flags=1 << 11)
    ),
    "name_composed": lambda evil: archive(
        Member("m/\u00e9".encode(), HARMLESS, flags=1 << 11), Member("m/e\u0301".encode(), evil, flags=1 << 11)
    ),
    "two_ends": lambda evil: _real(evil) + _real(evil)[-22:],
    "sizes_of_64_bits_in_header": lambda evil: _one(evil, local_extra=struct.pack("<2H2Q", 1, 16, 1 << 40, 1 << 40)),
    "sizes_of_64_bits_twice": lambda evil: _one(
        evil, extra=struct.pack("<2HQ2HQ", 1, 8, 5, 1, 8, 6), size=0xFFFFFFFF, packed=0xFFFFFFFF
    ),
    "long_end64": _long_end64,
    "mark_of_several_disks": lambda evil: b"PK00" + _real(evil),
    "deflate64": lambda evil: _one(evil, method=9),
    "other_root_first": lambda evil: _pair(evil, b"n/version", b"data.pkl"),
}


def files() -> Iterator[Hostile]:
    def make(form: Callable[[bytes], bytes], path: Path, canary: Path) -> None:
        path.write_bytes(form(pickled(canary)))

    for name, form in FORMS.items():
        yield Hostile(f"zip_{name}", ".pt", partial(make, form), {}, _REFUSED)
