"""Format `completion`: plain text, all of it to be learned."""

from __future__ import annotations

from collections.abc import Callable

from datasetbuild.op import source_format
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw


@source_format(version=1)
def completion(*, columns: Columns | None = None) -> Callable[[Raw], Conversation]:
    """Rows of text that no one asked for: pages, articles, code.

    {"text": "Tea was first drunk in ..."}   ->   [{"role": "assistant", "content": "Tea was first drunk in ..."}]

    The record is one assistant turn, with no user and no system before it, so that all of the text is trained. A chat
    template puts its marks of an assistant turn around it. Of plain text files (`.txt`) and of documents (`reader:
    documents`: .pdf, .docx, .html, .md) each file or page is a row.

    columns: field of the format -> name in the file (dotted paths too): text.
    """
    fields = Fields(columns, required=("text",))
    text = fields.text("text")

    def convert(row: Raw) -> Conversation:
        return Conversation([{"role": "assistant", "content": str(text(row))}], prompted=False)

    return convert
