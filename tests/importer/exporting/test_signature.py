"""The text in which inputs are declared."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.errors import ImporterError
from importer.signature import DTYPES, Dimension, TensorSpec, format_inputs, parse_inputs


def test_names_dtypes_and_ranges() -> None:
    image, mask = parse_inputs("x: float32[1,3,224,224]; mask: int64[batch:1..64, 16]")
    assert (image.name, image.dtype, image.shape) == ("x", "float32", [1, 3, 224, 224])
    assert mask.dimensions == (Dimension(1, 64, "batch"), Dimension(16, 16))
    assert mask.ranges == [[1, 64], [16, 16]]


def test_a_name_stands_for_one_size() -> None:
    first, second = parse_inputs("float32[n:1..8,4]; int64[n]")
    assert second.dimensions == (Dimension(1, 8, "n"),) and first.name == ""


def test_scalars_and_nothing() -> None:
    assert parse_inputs("") == [] and parse_inputs(" ; ") == []
    assert parse_inputs("x: float32")[0].shape == [] == parse_inputs("x: float32[]")[0].shape


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("x: float31[1]", "no dtype 'float31'"),
        ("x: float32[1,]", "not a dimension"),
        ("x: float32[0]", "at least 1"),
        ("x: float32[8..2]", "above the maximum"),
        ("x: float32[n:1..]", "not a dimension"),
        ("x: float32[n]", "no range"),
        ("x: float32[n1..5]", "colon"),
        ("x: float32[n:1..4]; y: float32[n:1..5]", "two ranges"),
        ("x: float32[1]; x: float32[1]", "used twice"),
        ("float32[1,2", "expected"),
        ("x: float32[-1]", "not a dimension"),
        ("x: float32[100000,100000,100000]", "16 GiB"),
    ],
)
def test_refusals_name_the_place(text: str, word: str) -> None:
    with pytest.raises(ImporterError) as caught:
        parse_inputs(text)
    assert caught.value.code == "OPTION_INVALID" and word in caught.value.cause and caught.value.remedy


names = st.from_regex(r"[a-z_][a-z0-9_]{0,6}", fullmatch=True)


@st.composite
def dimensions(draw: st.DrawFn) -> Dimension:
    low = draw(st.integers(1, 9))
    return Dimension(low, draw(st.integers(low, 9)))


@st.composite
def signatures(draw: st.DrawFn) -> list[TensorSpec]:
    inputs = draw(st.lists(names, min_size=1, max_size=4, unique=True))
    shapes = st.lists(dimensions(), max_size=4).map(tuple)
    return [TensorSpec(name, draw(st.sampled_from(list(DTYPES))), draw(shapes)) for name in inputs]


@given(signatures())
def test_what_is_written_is_read_back(specs: list[TensorSpec]) -> None:
    assert parse_inputs(format_inputs(specs)) == specs


@given(st.text(alphabet="xyfloat32int64[]:;,. 0123456789n", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        specs = parse_inputs(text)
    except ImporterError as error:
        assert error.code == "OPTION_INVALID"
    else:
        assert parse_inputs(format_inputs(specs)) == specs
