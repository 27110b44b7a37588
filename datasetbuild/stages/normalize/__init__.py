"""Normalizing: from raw rows to records. What a format cannot use goes into quarantine with a reason, row by row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl

from datasetbuild.errors import BuildError, RecordError
from datasetbuild.hashing import canonical_json, record_hash, record_hashes
from datasetbuild.op import PLUGIN, find
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
from datasetbuild.stages.normalize.chat import Chat
from datasetbuild.stages.normalize.conversation import Conversation, kind, settled
from datasetbuild.stages.normalize.fields import Raw
from datasetbuild.stages.normalize.frames import PlainRecords, Quarantine, Records
from datasetbuild.stages.normalize.source import key_of, label, meta_of, reader_options, texts_of
from datasetbuild.stages.normalize.turns import Turns, tools_text
from datasetbuild.stages.read.parse import exact, loaded, strict, wide
from datasetbuild.stages.read.rows import RawRows

TOGETHER = 256
"""Rows that are read together: their values stay in the cache (a tenth less than with 1024), and one that lacks a label slows no
more than these."""

__all__ = ["Conversation", "RawRows", "converter", "normalize", "reader_options"]


def converter(source: dict[str, Any]) -> Callable[[Raw], Conversation]:
    """The function of a source's format, with the source's parameters."""
    format = find("format", source["format"])
    given = {name: value for name, value in source.items() if name in format.parameters}
    convert: Callable[[Raw], Conversation] = format.made(given=given)
    if format.code is None:
        return convert
    if not callable(convert):
        raise BuildError(f"format {format.name!r} gave a {type(convert).__name__} and no function", hint=PLUGIN)
    return _vetted(convert)


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
    reading = Reading(name, source)
    suspects = wide(rows.raws)
    plain = plain_records(reading, rows, suspects)
    records, quarantine = Records(), Quarantine()
    left = sorted(set(range(len(rows))).difference(plain["row"])) if len(plain) < len(rows) else []
    for index in left:
        line, raw, stage = rows.lines[index], rows.raws[index], Stage.READ
        try:
            if fault := rows.faults[index]:
                raise RecordError(*fault)
            row = exact(raw) if index in suspects else strict(raw)
            if type(row) is not dict:
                row = _wrapped(row)
            stage = Stage.NORMALIZE
            records.add(index, line, *reading.record(row))
        except RecordError as error:
            quarantine.add(index, line, stage, error.reason, error.detail, raw)
        except (Exception, SystemExit) as error:  # a format of a plugin may raise anything: that costs this one row, and says so
            quarantine.add(index, line, stage, Reason.OPERATOR_ERROR, f"{type(error).__name__}: {error}", raw)
    found = pl.concat([plain, records.frame()]).sort("row") if len(records) else plain
    return found, quarantine.frame()


class Reading:
    """How the rows of a source become records: its format, its system message, its key and its labels."""

    def __init__(self, name: str, source: dict[str, Any]) -> None:
        self.name, self.convert, self.system = name, converter(source), source.get("system")
        self.columns = {part: source.get(part) for part in ("key", "group", "category", "date")}
        takes = {part: label(column, part) for part, column in self.columns.items()}
        self.key = key_of(takes.pop("key"), source.get("key"))
        self.labels = {**takes, "meta": meta_of(source.get("meta"))}

    def keys(self, rows: list[Raw]) -> list[bytes]:
        """`key` of many rows."""
        assert self.key is not None
        texts = texts_of(rows, self.columns["key"])
        return list(map(str.encode, texts)) if texts else list(map(self.key, rows))

    def taken(self, rows: list[Raw]) -> dict[str, list[Any]]:
        """The labels of many rows, of those that the source names."""
        named = {part: take for part, take in self.labels.items() if take}
        return {part: texts_of(rows, self.columns.get(part)) or list(map(take, rows)) for part, take in named.items()}

    def record(self, row: Raw) -> tuple[Any, ...]:
        """A row's turns, base id, tools, group, category, date and meta; `RecordError` where it is no record."""
        turns, tools, own_group, _ = settled(self.convert(row), self.system)
        base = record_hash(self.name, self.key(row) if self.key else content_key(turns, tools))
        labels = {part: take and take(row) for part, take in self.labels.items()}
        if not self.labels["group"]:
            labels["group"] = own_group
        return turns, base, tools, *labels.values()


def plain_records(reading: Reading, rows: RawRows, suspects: set[int]) -> pl.DataFrame:
    """The records of those rows that can be read together: of a chat format, and plain. Whoever is left is read one by one.

    suspects: rows that need `exact`.
    """
    found = PlainRecords()
    convert = reading.convert
    if not isinstance(convert, Chat) or reading.system:
        return found.frame()
    unfit = suspects.union(at for at, fault in enumerate(rows.faults) if fault)
    for first in range(0, len(rows), TOGETHER):
        values = loaded(rows.raws[first : first + TOGETHER])
        for at in unfit.intersection(range(first, first + len(values))):
            values[at - first] = None
        turned = convert.plain(values)
        places = [first + at for at in turned.places]
        chosen = [values[at] for at in turned.places]
        try:
            keys = reading.keys(chosen) if reading.key else turned.keys()
            labels = reading.taken(chosen)
        except Exception:  # a label that one of them lacks: read one by one, it is known which
            continue
        found.add(places, [rows.lines[at] for at in places], turned, record_hashes(reading.name, keys), labels)
    return found.frame()


def content_key(turns: list[Any], tools: str | None = None) -> bytes:
    """`record.canonical_bytes` of turns that hold no None: the same bytes without the walk."""
    return canonical_json({"messages": turns, "tools": tools} if tools else {"messages": turns})


def _wrapped(value: Any) -> Raw:
    """A row that is an array becomes {"row": [...]}; anything else that is no object is no row."""
    if type(value) is list:
        return {"row": value}
    raise RecordError(Reason.BAD_ROW, f"the row is {kind(value)}, expected an object")
