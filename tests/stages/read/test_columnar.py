"""Laws of Parquet and Arrow files."""

from __future__ import annotations

import datetime
import gzip
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from datasetbuild.errors import SourceError

VALUES = {
    "text": ["a", None, "c"],
    "number": [1, 2, 2**63 - 1],
    "share": [0.5, float("nan"), None],
    "day": [datetime.date(2026, 1, 2)] * 3,
    "price": [Decimal("1.50")] * 3,
    "turns": [[{"role": "user", "content": "hi"}], [], None],
}
WANTED = [
    {
        "text": "a",
        "number": 1,
        "share": 0.5,
        "day": "2026-01-02",
        "price": "1.50",
        "turns": [{"role": "user", "content": "hi"}],
    },
    {"text": None, "number": 2, "share": None, "day": "2026-01-02", "price": "1.50", "turns": []},
    {"text": "c", "number": 2**63 - 1, "share": None, "day": "2026-01-02", "price": "1.50", "turns": None},
]


def write(path: Path, kind: str) -> None:
    table = pa.table(VALUES)
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=2)
    else:
        with (
            pa.OSFile(str(path), "wb") as sink,
            (pa.ipc.new_file if kind == "file" else pa.ipc.new_stream)(sink, table.schema) as out,
        ):
            out.write_table(table, max_chunksize=2)


@pytest.mark.parametrize(
    ("name", "kind", "reader"),
    [
        ("x.parquet", "parquet", None),
        ("x 100", "parquet", "parquet"),
        ("x.arrow", "file", None),
        ("x.arrow", "stream", None),
    ],
)
def test_rows_come_as_json(rows: Callable[..., Any], tmp_path: Path, name: str, kind: str, reader: str | None) -> None:
    """Nested values, dates and decimals are said in JSON, NaN is null, and rows are numbered in the place of lines."""
    write(tmp_path / name, kind)
    found = rows(name, reader=reader)
    assert [row.value for row in found] == WANTED
    assert [row.line for row in found] == [1, 2, 3]


def test_a_packed_file_is_read_too(rows: Callable[..., Any], tmp_path: Path) -> None:
    """A Parquet file within gzip is unpacked first."""
    write(tmp_path / "x", "parquet")
    assert [row.value for row in rows("x.parquet.gz", gzip.compress((tmp_path / "x").read_bytes()))] == WANTED


@pytest.mark.parametrize("name", ["x.parquet", "x.arrow"])
def test_another_file_is_an_error(rows: Callable[..., Any], name: str) -> None:
    """A file that is not what its name says is a sentence, not a traceback."""
    with pytest.raises(SourceError, match=f"{name} is not a"):
        rows(name, b"not at all such a file" * 10)


def test_bytes_that_are_no_text_are_a_fault(rows: Callable[..., Any], tmp_path: Path) -> None:
    """Binary columns are text where they are UTF-8, else the row is faulty."""
    pq.write_table(pa.table({"b": [b"ok", b"\xff"]}), tmp_path / "x.parquet")
    assert [(row.value, row.reason) for row in rows("x.parquet")] == [({"b": "ok"}, None), (None, "bad_row")]
