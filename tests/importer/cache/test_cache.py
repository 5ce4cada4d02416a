"""The cache: entries are complete or absent, also with several processes and after damage."""

from __future__ import annotations

import json
import multiprocessing
import os
import stat
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from importer.atomic_files import write_atomically
from importer.cache.cache import Cache
from importer.cache.cache_key import hash_file
from importer.cache.install import install_program
from importer.cli.convert import install
from importer.errors import ImporterError
from importer.options import ImportOptions
from importer.pipeline import convert

KEYS = [f"{number:02x}" * 32 for number in range(8)]


def fill(cache: Cache, key: str, payload: bytes = b"program", external: bytes = b"") -> None:
    with cache.building(key) as building:
        (building / "model.pte").write_bytes(payload)
        (building / "model.tres").write_text("[gd_resource]", encoding="utf-8")
        parts = []
        if external:
            (building / "model.ptd").write_bytes(external)
            parts = [{"file": "model.ptd", "size": len(external), "sha256": hash_file(building / "model.ptd")}]
        size = {"size": len(payload), "sha256": hash_file(building / "model.pte"), "external": parts}
        (building / "metadata.json").write_text(json.dumps({"name": key[:2], "payload": size}), encoding="utf-8")
        cache.store(key, building)


def test_store_and_find(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    assert cache.find(KEYS[0]) is None
    fill(cache, KEYS[0], external=b"weights")
    found = cache.find(KEYS[0])
    assert found and found.payload.read_bytes() == b"program" and found.entry == tmp_path / "00" / KEYS[0]
    assert list((tmp_path / ".building").iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="rights of files are POSIX's")
def test_others_may_read_what_is_stored(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    fill(cache, KEYS[0])
    entry = cache.folder(KEYS[0])
    (tmp_path / "ordinary").touch()
    (tmp_path / "folder").mkdir()
    assert (entry / "model.pte").stat().st_mode == (tmp_path / "ordinary").stat().st_mode
    assert entry.stat().st_mode == (tmp_path / "folder").stat().st_mode


def test_a_failed_build_leaves_nothing(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with pytest.raises(RuntimeError), cache.building(KEYS[0]) as building:
        (building / "model.pte").write_bytes(b"half")
        raise RuntimeError
    assert cache.find(KEYS[0]) is None and list((tmp_path / ".building").iterdir()) == []


@pytest.mark.parametrize("damage", ["cut", "no_resource", "no_payload", "bad_json", "deep_json", "no_payload_entry"])
def test_damaged_entries_are_missing_and_replaced(tmp_path: Path, damage: str) -> None:
    cache = Cache(tmp_path)
    fill(cache, KEYS[0])
    entry = cache.folder(KEYS[0])
    if damage == "cut":
        (entry / "model.pte").write_bytes(b"pro")
    elif damage == "no_resource":
        (entry / "model.tres").unlink()
    elif damage == "no_payload":
        (entry / "model.pte").unlink()
    else:
        text = {"bad_json": "{", "deep_json": "[" * 200_000}.get(damage, "{}")
        (entry / "metadata.json").write_text(text, encoding="utf-8")
    assert cache.find(KEYS[0]) is None
    fill(cache, KEYS[0])
    assert cache.find(KEYS[0])


def test_weights_of_an_earlier_program_are_taken_away(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0], external=b"weights")
    fill(cache, KEYS[1])
    usual = ["net.measured.json", "net.metadata.json", "net.pte", "net.tres"]
    for key, files in ((KEYS[0], [*usual[:2], "net.ptd", *usual[2:]]), (KEYS[1], usual)):
        found = cache.find(key)
        assert found
        install(found, tmp_path / "out" / "net.pte")
        assert sorted(path.name for path in (tmp_path / "out").iterdir()) == files


def test_verify_reads_everything(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    fill(cache, KEYS[0])
    fill(cache, KEYS[1])
    assert cache.verify() == []
    (cache.folder(KEYS[1]) / "model.pte").write_bytes(b"PROGRAM")
    assert [key for key, _ in cache.verify()] == [KEYS[1]]


def test_prune_takes_the_least_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    for age, key in enumerate(KEYS[:4]):
        fill(cache, key, b"x" * 10_000)
        os.utime(cache.folder(key), (1_000_000 - age, 1_000_000 - age))
    cache.find(KEYS[3])  # used just now
    removed = cache.prune(24_000)
    assert [entry.key for entry in removed] == [KEYS[1], KEYS[2]]
    assert {entry.key for entry in cache.entries()} == {KEYS[0], KEYS[3]}


def test_a_limit_holds_while_storing(tmp_path: Path) -> None:
    cache = Cache(tmp_path, limit_bytes=30_000)
    for number, key in enumerate(KEYS):
        fill(cache, key, b"x" * 10_000)
        os.utime(cache.folder(key), (number, number))
    assert sum(entry.size for entry in cache.entries()) <= 30_000 and cache.find(KEYS[-1])


def test_leftovers_of_dead_processes_go(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.building(KEYS[0]) as building:
        os.utime(building, (1, 1))
        cache.prune(10**9)
        assert not building.exists()


def work(root: Path, number: int) -> None:
    cache = Cache(root)
    for round_number in range(30):
        key = KEYS[(number + round_number) % 4]
        found = cache.find(key)
        if found:
            assert found.payload.stat().st_size == 5000
        else:
            fill(cache, key, b"y" * 5000)
        if round_number % 10 == number:
            cache.prune(11_000)


def test_several_processes_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=work, args=(tmp_path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert Cache(tmp_path).verify() == []


def test_two_processes_with_the_same_key(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    with cache.building(KEYS[0]) as building:
        (building / "model.pte").write_bytes(b"second")
        (building / "metadata.json").write_text("{}", encoding="utf-8")
        (building / "model.tres").touch()
        fill(cache, KEYS[0])  # another process was faster
        assert cache.store(KEYS[0], building).payload.read_bytes() == b"program"


@pytest.mark.skipif(os.name == "nt", reason="rights of folders are POSIX's")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        (tmp_path / "file").touch()
        root = tmp_path / "file" / "cache"  # root may write everywhere; but a file is not a folder
    else:
        tmp_path.chmod(stat.S_IRUSR | stat.S_IXUSR)
        root = tmp_path / "cache"
    with pytest.raises(ImporterError) as caught, Cache(root).building(KEYS[0]):
        pass
    assert caught.value.code == "CACHE_NOT_WRITABLE"


def test_keys_are_checked(tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        Cache(tmp_path).find("../../etc")
    assert caught.value.code == "CACHE_KEY_INVALID"


def test_atomic_files(tmp_path: Path) -> None:
    path = tmp_path / "x"
    write_atomically(path, b"one")
    write_atomically(path, b"two")
    assert path.read_bytes() == b"two" and list(tmp_path.iterdir()) == [path]


def test_a_program_in_use_is_replaced_whole(tmp_path: Path) -> None:
    """Writing into the old file would crash who has it mapped."""
    cache = Cache(tmp_path / "cache")
    fill(cache, KEYS[0], os.urandom(3_000_001))
    found, target = cache.find(KEYS[0]), tmp_path / "out" / "net.pte"
    assert found
    target.parent.mkdir()
    target.write_bytes(b"old")
    with target.open("rb") as old:
        install_program(found, target)
        assert old.read() == b"old"
    assert target.read_bytes() == found.payload.read_bytes()
    assert target.stat().st_mode == found.payload.stat().st_mode
    assert [path.name for path in target.parent.iterdir()] == ["net.pte"]


@pytest.fixture(params=["memory", "s3"])
def bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of an empty bucket: fsspec's own in memory, and one of a server that speaks S3."""
    if request.param == "memory":
        yield f"memory://bucket-{time.time_ns()}"
        return
    import fsspec
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0)
    server.start()
    host, port = server.get_host_and_port()
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_ENDPOINT_URL", f"http://{host}:{port}"),
    ):
        monkeypatch.setenv(name, value)
    fsspec.filesystem("s3").mkdir("models")
    yield "s3://models/shared"
    server.stop()
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_shared_cache_in_a_bucket(tmp_path: Path, bucket: str) -> None:
    writer = Cache(bucket, mirror=tmp_path / "one")
    fill(writer, KEYS[0], external=b"weights")
    reader = Cache(bucket, mirror=tmp_path / "two")
    found = reader.find(KEYS[0])
    assert found and found.payload.read_bytes() == b"program" and (found.entry / "model.ptd").read_bytes() == b"weights"
    assert reader.find(KEYS[1]) is None


def test_a_bucket_that_does_not_answer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "nobody"),
        ("AWS_SECRET_ACCESS_KEY", "nothing"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_MAX_ATTEMPTS", "1"),
    ):
        monkeypatch.setenv(name, value)
    with pytest.raises(ImporterError) as caught:
        Cache("s3://nowhere/shared", mirror=tmp_path).find(KEYS[0])
    assert caught.value.code == "CACHE_UNREACHABLE"


def test_a_bucket_with_other_bytes_than_it_promises(tmp_path: Path) -> None:
    import fsspec

    address = f"memory://bucket-{time.time_ns()}"
    fill(Cache(address, mirror=tmp_path / "one"), KEYS[0])
    files, root = fsspec.core.url_to_fs(address)
    files.pipe_file(f"{root}/00/{KEYS[0]}/model.pte", b"PROGRAM")
    reader = Cache(address, mirror=tmp_path / "two")
    assert reader.find(KEYS[0]) is None
    with pytest.raises(ImporterError) as caught:
        reader.look_up(KEYS[0])
    assert caught.value.code == "CACHE_DAMAGED"


def test_an_address_of_no_kind(tmp_path: Path) -> None:
    with pytest.raises(ImporterError) as caught:
        Cache("nosuchkind://bucket", mirror=tmp_path)
    assert caught.value.code == "CACHE_UNREACHABLE"


@pytest.mark.parametrize("what", ["source", "module"])
def test_a_file_that_changes_while_it_is_converted(what: str, tmp_path: Path) -> None:
    """A training run writes its checkpoint anew: what is made of the second must not be found under the first's key."""
    import torch

    weights, module = tmp_path / "net.pth", tmp_path / "scale.py"
    torch.save(torch.nn.Linear(4, 2).state_dict(), weights)
    module.write_text("factor = 1\n")
    # Random weights could be the same ones.
    changed = f"torch.save({{'weight': torch.ones(2, 4), 'bias': torch.ones(2)}}, {str(weights)!r})"
    if what == "module":
        changed = f"open({str(module)!r}, 'a').write('factor = 2')"
    (tmp_path / "net.py").write_text(
        f"import torch\nimport scale\n\n\ndef build():\n    {changed}\n    return torch.nn.Linear(4, 2)\n"
    )
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,4]", recipe="portable")
    cache = Cache(tmp_path / "cache")
    with pytest.raises(ImporterError) as caught:
        convert(weights, project=tmp_path, cache=cache, options=options)
    assert caught.value.code == "KEY_DIFFERS"
    assert not cache.entries()
