"""What our ZIP reader accepts, torch's reader and Python's read in the same way; found by changing bytes at random."""

from __future__ import annotations

import io
import random
import zipfile

import pytest

from importer.errors import ImporterError
from importer.sources.zip_archive import ZipArchive, write_copy
from tests.attacks.hostile.programs import saved


def _originals() -> list[bytes]:
    """An archive of torch, one of Python, a compressed one, and a canonical copy."""
    import torch

    of_torch = saved({"a": torch.arange(5), "b": [1, 2]})
    found = [of_torch]
    for compression in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w", compression) as archive:
            archive.writestr("m/version", b"3")
            for number in range(4):
                archive.writestr(f"m/{number}", bytes([number]) * (10 + number))
        found.append(stream.getvalue())
    copy = io.BytesIO()
    write_copy(ZipArchive(io.BytesIO(of_torch), "x"), copy, {})
    return [*found, copy.getvalue()]


def _changed(data: bytes, random_numbers: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(random_numbers.randint(1, 4)):
        place = random_numbers.randrange(len(changed))
        kind = random_numbers.random()
        if kind < 0.6:
            changed[place] = random_numbers.choice([0, 1, 8, 45, 255, random_numbers.randrange(256)])
        elif kind < 0.8:
            del changed[place : place + random_numbers.randint(1, 60)]
        else:
            begin = random_numbers.randrange(len(changed))
            changed[place:place] = changed[begin : begin + random_numbers.randint(1, 120)]
    return bytes(changed)


@pytest.mark.parametrize("rounds", [4000, pytest.param(400_000, marks=pytest.mark.slow)])
def test_what_is_accepted_is_read_alike(rounds: int) -> None:
    import torch

    random_numbers = random.Random(rounds)
    originals = _originals()
    accepted = 0
    for _ in range(rounds):
        data = _changed(random_numbers.choice(originals), random_numbers)
        try:
            archive = ZipArchive(io.BytesIO(data), "x")
            ours = {name: archive.read(name, 1 << 20) for name in archive.members}
        except ImporterError:
            continue
        accepted += 1
        with zipfile.ZipFile(io.BytesIO(data)) as python:
            assert {name: python.read(name) for name in python.namelist() if not name.endswith("/")} == ours
        if archive.root:
            try:
                reader = torch._C.PyTorchFileReader(io.BytesIO(data))
            except RuntimeError:  # torch may want more, such as a version
                continue
            names = [name for name in reader.get_all_records() if not name.endswith("/")]
            assert {archive.root + name: reader.get_record(name) for name in names} == ours
    assert accepted > rounds // 200


def test_copies_hold_what_was_read() -> None:
    for data in _originals():
        archive, copy = ZipArchive(io.BytesIO(data), "x"), io.BytesIO()
        first = next(iter(archive.members))
        write_copy(archive, copy, {first: b"other", "m/more": b"more"})
        with zipfile.ZipFile(copy) as found:
            assert found.testzip() is None
            assert found.namelist() == [*archive.members, "m/more"] and found.read(first) == b"other"
        again = ZipArchive(copy, "x")
        assert again.is_plain and list(again.members) == found.namelist()
