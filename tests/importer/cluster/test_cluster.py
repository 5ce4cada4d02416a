"""`convert --cluster` with a real scheduler and workers: results, errors, limits and interruptions."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from importer.__main__ import main
from tests import json_output
from tests.importer.cluster.conftest import make_models
from tests.importer.cluster.dask_processes import ROOT, Cluster, until
from tests.processes import TAKE_NAME, named, unique_name, wait_for_name

_THREE_GIGABYTES = "x = [torch.ones(1 << 26) for _ in range(12)]; time.sleep(60)"

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals")


def files_of(process: subprocess.Popen[str], status: int = 0) -> list[dict[str, Any]]:
    printed, errors = process.communicate(timeout=400)
    assert process.returncode == status, printed + errors
    found: list[dict[str, Any]] = json_output.read(printed, "convert")["files"]
    return found


def programs(folder: Path) -> dict[str, bytes]:
    """What can be committed of the programs in a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if not path.name.endswith(".measured.json")}


@pytest.mark.slow
def test_results_are_equal_to_local_ones(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    config = make_models(tmp_path, 2)
    shutil.copy(models / "linear_portable.pte", tmp_path / "done.pte")
    with config.open("a", encoding="utf-8") as file:
        file.write('[[models]]\nsource = "done.pte"\nfactory = ""\ninputs = ""\n')
    near, far = tmp_path / "near", tmp_path / "far"
    # In this process, whose other tests have started torch for it.
    assert (
        main(["convert", "--config", str(config), "-o", str(near), "--cache", str(tmp_path / "cache"), "--quiet"]) == 0
    )
    found = files_of(cluster.start("convert", "--config", config, "-o", far))
    assert [item["cached"] for item in found] == [False] * 3
    assert found[1]["metadata"]["evaluation"]["metric"] == "own.py:score"
    assert programs(far) == programs(near) and len(programs(far)) == 9
    # Nothing of a conversion stays on a worker but the files that the next one may need.
    for name in ("one", "two"):
        assert {path.name for path in (cluster.user(name) / "executorch-godot" / "cluster").iterdir()} <= {"files"}
    again = files_of(cluster.start("convert", "--config", config, "-o", far))
    assert [item["cached"] for item in again] == [True] * 3 and programs(far) == programs(near)


def test_errors_name_the_files_of_the_person(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    """One that fails does not stop the others."""
    (tmp_path / "bad.pt").write_text("no model", encoding="utf-8")
    (tmp_path / "net.py").write_text("def build():\n    raise ValueError(__file__)\n", encoding="utf-8")
    config = tmp_path / "models.toml"
    config.write_text(
        '[[models]]\nsource = "bad.pt"\n[[models]]\nsource = "linear.pth"\nfactory = "net.py"\n'
        'inputs = "float32[1,8]"\n'
        '[[models]]\nsource = "good.pte"\n[[models]]\nsource = "missing.pt"\n',
        encoding="utf-8",
    )
    shutil.copy(models / "linear_state_dict.pth", tmp_path / "linear.pth")
    shutil.copy(models / "counter.pte", tmp_path / "good.pte")
    bad, failing, good, missing = files_of(cluster.start("convert", "--config", config), 4)
    assert [item.get("error", {}).get("code") for item in (bad, failing, good, missing)] == [
        "NOT_A_MODEL", "FACTORY_FAILED", None, "FILE_NOT_READABLE",
    ]  # fmt: skip
    assert str(tmp_path / "net.py") in failing["error"]["cause"]
    assert {path.name for path in (tmp_path / "build").glob("*.pte")} == {"good.pte"}


def slow_model(folder: Path, models: Path, body: str, **options: object) -> Path:
    shutil.copy(models / "linear_state_dict.pth", folder / "linear.pth")
    (folder / "slow.py").write_text(f"import torch, time\ndef build():\n    {body}\n", encoding="utf-8")
    text = '[[models]]\nsource = "linear.pth"\nfactory = "slow.py"\ninputs = "float32[1,1]"\n'
    config = folder / "models.toml"
    config.write_text(text + "".join(f"{name} = {value}\n" for name, value in options.items()), encoding="utf-8")
    return config


@pytest.mark.parametrize(
    ("body", "option", "value", "code"),
    [
        ("time.sleep(60)", "deadline_seconds", 3, "DEADLINE_EXCEEDED"),
        (_THREE_GIGABYTES, "memory_limit_megabytes", 1500, "MEMORY_LIMIT_EXCEEDED"),
        ("import os; os.kill(os.getpid(), 9)", "deadline_seconds", 60, "WORKER_KILLED"),
    ],
)  # fmt: skip
def test_limits_hold_for_each_conversion(
    cluster: Cluster, models: Path, tmp_path: Path, body: str, option: str, value: int, code: str
) -> None:
    config = slow_model(tmp_path, models, body, **{option: value})
    (found,) = files_of(cluster.start("convert", "--config", config), 5 if code == "WORKER_KILLED" else 4)
    assert found["error"]["code"] == code and found["error"]["stage"] == "load"
    assert all(worker.poll() is None for worker in cluster.workers.values())


@pytest.mark.skipif(sys.platform != "linux", reason="names of processes")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupt_leaves_nothing_half(
    cluster: Cluster, models: Path, tmp_path: Path, number: signal.Signals
) -> None:
    """Also when the person's process is killed, and cannot say goodbye."""
    name = unique_name()
    config = slow_model(tmp_path, models, f"{TAKE_NAME.format(name=name)}; time.sleep(100)")
    process = cluster.start("convert", "--config", config)
    wait_for_name(name)
    before = entries(cluster)
    process.send_signal(number)
    printed, errors = process.communicate(timeout=60)
    assert process.returncode == (130 if number == signal.SIGINT else -9), errors
    assert "Traceback" not in errors and not printed
    until(lambda: named(name) == [], "the conversion ends", 20)
    places = [cluster.user(worker) / "executorch-godot" / "cluster" for worker in cluster.workers]
    until(lambda: not [path for place in places for path in place.glob("job.*")], "its folder goes", 20)
    assert not (tmp_path / "build").exists() and entries(cluster) == before


def entries(cluster: Cluster) -> set[str]:
    return {path.parent.name for path in (cluster.folder / "shared").glob("??/*/*")}


def test_a_shared_file_is_checked_by_its_hash(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    """Whoever may write to the shared address must not change what is converted."""
    source = tmp_path / "net.pte"
    source.write_bytes((models / "linear_portable.pte").read_bytes() + b"\0" * 16)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    place = cluster.folder / "shared" / "files" / sha256[:2] / sha256
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes((models / "linear_portable.pte").read_bytes() + b"\1" * 16)
    words = ("convert", source, "-o", tmp_path / "out")
    (refused,) = files_of(cluster.start(*words), 5)
    assert refused["error"]["code"] == "SHARED_FILE_DAMAGED" and not (tmp_path / "out").exists()
    place.write_bytes(b"half")  # a file that was not written to its end is sent again
    (found,) = files_of(cluster.start(*words))
    assert found["metadata"]["source"]["sha256"] == sha256
    # An artifact that somebody else signed is not taken.
    source.write_bytes(source.read_bytes() + b"\2")
    (foreign,) = files_of(cluster.start(*words, EXECUTORCH_CACHE_SIGNING_KEY="6f" * 32), 4)
    assert foreign["error"]["code"] == "CACHE_ENTRY_FOREIGN"


def refused(*words: object, before: str = "pass") -> dict[str, Any]:
    program = f"import sys; {before}; from importer.__main__ import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", program, *map(str, words), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert "Traceback" not in done.stderr
    return {"status": done.returncode, **json.loads(done.stdout)["error"]}


def test_what_a_cluster_needs(models: Path, tmp_path: Path) -> None:
    words = ["convert", models / "counter.pte", "-o", tmp_path, "--cluster", "tcp://127.0.0.1:1"]
    cache = ["--cache", tmp_path / "cache"]
    missing = refused(*words, *cache, before="sys.modules['distributed'] = None")
    assert (missing["status"], missing["code"]) == (5, "PACKAGE_MISSING") and "pip install" in missing["remedy"]
    wrong = [*cache, "--cluster", "localhost"]
    for more, text in (([], "needs --cache"), ([*cache, "--jobs", 2], "--jobs"), (wrong, "got 'localhost'")):
        found = refused(*words, *more)
        assert (found["status"], found["code"]) == (2, "OPTION_INVALID") and text in found["cause"]
    lost = refused(*words, *cache)
    assert (lost["status"], lost["code"]) == (5, "CLUSTER_UNREACHABLE")


def test_a_worker_with_another_version(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    (tmp_path / "torchao-9.9.dist-info").mkdir()
    (tmp_path / "torchao-9.9.dist-info" / "METADATA").write_text("Name: torchao\nVersion: 9.9\n", encoding="utf-8")
    source = tmp_path / "net.pte"
    source.write_bytes((models / "linear_portable.pte").read_bytes() + b"\3")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    (found,) = files_of(cluster.start("convert", source, "-o", tmp_path, PYTHONPATH=path), 5)
    assert found["error"]["code"] == "CLUSTER_WORKER_DIFFERS" and "this machine 9.9" in found["error"]["cause"]


def test_a_worker_without_the_games_kernel_libraries(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    """The program is proved with them, on the worker."""
    source, library = tmp_path / "net.pte", tmp_path / "libmine.so"
    source.write_bytes((models / "linear_portable.pte").read_bytes() + b"\4")
    library.write_bytes(b"mine")
    (found,) = files_of(cluster.start("convert", source, "-o", tmp_path, "--library", library), 5)
    assert found["error"]["code"] == "CLUSTER_WORKER_DIFFERS", found
    assert "the game's kernel libraries missing" in found["error"]["cause"]


@pytest.mark.slow
def test_workers_that_all_end(models: Path, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        process = cluster.start("convert", models / "counter.pte", "-o", tmp_path / "out")
        for name in ("one", "two", "three", "four"):
            place = cluster.add_worker(name)
            until(lambda place=place: bool(list(place.glob("job.*"))), "it converts", 100)  # type: ignore[misc]
            cluster.kill(name)
        (found,) = files_of(process, 5)
        assert found["error"]["code"] == "CLUSTER_WORKER_LOST" and "4 workers" in found["error"]["cause"]
    finally:
        cluster.stop()


@pytest.mark.slow
def test_a_sweep(cluster: Cluster, models: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "importer", "sweep", models / "linear.pt", "--cache", tmp_path / "cache", "--json"]
    near = subprocess.run(
        [*map(str, command)], cwd=ROOT, capture_output=True, text=True, timeout=400, check=True
    ).stdout
    far, errors = cluster.start("sweep", models / "linear.pt").communicate(timeout=400)
    rows = [json_output.read(printed, "sweep")["recipes"] for printed in (near, far)]
    for name in ("recipe", "size", "max_relative", "cosine", "share", "error"):
        assert [row.get(name) for row in rows[0]] == [row.get(name) for row in rows[1]], errors
    assert len(rows[1]) == 7 and sum("size" in row for row in rows[1]) > 4
    assert "xnnpack_fp32: validate" in errors  # one table for all


@pytest.mark.slow
def test_tls(models: Path, tmp_path: Path) -> None:
    """Who has no certificate of the cluster is turned away."""
    from distributed.security import Security

    made = Security.temporary()
    for name, text in (("ca", made.tls_ca_file), ("cert", made.tls_client_cert), ("key", made.tls_client_key)):
        (tmp_path / f"{name}.pem").write_text(text, encoding="utf-8")
    flags = [
        word
        for name in ("ca-file", "cert", "key")
        for word in (f"--tls-{name}", str(tmp_path / f"{name[:4].strip('-fi')}.pem"))
    ]
    cluster = Cluster(tmp_path, *flags)
    try:
        assert cluster.address.startswith("tls://")
        words = ("convert", models / "counter.pte", "-o", tmp_path / "out")
        stranger = cluster.start(*words)
        printed, _ = stranger.communicate(timeout=100)
        assert stranger.returncode == 5 and json.loads(printed)["error"]["code"] == "CLUSTER_UNREACHABLE"
        known = {"CA_FILE": "ca.pem", "CLIENT__CERT": "cert.pem", "CLIENT__KEY": "key.pem"}
        variables = {f"DASK_DISTRIBUTED__COMM__TLS__{name}": str(tmp_path / file) for name, file in known.items()}
        cluster.add_worker("one")
        (found,) = files_of(cluster.start(*words, **variables))
        assert found["metadata"]["recipe"] == "as_is"
    finally:
        cluster.stop()


def test_the_scheduler_is_lost(models: Path, tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    try:
        process = cluster.start(
            "convert", models / "counter.pte", models / "linear_portable.pte", "-o", tmp_path / "out"
        )
        line = process.stderr.readline() if process.stderr else ""
        while "queued" not in line:
            line = process.stderr.readline() if process.stderr else ""
        os.kill(cluster.scheduler.pid, signal.SIGKILL)
        found = files_of(process, 5)
        assert [item["error"]["code"] for item in found] == ["CLUSTER_UNREACHABLE"] * 2
    finally:
        cluster.stop()
