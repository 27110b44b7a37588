"""Format `table`: any row at all, by a template per turn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from datasetbuild.errors import Fault, RecipeError
from datasetbuild.op import Extra, source_format
from datasetbuild.record import ROLES, Message
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Raw
from datasetbuild.stages.normalize.templates import template

TURN = {
    "type": "object",
    "properties": {"role": {"enum": list(ROLES)}, "content": {"type": "string"}},
    "required": ["role", "content"],
    "additionalProperties": False,
}


@source_format(version=1)
def table(
    *, messages: Annotated[list[dict[str, str]], Extra(dict(items=TURN, minItems=1))]
) -> Callable[[Raw], Conversation]:
    """Rows of a table (CSV, Parquet, JSON), put into turns by templates.

    question,reply    with    messages: [{role: user, content: "{{ question }}"}, {role: assistant, content: "{{ reply }}"}]

    A column is a variable of the template; `row` is the whole row, for names with blanks: {{ row["Full text"] }}. A
    column that is not there, and a null that would be printed, put the row into quarantine: say `{{ note or "" }}`, or
    `{{ note | default("") }}`. Jinja runs in its sandbox, without imports and without chance.

    messages: the turns in order, each with a role (system, user, assistant, tool) and a template for its content. A
        system turn that comes out empty is left out.
    """
    if not any("{{" in turn["content"] or "{%" in turn["content"] for turn in messages):
        what = "no turn names a column, so that every row would become the same conversation"
        raise RecipeError([Fault("messages", what, suggestion="a column stands in two braces: `{{ question }}`")])
    turns = [
        (turn["role"], template(turn["content"], f"messages.{index}.content")) for index, turn in enumerate(messages)
    ]

    def convert(row: Raw) -> Conversation:
        filled: list[Message] = [{"role": role, "content": render(row)} for role, render in turns]
        return Conversation(filled)

    return convert
