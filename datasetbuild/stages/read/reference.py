"""The rows of a file that is no source: a benchmark, a word list, rated examples. Read as sources are, and strictly."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasetbuild.errors import RecordError, SourceError
from datasetbuild.stages.read.container import inspect
from datasetbuild.stages.read.parse import strict
from datasetbuild.stages.read.readers import Reader, Settings, reader_for, rows_of
from datasetbuild.stages.read.rows import MAX_ROW_BYTES


def read_rows(path: Path, name: str, *, reader: Reader | None = None, records: str | None = None) -> Iterator[tuple[int, Any]]:
    """Line (1-based) and value of each row. name: what people know the file by. Raises `SourceError` at the first row that
    cannot be read: a reference with holes would pass for a whole one."""
    input = inspect(path, name)
    kind = reader_for(input, reader, records)
    for row in rows_of(kind, input, Settings(records, None, MAX_ROW_BYTES, "auto")):
        if row.fault is not None:
            raise SourceError(f"{name}:{row.line}: {row.fault[1]}")
        try:
            yield row.line, strict(row.raw)
        except RecordError as error:
            raise SourceError(f"{name}:{row.line}: {error.detail}") from None


def texts_of(value: Any, fields: list[str] | None) -> Iterator[tuple[str, str]]:
    """The texts of a row with their fields, dotted: those that are named, else every string at any depth."""
    if isinstance(value, str):
        yield "", value
    for field, text in _strings(value, ""):
        if fields is None or field in fields or field.split(".")[0] in fields:
            yield field, text


def _strings(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, child in value.items():
            yield from _strings(child, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list):
        for child in value:
            yield from _strings(child, path)
    elif isinstance(value, str) and path:
        yield path, value
