"""`--fail-if` and `--target`: which numbers they take, and when they hold."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from importer.cli import conditions
from importer.errors import ImporterError
from importer.search import target
from python_backend.profiling import limits


@pytest.mark.parametrize(
    ("text", "value", "told"),
    [
        ("top1 drop > 0.5%", 1.0 - 0.995, ""),  # one of 200 samples: exactly what is allowed
        ("top1 drop >= 0.5%", 1.0 - 0.995, "top1 drop >= 0.5%: it is 0.5%"),
        ("top1 drop < 0.5%", 1.0 - 0.995, ""),
        ("top1 drop > 0.5%", 1.0 - 0.99, "top1 drop > 0.5%: it is 1%"),
        ("top1 drop > 0.005", 1.0 - 0.99, "top1 drop > 0.005: it is 0.01"),
        ("metric drop > 10%", 0.125, "metric drop > 10%: it is 12.5%"),
        ("rmse drop > 0.1", 0.3 - 0.2, ""),
        ("larger > 10%", 0.1534, "larger > 10%: it is 15.34%"),
        ("size > 2 KB", 2000.0, ""),
        ("size > 2 KB", 2001.0, "size > 2 KB: it is 2,001 bytes"),
        ("max_relative > 1e-3", 0.002, "max_relative > 1e-3: it is 0.002"),
        ("max_relative > 1.5E-3", 0.00149, ""),
        ("max_absolute>.5", 0.6, "max_absolute>.5: it is 0.6"),
        ("metric drop < -0.5", -0.75, "metric drop < -0.5: it is -0.75"),
        ("differing > 1%", 0.02, "differing > 1%: it is 2%"),
        ("max_relative > 100%", math.inf, "max_relative > 100%: the results cannot be compared"),
    ],
)
def test_a_condition_is_answered_in_its_own_unit(text: str, value: float, told: str) -> None:
    (condition,) = conditions.parse(text, conditions.OF_COMPARISON)
    assert condition.broken_by(value) == told


@pytest.mark.parametrize(
    "text", ["max_relative > 1e999", "size > nan KB", "slower > 1e", "slower > --1", "slower > .", "slower > inf"]
)
def test_what_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        conditions.parse(text, conditions.OF_COMPARISON)
    assert caught.value.code == "CONDITION_INVALID" and "`" + text in caught.value.cause


@pytest.mark.parametrize(
    ("text", "share", "told"),
    [
        ("delegated < 57%", 0.57, ""),
        ("delegated < 57%", 0.5699, "delegated < 57%: delegated is 57.0%"),
        ("delegated <= 57%", 0.57, "delegated <= 57%: delegated is 57.0%"),
    ],
)
def test_a_condition_of_a_profile_is_not_decided_by_rounding(text: str, share: float, told: str) -> None:
    (condition,) = limits.parse(text)
    profile = {"delegation": {"share": share}, "load": Counter(), "memory": Counter()}
    assert condition.broken_by(profile) == told
    with pytest.raises(ImporterError) as caught:
        condition.broken_by({**profile, "delegation": {"share": share, "opaque": True}})
    assert caught.value.code == "CONDITION_INVALID" and "does not say" in caught.value.cause


@pytest.mark.parametrize("text", ["rmse drop > 5%", "mae drop > 1%", "max_absolute > 1%"])
def test_a_part_of_an_error_is_not_a_bound(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        conditions.parse(text, conditions.OF_COMPARISON)
    assert caught.value.code == "CONDITION_INVALID" and "without %" in caught.value.remedy


@pytest.mark.parametrize("text", ["top1 drop > 5", "top5 drop >= 1.5", "iou drop > -2", "differing > 3"])
def test_a_forgotten_percent_is_refused(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        conditions.parse(text, conditions.OF_COMPARISON)
    assert caught.value.code == "CONDITION_INVALID" and "%, or " in caught.value.remedy
    with pytest.raises(ImporterError) as caught:
        target.parse("top1 drop < 5, smallest", "")
    assert caught.value.code == "TARGET_INVALID" and "write 5%, or 0.05" in caught.value.cause
    assert conditions.parse("rmse drop > 5", conditions.OF_COMPARISON)[0].bound == 5.0


def test_a_part_of_an_error_is_no_target() -> None:
    with pytest.raises(ImporterError) as caught:
        target.parse("rmse drop < 5%, smallest", "rmse")
    assert caught.value.code == "TARGET_INVALID" and "without %" in caught.value.cause


def test_a_target_is_met_by_what_it_allows() -> None:
    assert target.parse("top1 drop <= 0.5%, smallest", "").is_met(1.0 - 0.995)
    assert not target.parse("top1 drop < 0.5%, smallest", "").is_met(0.915 - 0.91)
