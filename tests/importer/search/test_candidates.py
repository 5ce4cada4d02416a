"""What a search asks for next, and what it chooses, on numbers that are made up; no conversion runs here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from importer.cli.plot import draw_search, groups, label_of
from importer.errors import ImporterError, exit_status
from importer.options import ImportOptions
from importer.search.candidates import UNIFORM, Candidate, Candidates
from importer.search.target import drop_of, parse


@pytest.mark.parametrize(
    ("text", "metric", "expected"),
    [
        ("top1 drop < 0.5%, smallest", "", ("top1", 0.005, True, "smallest")),
        ("  rmse  drop<=0.02 ,fastest", "rmse", ("rmse", 0.02, False, "fastest")),
        ("metric drop < 1, smallest", "own.py:score", ("", 1.0, True, "smallest")),
    ],
)
def test_a_target(text: str, metric: str, expected: tuple[str, float, bool, str]) -> None:
    found = parse(text, metric)
    assert (found.metric, found.bound, found.strict, found.objective) == expected
    assert found.is_met(found.bound) is not found.strict and not found.is_met(found.bound + 0.01)


@pytest.mark.parametrize(
    ("text", "metric"),
    [
        ("", ""),
        ("top1 drop < 0.5%", ""),
        ("top1 drop > 0.5%, smallest", ""),
        ("top1 < 0.5%, smallest", ""),
        ("bleu drop < 0.5%, smallest", ""),
        ("top1 drop < 0.5%, best", ""),
        ("top1 drop < -1, smallest", ""),
        ("top1 drop < 0.5%, smallest", "rmse"),
        ("metric drop < 0.5%, smallest", ""),
    ],
)
def test_what_is_no_target(text: str, metric: str) -> None:
    with pytest.raises(ImporterError) as caught:
        parse(text, metric)
    assert caught.value.code == "TARGET_INVALID" and "smallest" in caught.value.remedy
    assert exit_status(caught.value) == 2


def test_less_is_better_for_some_metrics() -> None:
    assert drop_of({"difference": -0.25, "more_is_better": True}) == 0.25
    assert drop_of({"difference": 0.25, "more_is_better": False}) == 0.25


LAYERS = [(f"layer{index}", 1000 * (index + 1)) for index in range(10)]
WORST = ("layer3", "layer7", "layer5")


def result(candidate: Candidate, needed: int, exact: tuple[str, ...] = ("fp32",)) -> dict[str, Any] | ImporterError:
    """As if each of the first `needed` of WORST had a drop of 1% in int8; the others have none. exact: the types in
    which layer7 has none."""
    if candidate.recipe in ("xnnpack_fp16", "xnnpack_int8_int4"):
        return ImporterError("ACCURACY_LOST", "It is far off.", "", "validate")
    whole = sum(weights for _, weights in LAYERS)
    is_int8 = "int8" in candidate.recipe
    kinds = ImportOptions(float_layers=", ".join(candidate.float_layers)).kept_in_float()
    extra = {"fp16": 1, "fp32": 3}
    kept = sum(extra[kinds[name]] * weights for name, weights in LAYERS if name in kinds)
    size = whole + kept if is_int8 else 4 * whole
    bad = [name for name in WORST[:needed] if kinds.get(name) not in (exact if name == "layer7" else ("fp32", "fp16"))]
    bad = bad if is_int8 else []
    layers = [
        {"layer": name, "error": 0.3 if name in WORST else 0.001, "weights": weights, "multiplications": weights}
        for name, weights in LAYERS
    ]
    return {
        "payload": {"size": size},
        "timings": {"executorch_us": size / 100},
        "accuracy": {"max_relative": 0.01 * len(bad)},
        "evaluation": {"difference": -0.01 * len(bad), "more_is_better": True},
        **({"layers": layers} if is_int8 and not candidate.float_layers else {}),
    }


def searched(target: str, needed: int, exact: tuple[str, ...] = ("fp32",)) -> tuple[Candidates, list[list[Candidate]]]:
    state, rounds = Candidates(parse(target, "")), []
    while following := state.following():
        rounds.append(following)
        for candidate in reversed(following):  # conversions end in any order
            state.add(candidate, result(candidate, needed, exact))
    return state, rounds


def test_the_fewest_layers_that_reach_the_target_stay_in_fp32() -> None:
    state, rounds = searched("top1 drop < 0.5%, smallest", 3)
    assert [candidate.recipe for candidate in rounds[0]] == list(UNIFORM)
    assert {len(candidate.float_layers) for candidate in rounds[1]} == {1, 2, 4, 8}
    best = state.best()
    assert best is not None and set(best.float_layers) == set(WORST) and len(rounds) == 4
    assert rounds[3][0].float_layers == tuple(f"{name}: fp16" for name in best.float_layers)
    assert all(row["size"] for row in state.rows() if "error" not in row)
    rows = state.rows()
    assert [(row["recipe"], row["float_layers"]) for row in rows[:2]] == [(recipe, []) for recipe in UNIFORM[:2]]
    assert len(rows) == len({(row["recipe"], *row["float_layers"]) for row in rows}), "nothing is converted twice"
    assert {row["error"] for row in rows if "error" in row} == {"ACCURACY_LOST"}
    front = [row for row in rows if row.get("front")]
    assert {len(row["float_layers"]) for row in front} >= {0, 1, 3}
    assert not any(row["recipe"] == "xnnpack_fp32" for row in front), "as good and larger"


def test_layers_that_are_good_enough_in_fp16_are_fp16() -> None:
    state, _ = searched("top1 drop < 0.5%, smallest", 3, ("fp32", "fp16"))
    best = state.best()
    assert best is not None and set(best.float_layers) == {f"{name}: fp16" for name in WORST}
    assert label_of(best.recipe, best.float_layers) == f"{best.recipe}, 3 fp16"


def test_a_recipe_that_is_good_enough_ends_the_search() -> None:
    state, rounds = searched("top1 drop < 0.5%, fastest", 0)
    best = state.best()
    assert len(rounds) == 1 and best is not None and best.recipe.startswith("xnnpack_int8") and not best.float_layers


def test_the_nearest_when_nothing_is_good_enough() -> None:
    state = Candidates(parse("top1 drop < 0.5%, smallest", ""))
    for candidate in state.following():
        found = result(candidate, 3)
        state.add(candidate, ImporterError("ACCURACY_LOST", "", "") if "int8" not in candidate.recipe else found)
    nearest = state.nearest()
    assert state.best() is None and nearest is not None and nearest["drop"] == pytest.approx(0.03)


def test_a_program_that_fails_its_proof_is_not_the_result() -> None:
    state, _ = searched("top1 drop < 0.5%, smallest", 0)
    first = state.best()
    assert first is not None and not first.float_layers
    for recipe in ("xnnpack_int8_static", "xnnpack_int8_dynamic", "xnnpack_int8_static_per_tensor"):
        state.refuse(Candidate(recipe), ImporterError("ACCURACY_LOST", "It is far off.", "", "validate"))
    assert {candidate.recipe for candidate in state.following()} == {"xnnpack_int8_static", "xnnpack_int8_dynamic"}
    row = state.rows()[0]
    assert row["error"] == "ACCURACY_LOST" and row["size"] and "front" not in row
    best = state.best()
    assert best is not None and best.recipe == "xnnpack_fp32", "until layers in fp32 are tried"


def test_the_front_is_drawn(tmp_path: Path) -> None:
    state, _ = searched("top1 drop < 0.5%, smallest", 3)
    best = state.best()
    assert best is not None
    found = {
        "candidates": state.rows(), "chosen": {"recipe": best.recipe, "float_layers": list(best.float_layers)}
    }  # fmt: skip
    draw_search(found, "net.pt2", tmp_path / "front.png", parse("top1 drop < 0.5%, smallest", ""))
    with Image.open(tmp_path / "front.png") as image:
        assert image.height > 400 + 26 * len(state.rows())
        colours = {colour for _, colour in image.getcolors(1 << 20) or []}
    assert {(0x70, 0xB8, 0x7E), (0xE0, 0x70, 0x70), (255, 255, 255)} <= colours, "front, target and the chosen one"


def test_a_front_is_not_hidden_by_its_neighbours(tmp_path: Path) -> None:
    """Candidates of one size and drop lie on each other; their numbers stand side by side."""
    row = {"float_layers": [], "size": 1000, "executorch_us": 5.0, "max_relative": 0.0, "drop": 0.0}
    rows = [
        {**row, "recipe": "first", "front": True},
        {**row, "recipe": "second", "executorch_us": 9.0, "front": False},
    ]
    pictures = []
    for shown in (rows, rows[:1]):
        found = {"candidates": shown, "chosen": {"recipe": "none", "float_layers": []}}
        draw_search(found, "net.pt2", tmp_path / "front.png", parse("top1 drop < 0.5%, smallest", ""))
        with Image.open(tmp_path / "front.png") as image:
            left = image.crop((0, image.height - 420, 500, image.height)).convert("RGB")
            pictures.append(
                sum(count for count, colour in left.getcolors(1 << 20) or [] if colour == (0x70, 0xB8, 0x7E))
            )
    assert pictures[0] >= pictures[1] > 30, "the filled point is on top"
    assert groups({1: (50.0, 5.0), 2: (10.0, 5.0), 3: (30.0, 5.0), 4: (30.0, 90.0), 5: (90.0, 5.0)}) == [
        [2, 3, 1], [4], [5]
    ]  # fmt: skip
