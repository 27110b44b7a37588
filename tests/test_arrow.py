"""What is done without `pyarrow.compute` is what pyarrow does with it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.arrow import as_frame, cast, lists, mapped_table, series, sums, take
from datasetbuild.engine.cache import BEFORE_STREAM

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


KINDS = {
    "number": pl.UInt32(), "text": pl.String(), "bytes": pl.Binary(), "word": pl.Enum(["a", "b"]), "nothing": pl.Null(), "truth": pl.Boolean(),
    "day": pl.Date(), "list": pl.List(pl.String()), "turns": pl.List(pl.Struct({"role": pl.String(), "weight": pl.Float32()})),
}  # fmt: skip
VALUES = {
    "number": 7, "text": "e\u0301 漢", "bytes": b"\0", "word": "b", "nothing": None, "truth": True, "day": 3,
    "list": ["", None, "x" * 20], "turns": [{"role": "user", "weight": None}, None],
}  # fmt: skip


@given(st.lists(st.sets(st.sampled_from(sorted(KINDS))), max_size=5), st.sets(st.sampled_from(sorted(KINDS))), st.integers(1, 3))
def test_a_table_is_the_frame_that_polars_makes_of_it(tmp_path_factory: pytest.TempPathFactory, rows: list[set[str]], kinds: set[str], at_once: int) -> None:
    """Whatever its columns, chunks and nulls; from a file that is mapped, and of a table without rows or columns."""
    lines = [{name: VALUES[name] if name in row else None for name in sorted(kinds)} for row in rows]
    frame = pl.DataFrame(lines, schema={name: KINDS[name] for name in sorted(kinds)})
    table = frame.to_arrow(compat_level=pl.CompatLevel.oldest())
    path = tmp_path_factory.mktemp("mapped") / "x.arrow"
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, table.schema) as out:
        out.write_table(table, max_chunksize=at_once)
    for one in (table, mapped_table(path, BEFORE_STREAM), pa.concat_tables([table, table[1:]])):
        made, theirs = as_frame(one), pl.DataFrame(pl.from_arrow(one, rechunk=False))
        assert made.schema == theirs.schema and made.equals(theirs) and made.height == theirs.height


@given(st.lists(st.integers(0, 9), max_size=6))
def test_sums(counts: list[int]) -> None:
    """Of numbers, of truths and of a column."""
    wanted = [sum(counts[:n]) for n in range(len(counts) + 1)]
    for given_ in (np.array(counts, np.int64), np.array(counts, np.uint32), pl.Series(counts, dtype=pl.UInt32)):
        assert sums(given_).tolist() == wanted
    assert sums(np.array([count > 4 for count in counts], bool)).tolist() == sums(np.array([int(count > 4) for count in counts])).tolist()
