"""Entries of a cache are signed: what somebody else put there is not taken for what was proved on this machine."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from importer.cache.cache import Cache
from importer.cache.entry_signature import SIGNATURE, sign
from importer.cache.signing_keys import VARIABLE, key_file, known_keys
from importer.cli.convert import install
from importer.errors import ImporterError
from tests.importer.cache.test_cache import KEYS, fill

TEAM, OTHER = "a1" * 32, "b2" * 32


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A person who never used the importer."""
    be_another_person(tmp_path / "home", monkeypatch)


def be_another_person(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "APPDATA", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(home))
    monkeypatch.delenv(VARIABLE, raising=False)


def refusal(cache: Cache, key: str = KEYS[0]) -> str:
    """Why an entry is refused; it must not be found either."""
    assert cache.find(key) is None
    with pytest.raises(ImporterError) as caught:
        cache.look_up(key)
    assert caught.value.cause and caught.value.remedy
    return caught.value.code


def test_a_cache_of_ones_own_needs_no_set_up(tmp_path: Path) -> None:
    fill(Cache(tmp_path / "cache"), KEYS[0], external=b"weights")
    found = Cache(tmp_path / "cache").find(KEYS[0])
    assert found and found.payload.read_bytes() == b"program"
    assert [key.name for key in known_keys()] == ["own"]
    if os.name != "nt":
        assert stat.S_IMODE(key_file().stat().st_mode) == 0o600


def test_processes_that_start_at_once_make_one_key(tmp_path: Path) -> None:
    ask = "from importer.cache.signing_keys import signing_keys; print(signing_keys()[0].id)"
    asking = [subprocess.Popen([sys.executable, "-c", ask], stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert len({process.communicate(timeout=60)[0] for process in asking}) == 1
    assert [path.name for path in key_file().parent.iterdir()] == [key_file().name]


def change_a_byte(entry: Path) -> None:
    data = bytearray((entry / "model.pte").read_bytes())
    data[0] ^= 1
    (entry / "model.pte").write_bytes(data)


def change_metadata(entry: Path) -> None:
    text = (entry / "metadata.json").read_text(encoding="utf-8")
    (entry / "metadata.json").write_text(text.replace('"name": "00"', '"name": "no"'), encoding="utf-8")


def change_both(entry: Path) -> None:
    """The hash in the metadata belongs to the changed byte: only the signature tells."""
    change_a_byte(entry)
    meta = json.loads((entry / "metadata.json").read_text(encoding="utf-8"))
    meta["payload"]["sha256"] = hashlib.sha256((entry / "model.pte").read_bytes()).hexdigest()
    (entry / "metadata.json").write_text(json.dumps(meta), encoding="utf-8")


def change_all(entry: Path) -> None:
    """And the signed list names the changed files, with the former seal."""
    change_both(entry)
    signed = json.loads((entry / SIGNATURE).read_text(encoding="utf-8"))
    signed["files"] = {name: hashlib.sha256((entry / name).read_bytes()).hexdigest() for name in signed["files"]}
    (entry / SIGNATURE).write_text(json.dumps(signed), encoding="utf-8")


def take_the_signature(entry: Path) -> None:
    (entry / SIGNATURE).unlink()


def link_the_program(entry: Path) -> None:
    """To the very bytes that were signed."""
    shutil.move(entry / "model.pte", entry.parent.parent / "elsewhere")
    (entry / "model.pte").symlink_to(entry.parent.parent / "elsewhere")


def link_the_metadata(entry: Path) -> None:
    shutil.move(entry / "metadata.json", entry.parent.parent / "elsewhere")
    (entry / "metadata.json").symlink_to(entry.parent.parent / "elsewhere")


def link_the_entry(entry: Path) -> None:
    shutil.move(entry, entry.parent.parent / "elsewhere")
    entry.symlink_to(entry.parent.parent / "elsewhere", target_is_directory=True)


def link_the_folder(entry: Path) -> None:
    shutil.move(entry.parent, entry.parent.parent / "elsewhere")
    entry.parent.symlink_to(entry.parent.parent / "elsewhere", target_is_directory=True)


def make_a_pipe(entry: Path) -> None:
    """Opening it would wait for ever."""
    (entry / "model.pte").unlink()
    os.mkfifo(entry / "model.pte")


@pytest.mark.parametrize(
    ("attack", "code"),
    [
        (change_a_byte, "CACHE_DAMAGED"),
        (change_metadata, "CACHE_DAMAGED"),
        (change_both, "CACHE_DAMAGED"),
        (change_all, "CACHE_SIGNATURE_WRONG"),
        (take_the_signature, "CACHE_ENTRY_UNSIGNED"),
        (link_the_program, "CACHE_ENTRY_LINKED"),
        (link_the_metadata, "CACHE_ENTRY_LINKED"),
        (link_the_entry, "CACHE_ENTRY_LINKED"),
        (link_the_folder, "CACHE_ENTRY_LINKED"),
        (make_a_pipe, "CACHE_DAMAGED"),
    ],
)
def test_what_somebody_changed_is_refused(attack: Callable[[Path], None], code: str, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0])
    attack(cache.folder(KEYS[0]))
    assert refusal(cache) == code
    assert KEYS[0] in [key for key, _ in cache.verify()]
    if attack is link_the_folder:
        return  # nothing is written through it either
    fill(cache, KEYS[0])  # what is converted again takes its place
    found = cache.find(KEYS[0])
    assert found and not found.entry.is_symlink() and found.payload.read_bytes() == b"program"


def test_an_entry_that_is_put_under_another_key_is_refused(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[1])
    shutil.copytree(cache.folder(KEYS[1]), cache.folder(KEYS[0]))
    assert refusal(cache) == "CACHE_ENTRY_MISPLACED"
    assert cache.find(KEYS[1])


def test_a_byte_that_changes_after_the_look_is_found_when_it_is_installed(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0], payload=b"p" * (3 << 20))
    found = cache.find(KEYS[0])
    assert found
    change_a_byte(found.entry)
    with pytest.raises(ImporterError) as caught:
        install(found, tmp_path / "out" / "net.pte")
    assert caught.value.code == "CACHE_DAMAGED" and list((tmp_path / "out").iterdir()) == []


