"""Tables with one turn to a row: the rows of a conversation put together, wherever in the file they stand.

A conversation is one raw row, at the line of its first turn; a file row is in exactly one conversation, or is a fault.
The file is held in memory until it ends, since conversations may be interleaved: as much as its JSON text has.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import orjson

from datasetbuild.errors import ConservationError, RecordError
from datasetbuild.record import Reason
from datasetbuild.stages.read.parse import strict
from datasetbuild.stages.read.rows import Row


class Turns(NamedTuple):
    """The turns of a conversation so far, as parallel lists, which cost the garbage collector nothing. places: what the
    order column says of each."""

    line: int
    name: str
    raws: list[bytes]
    places: list[Any]


def conversations(rows: Iterable[Row], *, conversation: str, order: str | None) -> Iterator[Row]:
    """{conversation, turns: [row, ...]} for every value of the column `conversation`, in order of first appearance.

    The turns stand in the order of the file, or by the column `order`: as numbers where all are, else as text; equal
    ones stay in the order of the file.
    """
    found: list[Row | Turns] = []
    turns_of: dict[str, Turns] = {}
    read = 0
    for row in rows:
        read += 1
        try:
            if row.fault:
                raise RecordError(*row.fault)
            value = strict(row.raw)
            name = _name(value, conversation)
            turns = turns_of.get(name)
            if turns is None:
                turns = turns_of[name] = Turns(row.line, name, [], [])
                found.append(turns)
            turns.raws.append(row.raw)
            if order:
                turns.places.append(value.get(order))
        except RecordError as error:
            found.append(row._replace(fault=(str(error.reason), error.detail)))
    placed = sum(1 if isinstance(one, Row) else len(one.raws) for one in found)
    if placed != read:
        raise ConservationError(f"{read} rows were read, {placed} stand in conversations or are faults")
    for one in found:
        yield one if isinstance(one, Row) else _conversation(one, order)


def _conversation(turns: Turns, order: str | None) -> Row:
    fault, raws = None, turns.raws
    if order:
        try:
            raws = _ordered(turns, order)
        except RecordError as error:
            fault = (str(error.reason), error.detail)
    text = b'{"conversation":%b,"turns":[%b]}' % (orjson.dumps(turns.name), b",".join(raws))
    return Row(turns.line, text, fault)


def _name(value: Any, column: str) -> str:
    if type(value) is not dict:
        raise RecordError(Reason.BAD_ROW, "the row is not an object")
    if column not in value:
        has = ", ".join(list(value)[:10]) or "no fields"
        raise RecordError(
            Reason.MISSING_FIELD, f"row has no field {column!r}; it has: {has}. Name it with `conversation`."
        )
    name = value[column]
    if type(name) is bool or not isinstance(name, str | int | float) or name == "":
        raise RecordError(Reason.MISSING_FIELD, f"the row belongs to no conversation: {column!r} has no value")
    return name if type(name) is str else repr(name)


def _ordered(turns: Turns, order: str) -> list[bytes]:
    for place in turns.places:
        if place is None or place == "":
            raise RecordError(Reason.MISSING_FIELD, f"a turn has no value in the order column {order!r}")
    numbers = [_number(place) for place in turns.places]
    if all(number is not None for number in numbers):
        keys: list[Any] = numbers
    elif all(type(place) is str for place in turns.places) and not any(number is not None for number in numbers):
        keys = turns.places
    else:
        raise RecordError(Reason.WRONG_TYPE, f"the order column {order!r} holds both numbers and text")
    return [turns.raws[index] for index in sorted(range(len(keys)), key=keys.__getitem__)]


def _number(value: Any) -> int | float | None:
    if type(value) is int or type(value) is float:
        return value
    if type(value) is not str or value.strip() != value:
        return None
    try:
        return int(value)
    except ValueError:
        pass
    try:
        number = float(value)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
