"""The one exception that leaves this package."""

from __future__ import annotations


class ImporterError(Exception):
    """What happened, with expected and got, and what to do about it.

    code    a name of docs/errors.md, such as STATE_DICT_NEEDS_FACTORY
    stage   of the conversion: read load export lower write validate store; empty outside of one
    log     what the tools printed, for a person who wants to know more
    """

    def __init__(self, code: str, cause: str, remedy: str, stage: str = "", log: str = "") -> None:
        super().__init__(cause)
        self.code = code
        self.cause = cause
        self.remedy = remedy
        self.stage = stage
        self.log = log

    def __str__(self) -> str:
        return f"{self.code}: {self.cause} {self.remedy}".rstrip()

    def __reduce__(self) -> tuple[type[ImporterError], tuple[str, ...]]:
        # Exceptions cross process boundaries with their arguments only.
        return ImporterError, (self.code, self.cause, self.remedy, self.stage, self.log)
