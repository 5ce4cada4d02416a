"""What counts as an error: parts of an output, NaN, and elements that are classes."""

from __future__ import annotations

import pytest
import torch

from importer.lowering.parts import parts_of
from importer.proof.accuracy import Accuracy, Limits

INT8 = Limits(0.2, differing=0.1)


FP16 = Limits(2e-2)


def judged(*pairs: tuple[torch.Tensor, torch.Tensor], limits: Limits | None = None) -> Accuracy:
    accuracy = Accuracy()
    for index, (eager, program) in enumerate(pairs):
        accuracy.add(index, ["y"], [eager], [program])
    return accuracy.judge(limits)


def boxes_and_scores(axis: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(1)
    boxes, scores = (torch.rand(1, size, 40, generator=generator) for size in (4, 3))
    return torch.cat([boxes * 640, scores], 1).movedim(1, axis)


@pytest.mark.parametrize("axis", [1, 2])
def test_scores_beside_boxes_count_by_their_own_size(axis: int) -> None:
    eager = boxes_and_scores(axis)
    lost = eager.clone()
    lost.narrow(axis, 4, 3).zero_()
    accuracy = judged((eager, lost))
    assert accuracy.max_relative == pytest.approx(1.0, abs=0.01) and not accuracy.within(INT8)
    assert "4, 5, 6" in accuracy.worst_channel
    near = eager.clone()
    near.narrow(axis, 4, 3).add_(0.01)
    assert judged((eager, near)).within(INT8)


def test_numbers_of_one_layer_in_different_units() -> None:
    """A price of thousands and a probability come out of one linear layer."""
    calls = [torch.tensor([[900.0 + number, 0.5 + number / 20]]) for number in range(5)]
    assert not judged(*((eager, eager * torch.tensor([1.0, 0.0])) for eager in calls)).within(INT8)
    assert judged(*((eager, eager * 1.01) for eager in calls)).within(INT8)


def test_probabilities_of_classes_that_are_never_seen_are_no_part() -> None:
    probabilities = torch.softmax(torch.tensor([[8.0, 0.0, -8.0]] * 6), 1)
    assert parts_of([probabilities]) == []
    assert judged((probabilities, probabilities + 0.01)).within(INT8)


def test_dark_columns_of_a_picture_are_no_part() -> None:
    picture = torch.rand(1, 3, 8, 16) * 255
    picture[..., :2] = 0.01
    assert parts_of([picture]) == []


def test_nan_in_eager_is_not_compared() -> None:
    eager = torch.full((1, 8), torch.nan)
    accuracy = judged((eager, eager))
    assert accuracy.compared == 0.0 and accuracy.nothing_compared() == "y"
    assert accuracy.metadata(None)["compared"] == 0.0
    some = torch.ones(1, 8)
    some[0, 0] = torch.nan
    few = judged((some, some))
    assert few.compared == 0.875 and not few.nothing_compared() and few.within(INT8)


def test_nan_where_eager_has_a_number_or_the_other_way_round() -> None:
    number, nan = torch.ones(1, 4), torch.tensor([[1.0, 1.0, 1.0, torch.nan]])
    assert not judged((number, nan)).within(Limits(1e9))
    assert not judged((nan, number)).within(Limits(1e9))


def test_equal_infinities_are_equal() -> None:
    masked = torch.tensor([[1.0, -torch.inf]])
    assert judged((masked, masked)).within(Limits(0.0))
    assert not judged((masked, -masked)).within(Limits(1e9))


def test_infinity_everywhere_is_nothing_to_compare() -> None:
    for value in (torch.inf, -torch.inf):
        eager = torch.full((1, 64), value)
        assert judged((eager, eager)).nothing_compared() == "y"
        eager[0, 0] = 1.0
        assert judged((eager, eager)).nothing_compared() == "y", "one number proves nothing"
    mask = torch.full((1, 8), -torch.inf)
    mask[0, :2] = 1.0
    assert not judged((mask, mask)).nothing_compared()


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.bool])
def test_classes_and_masks_are_judged_by_the_share_of_equal_elements(dtype: torch.dtype) -> None:
    eager = torch.randint(0, 2, (1, 1000), generator=torch.Generator().manual_seed(0)).to(dtype)
    for flipped, passes in ((50, True), (200, False)):
        program = eager.clone()
        program[0, :flipped] = (1 - program[0, :flipped].to(torch.int64)).to(dtype)
        accuracy = judged((eager, program))
        assert accuracy.agreement == pytest.approx(1 - flipped / 1000)
        assert accuracy.within(INT8) is passes
        assert bool(accuracy.lost(INT8)) is not passes
        assert accuracy.max_relative == 0.0, "a class has no relative error"
    assert not judged((eager, program)).within(Limits(0.001, differing=0.001))


def test_a_mask_of_floats_is_a_mask() -> None:
    eager = torch.randint(0, 2, (1, 1000), generator=torch.Generator().manual_seed(0)).float()
    program = eager.clone()
    program[0, :50] = 1 - program[0, :50]
    assert judged((eager, program)).agreement == pytest.approx(0.95) and judged((eager, program)).within(INT8)
    assert not judged((eager, program + 0.3)).within(INT8), "what is no whole number is no mask"


def test_one_action_of_four_calls_may_flip_in_int8_and_not_in_fp32() -> None:
    calls = [(torch.tensor([3]), torch.tensor([3]))] * 3 + [(torch.tensor([0]), torch.tensor([8]))]
    assert judged(*calls).within(INT8) and not judged(*calls).within(Limits(0.001, differing=0.001))


