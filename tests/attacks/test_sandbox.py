"""Code of a model file or a factory, allowed to run, reaches nothing: each attempt is made and told by its error."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from importer.errors import ImporterError
from importer.jobs.conversion import Job, convert_in_child
from importer.jobs.reading import read
from importer.jobs.sandbox import confine
from importer.jobs.sandbox.policy import Policy
from importer.jobs.starting import Spawn
from importer.jobs.supervisor import Limits, Supervisor
from importer.options import ImportOptions
from tests.attacks.test_child_messages import Code

ROOT = Path(__file__).parents[2]

# Each line that does not raise is an effect.
ATTEMPTS = r"""
import ctypes, fcntl, os, shutil, signal, socket, stat, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)
def call(name, *arguments):
    ctypes.set_errno(0)
    if getattr(libc, name)(*arguments) < 0 and ctypes.get_errno() in (1, 2, 13, 38):  # refused or missing
        raise OSError(ctypes.get_errno(), name)
def set_clock():
    now = ctypes.create_string_buffer(208)
    call("adjtimex", now)
    now[0] = 0x10  # the state that it has
    call("adjtimex", now)
def run(command):
    if os.system(command):
        raise OSError(command)
effects = []
for name, attempt in {
    "write into the project": lambda: open(OUT + "/canary", "w"),
    "write into the home": lambda: open(HOME + "/executorch_canary", "w"),
    "write into /tmp": lambda: open("/tmp/executorch_canary", "w"),
    "write into shared memory": lambda: open("/dev/shm/executorch_canary", "w"),
    "change the source": lambda: open(OUT + "/hostile.pt", "ab"),
    "remove the source": lambda: os.remove(OUT + "/hostile.pt"),
    "read another file": lambda: open(OUT + "/secret/key").read(),
    "read its first variables": lambda: 1 / ("SECRET_TOKEN" in open("/proc/self/environ").read()),
    "list a folder": lambda: os.listdir(OUT + "/secret"),
    "list the home": lambda: os.listdir(HOME),
    "read the users": lambda: open("/etc/passwd").read(),
    "read a parent's variables": lambda: open(f"/proc/{PARENT}/environ", "rb").read(1),
    "read a parent's memory": lambda: open(f"/proc/{PARENT}/mem", "rb"),
    "read a parent's command": lambda: open(f"/proc/{PARENT}/cmdline", "rb").read(1),
    "make a file readable for others": lambda: os.chmod(OUT + "/secret/key", 0o644),
    "make a folder writable for others": lambda: os.chmod(OUT + "/secret", 0o777),
    "change the rights of Python": lambda: (lambda file: os.fchmod(file.fileno(), os.fstat(file.fileno()).st_mode))(
        open(os.__file__)),
    "give a file away": lambda: os.chown(OUT + "/secret/key", os.getuid(), os.getgid()),
    "change a file's time": lambda: os.utime(OUT + "/secret/key", (1, 1)),
    "change the time of Python": lambda: (lambda file: os.utime(file.fileno()))(open(os.__file__)),
    "write an attribute": lambda: os.setxattr(OUT + "/secret/key", "user.canary", b"1"),
    "set a file's flags": lambda: fcntl.ioctl(open(os.__file__), 0x40086602, struct.pack("l", 0x80)),
    "empty a file": lambda: os.truncate(OUT + "/secret/key", 0),
    "empty the source": lambda: os.truncate(OUT + "/hostile.pt", 0),
    "empty the source by reading": lambda: os.open(OUT + "/hostile.pt", os.O_RDONLY | os.O_TRUNC),
    "watch a folder": lambda: call("inotify_add_watch", libc.inotify_init1(0), OUT.encode() + b"/secret", 0xFFF),
    "open a disk": lambda: (os.mknod("disk", 0o600 | stat.S_IFBLK, os.makedev(7, 0)), open("disk", "rb")),
    "make a device": lambda: (os.mknod("zero", 0o600 | stat.S_IFCHR, os.makedev(1, 5)), open("zero", "rb")),
    "choose a parent's processors": lambda: os.sched_setaffinity(PARENT, os.sched_getaffinity(0)),
    "set the clock": lambda: set_clock() if os.getuid() == 0 else 1 / 0,
    "link a file in": lambda: os.link(OUT + "/secret/key", os.environ["HOME"] + "/key"),
    "connect by TCP": lambda: socket.create_connection(("127.0.0.1", PORT), 2),
    "send by UDP": lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("127.0.0.1", PORT)),
    "connect by a local socket": lambda: socket.socket(socket.AF_UNIX).connect(OUT + "/socket"),
    "listen": lambda: socket.create_server(("127.0.0.1", 0)),
    "look at the network": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0),
    "run a shell": lambda: subprocess.run(["/bin/sh", "-c", f"touch {OUT}/canary"], check=True),
    "run a command": lambda: run(f"touch {OUT}/canary"),
    "run Python": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
    "run a program that was written": lambda: (
        open(os.environ["HOME"] + "/run", "w").write("#!/bin/sh\n"), os.chmod(os.environ["HOME"] + "/run", 0o755),
        subprocess.run([os.environ["HOME"] + "/run"], check=True)),
    "signal a parent": lambda: os.kill(PARENT, 0),
    "signal everything": lambda: os.kill(1, 0),
    "trace a parent": lambda: call("ptrace", 0x4206, PARENT, 0, 0),
    "limit a parent": lambda: __import__("resource").prlimit(PARENT, 4),
    "take a namespace": lambda: call("unshare", 0x10000000),
    "mount": lambda: call("mount", b"none", b"/not/there", b"none", 0, None),
    "leave the group": lambda: os.setsid(),
    "outlive the parent": lambda: call("prctl", 1, 0, 0, 0, 0),
    "use a key": lambda: call("syscall", 250 if os.uname().machine == "x86_64" else 219, 0, -3, 0),
    "load a program into the kernel": lambda: call("syscall", 321 if os.uname().machine == "x86_64" else 280, 0, 0, 0),
    "open a ring": lambda: call("syscall", 425, 1, 0),
}.items():
    try:
        attempt()
        effects.append(name)
    except BaseException:
        pass
