"""Godot's text syntax. That Godot reads the same is a test of the addon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from importer.program.tres import resource_text, variant


def test_values() -> None:
    assert variant(None) == "null"
    assert variant(True) == "true"
    assert variant(2**63) == "9.223372036854776e+18"
    assert variant(-(2**63)) == "-9223372036854775808"
    assert variant(1.0) == "1.0"
    assert variant(1e-7) == "1e-07"
    assert variant(float("inf")) == "inf"
    assert variant(float("-inf")) == "inf_neg"
    assert variant(float("nan")) == "nan"
    assert variant([1, "a"]) == '[1, "a"]'
    assert variant({}) == "{}"
    assert variant({"a": [1]}) == '{\n"a": [1]\n}'
    with pytest.raises(TypeError):
        variant(object())


def test_strings_cannot_end_early() -> None:
    assert variant('"; OS.execute("x") #') == '"\\"; OS.execute(\\"x\\") #"'
    assert variant('back\\slash"') == '"back\\\\slash\\""'
    assert "\0" not in variant("a\0b")
    assert variant("\ud800") == '"?"'


@given(st.text())
def test_every_string_is_one_literal(text: str) -> None:
    written = variant(text)
    inside = written[1:-1]
    position = 0
    while position < len(inside):
        assert inside[position] != '"'
        position += 2 if inside[position] == "\\" else 1
    assert position == len(inside)


def test_the_resource_names_its_script_and_payload() -> None:
    text = resource_text({"format": 1}, "a.pte")
    assert text.startswith('[gd_resource type="Resource"')
    assert 'path="res://addons/executorch/runtime/executorch_resource.gd"' in text
    assert 'payload_path = "a.pte"\n' in text and text.rstrip().endswith("}")
