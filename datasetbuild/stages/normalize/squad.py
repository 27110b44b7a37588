"""Format `squad`: questions on a text, with their answers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Literal

from datasetbuild.errors import RecordError
from datasetbuild.hashing import bytes_digest
from datasetbuild.op import source_format
from datasetbuild.record import Reason
from datasetbuild.stages.normalize.conversation import Conversation, said
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw, wrong
from datasetbuild.stages.normalize.templates import template

Answer = Literal["first", "most_frequent", "longest"]


@source_format(version=1)
def squad(
    *,
    columns: Columns | None = None,
    prompt: str = "{{ context }}\n\n{{ question }}",
    answer: Answer = "first",
    unanswerable: str | None = None,
) -> Callable[[Raw], Conversation]:
    """Files of SQuAD's shape, and tables of the same questions as the Hub has them.

    {"data": [{"title": "Tea", "paragraphs": [{"context": "Tea came from China.", "qas": [{"id": "q1", "question":
    "Where did tea come from?", "answers": [{"text": "China", "answer_start": 14}]}]}]}]}
    {"title": "Tea", "context": "Tea came from China.", "question": "Where ...?", "answers": {"text": ["China"], ...}}

    Every question is a row: {id, title, paragraph, context, question, answers}. Questions on one context are a `group`,
    unless the source names another, so that no text stands in two splits. A question without answers (`is_impossible`)
    is left out with reason not_selected, unless `unanswerable` says what to answer.

    columns: field of the format -> name in the file (dotted paths too): context, question, answers.

    prompt: template of the user's turn; every field of the row may stand in it.

    answer: which of several answers is said: the first, the most frequent (the first of equals), or the longest.

    unanswerable: what the assistant says to a question without an answer, such as "The text does not say.".
    """
    fields = Fields(columns, required=("context", "question", "answers"))
    context, question, answers = fields.text("context"), fields.text("question"), fields.value("answers")
    path, render = fields.name("answers"), template(prompt, "prompt")

    def convert(row: Raw) -> Conversation:
        text, asked = context(row), question(row)
        found = _texts(answers(row), path)
        if row.get("is_impossible") or not found:
            if unanswerable is None:
                raise RecordError(Reason.NOT_SELECTED, "the question has no answer, and `unanswerable` is null")
            found = [unanswerable]
        asked = render({**row, "context": text, "question": asked})
        group = str(row.get("paragraph") or bytes_digest(str(text).encode())[:16])
        return said(None, asked, _chosen(found, answer))._replace(group=group)

    return convert


def _texts(answers: Any, path: str) -> list[str]:
    """The texts of [{text}], of {text: [...]}, of a list of texts, or of one."""
    if type(answers) is dict and "text" in answers:
        answers = answers["text"]
    if answers is None or answers == "":
        return []
    if type(answers) is str:
        return [answers]
    if type(answers) is not list:
        raise wrong(path, "a list of answers", answers)
    texts = []
    for index, one in enumerate(answers):
        text = one.get("text") if type(one) is dict else one
        if type(text) is not str:
            raise wrong(f"{path}[{index}]", "an answer with a `text`", one)
        texts.append(text)
    return texts


def _chosen(texts: list[str], answer: Answer) -> str:
    if answer == "longest":
        return max(texts, key=len)
    if answer == "most_frequent":
        return Counter(texts).most_common(1)[0][0]
    return texts[0]