for name in ("SECRET_TOKEN", "AWS_SECRET_ACCESS_KEY"):
    if name in os.environ:
        effects.append(name)
raise RuntimeError(f"EFFECTS {effects} OF {len(effects)}")
"""


@pytest.fixture
def code(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The attempts, with the places of this test."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("a private key")
    monkeypatch.setenv("SECRET_TOKEN", "of the person")
    local = socket.socket(socket.AF_UNIX)
    local.bind(str(tmp_path / "socket"))
    local.listen()
    with local, socket.create_server(("127.0.0.1", 0)) as server:
        known = {"OUT": str(tmp_path), "HOME": str(Path.home()), "PARENT": os.getpid(), "PORT": server.getsockname()[1]}
        yield "\n".join(f"{name} = {value!r}" for name, value in known.items()) + ATTEMPTS


def effects_of(error: ImporterError) -> str:
    found = re.search(r"EFFECTS (\[.*?\]) OF", f"{error.cause} {error.log}")
    assert found, f"{error}\n{error.log}"
    return found.group(1)


def canaries(tmp_path: Path) -> list[Path]:
    places = (tmp_path, Path.home(), Path("/tmp"), Path("/dev/shm"))
    return [path for place in places for name in ("canary", "executorch_canary") if (path := place / name).exists()]


def test_the_attempts_work_without_a_sandbox(code: str, tmp_path: Path) -> None:
    """Else the others would hold for nothing."""
    harmless = code.replace('"remove the source"', '"-"').replace("os.remove(OUT", "len(OUT")
    done = subprocess.run([sys.executable, "-c", harmless], capture_output=True, text=True, check=False)
    found = re.search(r"EFFECTS \[(.*)\] OF (\d+)", done.stderr)
    assert found and int(found.group(2)) >= 20, done.stderr
    for path in canaries(tmp_path):
        path.unlink()


@pytest.mark.parametrize("way", ["forked", "spawned"])
def test_a_pickle_that_is_allowed_reaches_nothing(code: str, tmp_path: Path, way: str) -> None:
    source = tmp_path / "hostile.pt"
    torch.save(Code(code), source)
    before = source.read_bytes()
    job = Job(source, str(tmp_path / "cache"), ImportOptions(inputs="float32[1,1]"), tmp_path, allow_pickle=True)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job, **({"way": Spawn()} if way == "spawned" else {}))
    assert effects_of(caught.value) == "[]"
    assert canaries(tmp_path) == [] and source.read_bytes() == before


def test_a_factory_computes_and_reaches_nothing(code: str, tmp_path: Path, models: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / "net.py").write_text("def build():\n    exec(" + repr(code) + ", {})\n")
    options = ImportOptions(factory="res://models/net.py:build", inputs="float32[1,1]")
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    assert caught.value.code == "FACTORY_FAILED"
    assert effects_of(caught.value) == "[]"
    assert canaries(tmp_path) == []


def test_a_factory_that_a_person_trusts_is_not_confined(tmp_path: Path, models: Path) -> None:
    factory = tmp_path / "net.py"
    factory.write_text(
        "import torch\nfrom pathlib import Path\n"
        "def build():\n    (Path(__file__).parent / 'written').touch()\n    return torch.nn.Linear(1, 1)\n"
    )
    options = ImportOptions(factory="res://net.py:build", inputs="float32[1,1]", recipe="portable")
    job = Job(models / "linear_state_dict.pth", str(tmp_path / "cache"), options, tmp_path)
    with pytest.raises(ImporterError) as caught:
        convert_in_child(job)
    assert caught.value.code == "FACTORY_FAILED" and "executorch/import/trusted_factories" in caught.value.remedy
    hashed = re.search(r"\b[0-9a-f]{64}\b", caught.value.remedy)
    assert hashed
    trusted = Job(job.source, job.cache, options, tmp_path, trusted_factories=[hashed.group(0)])
    artifact = convert_in_child(trusted)
    assert (tmp_path / "written").exists()
    assert "Converted without a sandbox: its factory is trusted." in artifact.metadata["notes"]


def test_a_reader_is_confined(tmp_path: Path, models: Path) -> None:
    """What only looks at a file cannot look at another one."""
    assert read("kinds", [models / "linear.pt"], Spawn())[0]["kind"] == "exported_program"
    policy = Policy(tmp_path, (models / "linear.pt",))
    supervisor = Supervisor(Limits(30), lambda stage, fraction, message: None, Spawn())
    files = [str(models / name) for name in ("linear.pt", "linear_torchscript.pt")]
    own, other = supervisor.run("importer.jobs.reading:kinds", {"files": files}, policy)
    assert own["problem"] == "" and "cannot be read: Permission denied" in other["problem"]


ENTER = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from importer.jobs.sandbox import landlock
from importer.jobs.sandbox.confine import enter
from importer.jobs.sandbox.policy import Policy
way, _, version = sys.argv[3].partition(" ")
if version and landlock.version() > int(version):
    landlock.version = lambda: int(version)
enter(Policy(Path(sys.argv[2]), (), ()), way)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock and namespaces are Linux's")
@pytest.mark.parametrize("way", ["landlock", "landlock 1", "namespaces"])
def test_each_way_holds_by_itself(code: str, tmp_path: Path, way: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    words = [sys.executable, "-c", ENTER + code, str(ROOT), str(own), way]
    variables = {name: value for name, value in os.environ.items() if name != "SECRET_TOKEN"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=variables)
    if "SANDBOX_MISSING" in done.stderr:
        pytest.skip(f"this machine could not install {way}")
    found = re.search(r"EFFECTS (\[.*\]) OF", done.stderr)
    assert found, done.stderr
    # A process namespace has a process 1 of its own, and the home is there when Python is in it, with nothing else.
    allowed = {"signal everything", "run Python", "list the home"} if way == "namespaces" else set()
    if way == "landlock 1":  # of Linux 5.13, which leaves signals out
        allowed = {"signal a parent", "signal everything"}
    assert set(json.loads(found.group(1).replace("'", '"'))) <= allowed
    assert canaries(tmp_path) == []


LOADER = """
import subprocess
loader = next(path for path in ("/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1") if os.path.exists(path))
for program in ("/bin/sh", "/usr/bin/env", "/bin/true"):
    done = subprocess.run([loader, program], capture_output=True, stdin=subprocess.DEVNULL)
    print("LOADED" if done.returncode == 0 else "NOT LOADED", program, file=sys.stderr)
