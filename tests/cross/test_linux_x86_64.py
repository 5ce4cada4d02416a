"""Which systems the library of this machine loads on, as docs/platforms.md says."""

from __future__ import annotations

import pytest

from tasks.cross import targets
from tests.cross.linux_versions import newest_needed


def test_libraries_load_with_the_oldest_system_that_the_documentation_names() -> None:
    host = targets.host()
    if host.system != "linux":
        pytest.skip("this machine's libraries are not for Linux")
    assert newest_needed(host.folder, "GLIBC") <= (2, 28)
    # The C++ library of GCC 11, the first that reads floats with std::from_chars.
    assert newest_needed(host.folder, "GLIBCXX") <= (3, 4, 29)
