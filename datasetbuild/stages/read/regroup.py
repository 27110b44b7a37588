"""Formats whose raw rows are not the rows of their files: which of them put rows together, and how.

A raw row is what is counted, identified, kept, dropped or quarantined: a record is made of one, always. Where the rows
of a file are something else (a turn, a message of a tree), the reader makes the raw rows; no later stage has to know.

    format       a file's row            a raw row                       a file's row is in
    oasst        tree, thread, message   a thread                        every thread that it is on, or a fault
    chat_table   a turn                  a conversation                  exactly one conversation, or a fault
    squad        an article              a question (`reader: squad`)    as many rows as it has questions
    others       a row                   the same row                    exactly one
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from datasetbuild.stages.read import chat_table, oasst
from datasetbuild.stages.read.rows import Row

OPTIONS: dict[str, tuple[str, ...]] = {
    "oasst": oasst.Selection._fields,
    "chat_table": ("conversation", "order"),
    "squad": (),
}
"""The parameters of a format that decide how its rows are put together."""


def regrouped(rows: Iterator[Row], how: dict[str, Any]) -> Iterator[Row]:
    """The raw rows of a file's rows. how: {format: its name, and the parameters in `OPTIONS`}."""
    given = {name: value for name, value in how.items() if name != "format"}
    match how["format"]:
        case "oasst":
            return oasst.threads(rows, oasst.Selection(**given))
        case "chat_table":
            return chat_table.conversations(rows, **given)
        case "squad":
            return rows  # of a table: its rows are questions already
        case other:
            raise ValueError(f"no way to put rows together for {other!r}")
