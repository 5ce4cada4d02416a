"""`--fail-if` and `--target`: which numbers they take, and when they hold."""

from __future__ import annotations

import pytest

from importer.cli import conditions
from importer.errors import ImporterError
from importer.search import target


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
    ],
)
def test_a_condition_is_answered_in_its_own_unit(text: str, value: float, told: str) -> None:
    (condition,) = conditions.parse(text, conditions.OF_COMPARISON)
    assert condition.broken_by(value) == told


@pytest.mark.parametrize("text", ["rmse drop > 5%", "mae drop > 1%", "max_absolute > 1%"])
def test_a_part_of_an_error_is_not_a_bound(text: str) -> None:
    with pytest.raises(ImporterError) as caught:
        conditions.parse(text, conditions.OF_COMPARISON)
    assert caught.value.code == "CONDITION_INVALID" and "without %" in caught.value.remedy


def test_a_part_of_an_error_is_no_target() -> None:
    with pytest.raises(ImporterError) as caught:
        target.parse("rmse drop < 5%, smallest", "rmse")
    assert caught.value.code == "TARGET_INVALID" and "without %" in caught.value.cause


def test_a_target_is_met_by_what_it_allows() -> None:
    assert target.parse("top1 drop <= 0.5%, smallest", "").is_met(1.0 - 0.995)
    assert not target.parse("top1 drop < 0.5%, smallest", "").is_met(0.915 - 0.91)
