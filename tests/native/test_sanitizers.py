"""The core's doctest tests in builds with sanitizers."""

from __future__ import annotations

import os

import pytest

from tasks import native


@pytest.mark.slow
def test_no_leak_and_no_bad_access() -> None:
    native.test_sanitized()


@pytest.mark.slow
def test_no_race_between_threads() -> None:
    """A minute of all that threads may do at once; EXECUTORCH_STRESS_SECONDS makes it longer."""
    native.test_threads(int(os.environ.get("EXECUTORCH_STRESS_SECONDS", "60")))
