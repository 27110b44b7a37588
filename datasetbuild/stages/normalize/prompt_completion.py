"""Format `prompt_completion`: {prompt, completion}, and every other pair of a question and an answer by `columns`."""

from __future__ import annotations

from collections.abc import Callable

from datasetbuild.op import source_format
from datasetbuild.record import Role
from datasetbuild.stages.normalize.conversation import Conversation, said
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw, wrong
from datasetbuild.stages.normalize.turns import Turns, tools_text


@source_format(version=2)
def prompt_completion(
    *, columns: Columns | None = None, roles: dict[str, Role] | None = None
) -> Callable[[Raw], Conversation]:
    """Rows with a prompt and a completion, as text, or as two lists of messages in the way of TRL.

    {"prompt": "The capital of France?", "completion": "Paris."}

    The prompt is the user's turn, the completion the assistant's, both as they stand. An optional `system` comes first;
    an optional `tools` holds the schemas of tools. Rows of {question, answer} need columns: {prompt: question,
    completion: answer}.

    columns: field of the format -> name in the file (dotted paths too): prompt, completion, system, tools.

    roles: role names in lists of messages that are not known already, each with the role that it means.
    """
    fields = Fields(columns, required=("prompt", "completion"), optional=("system", "tools"))
    prompt, completion = fields.value("prompt"), fields.value("completion")
    system, tools = fields.text("system"), fields.value("tools")
    prompt_path, completion_path = fields.name("prompt"), fields.name("completion")
    reader = Turns(roles, {"role": "role", "content": "content"})

    def convert(row: Raw) -> Conversation:
        asked, answered, words = prompt(row), completion(row), system(row) or None
        if type(asked) is str and type(answered) is str:
            return said(words, asked, answered)._replace(tools=tools_text(tools(row), "tools"))
        if type(asked) is not list:
            raise wrong(prompt_path, "a string (or a list of messages, as the completion)", asked)
        if type(answered) is not list:
            raise wrong(completion_path, "a list of messages, as the prompt", answered)
        messages = reader.read(asked, prompt_path) + reader.read(answered, completion_path)
        first = [{"role": "system", "content": words}] if words else []
        return Conversation([*first, *messages], tools_text(tools(row), "tools"))  # type: ignore[list-item]

    return convert
