"""Plain text: one row for the whole file, {"text": ...}."""

from __future__ import annotations

from collections.abc import Iterator

from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.parse import compact
from datasetbuild.stages.read.rows import Row


def read(input: Input) -> Iterator[Row]:
    """One row, at line 1; an empty file has none. Line ends come as newlines."""
    with input.text() as stream:
        text = stream.read().replace("\r\n", "\n")
    if text:
        yield text_row(1, {"text": text}, text)


def text_row(line: int, fields: dict[str, str | None], text: str) -> Row:
    """A row of text fields, or the fault of its encoding."""
    try:
        return Row(line, compact(fields))
    except TypeError:  # lone surrogates: what the decoder left of invalid bytes
        detail = "the text's bytes are not valid in the file's encoding; declare it: `encoding: cp1252`"
        return Row(line, text.encode("utf-8", "surrogateescape"), (Reason.BAD_ENCODING.value, detail))
