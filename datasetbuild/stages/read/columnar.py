"""Parquet and Arrow: rows by batches, as JSON; what JSON cannot say comes as text (dates in ISO 8601, decimals in
digits)."""

from __future__ import annotations

import io
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import orjson

from datasetbuild.errors import SourceError
from datasetbuild.record import Reason
from datasetbuild.stages.read.container import Input
from datasetbuild.stages.read.rows import Row

BATCH = 1024


def read_parquet(input: Input) -> Iterator[Row]:
    """The rows of a Parquet file. They have no lines: their number stands in the place of the line."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        yield from rows_of_batches(pq.ParquetFile(_source(input)).iter_batches(BATCH))
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            f"{input.file} is not a Parquet file that can be read: {error}", hint="fetch it again"
        ) from error


def read_arrow(input: Input) -> Iterator[Row]:
    """The rows of an Arrow file, or of an Arrow stream as `datasets` keeps them."""
    import pyarrow as pa

    try:
        stream = _source(input)
        try:
            opened = pa.ipc.open_file(stream)
            yield from rows_of_batches(opened.get_batch(index) for index in range(opened.num_record_batches))
        except pa.ArrowInvalid as error:
            if (
                "magic" not in str(error).lower()
                and "not an arrow file" not in str(error).lower()
                and "too small" not in str(error).lower()
            ):
                raise
            yield from rows_of_batches(pa.ipc.open_stream(_source(input)))
    except (pa.ArrowInvalid, OSError) as error:
        raise SourceError(
            f"{input.file} is not an Arrow file that can be read: {error}", hint="fetch it again"
        ) from error


def _source(input: Input) -> Any:
    return str(input.path) if input.codec is None else io.BytesIO(input.bytes())


def rows_of_batches(batches: Any) -> Iterator[Row]:
    """The rows of record batches; a value that JSON cannot say is a fault of its row."""
    number = 1
    for batch in batches:
        for start in range(0, batch.num_rows, BATCH):
            for value in batch.slice(start, BATCH).to_pylist(maps_as_pydicts="strict"):
                yield _row(number, value)
                number += 1


def _row(number: int, value: Any) -> Row:
    """NaN becomes null: JSON has none, and data frames write it for what is missing."""
    try:
        return Row(number, orjson.dumps(value, default=_as_text, option=orjson.OPT_NON_STR_KEYS))
    except TypeError as error:
        why = error.__cause__ or error
        return Row(
            number,
            repr(value).encode("utf-8", "backslashreplace"),
            (Reason.BAD_ROW.value, f"not sayable in JSON: {why}"),
        )


def _as_text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"a value of type {type(value).__name__}")
