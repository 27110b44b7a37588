"""Every error that a person can meet, one family, named by what has to happen next.

    DatasetBuildError          exit code
    ├── UsageError                2      the command line makes no sense
    ├── RecipeError               3      the recipe has faults: all of them, each with its place
    ├── MismatchError             4      a source is not what it was when we looked
    ├── BuildError                1      the build cannot go on
    │   ├── SourceError                  a source cannot be read at all
    │   ├── QuarantineError              more rows are unusable than the recipe allows
    │   ├── EmptyBuildError              nothing is left to write
    │   └── ConservationError            rows in != kept + dropped + quarantined: a bug of ours
    ├── CheckError                5      a data check failed
    └── VersionError              6      git or DVC is missing or failed

`RecordError` is not for people: an operator raises it for the one record it cannot process,
and the engine puts that record into quarantine.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass


class DatasetBuildError(Exception):
    """Base of all errors. `message` says what and why, `hint` is the next command or edit."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class UsageError(DatasetBuildError):
    exit_code = 2


NO_UTF8 = "where the locale knows no UTF-8, set PYTHONUTF8=1"


def foreign(name: str) -> str | None:
    r"""How a name reads that the system gave and that is not UTF-8, `caf\xe9.jsonl`: Python keeps such a byte as half a
    character, which no file of ours can hold. None for a name that is text."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return os.fsencode(name).decode(errors="backslashreplace")
    return None


@dataclass(frozen=True)
class Fault:
    """One thing that is wrong in a recipe, and where.

    path: config path in dots (`filters.response_chars.min`), empty for the whole recipe.
    file, line: the place that set the value; line is 1-based; `file` is "command line" for overrides.
    excerpt: the source lines around it, the faulty one marked, ready to print; or None.
    suggestion: the "did you mean" or the next edit; or None.
    """

    path: str
    message: str
    file: str | None = None
    line: int | None = None
    excerpt: str | None = None
    suggestion: str | None = None

    def __str__(self) -> str:
        place = ":".join(str(part) for part in (self.file, self.line) if part is not None)
        lines = [": ".join(part for part in (place, self.path, self.message) if part)]
        if self.excerpt:
            lines += ["", *("    " + line for line in self.excerpt.splitlines()), ""]
        if self.suggestion:
            lines.append(f"  {self.suggestion}")
        return "\n".join(lines)


class RecipeError(DatasetBuildError):
    """All faults of a recipe at once."""

    exit_code = 3

    def __init__(self, faults: Sequence[Fault], *, recipe: str | None = None, hint: str | None = None) -> None:
        self.faults = list(faults)
        self.recipe = recipe
        count = f"{len(self.faults)} fault" + ("s" if len(self.faults) != 1 else "")
        title = f"recipe {recipe!r} is not valid: {count}" if recipe else f"the recipe is not valid: {count}"
        super().__init__("\n".join([title, *(str(fault) for fault in self.faults)]), hint=hint)


class MismatchError(DatasetBuildError):
    exit_code = 4


class BuildError(DatasetBuildError):
    """`path`: the config path that the error is about, where there is one; `engine.place` adds its file and line."""

    exit_code = 1
    path: str | None = None


class SourceError(BuildError):
    pass


class QuarantineError(BuildError):
    pass


class EmptyBuildError(BuildError):
    pass


class ConservationError(BuildError):
    pass


class CheckError(DatasetBuildError):
    exit_code = 5


class VersionError(DatasetBuildError):
    exit_code = 6


class RecordError(Exception):
    """This one record cannot be processed. `reason` is a `record.Reason` value, `detail` a sentence."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail

    def __reduce__(self) -> tuple[type[RecordError], tuple[str, str]]:
        return type(self), (self.reason, self.detail)
