"""What a model's code in the child process sends to its parent: nothing of it runs there, and every job has an end."""

from __future__ import annotations

import json
import pickle
import struct
from pathlib import Path

import pytest
import torch

from importer.cache.cache_key import hash_file
from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert_in_child
from importer.options import ImportOptions


class Canary:
    """Its pickle makes a file when it is loaded."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


class Code:
    """Its pickle runs Python when it is loaded."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __reduce__(self) -> tuple[object, ...]:
        return exec, (self.text,)


SEND = """
import os, stat, time
{before}
for number in range(3, 64):
    try:
        kind = os.fstat(number).st_mode
        if stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind):
            os.set_blocking(number, False)
            os.write(number, {data!r})
    except OSError:
        pass
{then}
"""


def frame(body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + body


def convert_hostile(
    tmp_path: Path, data: bytes, then: str = "os._exit(0)", seconds: int = 30, before: str = ""
) -> ImporterError:
    """The error of a conversion whose model sends bytes to every pipe and socket that its process has."""
    source = tmp_path / "hostile.pt"
    torch.save(Code(SEND.format(data=data, then=then, before=before)), source)
    assert len(hash_file(source)) == 64
    options = ImportOptions(inputs="float32[1,1]", deadline_seconds=seconds)
    job = Job(source, str(tmp_path / "cache"), options, tmp_path, allow_pickle=True)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    return caught.value


@pytest.mark.parametrize("kind", ["done", "error", "progress"])
def test_a_pickle_from_the_child_is_not_loaded(tmp_path: Path, kind: str) -> None:
    canary = tmp_path / "canary"
    error = convert_hostile(tmp_path, frame(pickle.dumps((kind, Canary(canary)))))
    assert not canary.exists()
    assert error.code == "WORKER_ANSWER_INVALID"


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xff\xff\xff",
        frame(b"[1, 2]"),
        frame(b"[" * 200_000),
        frame(b'{"progress": 3}'),
        frame(b'{"error": []}'),
        frame(b'{"result": 1' + b"0" * 5000 + b"}"),
        frame(b"{}")[:3],
    ],
    ids=["length", "array", "deep", "progress", "error", "number", "cut"],
)
def test_what_is_not_a_message_ends_the_job(tmp_path: Path, data: bytes) -> None:
    assert convert_hostile(tmp_path, data).code == "WORKER_ANSWER_INVALID"


def test_a_message_that_never_ends_does_not_stop_the_deadline(tmp_path: Path) -> None:
    data = frame(bytes(1000))[:-1]
    assert convert_hostile(tmp_path, data, then="time.sleep(60)", seconds=2).code == "DEADLINE_EXCEEDED"


def test_a_made_up_result_is_not_taken_for_an_artifact(tmp_path: Path) -> None:
    made_up = json.dumps({"result": {"key": "0" * 64, "entry": str(tmp_path), "metadata": {}}})
    assert convert_hostile(tmp_path, frame(made_up.encode())).code == "CONVERSION_INCOMPLETE"


LINK = """
import sys
place = sys._getframe()
while "building" not in place.f_locals.get("params", {{}}):
    place = place.f_back
os.{how}({secret!r}, place.f_locals["params"]["building"] + "/model.pte")
os.symlink({secret!r}, place.f_locals["params"]["building"] + "/metadata.json")
"""


@pytest.mark.parametrize("how", ["symlink", "link", "mkdir"])
def test_a_link_in_the_place_of_the_program_is_not_followed(tmp_path: Path, how: str) -> None:
    (tmp_path / "secret").write_text("of another file")
    before = LINK.format(how=how, secret=str(tmp_path / "secret"))
    if how == "mkdir":
        before = before.replace(f"{str(tmp_path / 'secret')!r}, place", "place", 1)
    result = json.dumps({"result": {"kind": "module", "recipe": "portable", "methods": []}})
    error = convert_hostile(tmp_path, frame(result.encode()), before=before)
    # The sandbox refuses a hard link already.
    assert error.code == "CONVERSION_INCOMPLETE" or (how == "link" and "cross-device link" in error.cause)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_an_error_of_the_child_has_no_control_characters(tmp_path: Path) -> None:
    told = {"error": {"code": "X", "cause": "a\x1b[2Jb", "remedy": 3, "log": None}}
    error = convert_hostile(tmp_path, frame(json.dumps(told).encode()))
    assert (error.code, error.cause, error.remedy) == ("X", "a?[2Jb", "")