def test_a_link_that_appears_after_the_look_is_not_copied(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0])
    found = cache.find(KEYS[0])
    assert found
    link_the_program(found.entry)
    with pytest.raises(ImporterError) as caught:
        install(found, tmp_path / "out" / "net.pte")
    assert caught.value.code == "CACHE_ENTRY_LINKED" and list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["model.pte", "metadata.json", "extra"])
@pytest.mark.parametrize("kind", ["link", "broken link", "folder", "pipe"])
def test_only_plain_files_are_signed(kind: str, name: str, tmp_path: Path) -> None:
    """The process that builds an entry reads a foreign model; what it leaves is signed by its parent."""
    cache, precious = Cache(tmp_path / "cache"), tmp_path / "precious"
    precious.write_bytes(b"{}")
    precious.chmod(0o600)
    with cache.building(KEYS[0]) as building:
        for file in ("model.pte", "model.tres", "metadata.json"):
            (building / file).write_bytes(b"{}")
        (building / name).unlink(missing_ok=True)
        if kind == "folder":
            (building / name).mkdir()
        elif kind == "pipe":
            os.mkfifo(building / name)
        else:
            (building / name).symlink_to(precious if kind == "link" else tmp_path / "nothing")
        with pytest.raises(ImporterError) as caught:
            cache.store(KEYS[0], building)
    assert caught.value.code == ("CACHE_ENTRY_LINKED" if "link" in kind else "CACHE_DAMAGED")
    assert stat.S_IMODE(precious.stat().st_mode) == 0o600 and cache.entries() == []


def test_a_link_in_place_of_the_building_folder_is_not_followed(tmp_path: Path) -> None:
    """`prune` would remove what lies behind it."""
    (tmp_path / "cache").mkdir()
    precious = tmp_path / "precious" / "old"
    precious.mkdir(parents=True)
    os.utime(precious, (1, 1))
    (tmp_path / "cache" / ".building").symlink_to(tmp_path / "precious", target_is_directory=True)
    cache = Cache(tmp_path / "cache")
    with pytest.raises(ImporterError) as caught:
        fill(cache, KEYS[0])
    cache.prune(0)
    assert caught.value.code == "CACHE_ENTRY_LINKED" and list(precious.parent.iterdir()) == [precious]


def test_a_teams_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TEAM)  # CI
    fill(Cache(tmp_path / "cache"), KEYS[0])
    assert not key_file().exists()
    be_another_person(tmp_path / "second", monkeypatch)
    assert refusal(Cache(tmp_path / "cache")) == "CACHE_ENTRY_FOREIGN"
    monkeypatch.setenv(VARIABLE, TEAM)
    assert Cache(tmp_path / "cache").find(KEYS[0])
    monkeypatch.setenv(VARIABLE, OTHER)
    assert refusal(Cache(tmp_path / "cache")) == "CACHE_ENTRY_FOREIGN"


def test_who_lacks_the_key_leaves_the_teams_entry_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, TEAM)
    fill(Cache(tmp_path / "cache"), KEYS[0], b"the team's")
    be_another_person(tmp_path / "second", monkeypatch)
    fill(Cache(tmp_path / "cache"), KEYS[0], b"my own")
    found = Cache(tmp_path / "cache").find(KEYS[0])
    assert found and found.payload.read_bytes() == b"my own"
    assert [entry.key for entry in Cache(tmp_path / "cache").entries()] == [KEYS[0]] * 2
    monkeypatch.setenv(VARIABLE, TEAM)
    theirs = Cache(tmp_path / "cache").find(KEYS[0])
    assert theirs and theirs.payload.read_bytes() == b"the team's"
    assert Cache(tmp_path / "cache").prune(0) and Cache(tmp_path / "cache").find(KEYS[0]) is None


