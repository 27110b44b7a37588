"""Format `faq_markdown`: a page of questions as headings, each followed by its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from datasetbuild.op import Bound, source_format
from datasetbuild.stages.normalize.conversation import Conversation, said
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw


@source_format(version=1)
def faq_markdown(
    *, columns: Columns | None = None, level: Annotated[int, Bound(ge=1, le=6)] | Literal["auto"] = "auto"
) -> Callable[[Raw], Conversation]:
    """A Markdown page whose headings are questions: {question, answer, section}, one row for each.

    ## How do I pay?   ->   {"question": "How do I pay?", "answer": "By card or ...", "section": null}

    The answer is everything down to the next heading of the same level or a higher one, deeper headings included, as
    Markdown. The nearest higher heading is the `section`, which `category: section` can take. Text before the first
    question is no row.

    columns: field of the format -> column, for FAQ rows that another reader gives: question, answer.

    level: heading level of the questions, 1 to 6. auto: the level that most headings ending in a question mark have,
        the deepest level used when there are none.
    """
    fields = Fields(columns, required=("question", "answer"))
    question, answer = fields.text("question"), fields.text("answer")

    def convert(row: Raw) -> Conversation:
        return said(None, str(question(row)), str(answer(row)))

    return convert
