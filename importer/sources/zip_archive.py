"""A strict reader of ZIP files, and canonical copies of their contents.

Two readers can see different files in a crafted archive: with a second directory, members that overlap, or sizes that
disagree. torch has a reader of its own, so whatever could be read in two ways is refused here.
"""

from __future__ import annotations

import io
import struct
import unicodedata
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from importer.errors import ImporterError

MOST_MEMBERS = 100_000
_BLOCK = 1 << 20
_DIRECTORY_BYTES = 256 << 20
_END, _ENTRY, _LOCAL = struct.Struct("<4s4H2LH"), struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s5H3L2H")
_END64, _LOCATOR = struct.Struct("<4sQ2H2L4Q"), struct.Struct("<4sLQL")
_DESCRIPTOR, _NAME_IS_UTF8 = 1 << 3, 1 << 11
_KNOWN_FLAGS = _DESCRIPTOR | _NAME_IS_UTF8 | 0b110  # the last two say how hard the packer tried
_IS_FOLDER = 0x10
_OTHER_NAMES = (0x7075, 0x6375)  # extra fields that rename a member for some readers
_LONGEST_NAME = 4096
_ALIGNMENT = 64  # torch's own


@dataclass(frozen=True)
class Member:
    """size: bytes when unpacked; packed: bytes in the file, from `begin`."""

    name: str
    size: int
    packed: int
    compressed: bool
    crc: int
    begin: int


