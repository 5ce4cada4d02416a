"""Targets, their SDKs and compilers, where something is not as it should be; and the file that lists the libraries."""

from __future__ import annotations

import importlib.util
import re
import shutil
from pathlib import Path

import pytest

from native.cmake import runtime_stub
from tasks import native, package
from tasks.console import StepFailed
from tasks.cross import build, extension_file, sdk, targets, toolchains
from tests.godot_projects import ROOT


def test_unknown_target_names_the_known_ones() -> None:
    with pytest.raises(StepFailed, match="amiga") as caught:
        build.run_build(["--target", "amiga"])
    assert all(target.name in caught.value.remedy for target in targets.TARGETS)


def test_every_target_has_a_toolchain_or_is_this_machine() -> None:
    for target in targets.TARGETS:
        assert target.name == "linux-x86_64" or (toolchains.FOLDER / f"{target.name}.cmake").is_file()


def test_wheel_that_cannot_be_downloaded_names_package_and_platform(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sdk, "FOLDER", tmp_path)
    with pytest.raises(StepFailed, match=r"executorch==0\.0\.1 for the platform manylinux_2_28_aarch64") as caught:
        sdk.download(targets.find("linux-arm64"), "0.0.1")
    assert "--executorch" in caught.value.remedy


def test_sdk_of_another_minor_version_is_refused_with_both(tmp_path: Path) -> None:
    spec = importlib.util.find_spec("executorch")
    assert spec is not None and spec.submodule_search_locations is not None
    inside = Path("lib", "cmake", "executorch", "executorch-config-version.cmake")
    text = (Path(next(iter(spec.submodule_search_locations))) / inside).read_text(encoding="utf-8")
    file = tmp_path / inside
    file.parent.mkdir(parents=True)
    file.write_text(text, encoding="utf-8")
    assert sdk.check(tmp_path).startswith(sdk.pinned_version())
    file.write_text(text.replace(sdk.pinned_version(), "1.6.0"), encoding="utf-8")
    with pytest.raises(StepFailed, match=r"ExecuTorch 1\.6\.0") as caught:
        sdk.check(tmp_path)
    assert sdk.pinned_version() in caught.value.cause


def test_folder_that_is_not_an_sdk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="is not an ExecuTorch SDK"):
        sdk.check(tmp_path)


def test_missing_cross_compiler_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StepFailed, match=toolchains.ARM64_COMPILER) as caught:
        toolchains.options(targets.find("linux-arm64"))
    assert "g++-aarch64-linux-gnu" in caught.value.remedy


def test_extension_file_lists_what_was_built_and_nothing_else() -> None:
    host = targets.host()
    text = extension_file.text_for([host])
    named = set(re.findall(r'"(bin/[^"]+)"', text))
    assert named == {f"bin/{host.folder.name}/{path.name}" for path in host.folder.iterdir()}
    release = text[text.rindex("release") :]
    assert "etdump" in text and "etdump" not in release
    keys = re.findall(r"^(\w+)\.(?:debug|release)\.(\w+) =", text, re.MULTILINE)
    assert keys == [(host.system, host.architecture)] * 4
    assert "bin/" not in extension_file.text_for([])


def test_extension_file_of_the_checkout_names_all_that_is_there() -> None:
    extension_file.write()
    written = extension_file.PATH.read_text(encoding="utf-8")
    assert written == extension_file.text_for(targets.built())
    assert all((extension_file.PATH.parent / name).is_file() for name in re.findall(r'"(bin/[^"]+)"', written))


def test_what_an_earlier_build_left_is_removed(tmp_path: Path) -> None:
    shutil.copy(native.BUILD / "addon_files.txt", tmp_path)
    folder = tmp_path / "bin"
    folder.mkdir()
    built = {path.name for path in targets.host().folder.iterdir()}
    assert any("xnnpack" in name for name in built)
    for name in (*built, "libexecutorch_backend_of_another_sdk.so"):
        (folder / name).touch()
    native.keep_built_files(tmp_path, folder)
    assert {path.name for path in folder.iterdir()} == built


def test_target_without_a_linkable_wheel_asks_for_an_sdk() -> None:
    with pytest.raises(StepFailed, match="windows-x86_64 was not built") as caught:
        package.run_package(["--target", "windows-x86_64"])
    assert "--executorch PREFIX" in caught.value.remedy


def test_wrong_sdk_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    with pytest.raises(StepFailed, match="is not an ExecuTorch SDK"):
        build.run_build(["--target", "linux-arm64", "--executorch", str(tmp_path)])


def test_library_of_other_sources_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = targets.find("linux-arm64")
    monkeypatch.setattr(targets, "ROOT", tmp_path)
    with pytest.raises(StepFailed, match="other sources") as caught:
        build.check_fresh(target)
    assert "--target linux-arm64" in caught.value.remedy
    target.build.mkdir(parents=True)
    target.stamp.write_text(f"{'0' * 64}\nwheel {sdk.pinned_version()}\n", encoding="utf-8")
    with pytest.raises(StepFailed, match="other sources"):
        build.check_fresh(target)
    target.stamp.write_text(f"{native.digest()}\nwheel {sdk.pinned_version()}\n", encoding="utf-8")
    build.check_fresh(target)


@pytest.mark.parametrize(
    ("name", "is_of_executorch"),
    [
        ("_ZN10executorch7runtime7Program4loadEPNS0_10DataLoaderENS1_12VerificationE", True),
        ("_ZNK10executorch7runtime6Method11inputs_sizeEv", True),
        ("_ZTVN10executorch7runtime11EventTracerE", True),
        ("et_pal_init", True),
        ("_ZNSt3__112basic_stringIcNS_11char_traitsIcEENS_9allocatorIcEEE6appendEPKc", False),
        ("_ZN16godot_executorch6StatusC2Ev", False),
        ("malloc", False),
    ],
)
def test_only_what_is_of_executorch_comes_from_the_stub(name: str, is_of_executorch: bool) -> None:
    assert bool(runtime_stub.OF_EXECUTORCH.match(name)) == is_of_executorch


def test_the_tree_has_no_list_of_libraries_written_by_hand() -> None:
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").splitlines()
    assert f"/{extension_file.PATH.relative_to(ROOT).as_posix()}" in ignored
