"""Where things lie in a rendered conversation: trained regions and every turn's own text, in characters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, NoReturn

from datasetbuild.errors import RecordError
from datasetbuild.record import Reason
from datasetbuild.stages.render.environment import Mark


class Region(NamedTuple):
    """Trained characters of a turn. stop: id of the token that ends the turn (-1: none), stop_end: where it ends."""

    turn: int
    start: int
    end: int
    stop: int
    stop_end: int


class Content(NamedTuple):
    """A turn's own text (without white space around it) in the rendered one. trains: whether its region covers it."""

    turn: int
    start: int
    end: int
    trains: bool


class Layout(NamedTuple):
    regions: list[Region]
    contents: list[Content]


class Slot(NamedTuple):
    turn: int
    field: str
    must: bool


class Place(NamedTuple):
    """A point of a skeleton: characters after the start of the gap (the literal text between two slots)."""

    gap: int
    offset: int


@dataclass(frozen=True)
class Skeleton:
    """literals: the gaps' text, one more than slots. order: number of the text in each slot. slots: by number."""

    literals: tuple[str, ...]
    order: tuple[int, ...]
    slots: tuple[Slot, ...]
    regions: tuple[tuple[int, Place, Place, int, Place | None], ...]
    marks: tuple[tuple[Place, Place], ...]

    def lay(self, text: str, texts: list[str], marks: list[Mark] | None) -> Layout:
        """The layout of a true text, or `RecordError` when the skeleton with these texts is not that text."""
        parts, gaps, position = [self.literals[0]], [0], len(self.literals[0])
        for literal, number in zip(self.literals[1:], self.order, strict=True):
            parts += (texts[number], literal)
            position += len(texts[number])
            gaps.append(position)
            position += len(literal)
        if "".join(parts) != text:
            unproved("the template treats this conversation's texts otherwise than stand-ins of the same shape")
        if self.marks and marks != [Mark(gaps[a.gap] + a.offset, gaps[b.gap] + b.offset) for a, b in self.marks]:
            unproved("the template's generation marks do not lie where its turns lie")
        regions = [
            Region(turn, gaps[a.gap] + a.offset, gaps[b.gap] + b.offset, stop, gaps[c.gap] + c.offset if c else -1)
            for turn, a, b, stop, c in self.regions
        ]
        contents = []
        for gap, number in enumerate(self.order, 1):
            slot, start = self.slots[number], gaps[gap] - len(texts[number])
            contents.append(Content(slot.turn, start, gaps[gap], slot.must))
        return Layout(regions, contents)


def unproved(sentence: str) -> NoReturn:
    raise RecordError(Reason.MASK_UNPROVED, sentence)
