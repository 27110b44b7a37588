"""Parquet files that are the same bytes for the same rows: pyarrow with pinned options.

polars' own parquet bytes depend on a frame's history, pyarrow's after `combine_chunks` do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from datasetbuild.arrow import cast, lists, sums
from datasetbuild.record import MESSAGE_FIELDS, PROVENANCE

if TYPE_CHECKING:
    import pyarrow as pa

ROW_GROUP = 16_384
"""Rows per parquet row group."""

TOKEN_COLUMNS = ("tokens", "trained_tokens", "input_ids", "labels", "assistant_masks")

WIDE = ("messages", "tools", "meta", "input_ids", "labels", "assistant_masks", "loss_weights", "also", "cleaned")
"""Columns that nobody asks for a range of: statistics on them cost a tenth of the writing."""

UNIQUE = ("id", "row", "line", "content")
"""Columns in which hardly a value comes twice: a dictionary of them makes a ledger a sixth larger, and takes a fifth of its time."""

DATA_COLUMNS = ("id", "messages", "tools", *PROVENANCE, "copy", "turn", "row_weight", *TOKEN_COLUMNS, "loss_weights")
"""Order of the artifact's columns; those that no record fills are left out."""


def write_parquet(frame: pl.DataFrame, path: Path) -> None:
    """One parquet file of a frame. A row group at a time becomes plain Arrow, and not the whole frame."""
    write_tables((plain_table(frame.slice(first, ROW_GROUP)) for first in range(0, max(len(frame), 1), ROW_GROUP)), path)


def write_tables(tables: Iterator[pa.Table], path: Path) -> None:
    """One parquet file: zstd, fixed row groups, plain strings, no times, no metadata but the schema. tables: as `plain_table`
    makes them, of one schema, at least one, each but the last of `ROW_GROUP` rows or several times as many."""
    import pyarrow.parquet as pq

    first = next(tables)
    with pq.ParquetWriter(
        path,
        first.schema,
        compression="zstd",
        compression_level=1,  # 3 makes files 7 % smaller for 30 % more time
        version="2.6",
        data_page_version="1.0",
        use_dictionary=[path for field in first.schema if field.name not in UNIQUE for path in _leaves(field.name, field.type)],
        write_statistics=[name for name in first.column_names if name not in WIDE],
        store_schema=False,
    ) as writer:
        for table in chain([first], tables):
            writer.write_table(table, row_group_size=ROW_GROUP)


def plain_table(frame: pl.DataFrame) -> pa.Table:
    """The frame as an Arrow table of everyday types in one chunk."""
    table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
    return cast(table, _plain_schema(table.schema))


def token_columns(frame: pl.DataFrame, *, weights: bool) -> pl.DataFrame:
    """`input_ids` and `spans` as what trainers read: `input_ids`, `labels`, `assistant_masks`, with their counts and, when
    asked for, `loss_weights`."""
    from datasetbuild.stages.render.columns import assistant_masks, labels, loss_weights, span_tokens, trained

    tokens = trained(frame["input_ids"], frame["spans"])
    made = [labels(tokens), assistant_masks(tokens), span_tokens(frame["spans"])]
    if weights:
        made.append(loss_weights(frame["loss_weights"], tokens))
    return frame.drop("spans").with_columns(*made, pl.col("input_ids").list.len().alias("tokens"))


def attention_mask(input_ids: pl.Series) -> pl.Series:
    """A 1 for every token (list of int8)."""
    import numpy as np

    bounds = sums(input_ids.list.len())
    return lists("attention_mask", np.ones(bounds[-1], np.int8), bounds)


def narrow_messages(messages: pl.Series, fields: frozenset[str]) -> pl.Series:
    """Messages with only the fields that some record of the build fills; role and content always."""
    used = [name for name in MESSAGE_FIELDS if name in ("role", "content") or f"messages.{name}" in fields]
    if len(used) == len(MESSAGE_FIELDS):
        return messages
    chosen = pl.element().struct.field
    return messages.to_frame("messages").select(
        pl.col("messages").list.eval(pl.struct(*(chosen(name) for name in used)))
    )["messages"]


def _leaves(path: str, kind: pa.DataType) -> Iterator[str]:
    """The columns that a value is made of, as parquet names them."""
    import pyarrow as pa

    if pa.types.is_list(kind):
        yield from _leaves(f"{path}.list.element", kind.value_type)
    elif pa.types.is_struct(kind):
        for field in kind:
            yield from _leaves(f"{path}.{field.name}", field.type)
    else:
        yield path


def _plain_schema(schema: pa.Schema) -> pa.Schema:
    """Arrow's everyday types (string, list) instead of large, view and dictionary ones: the ones that every reader knows."""
    import pyarrow as pa

    return pa.schema([pa.field(field.name, _plain_type(field.type)) for field in schema])


def _plain_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    if pa.types.is_large_list(kind) or pa.types.is_list(kind):
        return pa.list_(_plain_type(kind.value_type))
    if pa.types.is_struct(kind):
        return pa.struct([pa.field(field.name, _plain_type(field.type)) for field in kind])
    if pa.types.is_dictionary(kind):  # an Enum
        return _plain_type(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    return kind
