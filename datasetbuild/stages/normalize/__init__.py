"""Normalizing: from raw rows to records. What a format cannot use goes into quarantine with a reason, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from datasetbuild.errors import RecordError
from datasetbuild.hashing import canonical_json, record_hash
from datasetbuild.op import find
from datasetbuild.record import Reason, Stage
from datasetbuild.stages.normalize import (  # noqa: F401
    alpaca,
    chat_table,
    completion,
    documents,
    faq_markdown,
    messages,
    oasst,
    prompt_completion,
    sharegpt,
    squad,
    table,
    triple,
)
from datasetbuild.stages.normalize.conversation import Conversation, kind, settled
from datasetbuild.stages.normalize.fields import Raw
from datasetbuild.stages.normalize.frames import Quarantine, Records
from datasetbuild.stages.normalize.source import key_of, label, meta_of, reader_options
from datasetbuild.stages.normalize.turns import Turns, tools_text
from datasetbuild.stages.read.parse import exact, strict, wide
from datasetbuild.stages.read.rows import RawRows

__all__ = ["Conversation", "RawRows", "converter", "normalize", "reader_options"]


def converter(source: dict[str, Any]) -> Callable[[Raw], Conversation]:
    """The function of a source's format, with the source's parameters."""
    format = find("format", source["format"])
    given = {name: value for name, value in source.items() if name in format.parameters}
    convert: Callable[[Raw], Conversation] = format.function(**format.fill(given))
    return convert if format.code is None else _vetted(convert)


def _vetted(convert: Callable[[Raw], Conversation]) -> Callable[[Raw], Conversation]:
    """A plugin's format, what it gives held to the types of a record: a fault of it costs a row, not a shard."""
    reader = Turns(None, {"role": "role", "content": "content"})

    def vet(row: Raw) -> Conversation:
        given = Conversation(*convert(row))
        turns = reader.read(list(given.messages), "messages")
        return given._replace(messages=turns, tools=tools_text(given.tools, "tools"))

    return vet


def normalize(rows: RawRows, *, name: str, source: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(records, quarantine) of a shard: every row in exactly one of them, in order. `name` is the source's name."""
    record = _recorder(name, source)
    records, quarantine = Records(), Quarantine()
    suspects = wide(rows.raws)
    for index, (line, raw, fault) in enumerate(zip(rows.lines, rows.raws, rows.faults, strict=True)):
        stage = Stage.READ
        try:
            if fault:
                raise RecordError(*fault)
            row = exact(raw) if index in suspects else strict(raw)
            if type(row) is not dict:
                row = _wrapped(row)
            stage = Stage.NORMALIZE
            records.add(index, line, *record(row))
        except RecordError as error:
            quarantine.add(index, line, stage, error.reason, error.detail, raw)
        except Exception as error:  # a format of a plugin may raise anything: that costs this one row, and says so
            quarantine.add(index, line, stage, Reason.OPERATOR_ERROR, f"{type(error).__name__}: {error}", raw)
    return records.frame(), quarantine.frame()


def _recorder(name: str, source: dict[str, Any]) -> Callable[[Raw], tuple[Any, ...]]:
    """A function that gives a row's turns, base id, tools, group, category, date and meta."""
    convert, system = converter(source), source.get("system")
    takes = {part: label(source.get(part), part) for part in ("key", "group", "category", "date")}
    key, meta = key_of(takes["key"], source.get("key")), meta_of(source.get("meta"))
    group, category, date = takes["group"], takes["category"], takes["date"]

    def record(row: Raw) -> tuple[Any, ...]:
        turns, tools, own_group, _ = settled(convert(row), system)
        base = record_hash(name, key(row) if key else content_key(turns, tools))
        labels = (group(row) if group else own_group, category and category(row), date and date(row))
        return turns, base, tools, *labels, meta and meta(row)

    return record


def content_key(turns: list[Any], tools: str | None) -> bytes:
    """`record.canonical_bytes` of turns that hold no None: the same bytes without the walk."""
    return canonical_json({"messages": turns, "tools": tools} if tools else {"messages": turns})


def _wrapped(value: Any) -> Raw:
    """A row that is an array becomes {"row": [...]}; anything else that is no object is no row."""
    if type(value) is list:
        return {"row": value}
    raise RecordError(Reason.BAD_ROW, f"the row is {kind(value)}, expected an object")
