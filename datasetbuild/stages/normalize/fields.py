"""Fields of a raw row by the names that a source gives them: never guessed, and a sentence when one is not there."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Container
from typing import Any

from datasetbuild.errors import Fault, RecipeError, RecordError
from datasetbuild.record import Reason
from datasetbuild.stages.normalize.conversation import kind

Raw = dict[str, Any]
Columns = dict[str, str]
ABSENT = object()


class Fields:
    """The fields of one format, under the names of the file's columns.

    What the source names in `columns` must be in every row (it may be null); an optional field under its own name may
    be absent. Optional fields of turns may be absent either way: weights often stand on the assistant's turns alone.
    """

    def __init__(self, columns: Columns | None, *, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> None:
        self._columns = columns or {}
        known = (*required, *optional)
        unknown = [name for name in self._columns if name not in known]
        if unknown:
            near = difflib.get_close_matches(unknown[0], known, n=1)
            suggestion = f"did you mean {near[0]!r}?" if near else f"the format's fields: {', '.join(known)}"
            raise RecipeError([Fault("columns", f"the format has no field {unknown[0]!r}", suggestion=suggestion)])
        self._required = required
        self._names = frozenset(self.name(field) for field in known)

    def name(self, field: str) -> str:
        """The column of a field."""
        return self._columns.get(field, field)

    def needed(self, field: str) -> bool:
        """Whether every row must have the field, be it null."""
        return field in self._required or field in self._columns

    def value(self, field: str) -> Callable[[Raw], Any]:
        """A function that takes the field out of a row; None when an optional one is absent."""
        column = self.name(field)
        find = finder(column)
        must = self.needed(field)

        def take(row: Raw) -> Any:
            found = find(row)
            if found is ABSENT:
                if must:
                    raise missing(row, column, field, self._names)
                return None
            return found

        return take

    def text(self, field: str) -> Callable[[Raw], str | None]:
        """As `value`, for text. Null is None for an optional field, and no text for a required one."""
        column, take = self.name(field), self.value(field)
        needed = field in self._required

        def read(row: Raw) -> str | None:
            found = take(row)
            if type(found) is str or (found is None and not needed):
                return found
            raise wrong(column, "a string", found)

        return read


def finder(column: str) -> Callable[[Raw], Any]:
    """A function that finds a column in a row, or `ABSENT`: by its whole name first, then as a dotted path
    (`a.0.b`)."""
    if "." not in column:
        return lambda row: row.get(column, ABSENT)
    path = column.split(".")

    def walk(row: Raw) -> Any:
        if column in row:
            return row[column]
        here: Any = row
        for part in path:
            if type(here) is dict and part in here:
                here = here[part]
            elif type(here) is list and part.isdecimal() and int(part) < len(here):
                here = here[int(part)]
            else:
                return ABSENT
        return here

    return walk


def missing(row: Raw, column: str, field: str | None = None, taken: Container[str] = ()) -> RecordError:
    """The row has no such column: what it has, and how to map it. taken: the columns of the format's other fields."""
    names = [str(name) for name in row]
    has = ", ".join(names[:10]) + (", ..." if len(names) > 10 else "") or "no fields"
    say = ""
    if field:
        spare = [name for name in names if name not in taken]
        near = difflib.get_close_matches(column, spare, n=1) or (spare if len(spare) == 1 else ["<its name>"])
        say = f" Map it with columns: {{{field}: {near[0]}}}."
    return RecordError(Reason.MISSING_FIELD, f"row has no field {column!r}; it has: {has}.{say}")


def wrong(path: str, expected: str, found: Any) -> RecordError:
    """A field has another type than the format needs."""
    return RecordError(Reason.WRONG_TYPE, f"{path}: expected {expected}, found {kind(found)}")


def scalar(column: str, value: Any) -> str | None:
    """A value as the text of a key, a group or a category: numbers as JSON writes them, empty text is none."""
    if type(value) is str:
        return value or None
    if value is None:
        return None
    if type(value) in (int, float, bool):
        return {True: "true", False: "false"}[value] if type(value) is bool else repr(value)
    raise wrong(column, "a string or a number", value)
