"""Records as JSON Lines: a record's object by its profile, or for plain records the same bytes by a polars expression.

Plain records, whose turns have a role and a content and nothing else, are nearly all; encoded by polars they cost 0.9 us
a row where a Python dict each and orjson cost 14. Both give the same bytes (`tests/stages/write/test_lines.py`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import polars as pl

from datasetbuild.record import MESSAGE_FIELDS
from datasetbuild.stages.write.carry import Lines, Row

SLICE = 512
"""Records that are Python objects at a time: dicts of 100k rows cost the garbage collector 10 us a row."""

EXTRA_FIELDS = tuple(name for name in MESSAGE_FIELDS if name not in ("role", "content"))


def encode(frame: pl.DataFrame, form: Lines, fields: frozenset[str]) -> bytes | memoryview:
    """The lines of a frame's records, each with its line end.

    frame: `messages`, `tools`, the form's columns, and `text` where it wants that. fields: optional fields that some
    record of the build fills, so that every row can have the same keys.
    """
    shape = form.plain(fields) if form.plain else None
    if shape is None:
        return b"".join(_slow(frame, form, fields))
    easy = pl.Series([True] * len(frame), dtype=pl.Boolean) if form.text else plain_rows(frame)
    if easy.all():
        return _joined(_fast(frame, shape, form.columns))
    others = pl.Series("line", list(_slow(frame.filter(~easy), form, fields)), dtype=pl.Binary).cast(pl.String)
    places = pl.concat([easy.arg_true(), (~easy).arg_true()])
    return _joined(pl.concat([_fast(frame.filter(easy), shape, form.columns), others]).gather(places.arg_sort()))


def _joined(lines: pl.Series) -> bytes | memoryview:
    """The lines one after the other: in Arrow that is what they are."""
    _, _, data = lines.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).buffers()
    return memoryview(data).cast("B") if data is not None else b""


def plain_rows(frame: pl.DataFrame) -> pl.Series:
    """Which records have no tools, and turns of nothing but role and content (booleans)."""
    more = pl.any_horizontal(pl.element().struct.field(name).is_not_null() for name in EXTRA_FIELDS)
    return frame.select(~pl.col("messages").list.eval(more).list.any() & pl.col("tools").is_null()).to_series()


def records(frame: pl.DataFrame) -> Iterator[Row]:
    """The rows as mappings, their turns without empty fields."""
    for part in frame.iter_slices(SLICE):
        for row in part.iter_rows(named=True):
            row["messages"] = [
                {name: value for name, value in turn.items() if value is not None} for turn in row["messages"]
            ]
            yield row


def turn(**fields: pl.Expr | str) -> pl.Expr:
    """The turns of `messages`, each with these fields: an expression over a turn, or the name of a field of it."""
    found = {
        name: pl.element().struct.field(value) if isinstance(value, str) else value for name, value in fields.items()
    }
    return pl.col("messages").list.eval(pl.struct([value.alias(name) for name, value in found.items()]))


def parsed_calls(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns with their tool calls as a list, as OpenAI has them, arguments as JSON text."""
    return [{**one, "tool_calls": orjson.loads(one["tool_calls"])} if "tool_calls" in one else one for one in messages]


def whole_weights(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Turns with weights of 0 and 1 as whole numbers: hosted services refuse 1.0."""
    return [{**one, "weight": int(one["weight"])} if "weight" in one else one for one in messages]


def _fast(frame: pl.DataFrame, shape: Mapping[str, pl.Expr], columns: tuple[str, ...]) -> pl.Series:
    fields = [value.alias(name) for name, value in shape.items()] + [pl.col(name) for name in columns]
    return frame.select((pl.struct(fields).struct.json_encode() + "\n").alias("line"))["line"]


def _slow(frame: pl.DataFrame, form: Lines, fields: frozenset[str]) -> Iterator[bytes]:
    names = ["messages", "tools", "id", *form.columns, *form.needs, *(["text"] if form.text else [])]
    for record in records(frame.select(list(dict.fromkeys(names)))):
        row = form.row(record, fields)
        yield orjson.dumps(row | {name: record[name] for name in form.columns}, option=orjson.OPT_APPEND_NEWLINE)
