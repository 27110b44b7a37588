"""Where things lie in a rendered conversation, in characters: the skeleton of a shape, good for all that have it.

What is the same for all conversations of a shape is found once (`skeleton.py`); where it lies in each is arithmetic on
the lengths of their texts, done for all of them at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasetbuild.errors import RecordError
from datasetbuild.record import Reason


class Mark(NamedTuple):
    """What a `{% generation %}` block gave: its place in the text (characters, end exclusive)."""

    start: int
    end: int


class Region(NamedTuple):
    """Trained characters of a turn. stop: id of the token that ends the turn (-1: none), stop_end: where it ends."""

    turn: int
    start: int
    end: int
    stop: int
    stop_end: int


class Slot(NamedTuple):
    turn: int
    field: str
    must: bool


class Place(NamedTuple):
    """A point of a skeleton: characters after the start of the gap (the literal text between two slots)."""

    gap: int
    offset: int


class Trained(NamedTuple):
    """A region on a skeleton. stop: id of the token that ends the turn (-1: none), at `stop_end`."""

    turn: int
    start: Place
    end: Place
    stop: int
    stop_end: Place


@dataclass(frozen=True, eq=False)
class Skeleton:
    """What the texts of a shape stand between.

    literals: the gaps' text, one more than slots. order: number of the text in each slot. slots: by number; `must` says
    that the turn's region covers the text. marks: where the template's generation blocks are.
    """

    literals: tuple[str, ...]
    order: tuple[int, ...]
    slots: tuple[Slot, ...]
    regions: tuple[Trained, ...]
    marks: tuple[tuple[Place, Place], ...]

    def prove(self, text: str, texts: list[str]) -> tuple[int, ...]:
        """Lengths of the texts in their slots; `RecordError` when skeleton and texts are not the true text."""
        placed = [texts[number] for number in self.order]
        parts = [""] * (len(self.literals) + len(placed))
        parts[::2], parts[1::2] = self.literals, placed
        if "".join(parts) != text:
            raise unproved("the template treats this conversation's texts otherwise than stand-ins of the same shape")
        return tuple(map(len, placed))

    def gaps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each gap starts: (conversations, slots) lengths of texts to (conversations, gaps)."""
        found = np.zeros((len(lengths), len(self.literals)), np.int64)
        found[:, 1:] = lengths + np.array([len(literal) for literal in self.literals[:-1]], np.int64)
        return np.cumsum(found, axis=1)


def unproved(sentence: str) -> RecordError:
    """The error for a row that fails a proof."""
    return RecordError(Reason.MASK_UNPROVED, sentence)
