"""Laws of tables with one turn to a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.normalize.source import reader_options
from datasetbuild.stages.read.chat_table import conversations
from datasetbuild.stages.read.rows import Row

Rows = Callable[..., list[Any]]
SOURCE = {"format": "chat_table", "conversation": "c", "order": "n"}
INTERLEAVED = "c\tn\tt\n7\t2\tb\n8\t1\tx\n7\t10\tc\n7\t1\ta\n8\t2\ty\n"


def options(**more: Any) -> dict[str, Any]:
    return {key: value for key, value in reader_options({**SOURCE, **more}).items() if value is not None}


@pytest.mark.parametrize("kind", ["tsv", "jsonl", "parquet"])
def test_interleaved_conversations(rows: Rows, tmp_path: Any, kind: str) -> None:
    """Turns find their conversation wherever they stand, in their order (numbers as numbers); a conversation is at the
    line of its first row."""
    values = [dict(zip(("c", "n", "t"), line.split("\t"), strict=True)) for line in INTERLEAVED.splitlines()[1:]]
    content: Any = INTERLEAVED
    if kind == "jsonl":
        content = "\n".join(orjson.dumps(value | {"n": int(value["n"])}).decode() for value in values)
    if kind == "parquet":
        import polars as pl

        pl.DataFrame(values).write_parquet(tmp_path / "t.parquet")
        content = None
    found = rows(f"t.{kind}", content, **options())
    first = 2 if kind == "tsv" else 1
    assert [(row.line, row.value["conversation"]) for row in found] == [(first, "7"), (first + 1, "8")]
    assert [[turn["t"] for turn in row.value["turns"]] for row in found] == [["a", "b", "c"], ["x", "y"]]


def test_order_of_text_and_of_the_file(rows: Rows) -> None:
    """Dates are ordered as text; without `order` turns stand as in the file, and so do equal ones."""
    table = "c,n,t\n1,2026-01-02,b\n1,2026-01-01,a\n1,2026-01-02,c\n"
    (row,) = rows("t.csv", table, **options())
    assert [turn["t"] for turn in row.value["turns"]] == ["a", "b", "c"]
    (row,) = rows("u.csv", table, **options(order=None))
    assert [turn["t"] for turn in row.value["turns"]] == ["b", "a", "c"]


def told(*values: Any, order: str | None = "n") -> list[tuple[str, str] | None]:
    rows = [Row(line, value if isinstance(value, bytes) else orjson.dumps(value)) for line, value in enumerate(values)]
    return [row.fault for row in conversations(rows, conversation="c", order=order)]


def test_faults() -> None:
    """A row without a conversation is a fault of its own; a turn without a place one of its whole conversation."""
    good = {"c": 1, "n": 1}
    assert told({"k": 1}) == [("missing_field", "row has no field 'c'; it has: k. Name it with `conversation`.")]
    assert (
        told({"c": ""}, {"c": None}) == [("missing_field", "the row belongs to no conversation: 'c' has no value")] * 2
    )
    assert told(good, b"{", [1])[1][0] == "bad_json"
    assert told([1]) == [("bad_row", "the row is not an object")]
    assert told(good, {"c": 1, "n": ""}, {"c": 2, "n": 1}) == [
        ("missing_field", "a turn has no value in the order column 'n'"),
        None,
    ]
    assert told(good, {"c": 1, "n": "x"}) == [("wrong_type", "the order column 'n' holds both numbers and text")]


def test_a_row_that_is_no_row_of_the_file_passes_through(rows: Rows) -> None:
    """A line that its own reader cannot read is a fault in its place, beside the conversations."""
    found = rows("t.csv", "c,n,t\n1,1,a\n1,2\n2,1,b\n", **options())
    assert [(row.line, row.reason) for row in found] == [(2, None), (3, "bad_row"), (4, None)]


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c", ""]), st.integers(0, 9)), max_size=30))
def test_conservation(table: list[tuple[str, int]]) -> None:
    """Every file row is in exactly one conversation, or is a fault; each conversation is in order and stable."""
    rows = [Row(line, orjson.dumps({"c": name, "n": n, "line": line})) for line, (name, n) in enumerate(table)]
    placed = []
    for row in conversations(rows, conversation="c", order="n"):
        if row.fault:
            placed.append(row.line)
        else:
            turns = [(turn["n"], turn["line"]) for turn in orjson.loads(row.raw)["turns"]]
            assert turns == sorted(turns)
            assert row.line == min(line for _, line in turns)
            placed += [line for _, line in turns]
    assert sorted(placed) == [row.line for row in rows]
