"""The library for macOS, read by lief: it was linked against the wheel's dylibs and cannot be run here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

lief = pytest.importorskip("lief", reason="lief is not installed: pip install lief")

pytestmark = pytest.mark.slow

LIBRARIES = ("libgodot_executorch", "libgodot_executorch_kernels", "libgodot_executorch_etdump")
# Of the system's own library these namespaces are the C++ library's, the C library's, and the loader's.
OF_SYSTEM = ("/usr/lib/libSystem.B.dylib", "/usr/lib/libc++.1.dylib")


@pytest.fixture(scope="module")
def folder(library_of: Callable[[str], Path]) -> Path:
    return library_of("macos-arm64")


def _read(path: Path) -> Any:
    binary = lief.MachO.parse(str(path))
    assert binary is not None and len(binary) == 1, path
    return binary.at(0)


@pytest.mark.parametrize("name", LIBRARIES)
def test_library_is_for_the_processor_and_the_system_of_the_wheel(folder: Path, name: str) -> None:
    library = _read(folder / f"{name}.dylib")
    assert library.header.cpu_type == lief.MachO.Header.CPU_TYPE.ARM64
    assert library.header.file_type == lief.MachO.Header.FILE_TYPE.DYLIB
    wheel = _read(folder / "libexecutorch.dylib")
    assert library.build_version.platform == wheel.build_version.platform
    assert library.build_version.minos == wheel.build_version.minos == [14, 0, 0]


@pytest.mark.parametrize("name", LIBRARIES)
def test_library_finds_all_that_it_needs_beside_itself(folder: Path, name: str) -> None:
    library = _read(folder / f"{name}.dylib")
    assert [rpath.path for rpath in library.rpaths] == ["@loader_path"]
    needed = {item.name for item in library.libraries if item.command != lief.MachO.LoadCommand.TYPE.ID_DYLIB}
    beside = {path for path in needed if path.startswith("@rpath/")}
    assert all((folder / path.removeprefix("@rpath/")).is_file() for path in beside)
    assert needed - beside <= set(OF_SYSTEM), needed
    if name == "libgodot_executorch":
        parts = ("kernels_optimized", "kernels_quantized", "backend_xnnpack", "backend_coreml", "backend_mlx")
        assert {f"@rpath/libexecutorch_{part}.dylib" for part in parts} <= needed
        assert "@rpath/libgodot_executorch_kernels.dylib" in needed
        assert (folder / "mlx.metallib").is_file()


@pytest.mark.parametrize("name", LIBRARIES)
def test_every_undefined_symbol_is_in_the_library_that_it_names(folder: Path, name: str) -> None:
    library = _read(folder / f"{name}.dylib")
    exports: dict[str, set[str]] = {}
    undefined = [symbol for symbol in library.symbols if symbol.has_binding_info and symbol.binding_info.has_library]
    assert undefined
    missing = []
    for symbol in undefined:
        source = symbol.binding_info.library.name
        if source in OF_SYSTEM:
            continue
        if source not in exports:
            exporting = _read(folder / source.removeprefix("@rpath/"))
            exports[source] = {item.name for item in exporting.exported_symbols}
        if symbol.name not in exports[source]:
            missing.append((symbol.name, source))
    assert missing == []
    assert exports or name == "libgodot_executorch_etdump"
