"""Format `alpaca`: {instruction, input, output}."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from datasetbuild.op import source_format
from datasetbuild.record import Message
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw, wrong


@source_format(version=1)
def alpaca(*, columns: Columns | None = None) -> Callable[[Raw], Conversation]:
    """Rows with an instruction, an optional input and an output.

    {"instruction": "Translate into German.", "input": "good morning", "output": "guten Morgen"}

    The user says the instruction and, after an empty line, the input when there is one; the assistant says the output.
    An optional `system` comes first; an optional `history`, a list of [question, answer], comes before the instruction.

    columns: field of the format -> name in the file (dotted paths too): instruction, input, output, system, history.
        GPTeacher, for one, needs columns: {output: response}.
    """
    fields = Fields(columns, required=("instruction", "output"), optional=("input", "system", "history"))
    instruction, given, output = fields.text("instruction"), fields.text("input"), fields.text("output")
    system, history = fields.text("system"), fields.value("history")

    def convert(row: Raw) -> Conversation:
        asked, beside = str(instruction(row)), given(row)
        if beside and not beside.isspace() and asked and not asked.isspace():
            asked = f"{asked}\n\n{beside}"
        turns: list[Message] = _past(history(row), fields.name("history"))
        turns += [{"role": "user", "content": asked}, {"role": "assistant", "content": str(output(row))}]
        words = system(row)
        return Conversation([{"role": "system", "content": words}, *turns] if words else turns)

    return convert


def _past(history: Any, path: str) -> list[Message]:
    if not history:
        return []
    if type(history) is not list:
        raise wrong(path, "a list of [question, answer]", history)
    turns: list[Message] = []
    for index, pair in enumerate(history):
        if type(pair) is not list or len(pair) != 2 or not all(type(text) is str for text in pair):
            raise wrong(f"{path}[{index}]", "[question, answer], both strings", pair)
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return turns
