"""The conversation that every format gives, and the rules that every conversation keeps."""

from __future__ import annotations

from typing import Any, NamedTuple

from datasetbuild.errors import RecordError
from datasetbuild.record import Message, Reason


class Conversation(NamedTuple):
    """What a format makes of a row. messages: turns without None fields. tools: JSON text of the tool schemas, or
    None. group: what must stay in one split with it, where the source names no group. prompted: whether a user must
    speak; plain text has none."""

    messages: list[Message]
    tools: str | None = None
    group: str | None = None
    prompted: bool = True


def settled(conversation: Conversation, system: str | None = None) -> Conversation:
    """The conversation if it keeps the rules, else `RecordError`.

    At least one user turn (if it is prompted) and one assistant turn; both with text, unless the assistant calls tools;
    a system turn only first. A first system turn without text is left out; `system` comes first when there is none.
    """
    messages = conversation.messages
    if messages and messages[0]["role"] == "system" and _bare(messages[0]["content"]):
        messages = messages[1:]
    user = assistant = False
    for index, message in enumerate(messages):
        role, content = message["role"], message["content"]
        if role == "user":
            user = True
        elif role == "assistant":
            assistant = True
            if "tool_calls" in message:
                continue
        elif role == "tool":
            continue
        elif index:
            raise RecordError(Reason.BAD_ROW, f"turn {index + 1} is a system turn; only the first turn may be one")
        if not content or content.isspace():
            raise RecordError(Reason.EMPTY_CONTENT, f"turn {index + 1} ({role}) has no text")
    if not user and conversation.prompted:
        raise RecordError(Reason.NO_USER_TURN, f"no user turn; roles: {_roles(messages)}")
    if not assistant:
        raise RecordError(Reason.NO_ASSISTANT_TURN, f"no assistant turn; roles: {_roles(messages)}")
    if system and conversation.prompted and messages[0]["role"] != "system":
        messages = [{"role": "system", "content": system}, *messages]
    return conversation if messages is conversation.messages else conversation._replace(messages=messages)


def said(system: str | None, user: str, assistant: str) -> Conversation:
    """The conversation of one question and one answer."""
    turns: list[Message] = [{"role": "user", "content": user}, {"role": "assistant", "content": assistant}]
    return Conversation([{"role": "system", "content": system}, *turns] if system is not None else turns)


def kind(value: Any) -> str:
    """What a JSON value is, in words for people."""
    if value is None:
        return "null"
    names = {
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        list: "an array",
        dict: "an object",
    }
    return names.get(type(value), type(value).__name__)


def _bare(content: str) -> bool:
    return not content or content.isspace()


def _roles(messages: list[Message]) -> str:
    return ", ".join(message["role"] for message in messages[:6]) + (", ..." if len(messages) > 6 else "") or "none"
