"""Converts a PyTorch file to an ExecuTorch program with its metadata. Does not depend on an editor.

from importer.pipeline import convert        one file, in this process
python -m importer convert net.pt -o out     the same, with a deadline and a memory limit
python -m importer inspect net.pte           what is in a program, in milliseconds
"""

from importer.version import IMPORTER_VERSION

__all__ = ["IMPORTER_VERSION"]