class ZipArchive:
    """The members of an archive by name, in the directory's order, folders left out.

    Raises FILE_DAMAGED for what is cut off or broken and ARCHIVE_INVALID for what could be read in two ways or unpacks
    to far more than the file is. title: how messages name the file. begin, size: where in the file the archive lies.
    """

    def __init__(self, file: BinaryIO, title: str, begin: int = 0, size: int | None = None) -> None:
        self._file, self.title, self._origin = file, title, begin
        if size is None:
            size = file.seek(0, 2) - begin
        self._size = size
        self.members: dict[str, Member] = {}
        try:
            self._read_members()
        except struct.error as error:
            raise self.damaged("it ends too early") from error

    @property
    def root(self) -> str:
        """The folder, with a slash, that all members share; empty when there is none. torch's files have one."""
        first = next(iter(self.members), "")
        root = first.partition("/")[0] + "/" if "/" in first else ""
        return root if all(name.startswith(root) for name in self.members) else ""

    @property
    def is_plain(self) -> bool:
        """Nothing is compressed: every reader finds the same bytes at the same positions."""
        return not any(member.compressed for member in self.members.values())

    def read(self, name: str, limit: int) -> bytes:
        """A member's bytes. Raises ARCHIVE_INVALID when there are more than `limit`."""
        member = self.members[name]
        if member.size > limit:
            raise self.invalid(f"has a member {name[:200]} of more than {limit} bytes")
        return b"".join(self.blocks(name))

    def blocks(self, name: str) -> Iterator[bytes]:
        """A member's bytes in blocks; raises FILE_DAMAGED when they are not what the directory says."""
        member = self.members[name]
        crc = size = 0
        for block in self._unpacked(member):
            size += len(block)
            if size > member.size:
                break
            crc = zlib.crc32(block, crc)
            yield block
        if size != member.size or crc != member.crc:
            raise self.damaged(f"the bytes of {name[:200]} are not what its directory says")

    def inner(self, name: str, limit: int) -> ZipArchive:
        """An archive that is a member, read in place; a compressed one of up to `limit` bytes in memory."""
        member = self.members[name]
        if member.compressed:
            return ZipArchive(io.BytesIO(self.read(name, limit)), f"{self.title}'s {name[:200]}")
        return ZipArchive(self._file, f"{self.title}'s {name[:200]}", self._origin + member.begin, member.size)

    def __enter__(self) -> ZipArchive:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._file.close()

    def damaged(self, what: str) -> ImporterError:
        cause = f"{self.title} is a damaged or cut off archive: {what}."
        return ImporterError("FILE_DAMAGED", cause, "Save or download the file again.", "read")

    def invalid(self, what: str) -> ImporterError:
        return ImporterError("ARCHIVE_INVALID", f"{self.title} {what}.", "Save the model again with torch.", "read")

    def _read_members(self) -> None:
        count, size, offset, end = self._directory()
        if count > MOST_MEMBERS or size > _DIRECTORY_BYTES:
            raise self.invalid(f"has {count} members, more than any model")
        if offset + size != end:
            raise self.invalid("has bytes between its directory and its end")
        directory = self._at(offset, size)
        position, regions, names = 0, [], set()
        for _ in range(count):
            fields = _ENTRY.unpack_from(directory, position)
            lengths = fields[10:13]
            tail = directory[position + _ENTRY.size : position + _ENTRY.size + sum(lengths)]
            if fields[0] != b"PK\1\2" or len(tail) != sum(lengths):
                raise self.damaged("its directory is broken")
            position += _ENTRY.size + sum(lengths)
            member, header, after = self._member(fields, tail)
            regions.append((header, after, member, fields))
            alike = unicodedata.normalize("NFC", member.name).casefold()
            if alike in names:
                raise self.invalid(f"uses the name {member.name[:200]} twice")
            names.add(alike)
            if not member.name.endswith("/"):
                self.members[member.name] = member
            elif member.size:
                raise self.invalid(f"has a folder with bytes, {member.name[:200]}")
        if position != size:
            raise self.invalid("has more in its directory than members")
        self._check_regions(sorted(regions, key=lambda region: region[0]), offset)
        self._check_size()

    def _directory(self) -> tuple[int, int, int, int]:
        """Members, bytes and offset of the directory, and where what follows it begins."""
        place = self._size - _END.size
        found = self._at(place, _END.size) if place >= 0 else b""
        if found[:4] != b"PK\5\6":
            raise self.damaged("it has no end, or something follows its end")
        _, disk, start_disk, here, count, size, offset, comment = _END.unpack(found)
        place64 = place - _LOCATOR.size
        locator = self._at(place64, _LOCATOR.size) if place64 >= 0 else b""
        if locator[:4] != b"PK\6\7":
            if (
                disk
                or start_disk
                or comment
                or here != count
                or 0xFFFF in (here, count)
                or 0xFFFFFFFF in (size, offset)
            ):
                raise self.invalid("has an end that can be read in two ways")
            return count, size, offset, place
        _, disk64, record, disks = _LOCATOR.unpack(locator)
        if record != place64 - _END64.size or disk64 or disks != 1 or disk or start_disk or comment:
            raise self.invalid("has an end that can be read in two ways")
        signature, length, _, _, disk64, start64, here64, count64, size64, offset64 = _END64.unpack(
            self._at(record, _END64.size)
        )
        large = [(here, here64, 0xFFFF), (count, count64, 0xFFFF), (size, size64, 1 << 32), (offset, offset64, 1 << 32)]
        agree = all(small in (big, most if most == 0xFFFF else most - 1) for small, big, most in large)
        if signature != b"PK\6\6" or length != 44 or disk64 or start64 or here64 != count64 or not agree:
            raise self.invalid("has two ends that disagree")
        return count64, size64, offset64, record

    def _member(self, fields: tuple[int, ...], tail: bytes) -> tuple[Member, int, int]:
        """A line of the directory: the member without its data's place, its header's place, and the bytes of data."""
        _, _, version, flags, method, _, _, crc, packed, size, name_length = fields[:11]
        extra_length, comment, disk, _, kind, offset = fields[11:]
        name = self._name(tail[:name_length], flags)
        if flags & 1:
            raise self.invalid("is encrypted")
        if kind & _IS_FOLDER and not name.endswith("/"):
            raise self.invalid(f"calls {name[:200]} a folder")  # torch would return uninitialized memory
        if flags & ~_KNOWN_FLAGS or method not in (0, 8) or comment or disk or version > 45:
            raise self.invalid(f"packs {name[:200]} in a way that torch does not")
        large = self._extra(tail[name_length : name_length + extra_length], name).get(1)
        wanted = [value == 0xFFFFFFFF for value in (size, packed, offset)]
        if any(wanted) != (large is not None) or (large is not None and len(large) != 8 * sum(wanted)):
            raise self.invalid(f"gives {name[:200]} two sizes")
        if large is not None:
            values = iter(struct.unpack(f"<{sum(wanted)}Q", large))
            size, packed, offset = (
                next(values) if more else value for value, more in zip((size, packed, offset), wanted, strict=True)
            )
        if method == 0 and size != packed:
            raise self.invalid(f"gives {name[:200]} two sizes")
        return Member(name, size, packed, method == 8, crc, 0), offset, packed

    def _check_regions(self, regions: list[tuple[int, int, Member, tuple[int, ...]]], end: int) -> None:
        """Members lie one after the other, from the first byte to the directory."""
        expected = 0
        for index, (header, packed, member, fields) in enumerate(regions):
            following = regions[index + 1][0] if index + 1 < len(regions) else end
            if header != expected or following > end:
                raise self.invalid("has members that overlap, or bytes outside of its members")
            begin = self._check_local(header, member, fields)
            rest = following - begin - packed
            if rest < 0:
                raise self.invalid("has members that overlap, or bytes outside of its members")
            self._check_descriptor(begin + packed, rest, member, bool(fields[3] & _DESCRIPTOR))
            if member.name in self.members:
                self.members[member.name] = Member(
                    member.name, member.size, packed, member.compressed, member.crc, begin
                )
            expected = following
        if expected != end:
            raise self.invalid("has bytes outside of its members")

    def _check_local(self, header: int, member: Member, fields: tuple[int, ...]) -> int:
        """The header before the data says what the directory says; returns where the data begins."""
        found = _LOCAL.unpack(self._at(header, _LOCAL.size))
        signature, _, flags, method, _, _, crc, packed, size, name_length, extra_length = found
        tail = self._at(header + _LOCAL.size, name_length + extra_length)
        if signature != b"PK\3\4" or len(tail) != name_length + extra_length:
            raise self.damaged(f"the header of {member.name[:200]} is broken")
        extra = self._extra(tail[name_length:], member.name)
        values = [crc, packed, size]
        if 1 in extra and len(extra[1]) == 16:
            large_size, large_packed = struct.unpack("<2Q", extra[1])
            values += [large_packed, large_size]
            values[1:3] = [
                large_packed if packed == 0xFFFFFFFF else packed, large_size if size == 0xFFFFFFFF else size
            ]  # fmt: skip
        elif extra.get(1):
            raise self.invalid(f"gives {member.name[:200]} two sizes")
        wanted = [member.crc, member.packed, member.size, member.packed, member.size]
        later = bool(flags & _DESCRIPTOR)  # what is not known yet is 0
        same = all(value == right or (later and value == 0) for value, right in zip(values, wanted, strict=False))
        name = self._name(tail[:name_length], flags)
        if name != member.name or flags != fields[3] or method != fields[4] or not same:
            raise self.invalid(f"says two different things of {member.name[:200]}")
        begin: int = header + _LOCAL.size + name_length + extra_length
        return begin

    def _check_descriptor(self, place: int, length: int, member: Member, present: bool) -> None:
        found = self._at(place, min(length, 25))
        if not present and length == 0:
            return
        right = [
            sign + struct.pack(form, member.crc, member.packed, member.size)
            for sign in (b"PK\7\10", b"")
            for form in ("<3L", "<L2Q")
            if form == "<L2Q" or max(member.packed, member.size) < 1 << 32
        ]
        if not present or found not in right:
            raise self.invalid(f"has bytes after {member.name[:200]} outside of its members")

    def _check_size(self) -> None:
        total = sum(member.size for member in self.members.values() if member.compressed)
        if total > (64 << 20) + 200 * self._size:
            raise self.invalid(f"unpacks to {total >> 20} MB, far more than the file is")

    def _name(self, raw: bytes, flags: int) -> str:
        if len(raw) > _LONGEST_NAME:
            raise self.invalid(f"has a member whose name has {len(raw)} bytes")
        try:
            name = raw.decode("utf-8" if flags & _NAME_IS_UTF8 else "ascii")
        except UnicodeDecodeError:
            raise self.invalid("has a member whose name has an unknown encoding") from None
        parts = name.removesuffix("/").split("/")
        if any(part in ("", ".", "..") for part in parts) or any(
            ord(letter) < 32 or letter in "\\\x7f" for letter in name
        ):
            raise self.invalid("has members whose names point outside of it")
        return name

    def _extra(self, data: bytes, name: str) -> dict[int, bytes]:
        fields: dict[int, bytes] = {}
        position = 0
        while position < len(data):
            kind, length = struct.unpack_from("<2H", data, position) if position + 4 <= len(data) else (0, 1 << 16)
            if position + 4 + length > len(data) or kind in fields or kind in _OTHER_NAMES:
                raise self.invalid(f"has extra fields at {name[:200]} that readers understand differently")
            fields[kind] = data[position + 4 : position + 4 + length]
            position += 4 + length
        return fields

    def _unpacked(self, member: Member) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(-15) if member.compressed else None
        position, end = member.begin, member.begin + member.packed
        while position < end:
            packed = self._at(position, min(_BLOCK, end - position))
            if not packed:
                return
            position += len(packed)
            if unpacker is None:
                yield packed
                continue
            try:
                while packed:
                    if unpacker.eof:
                        raise zlib.error("bytes follow its end")
                    yield unpacker.decompress(packed, _BLOCK)
                    packed = unpacker.unconsumed_tail or unpacker.unused_data
            except zlib.error as error:
                raise self.damaged(f"{member.name[:200]} cannot be unpacked ({error})") from error
        if unpacker is not None and not unpacker.eof:
            yield from iter(lambda: unpacker.decompress(b"", _BLOCK), b"")

    def _at(self, offset: int, size: int) -> bytes:
        if offset < 0 or offset > self._size:
            return b""
        self._file.seek(self._origin + offset)
        return self._file.read(min(size, self._size - offset))


