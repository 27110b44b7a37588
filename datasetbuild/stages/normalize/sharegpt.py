"""Format `sharegpt`: conversations of {from, value}, as Vicuna and LLaMA-Factory have them."""

from __future__ import annotations

from datasetbuild.op import source_format
from datasetbuild.record import Role
from datasetbuild.stages.normalize.chat import Chat
from datasetbuild.stages.normalize.fields import Columns, Fields
from datasetbuild.stages.normalize.turns import Turns


@source_format(version=2)
def sharegpt(*, columns: Columns | None = None, roles: dict[str, Role] | None = None) -> Chat:
    """Rows with `conversations`, a list of {from, value}; optionally `system` and `tools` beside it.

    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}], "system": "Be brief."}

    Roles: human, user, prompter -> user; gpt, assistant, bot, chatgpt, model, bing, bard -> assistant; system,
    developer -> system; tool, function, observation, function_response -> tool; function_call (JSON text of {name,
    arguments}) -> a tool call of the assistant. Any other role puts the row into quarantine; none is guessed.

    columns: field of the format -> name in the file. Of the row: conversations, system, tools (dotted paths too).
        In each turn: from, value, weight.

    roles: role names of the file that are not known already, each with the role that it means.
    """
    fields = Fields(columns, required=("conversations", "from", "value"), optional=("system", "tools", "weight"))
    names = {"role": fields.name("from"), "content": fields.name("value"), "weight": fields.name("weight")}
    reader = Turns(roles, names)
    return Chat(fields, reader, turns="conversations", system="system")