@pytest.mark.parametrize("text", ["", "abc", "z" * 64, "a1" * 31])
def test_a_key_that_is_no_key_is_told(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, text)
    if not text:  # CI without the secret, such as a fork's: like a machine without a variable
        fill(Cache(tmp_path / "cache"), KEYS[0])
        return
    with pytest.raises(ImporterError) as caught:
        fill(Cache(tmp_path / "cache"), KEYS[0])
    assert caught.value.code == "SIGNING_KEY_INVALID" and text not in str(caught.value)


def test_a_key_file_with_a_wrong_line(tmp_path: Path) -> None:
    key_file().parent.mkdir(parents=True)
    key_file().write_text(f"# mine\nown {TEAM}\n\nstudio {OTHER[:-1]}\n", encoding="utf-8")
    with pytest.raises(ImporterError) as caught:
        known_keys()
    assert caught.value.code == "SIGNING_KEY_INVALID" and "line 4" in caught.value.cause
    assert OTHER[:-1] not in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [b"", b"[]", b"{}", b"[" * 100_000, b'{"key": 1}', b"\xff", b'{"format": 1, "key": "' + b"0" * 200_000 + b'"}'],
)
def test_signatures_of_any_bytes_are_refused(content: bytes, tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0])
    (cache.folder(KEYS[0]) / SIGNATURE).write_bytes(content)
    assert refusal(cache) == "CACHE_DAMAGED"


@pytest.mark.parametrize("name", ["../model.pte", "a\nb", "/etc/passwd", "", ".", "..", "a/b", "a\\b", "a=b"])
def test_names_in_a_signed_list_are_names(name: str, tmp_path: Path) -> None:
    """A colleague's key may be in the wrong hands too."""
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0])
    entry = cache.folder(KEYS[0])
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in entry.iterdir()}
    del files[SIGNATURE]
    with pytest.raises(ValueError, match="name"):
        sign(KEYS[0], {**files, name: "0" * 64}, known_keys())
    signed = json.loads((entry / SIGNATURE).read_bytes())
    signed["files"][name] = "0" * 64
    (entry / SIGNATURE).write_text(json.dumps(signed), encoding="utf-8")
    assert refusal(cache) == "CACHE_DAMAGED"


def test_a_signed_bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fsspec

    address = f"memory://bucket-{time.time_ns()}"
    files, root = fsspec.core.url_to_fs(address)
    place = f"{root}/00/{KEYS[0]}"
    monkeypatch.setenv(VARIABLE, TEAM)
    fill(Cache(address, mirror=tmp_path / "ci"), KEYS[0], external=b"weights")
    be_another_person(tmp_path / "second", monkeypatch)
    assert refusal(Cache(address, mirror=tmp_path / "two")) == "CACHE_ENTRY_FOREIGN"
    monkeypatch.setenv(VARIABLE, TEAM)
    assert Cache(address, mirror=tmp_path / "two").find(KEYS[0])
    files.pipe_file(f"{place}/model.ptd", b"WEIGHTS")
    assert refusal(Cache(address, mirror=tmp_path / "three")) == "CACHE_DAMAGED"
    files.pipe_file(f"{place}/model.ptd", b"weights" * 100)
    assert refusal(Cache(address, mirror=tmp_path / "three")) == "CACHE_DAMAGED"
    files.rm_file(f"{place}/{SIGNATURE}")
    assert refusal(Cache(address, mirror=tmp_path / "three")) == "CACHE_ENTRY_UNSIGNED"
    assert [path.name for path in (tmp_path / "three").rglob("*.p*")] == []
    # Whoever converts it again mends the bucket.
    fill(Cache(address, mirror=tmp_path / "four"), KEYS[0])
    assert Cache(address, mirror=tmp_path / "three").find(KEYS[0])


def importer(*arguments: str, given: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "importer", "cache", *arguments], input=given, capture_output=True, text=True, timeout=60
    )


def test_the_commands_for_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = importer("key", "new", "studio")
    secret = made.stdout.split()[-1]
    assert made.returncode == 0 and len(bytes.fromhex(secret)) == 32
    assert importer("key", "new", "studio").returncode == 4, "a key was overwritten"
    listed = importer("key", "list")
    assert listed.returncode == 0 and "studio" in listed.stdout and secret not in listed.stdout + listed.stderr
    fill(Cache(tmp_path / "cache"), KEYS[0])
    be_another_person(tmp_path / "second", monkeypatch)
    assert importer("verify", "--cache", str(tmp_path / "cache")).returncode == 3
    assert importer("key", "add", "studio", given="nonsense\n").returncode == 4
    assert importer("key", "add", "studio", given=f"{secret}\n").returncode == 0
    verified = importer("verify", "--cache", str(tmp_path / "cache"))
    assert verified.returncode == 0 and "1 entries, 0 refused" in verified.stdout
    assert importer("key", "remove", "studio").returncode == 0
    assert importer("key", "remove", "studio").returncode == 4
    refused = importer("verify", "--cache", str(tmp_path / "cache"))
    assert refused.returncode == 3 and "CACHE_ENTRY_FOREIGN" in refused.stdout
