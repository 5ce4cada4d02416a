"""Python's UTF-8 mode. Standard library only; Python 3.6 can read this file."""

import os
import sys


def restart_in_utf8_mode() -> None:
    """Start this program again in UTF-8 mode when the locale has another encoding, such as that of LC_ALL=C.

    Names of files and weights, and what processes tell each other, may have any character.
    """
    import locale

    _print_any_character()
    encoding = locale.getpreferredencoding(False).lower().replace("-", "")
    words = getattr(sys, "orig_argv", None)
    # With PYTHONUTF8=1 it would be on already, unless a word of the command line forbids it.
    is_on = getattr(sys.flags, "utf8_mode", 1)  # Python 3.6 has no such mode
    if sys.platform == "win32" or is_on or encoding == "utf8" or os.environ.get("PYTHONUTF8") == "1":
        return
    if words and sys.executable:
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *words[1:]])


def _print_any_character() -> None:
    """PYTHONIOENCODING holds in UTF-8 mode too: what its encoding lacks is written as an escape."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
