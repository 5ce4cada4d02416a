"""Packages of another Debian suite, unpacked into a folder. Needs no root, and installs nothing.

apt-get gets lists, a cache and an empty status file below the folder, so it considers nothing
installed and fetches every library. `dpkg -x` unpacks; the caller makes the programs find
their libraries.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from tasks.console import StepFailed, megabytes, run, size_of, step

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SOURCES = (Path("/etc/apt/sources.list"), Path("/etc/apt/sources.list.d"))


def unpack(
    packages: Sequence[str], suite: str, target: Path, *, dependencies: bool, architecture: str | None = None
) -> None:
    """Fetch packages (and what they depend on) from `suite` and unpack them into `target`.

    Another `architecture` than this machine's is known to this one call of apt-get only.
    """
    if shutil.which("apt-get") is None or shutil.which("dpkg") is None:
        raise StepFailed(
            f"{', '.join(packages)} can only be fetched on a Debian-like machine",
            "install it and put it on PATH",
        )
    workspace = target.parent / f"{target.name}.apt"
    archives = workspace / "cache" / "archives"
    apt = _apt_get(workspace, archives, suite)
    if architecture is not None:
        apt += ["-o", f"APT::Architecture={architecture}", "-o", f"APT::Architectures={architecture}"]
    with step(f"package list of Debian {suite}"):
        run([*apt, "update"], log=f"apt-{suite}-update")
    with step(f"download {', '.join(packages)}"):
        if dependencies:
            arguments = ["install", "--download-only", "-y", *packages]
            run([*apt, *arguments], log=f"apt-{suite}-download")
        else:
            run([*apt, "download", *packages], log=f"apt-{suite}-download", cwd=archives)
    found = sorted(archives.glob("*.deb"))
    if not found:
        raise StepFailed(f"Debian {suite} has no packages for {', '.join(packages)}")
    unpacked = target.parent / f"{target.name}.new"
    shutil.rmtree(unpacked, ignore_errors=True)
    unpacked.mkdir()
    with step(f"unpack {len(found)} packages, {megabytes(size_of(archives))}"):
        for archive in found:
            run(["dpkg", "-x", archive, unpacked], log="dpkg")
    shutil.rmtree(target, ignore_errors=True)
    unpacked.rename(target)
    shutil.rmtree(workspace)


def _apt_get(workspace: Path, archives: Path, suite: str) -> list[str]:
    """apt-get with an empty workspace of its own, which knows this suite only."""
    shutil.rmtree(workspace, ignore_errors=True)
    archives.mkdir(parents=True)
    (workspace / "state" / "lists" / "partial").mkdir(parents=True)
    (workspace / "state" / "status").touch()
    (archives / "partial").mkdir()
    signed = f"[signed-by={KEYRING}] " if KEYRING.exists() else ""
    sources = workspace / "sources.list"
    sources.write_text(f"deb {signed}{_mirror()} {suite} main\n", encoding="utf-8")
    return [
        "apt-get",
        *("-o", f"Dir::State={workspace / 'state'}"),
        *("-o", f"Dir::State::status={workspace / 'state' / 'status'}"),
        *("-o", f"Dir::Cache={workspace / 'cache'}"),
        *("-o", f"Dir::Etc::sourcelist={sources}"),
        *("-o", "Dir::Etc::sourceparts=/dev/null"),
        *("-o", "Dir::Etc::preferences=/dev/null"),
        *("-o", "Dir::Etc::preferencesparts=/dev/null"),
        *("-o", "APT::Install-Recommends=false"),
        *("-o", "APT::Sandbox::User="),
        *("-o", "Acquire::Languages=none"),
        *("-o", "Acquire::Retries=3"),
        *("-o", "Debug::NoLocking=true"),
    ]


def _mirror() -> str:
    """The address of the machine's own Debian mirror, from either format of apt's sources."""
    files = [SOURCES[0]] if SOURCES[0].is_file() else []
    files += sorted(SOURCES[1].glob("*")) if SOURCES[1].is_dir() else []
    for path in files:
        text = path.read_text(encoding="utf-8", errors="replace")
        for line in text.splitlines():
            found = re.match(r"(?:URIs:|deb(?:\s+\[[^\]]*\])?)\s+(\S*/debian)/?(?:\s|$)", line)
            if found:
                return found.group(1)
    raise StepFailed(
        "this machine's apt sources name no Debian mirror",
        "install Godot 4.4 or newer and set GODOT to its program",
    )
