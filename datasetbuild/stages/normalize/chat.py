"""Rows of chat formats: one by one with all that they may hold, or many at once where they are as plain as most are.

A plain row has a list of turns and nothing beside it that counts; a plain turn is a role that is known and a text. Many
of them cost 2 us a row, one by one 8. Whatever is not plain is none of this module's business: it is read by
itself, and so has the same fate and the same words for it as if no row were ever read with others.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain, compress, islice
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from datasetbuild.record import ROLES
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import ABSENT, Fields, Raw
from datasetbuild.stages.normalize.turns import Turns, tools_text

SYSTEM, USER, ASSISTANT, TOOL = map(ROLES.index, ("system", "user", "assistant", "tool"))
UNKNOWN = len(ROLES)
AFTER_TEXT = [b',"role":"%b"}' % role.encode() for role in ROLES]
"""How the canonical bytes of a plain turn end."""


@dataclass(frozen=True)
class Turned:
    """The turns of plain rows, below one another. places: of the rows among those given. lengths: turns of each. roles:
    of each turn, as positions in `ROLES`. texts: of each turn."""

    places: list[int]
    lengths: NDArray[np.int64]
    roles: NDArray[np.uint8]
    texts: list[str]

    def keys(self) -> list[bytes]:
        """`record.canonical_bytes` of the messages of each row, from those of each turn: in 1.2 us where one by one takes 3."""
        said = zip(map(orjson.dumps, self.texts), self.roles.tolist(), strict=True)
        turns = (b'{"content":' + text + AFTER_TEXT[role] for text, role in said)
        return [b'{"messages":[' + b",".join(islice(turns, length)) + b"]}" for length in self.lengths.tolist()]


class Chat:
    """What a chat format makes of rows. turns: the format's field with the list of turns. system: the one with a
    system message, where the format has one."""

    def __init__(self, fields: Fields, reader: Turns, *, turns: str, system: str | None = None) -> None:
        self._reader = reader
        self._turns, self._turns_path = fields.value(turns), fields.name(turns)
        self._tools, self._tools_path = fields.value("tools"), fields.name("tools")
        self._system = fields.text(system) if system else None
        self._beside = [(fields.name(field), ABSENT if fields.needed(field) else None) for field in ("tools", system) if field]
        self._by_name = not any("." in name for name in (self._turns_path, *(name for name, _ in self._beside)))

    def __call__(self, row: Raw) -> Conversation:
        """The conversation of one row, whatever it holds; `RecordError` says what is wrong with it."""
        messages = self._reader.read(self._turns(row), self._turns_path)
        if self._system and (words := self._system(row)) is not None and words.strip():
            messages.insert(0, {"role": "system", "content": words})
        return Conversation(messages, tools_text(self._tools(row), self._tools_path))

    def plain(self, rows: list[Any]) -> Turned:
        """The turns of those rows that are plain, and whose conversations keep the rules of `settled` as they stand."""
        places, lists = self._lists(rows) if self._by_name else ([], [])
        if not places:
            return Turned([], np.empty(0, np.int64), np.empty(0, np.uint8), [])
        lengths = np.fromiter(map(len, lists), np.int64, len(lists))
        roles, texts = self._reader.plain(list(chain.from_iterable(lists)))
        sound = _sound(lengths, roles, texts)
        if not sound.all():
            turns = np.repeat(sound, lengths)
            places, lengths = list(compress(places, sound)), lengths[sound]
            roles, texts = roles[turns], list(compress(texts, turns))
        return Turned(places, lengths, roles, texts)

    def _lists(self, rows: list[Any]) -> tuple[list[int], list[list[Any]]]:
        """Which rows have turns and nothing beside them that counts, and their turns."""
        objects = rows if {*map(type, rows)} == {dict} else [row if type(row) is dict else {} for row in rows]
        lists: list[Any] = [row.get(self._turns_path) for row in objects]
        beside = [[row.get(name, without) for row in objects] for name, without in self._beside]
        if all(lists) and {*map(type, lists)} == {list} and all(values.count(None) == len(rows) for values in beside):
            return list(range(len(rows))), lists
        columns = zip(lists, *beside, strict=True)
        plain = [type(turns) is list and turns and all(value in (None, "") for value in values) for turns, *values in columns]
        return list(compress(range(len(rows)), plain)), list(compress(lists, plain))


def _sound(lengths: NDArray[np.int64], roles: NDArray[np.uint8], texts: list[str]) -> NDArray[np.bool_]:
    """Which conversations keep the rules: `conversation.settled`, turn by turn and all at once."""
    starts = np.cumsum(lengths) - lengths
    later = np.ones(len(roles), bool)
    later[starts] = False
    blank = np.zeros(len(texts), bool)
    if not all(texts) or any(map(str.isspace, texts)):
        blank[:] = [not text or text.isspace() for text in texts]
    bad = (roles == UNKNOWN) | (blank & (roles != TOOL)) | (later & (roles == SYSTEM))
    sound = ~np.logical_or.reduceat(bad, starts)
    for role in (USER, ASSISTANT):
        sound &= np.logical_or.reduceat(roles == role, starts)
    return sound
