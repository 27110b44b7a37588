"""Which characters of a rendered conversation are trained, found for any template and proved for every row.

The conversation is rendered once more with stand-ins in place of its texts; what lies between them is the skeleton of
its shape (roles, tools, tool calls, white space around texts). It is kept, so that a second conversation of the shape
costs one string comparison: skeleton + own texts == true text, to the character, or the row is not proved.
On the skeleton a turn's trained region is where its `{% generation %}` block is; without marks it reaches from where
the generation prompt ends to the token that ends the turn. Where a template has marks, those of the true render must
lie where the skeleton has them.
"""

from __future__ import annotations

from typing import NamedTuple

from datasetbuild.errors import RecordError
from datasetbuild.record import Message
from datasetbuild.stages.render.layout import Mark, Skeleton, unproved
from datasetbuild.stages.render.shape import Shape, outline
from datasetbuild.stages.render.skeleton import Builder
from datasetbuild.stages.render.template import ChatTemplate

KEPT_SHAPES = 4096


class Laid(NamedTuple):
    """A conversation's skeleton, proved to hold, and the bytes of its texts in the slots. marks: those of the true
    render, None where it was not needed."""

    skeleton: Skeleton
    sizes: tuple[int, ...]
    marks: list[Mark] | None


def lay_out(
    template: ChatTemplate, messages: list[Message], tools: str | None, text: str, marks: list[Mark] | None
) -> Laid:
    """Where all turns lie in the text as it was rendered; `RecordError` when that cannot be proved."""
    shape = outline(messages, tools)
    skeleton = skeleton_of(template, messages, tools, shape)
    if len(marks or ()) != len(skeleton.marks):
        raise unproved("the template marks other turns as generated here than in conversations of the same shape")
    return Laid(skeleton, skeleton.prove(text, shape.texts), marks or [])


def skeleton_of(template: ChatTemplate, messages: list[Message], tools: str | None, shape: Shape) -> Skeleton:
    """The skeleton of a shape, or its `RecordError`: a function of the shape alone, so that both are kept."""
    known = template.known.get(shape.key)
    if known is None:
        known = _learn(template, messages, tools, shape)
    if isinstance(known, RecordError):
        raise RecordError(known.reason, known.detail)
    found: Skeleton = known
    return found


def _learn(template: ChatTemplate, messages: list[Message], tools: str | None, shape: Shape) -> Skeleton | RecordError:
    if len(template.known) >= KEPT_SHAPES:
        template.known.clear()
    found: Skeleton | RecordError
    try:
        found = Builder(template, messages, tools, shape).build()
    except RecordError as error:
        found = error
    template.known[shape.key] = found
    return found