def open_archive(path: Path, title: str = "") -> ZipArchive:
    """title: how messages name the file, its own name when empty. Raises FILE_DAMAGED, ARCHIVE_INVALID and OSError."""
    file = path.open("rb")
    try:
        return ZipArchive(file, title or path.name)
    except BaseException:
        file.close()
        raise


def write_copy(archive: ZipArchive, target: BinaryIO, changed: Mapping[str, bytes | None]) -> None:
    """The canonical archive of the members: nothing compressed, sizes in front, one directory.

    changed: name -> other bytes, or None for a member to leave out. Members that were not in the archive are added.
    """
    writer = _Writer(target)
    for name in archive.members:
        replacement = changed.get(name, b"")
        if name not in changed:
            member = archive.members[name]
            writer.add(name, member.size, member.crc, archive.blocks(name))
        elif replacement is not None:
            writer.add(name, len(replacement), zlib.crc32(replacement), [replacement])
    for name, data in changed.items():
        if name not in archive.members and data is not None:
            writer.add(name, len(data), zlib.crc32(data), [data])
    writer.finish()


class _Writer:
    def __init__(self, target: BinaryIO) -> None:
        self._target = target
        self._offset = 0
        self._directory: list[bytes] = []

    def add(self, name: str, size: int, crc: int, blocks: Iterable[bytes]) -> None:
        raw = name.encode()
        short = min(size, 0xFFFFFFFF)
        large = struct.pack("<2H2Q", 1, 16, size, size) if size >= 0xFFFFFFFF else b""
        padding = -(self._offset + _LOCAL.size + len(raw) + len(large) + 4) % _ALIGNMENT
        extra = large + struct.pack("<2s1H", b"FB", padding) + b"Z" * padding
        head = (_NAME_IS_UTF8, 0, 0, 0x21, crc, short, short, len(raw), len(extra))
        offset = self._offset
        self._write(_LOCAL.pack(b"PK\3\4", 45 if large else 20, *head) + raw + extra)
        for block in blocks:
            self._write(block)
        values = [value for value in (size, size, offset) if value >= 0xFFFFFFFF]
        extra = struct.pack(f"<2H{len(values)}Q", 1, 8 * len(values), *values) if values else b""
        fields = (45, 45 if values else 20, *head[:8], len(extra), 0, 0, 0, 0, min(offset, 0xFFFFFFFF))
        self._directory.append(_ENTRY.pack(b"PK\1\2", *fields) + raw + extra)

    def finish(self) -> None:
        begin, count = self._offset, len(self._directory)
        for line in self._directory:
            self._write(line)
        size = self._offset - begin
        if count >= 0xFFFF or begin >= 0xFFFFFFFF or size >= 0xFFFFFFFF:
            record = self._offset
            self._write(_END64.pack(b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, begin))
            self._write(_LOCATOR.pack(b"PK\6\7", 0, record, 1))
        short = (min(count, 0xFFFF), min(count, 0xFFFF), min(size, 0xFFFFFFFF), min(begin, 0xFFFFFFFF))
        self._write(_END.pack(b"PK\5\6", 0, 0, *short, 0))

    def _write(self, data: bytes) -> None:
        self._target.write(data)
        self._offset += len(data)
