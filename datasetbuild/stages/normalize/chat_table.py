"""Format `chat_table`: a table with one turn to a row, such as a support log."""

from __future__ import annotations

from collections.abc import Callable

from datasetbuild.op import source_format
from datasetbuild.record import Message, Role
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Raw, missing
from datasetbuild.stages.normalize.turns import Turns


@source_format(version=1)
def chat_table(
    *,
    conversation: str,
    role: str = "role",
    text: str = "text",
    order: str | None = None,
    roles: dict[str, Role] | None = None,
    skip: list[str] = [],  # noqa: B006 - a default that JSON Schema can show; never changed
    join: str | None = None,
) -> Callable[[Raw], Conversation]:
    """Tables (CSV, TSV, JSON Lines, Parquet) with one turn to a row. The rows of a conversation may stand anywhere in
    the file; a conversation may not go on in another file.

    ticket,no,who,said       ->   {"conversation": "7", "turns": [{"ticket": "7", "no": "1", "who": "customer", "said":
    7,1,customer,Hello            "Hello"}, {"ticket": "7", "no": "2", "who": "agent", "said": "Hi!"}]}
    7,2,agent,Hi!                 with conversation: ticket, order: no, role: who, text: said, roles: {customer: user,
                                  agent: assistant}

    The conversation is the row that is counted, kept or dropped, at the line of its first turn. `key: conversation`
    names it for good; columns of its turns are reached by their place: `category: turns.0.queue`. A file row without a
    conversation is a fault of its own, a turn with an unknown role or without an order one of its whole conversation.

    conversation: column of the conversation's id.

    role: column that says who speaks.

    text: column of what is said.

    order: column to order the turns by: as numbers where all are numbers, else as text (ISO dates). Without it, and
        where equal, turns stand as in the file.

    roles: role names of the table that are not known already, each with the role that it means.

    skip: role names whose rows are no turns, such as notes of the system.

    join: what to put between turns of one role that follow one another, to make one turn of them: "\\n". null keeps
        them apart.
    """
    reader = Turns(roles, {"role": "role", "content": "content"})
    passed = frozenset(skip)

    def convert(row: Raw) -> Conversation:
        turns = []
        for turn in row["turns"]:
            if role not in turn or text not in turn:
                name, parameter = (role, "role") if role not in turn else (text, "text")
                error = missing(turn, name)
                error.detail += f" Name it with `{parameter}`."
                raise error
            if turn[role] not in passed:
                turns.append({"role": turn[role], "content": turn[text]})
        messages = reader.read(turns, "turns")
        return Conversation(messages if join is None else _joined(messages, join))

    return convert


def _joined(messages: list[Message], between: str) -> list[Message]:
    joined: list[Message] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = {"role": message["role"], "content": joined[-1]["content"] + between + message["content"]}
        else:
            joined.append(message)
    return joined
