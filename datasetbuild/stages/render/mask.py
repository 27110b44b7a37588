"""Which characters of a rendered conversation are trained, found for any template and proved for every row.

The conversation is rendered once more with stand-ins in place of its texts; what lies between them is the skeleton of
its shape (roles, tools, tool calls, white space around texts), and it is kept, so that a second conversation of the same
shape costs one string comparison: skeleton + own texts == true text, to the character, or the row is not proved.
On the skeleton a turn's trained region is where its `{% generation %}` block is; without marks it reaches from where the
generation prompt ends to the token that ends the turn. Where a template has marks, they must also say the same for
the true text.
"""

from __future__ import annotations

from datasetbuild.errors import RecordError
from datasetbuild.record import Message
from datasetbuild.stages.render.environment import Mark
from datasetbuild.stages.render.layout import Layout
from datasetbuild.stages.render.shape import outline
from datasetbuild.stages.render.skeleton import Builder
from datasetbuild.stages.render.template import ChatTemplate

KEPT_SHAPES = 4096


def lay_out(template: ChatTemplate, messages: list[Message], tools: str | None, text: str, marks: list[Mark] | None) -> Layout:
    """Trained regions of all assistant turns, and where every turn's own text is, in the text as it was rendered."""
    shape = outline(messages, tools)
    skeleton = template.known.get(shape.key)
    if skeleton is None:
        if len(template.known) >= KEPT_SHAPES:
            template.known.clear()
        try:
            skeleton = Builder(template, messages, tools, shape).build()
        except RecordError as error:
            skeleton = error
        template.known[shape.key] = skeleton
    if isinstance(skeleton, RecordError):
        raise RecordError(skeleton.reason, skeleton.detail)
    return skeleton.lay(text, shape.texts, marks)
