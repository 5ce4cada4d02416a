"""`dev.py build --target NAME`: the native library for this machine and for others."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from tasks import native, project
from tasks.console import StepFailed, step
from tasks.cross import extension_file, sdk, targets, toolchains
from tasks.cross.targets import Target


def run_build(arguments: Sequence[str]) -> int:
    """The command: this machine's build, then every `--target`."""
    parser = argparse.ArgumentParser(prog="dev.py build", description=__doc__)
    names = ", ".join(target.name for target in targets.TARGETS)
    parser.add_argument("--target", action="append", default=[], metavar="NAME", help=f"{names}; can be given again")
    parser.add_argument("--executorch", type=Path, metavar="PREFIX", help="an SDK in place of the target's wheel")
    given = parser.parse_args(arguments)
    chosen = [targets.find(name) for name in given.target]
    if given.executorch is not None and len(chosen) != 1:
        raise StepFailed("--executorch is an SDK of one system", "name that system with one --target")
    if given.executorch is not None:
        sdk.check(given.executorch)
    elif not chosen or targets.host() in chosen:
        _leave_other_sdk()
    project.ensure_ready()
    for target in chosen:
        if given.executorch is not None or target != targets.host():
            build(target, given.executorch)
    extension_file.write()
    return 0


def build(target: Target, prefix: Path | None = None) -> Path:
    """Build a target's library, and its tests on Linux; returns its folder.

    What is linked to a stub, because the SDK has no library, stays in CMake's folder: it cannot run.
    """
    root = (prefix or sdk.ensure(target)).resolve()
    version = sdk.check(root)
    folder = target.folder if sdk.has_runtime(root) else target.build / "linked_to_a_stub"
    stamp = f"{native.digest()}\n{root if prefix else 'wheel'} {version}\n"
    if (folder / target.library).exists() and target.stamp.exists() and target.stamp.read_text("utf-8") == stamp:
        return folder
    with step(f"build native/ for {target.name}, ExecuTorch {version}"):
        options = [f"-DEXECUTORCH_ROOT={root}", f"-DADDON_BIN_DIR={folder}", f"-DGODOT_HEADER_DIR={native.HEADERS}"]
        if target != targets.host():
            options += toolchains.options(target)
        # The tests of another processor run the programs that were made here.
        options.append(f"-DTEST_MODELS={native.BUILD / 'tests' / 'models'}")
        target.stamp.unlink(missing_ok=True)
        native.configure(target.build, "-DCMAKE_BUILD_TYPE=Release", *options)
        native.cmake("--build", target.build, log=f"cmake-build-{target.name}")
        native.keep_built_files(target.build, folder)
    target.stamp.write_text(stamp, encoding="utf-8")
    if folder != target.folder:
        print(f"  ok {target.name} is linked to a stub, because {root} has no library: it is not packaged")
    return folder


def check_fresh(target: Target) -> None:
    """Raise StepFailed when the addon's library of a target was built of other sources than those that are here."""
    if not native.is_of_these_sources(target.stamp):
        raise StepFailed(
            f"the library for {target.name} was built of other sources than these",
            how_to_build(target),
        )


def how_to_build(target: Target) -> str:
    """What makes the library of a target that can be packaged."""
    command = f"python3 dev.py build --target {target.name}"
    if target.has_library_in_wheel:
        return command
    return (
        f"{command} --executorch PREFIX, with an ExecuTorch that you built for {target.system}: "
        "its wheel has no library to link"
    )


def _leave_other_sdk() -> None:
    """Have this machine's library built against its wheel again when it was built against another SDK."""
    stamp = targets.host().stamp
    if stamp.exists() and stamp.read_text(encoding="utf-8").count("\n") > 1:
        stamp.unlink()
