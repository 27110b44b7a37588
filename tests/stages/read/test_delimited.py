"""Laws of CSV and TSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasetbuild.errors import SourceError

cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=st.lists(st.tuples(cells, cells), max_size=12))
def test_what_csv_writes_is_read_again(rows: Callable[..., Any], table: list[tuple[str, str]]) -> None:
    """Commas, quotes and newlines within fields come back, and each row knows the line of the file where it begins."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL)
    writer.writerow(["a", "b"])
    starts = []
    for row in table:
        starts.append(len(out.getvalue().replace("\r\n", "\n").replace("\r", "\n").split("\n")))
        writer.writerow(row)
    found = rows("x.csv", out.getvalue())
    assert [(row.value["a"], row.value["b"]) for row in found] == table
    assert [row.line for row in found] == starts


def test_a_row_that_does_not_fit_is_a_fault(rows: Callable[..., Any]) -> None:
    """Too many fields, too few, and a broken quote are faults of their rows; the rows around them stay."""
    found = rows("x.csv", 'a,b\n1,2\n1,2,3\n\n1\n"x"y,2\n"two\nlines",4\n')
    assert [(row.line, row.reason) for row in found] == [
        (2, None),
        (3, "bad_row"),
        (5, "bad_row"),
        (6, "bad_row"),
        (7, None),
    ]
    assert [row.raw for row in found if row.reason] == [b"1,2,3", b"1", b'"x"y,2']
    assert found[-1].value == {"a": "two\nlines", "b": "4"}


def test_an_open_quote_is_said(rows: Callable[..., Any]) -> None:
    """A quote that never closes swallows the rest of the file: one fault, which holds all of it."""
    (row,) = rows("x.csv", 'a,b\n"1,2\n3,4\n')
    assert (row.line, row.reason, row.raw) == (2, "bad_row", b'"1,2\n3,4')


def test_delimiters(rows: Callable[..., Any]) -> None:
    """A tab for TSV, and whatever the source declares."""
    assert rows("x.tsv", "a\tb\n1\t2,3\n")[0].value == {"a": "1", "b": "2,3"}
    assert rows("x.csv", "a;b\n1;2\n", delimiter=";")[0].value == {"a": "1", "b": "2"}


def test_bytes_that_are_not_utf8_are_a_fault_of_their_row(rows: Callable[..., Any]) -> None:
    """One cell in another encoding costs one row, and its bytes are kept."""
    found = rows("x.csv", b"a,b\n1,caf\xe9\n2,ok\n")
    assert [(row.reason, row.raw) for row in found] == [("bad_encoding", b"1,caf\xe9"), (None, b'{"a":"2","b":"ok"}')]
    assert rows("x.csv", b"a,b\n1,caf\xe9\n", encoding="cp1252")[0].value == {"a": "1", "b": "café"}


def test_two_columns_of_one_name_are_an_error(rows: Callable[..., Any]) -> None:
    """Which of the two is meant cannot be known, so no row is read."""
    with pytest.raises(SourceError, match="two columns are named 'a'"):
        rows("x.csv", "a,a\n1,2\n")
