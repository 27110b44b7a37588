"""CSV and TSV: rows as objects of strings, with the line where each begins; a row that does not fit its header is a
fault."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import Any

from datasetbuild.errors import SourceError
from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.parse import compact
from datasetbuild.stages.read.rows import Row, RowFault


def read(input: Input, delimiter: str) -> Iterator[Row]:
    """The rows below the header. Blank lines are none. Values are text: nothing is read as a number, a date or a null.

    Quotes follow RFC 4180, strictly: text after a closing quote is a fault and not a guess.
    """
    csv.field_size_limit(sys.maxsize)
    with input.text() as stream:
        lines = _Lines(stream)
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        header = _header(rows, input.file)
        while header:
            begun = lines.begin(rows.line_num)
            try:
                fields = next(rows, None)
                fault = None if fields is None else _misfit(fields, header, rows.line_num - begun)
            except csv.Error as error:
                fields, fault = [""], (Reason.BAD_ROW.value, f"not valid CSV: {error}{_spans(rows.line_num - begun)}")
            if fields is None:
                return
            if fields:
                yield _row(begun + 1, fields, header, lines.text, fault)


class _Lines:
    """The lines of the row that is being read, kept for its fault."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._kept: list[str] = []

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line: str = next(self._stream)
        self._kept.append(line)
        return line

    def begin(self, line: int) -> int:
        self._kept.clear()
        return line

    @property
    def text(self) -> str:
        return "".join(self._kept).rstrip("\r\n")


def _header(rows: Any, file: str) -> list[str]:
    try:
        header: list[str] = next((row for row in rows if row), [])
    except csv.Error as error:
        raise SourceError(
            f"{file}:{rows.line_num}: the header is not valid CSV: {error}", hint="is `delimiter` right?"
        ) from error
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise SourceError(
            f"{file}:{rows.line_num}: two columns are named {twice[0]!r}", hint="give each column a name of its own"
        )
    return header


def _misfit(fields: list[str], header: list[str], lines: int) -> RowFault | None:
    if len(fields) == len(header) or not fields:
        return None
    found = f"the row has {len(fields)} field{'s' * (len(fields) != 1)}, the header has {len(header)}"
    return Reason.BAD_ROW.value, found + _spans(lines)


def _spans(lines: int) -> str:
    return f"; it spans {lines} lines: is a quote missing?" if lines > 1 else ""


def _row(line: int, fields: list[str], header: list[str], text: str, fault: RowFault | None) -> Row:
    if fault is None:
        try:
            return Row(line, compact(dict(zip(header, fields, strict=True))))
        except TypeError:  # lone surrogates: what the decoder left of invalid bytes
            fault = (
                Reason.BAD_ENCODING.value,
                "the row's bytes are not valid in the file's encoding; declare it: `encoding: cp1252`",
            )
    return Row(line, text.encode("utf-8", "surrogateescape"), fault)
