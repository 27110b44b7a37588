"""Where things lie in a rendered conversation: the skeleton of a shape, good for all that have it.

What is the same for all conversations of a shape is found once (`skeleton.py`), in characters; where it lies in each is
arithmetic on the sizes of their texts, in bytes, done for all of them at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasetbuild.errors import RecordError
from datasetbuild.record import Reason


class Parity(StrEnum):
    """How what stands before a trained turn differs from what the model is given at inference: a closed list."""

    EXACT = "exact"
    THINK_OPENER = "think_opener"
    STRIPPED_REASONING = "stripped_reasoning"
    HISTORY_REWRITTEN = "history_rewritten"
    NO_GENERATION_PROMPT = "no_generation_prompt"
    NO_USER_TURN_BEFORE = "no_user_turn_before"
    PREFIX_RAISES = "prefix_raises"
    BOUNDARY_MERGE = "boundary_merge"


PARITIES: dict[Parity, str] = {
    Parity.EXACT: "the tokens before the turn are those of the generation prompt, one by one",
    Parity.THINK_OPENER: "the generation prompt opens a thought which the stored turn does not open, or opens itself",
    Parity.STRIPPED_REASONING: "the template leaves out a thought, of this turn or of one before it",
    Parity.HISTORY_REWRITTEN: "the template writes earlier turns otherwise once more turns follow",
    Parity.NO_GENERATION_PROMPT: "the template has no generation prompt, so that the turn's header is not given",
    Parity.NO_USER_TURN_BEFORE: "no user turn stands before the turn, so that no generation prompt can be asked for",
    Parity.PREFIX_RAISES: "the template refuses the turns before as a conversation of their own",
    Parity.BOUNDARY_MERGE: "the tokenizer joins the end of the generation prompt with the beginning of the turn",
}
"""A sentence each. Their order is their number in the `parity` column."""


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
    """A region on a skeleton. stop: id of the token that ends the turn (-1: none), at `stop_end`.

    parity: as far as the shape tells, `exact` still to be shown of the tokens; None for a turn's second region on.
    given: where the generation prompt ends. tail: its text from the last added token on, when no text of a message
    stands in it."""

    turn: int
    start: Place
    end: Place
    stop: int
    stop_end: Place
    parity: Parity | None
    given: Place
    tail: str | None


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

    def join(self, texts: list[str]) -> tuple[str, tuple[int, ...]]:
        """The text of a conversation of this shape, and the bytes of its texts in their slots."""
        placed = [texts[number] for number in self.order]
        parts = [""] * (len(self.literals) + len(placed))
        parts[::2], parts[1::2] = self.literals, placed
        text = "".join(parts)
        return text, tuple(map(len, placed) if text.isascii() else (len(one.encode()) for one in placed))

    def prove(self, text: str, texts: list[str]) -> tuple[int, ...]:
        """Bytes of the texts in their slots; `RecordError` when skeleton and texts are not the true text."""
        joined, sizes = self.join(texts)
        if joined != text:
            raise unproved("the template treats this conversation's texts otherwise than stand-ins of the same shape")
        return sizes

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Bytes of each literal."""
        return np.array([len(literal.encode()) for literal in self.literals], np.int64)

    def gaps(self, sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where each gap starts: (conversations, slots) bytes of texts to (conversations, gaps)."""
        found = np.zeros((len(sizes), len(self.literals)), np.int64)
        found[:, 1:] = sizes + self.sizes[:-1]
        return np.cumsum(found, axis=1)

    def at(self, place: Place, gaps: NDArray[np.int64]) -> NDArray[np.int64]:
        """Where a place lies in each conversation, in bytes. gaps: as `gaps` gives them."""
        found: NDArray[np.int64] = gaps[:, place.gap] + len(self.literals[place.gap][: place.offset].encode())
        return found


def unproved(sentence: str) -> RecordError:
    """The error for a row that fails a proof."""
    return RecordError(Reason.MASK_UNPROVED, sentence)
