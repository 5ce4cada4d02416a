"""The core's doctest tests in a build with the address, leak and undefined-behaviour sanitizers."""

from __future__ import annotations

import pytest

from tasks import native


@pytest.mark.slow
def test_no_leak_and_no_bad_access() -> None:
    native.test_sanitized()
