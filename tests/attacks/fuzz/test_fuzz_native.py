"""The native library's own checks of files, with libFuzzer and sanitizers: no crash, no read outside, no hang."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tasks import native

SHORT_SECONDS, LONG_SECONDS = 10, 1800
FUZZERS = {"fuzz_program": "*.pte", "fuzz_weights": "*.ptd", "fuzz_tokenizer": "tokenizers/*.json"}


@pytest.fixture(scope="module")
def fuzzers() -> Path:
    if shutil.which("clang++") is None:
        pytest.skip("could not install clang")
    return native.fuzzers()


def fuzz(program: Path, seeds: list[Path], seconds: int, folder: Path) -> None:
    (folder / "corpus").mkdir()
    for seed in seeds:
        shutil.copy(seed, folder / "corpus")
    limits = [f"-max_total_time={seconds}", "-max_len=16384", "-timeout=10", "-rss_limit_mb=2048"]
    command = [program, *limits, f"-artifact_prefix={folder}/find-", "-print_final_stats=1", folder / "corpus"]
    ended = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=seconds + 120)
    found = [(path.name, path.read_bytes()[:2000]) for path in folder.glob("find-*")]
    assert ended.returncode == 0 and not found, f"{ended.stderr[-4000:]}\n{found}"
    runs = [line for line in ended.stderr.splitlines() if "number_of_executed_units" in line]
    print(program.name, runs[0].split()[-1], "inputs")


@pytest.mark.parametrize("name", FUZZERS)
def test_nothing_is_found_in_seconds(name: str, fuzzers: Path, models: Path, tmp_path: Path) -> None:
    fuzz(fuzzers / name, seeds(models, name), SHORT_SECONDS, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FUZZERS)
def test_nothing_is_found_in_half_an_hour(name: str, fuzzers: Path, models: Path, tmp_path: Path) -> None:
    fuzz(fuzzers / name, seeds(models, name), LONG_SECONDS, tmp_path)


def seeds(models: Path, name: str) -> list[Path]:
    folder = Path(__file__).parent if name == "fuzz_tokenizer" else models
    return [path for path in folder.glob(FUZZERS[name]) if path.stat().st_size < 16384]
