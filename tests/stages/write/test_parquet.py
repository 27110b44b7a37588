"""Parquet: what goes in comes out, and a dictionary stands only where values come again."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.record import MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.write import plain_table, write_parquet, write_tables
from datasetbuild.stages.write.parquet import ROW_GROUP, UNIQUE


def test_columns_whose_values_are_their_own_have_no_dictionary(tmp_path: Path) -> None:
    """All leaves of all other columns have one, whatever they are nested in."""
    turn = dict.fromkeys(MESSAGE_FIELDS, "e\u0301 漢") | {"weight": 0.5}
    frame = pl.DataFrame(
        {
            "id": ["a", "b"],
            "messages": pl.Series([[turn, turn], []], dtype=messages_dtype()),
            "source": pl.Series(["s", "s"], dtype=pl.Enum(["s"])),
            "row": [0, 1],
            "content": [None, "x"],
            "input_ids": [[1, 2], [3]],
        }
    )
    write_parquet(frame, tmp_path / "x.parquet")
    assert pl.read_parquet(tmp_path / "x.parquet").equals(frame.cast({pl.Enum: pl.String}))
    group = pq.ParquetFile(tmp_path / "x.parquet").metadata.row_group(0)
    columns = [group.column(n) for n in range(group.num_columns)]
    plain = {one.path_in_schema for one in columns if "RLE_DICTIONARY" not in one.encodings}
    assert plain == set(UNIQUE) & set(frame.columns)
    assert len(columns) - len(plain) == len(MESSAGE_FIELDS) + 2


def test_row_groups_are_the_same_bytes_from_one_table_or_from_many(tmp_path: Path) -> None:
    """A part is one table, a ledger comes a row group at a time: the file does not tell."""
    count = 2 * ROW_GROUP + 5
    turns = [[{"role": "user", "content": "e\u0301 漢" * (n % 5)}, {"role": "assistant", "content": str(n)}][: n % 3] for n in range(count)]
    frame = pl.DataFrame({"id": [f"{n:024x}" for n in range(count)], "messages": turns, "row": range(count)})
    write_parquet(frame, tmp_path / "many.parquet")
    write_tables(iter([plain_table(frame)]), tmp_path / "one.parquet")
    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "many.parquet").read_bytes()
    assert pq.ParquetFile(tmp_path / "one.parquet").metadata.num_row_groups == 3


def test_tables_of_one_schema(tmp_path: Path) -> None:
    """A table that is not as the first is refused, and the file is closed."""
    tables = [plain_table(pl.DataFrame(columns)) for columns in ({"a": [1]}, {"a": ["x"]})]
    with pytest.raises(ValueError, match="schema"):
        write_tables(iter(tables), tmp_path / "x.parquet")
    assert pq.ParquetFile(tmp_path / "x.parquet").metadata.num_rows == 1


@given(st.lists(st.none() | st.sampled_from(["kept", "", "e\u0301 漢"]), max_size=40), st.integers(0, 5))
def test_words_of_an_enum_are_written_as_text(words: list[str | None], first: int) -> None:
    """Whatever the codes are that stand for them, and wherever a slice begins."""
    frame = pl.DataFrame({"fate": words}, schema={"fate": pl.String})
    codes = frame.cast({"fate": pl.Enum(["", "unused", "e\u0301 漢", "kept"])})
    assert plain_table(codes[first:]).equals(plain_table(frame[first:]))
    assert plain_table(codes.clear()).schema == plain_table(frame).schema
