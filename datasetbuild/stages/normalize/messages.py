"""Format `messages`: the conversations of OpenAI, TRL and most trainers."""

from __future__ import annotations

from datasetbuild.op import source_format
from datasetbuild.record import Role
from datasetbuild.stages.normalize.chat import Chat
from datasetbuild.stages.normalize.fields import Columns, Fields
from datasetbuild.stages.normalize.turns import Turns

TURN_FIELDS = ("role", "content", *Turns.OPTIONAL)


@source_format(version=2)
def messages(*, columns: Columns | None = None, roles: dict[str, Role] | None = None) -> Chat:
    """Rows with a list of turns, as OpenAI and TRL write them.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}], "tools": [...]}

    Of a turn are kept: role, content, weight (0 to 1; true is 1), name, tool_calls, tool_call_id, reasoning_content. `content`
    is a string, a list of text parts (joined), or null where tools are called. Tool calls come in OpenAI's shape, their
    arguments as JSON text. Text under `reasoning` or `thinking` is reasoning_content too; `<think>` inside `content`
    stays there. Every other key of a turn (id, timestamp, ...) is passed over, as trainers do; a key that says what is
    trained under another name has to be named: columns: {weight: train}.

    columns: field of the format -> name in the file. Of the row: messages, tools (dotted paths too). Of a turn: role,
        content, weight, name, tool_calls, tool_call_id, reasoning_content, function_call.

    roles: role names of the file that are not known already, each with the role that it means.
    """
    fields = Fields(columns, required=("messages", "role", "content"), optional=("tools", *Turns.OPTIONAL))
    reader = Turns(roles, {field: fields.name(field) for field in TURN_FIELDS})
    return Chat(fields, reader, turns="messages")
