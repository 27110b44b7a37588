"""What is done without `pyarrow.compute` is what pyarrow does with it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.arrow import cast, lists, series, take

TEXTS = st.lists(st.none() | st.text(max_size=4) | st.sampled_from(["é", "e\u0301", "漢字", "x" * 70]), max_size=6)


@given(TEXTS, st.lists(st.integers(0, 5), max_size=8))
def test_take(texts: list[str | None], places: list[int]) -> None:
    """Values and rows are taken as pyarrow takes them, with the bytes of texts one after the other."""
    values = pa.array(texts, pa.large_string())
    chosen = np.array([place for place in places if place < len(texts)], np.int64)
    assert take(values, chosen).equals(values.take(pa.array(chosen)))
    table = pa.table({"text": values, "also": pa.array([[text] for text in texts], pa.large_list(pa.large_string()))})
    assert take(table, chosen).equals(table.take(pa.array(chosen)))
    for beyond in (-1, len(texts)):
        with pytest.raises(pa.ArrowIndexError):
            take(values, np.append(chosen, beyond))


@given(TEXTS)
def test_cast(texts: list[str | None]) -> None:
    """A table is cast as pyarrow casts it, lists of structs too."""
    inside = pa.large_list(pa.struct([("role", pa.large_string())]))
    table = pa.table({"text": pa.array(texts, pa.large_string()), "turns": pa.array([[{"role": text}] for text in texts], inside)})
    schema = pa.schema([("text", pa.string()), ("turns", pa.list_(pa.struct([("role", pa.string())])))])
    assert cast(table, schema).equals(table.cast(schema))
    assert cast(table, schema).schema.equals(schema)


@given(TEXTS)
def test_series(texts: list[str | None]) -> None:
    """A column is what polars makes of the same array, under its name; of slices too."""
    for kind in (pa.string(), pa.large_string()):
        values = pa.array(texts, kind)
        assert series("a", values).equals(pl.Series("a", values), check_names=True)
        assert series("a", values[1:]).equals(pl.Series("a", values[1:]), check_names=True)
    bounds = np.arange(len(texts) + 1)
    assert lists("a", pa.array(texts, pa.large_string()), bounds).to_list() == [[text] for text in texts]