sys.stderr.flush()
os.execv(loader, [loader, os.path.realpath(sys.executable), "-c", CODE])
"""


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_the_system_s_loader_runs_only_what_is_as_confined(code: str, tmp_path: Path) -> None:
    """flatc needs the loader, which takes any program that can be read: it keeps the sandbox that started it."""
    own = tmp_path / "own"
    own.mkdir()
    words = [sys.executable, "-c", ENTER + f"import os\nCODE = {code!r}\n" + LOADER, str(ROOT), str(own), "landlock"]
    variables = {name: value for name, value in os.environ.items() if name != "SECRET_TOKEN"}
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=ROOT, env=variables)
    if "SANDBOX_MISSING" in done.stderr:
        pytest.skip("this machine could not install landlock")
    assert done.stderr.count("NOT LOADED /") == 3, done.stderr
    found = re.search(r"EFFECTS (\[.*\]) OF", done.stderr)
    assert found and found.group(1) == "[]", done.stderr
    assert canaries(tmp_path) == []


def test_without_a_sandbox_a_task_is_refused_or_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(confine, "_ways", list)
    with pytest.raises(ImporterError) as caught:
        confine.enter(Policy(tmp_path))
    assert caught.value.code == "SANDBOX_MISSING" and "EXECUTORCH_WITHOUT_SANDBOX" in caught.value.remedy
    assert confine.enter(Policy(tmp_path, required=False)) == ""
    assert "without a sandbox" in capsys.readouterr().err