def test_integers_that_are_numbers_may_be_near() -> None:
    """A picture of 0 to 255 whose every value is one step off."""
    picture = torch.randint(10, 240, (1, 3, 8, 8), dtype=torch.uint8)
    assert judged((picture, picture + 1)).within(INT8)
    assert not judged((picture, 255 - picture)).within(INT8)


def test_a_call_of_almost_nothing_is_judged_by_the_others_too() -> None:
    loud, quiet = torch.ones(1, 4), torch.full((1, 4), 1e-4)
    assert judged((loud, loud), (quiet, quiet * 0.9)).max_relative == pytest.approx(1e-3, rel=0.01)


def test_a_single_value_near_0_is_one_of_the_range() -> None:
    """The value of a state crosses 0: steps of int8 and of fp16 are not larger there than elsewhere."""
    values = [0.4, -0.3, 0.002, 0.1]
    for limits, step in ((INT8, 0.4 / 64), (FP16, 0.4 / 1024)):
        calls = [(torch.tensor([[value]]), torch.tensor([[value + step]])) for value in values]
        accuracy = judged(*calls, limits=limits)
        assert accuracy.within(limits) and accuracy.max_relative < limits.relative / 2
    calls = [(torch.tensor([[value]]), torch.tensor([[value * 0.4]])) for value in values]
    assert not judged(*calls, limits=INT8).within(INT8)


def test_actions_near_0_are_within_a_step_of_int8() -> None:
    loud, quiet = torch.tensor([[0.9, -0.5, 0.3, 0.1]]), torch.tensor([[0.01, -0.02, 0.005, 0.0]])
    assert judged((loud, loud), (quiet, quiet + 1 / 127), limits=INT8).within(INT8)
    far = judged((loud, loud), (quiet, quiet + 4 / 127), limits=INT8)
    assert not far.within(INT8)


def test_what_is_lost_beside_calls_of_a_million_is_told() -> None:
    loud, quiet = torch.linspace(1.5, 1e6, 8)[None], torch.full((1, 8), 2.5)
    fp32 = Limits(1e-3)
    assert judged((loud, loud), (quiet, quiet), limits=fp32).faint == ""
    lost = judged((loud, loud), (quiet, torch.zeros(1, 8)), limits=fp32)
    assert lost.faint == "In a call where 'y' is at most 2.5 it is off by 2.5: judged by larger ones, up to 1e+06."


def test_outputs_of_almost_nothing_are_judged_by_their_own_size_in_fp16() -> None:
    tiny = torch.tensor([[1e-7, -2e-7, 1e-7, 0.5e-7]])
    assert not judged((tiny, torch.zeros(1, 4)), limits=FP16).within(FP16)
    assert judged((tiny, tiny * 1.01), limits=FP16).within(FP16)
    assert judged((tiny, tiny + 1e-9), limits=Limits(1e-3)).within(Limits(1e-3))  # rounding of what cancels


def test_indices_are_not_right_when_they_are_near() -> None:
    """The tokens of a vocabulary of 50,000: each is another word."""
    tokens = torch.randint(1000, 50_000, (1, 16))
    accuracy = Accuracy(indices={"y"})
    accuracy.add(0, ["y"], [tokens], [tokens + 3])
    assert judged((tokens, tokens + 3)).within(INT8) and not accuracy.judge().within(INT8)


def test_parts_count_beside_infinities() -> None:
    eager = boxes_and_scores(1)
    eager[:, 0, :3] = -torch.inf
    lost = eager.clone()
    lost[:, 4:] = 0
    assert not judged((eager, lost)).within(INT8)


def test_sizes_that_fall_without_a_gap_are_parts() -> None:
    """Twenty channels, each twice as large as the one before."""
    scales = 2.0 ** torch.arange(20)
    calls = [torch.rand(1, 20, generator=torch.Generator().manual_seed(seed)) * scales for seed in range(6)]
    assert not judged(*((eager, eager.where(eager > 1000, 0.0)) for eager in calls)).within(INT8)
    assert judged(*((eager, eager * 1.05) for eager in calls)).within(INT8)


def test_a_first_axis_that_is_not_one_of_samples_has_parts() -> None:
    eager = torch.cat([torch.rand(1, 64) * 640, torch.rand(1, 64)])
    lost = eager.clone()
    lost[1] = 0
    for batches, is_right in (({1}, False), ({2}, True)):
        accuracy = Accuracy(batches=batches)
        accuracy.add(0, ["y"], [eager], [lost])
        assert accuracy.judge().within(INT8) == is_right


@pytest.mark.parametrize("mark", [-1e9, -1e4, torch.finfo(torch.float32).min])
def test_numbers_that_stand_for_none_hide_no_error(mark: float) -> None:
    """Logits with a number where a move is not allowed."""
    logits = torch.randn(4, 6)
    allowed = torch.tensor([[True, True, False, True, False, True]])
    eager, wrong = (torch.where(allowed, value, value + mark) for value in (logits, torch.zeros(4, 6)))
    assert judged((eager, eager)).max_relative == 0.0
    assert judged((eager, wrong)).max_relative == pytest.approx(1.0)
    elsewhere = torch.where(allowed, logits, logits)
    assert not judged((eager, elsewhere)).within(INT8)
    assert not judged((elsewhere, eager)).within(INT8)
