"""Turns of chat rows, as `messages` and `sharegpt` have them: roles by a fixed map, content as text, tool calls in one
shape."""

from __future__ import annotations

import struct
from operator import itemgetter
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from datasetbuild.errors import RecordError
from datasetbuild.record import ROLES, Message, Reason, Role
from datasetbuild.stages.normalize.fields import wrong

FUNCTION_CALL = "function_call"

REASONING_NAMES = ("reasoning", "thinking")
"""Other names of `reasoning_content`, as transformers takes them too: a trace under one of them is not lost."""

ROLE_NAMES: dict[str, str] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "prompter": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "bot": "assistant",
    "chatgpt": "assistant",
    "model": "assistant",
    "bing": "assistant",
    "bard": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    FUNCTION_CALL: FUNCTION_CALL,
}


class Turns:
    """Reads the turns of a conversation. names: the turn's fields as the file calls them."""

    OPTIONAL = ("weight", "name", "tool_calls", "tool_call_id", "reasoning_content", FUNCTION_CALL)

    def __init__(self, roles: dict[str, Role] | None, names: dict[str, str]) -> None:
        self._roles = {**ROLE_NAMES, **(roles or {})}
        self._role, self._content = names["role"], names["content"]
        known = {name: ROLES.index(role) for name, role in self._roles.items() if role != FUNCTION_CALL}
        self._codes: dict[Any, int] = {**known, None: len(ROLES)}
        self._optional = [(field, names.get(field, field)) for field in self.OPTIONAL]
        if names.get("reasoning_content", "reasoning_content") == "reasoning_content":
            self._optional += [("reasoning_content", name) for name in REASONING_NAMES]

    def read(self, turns: Any, path: str) -> list[Message]:
        """The messages of a list of turns; `path` is what the row calls the list."""
        if type(turns) is not list:
            raise wrong(path, "an array of turns", turns)
        role_name, content_name, roles = self._role, self._content, self._roles
        messages: list[Message] = []
        for index, turn in enumerate(turns):
            try:
                role, content = roles[turn[role_name]], turn[content_name]
                if len(turn) == 2 and type(content) is str and role is not FUNCTION_CALL:
                    messages.append({"role": role, "content": content})
                    continue
            except (KeyError, TypeError):
                pass  # the careful way finds the words for it
            messages.append(self._carefully(turn, f"{path}[{index}]"))
        return messages

    def plain(self, turns: list[Any]) -> tuple[NDArray[np.uint8], list[str]]:
        """Role (as a position in `ROLES`) and text of each turn that is no more than that; of any other `len(ROLES)` and
        no text."""
        try:
            return self._columns(turns)
        except (KeyError, TypeError):  # not all are so: the place of the others is kept
            other = {self._role: None, self._content: ""}
            return self._columns([turn if self._is_plain(turn) else other for turn in turns])

    def _is_plain(self, turn: Any) -> bool:
        if type(turn) is not dict or len(turn) != 2 or type(turn.get(self._content)) is not str:
            return False
        role = turn.get(self._role)
        return type(role) is str and role in self._codes

    def _columns(self, turns: list[dict[str, Any]]) -> tuple[NDArray[np.uint8], list[str]]:
        """As `plain`; `KeyError` or `TypeError` where one is not."""
        names, texts = map(itemgetter(self._role), turns), list(map(itemgetter(self._content), turns))
        if {*map(len, turns)} != {2} or {*map(type, texts)} != {str}:
            raise TypeError("more than a role and a text")
        return np.frombuffer(bytes(map(self._codes.__getitem__, names)), np.uint8), texts

    def _carefully(self, turn: Any, path: str) -> Message:
        if type(turn) is not dict:
            raise wrong(path, "an object", turn)
        role = self._role_of(turn, path)
        if role == FUNCTION_CALL:
            return {
                "role": "assistant",
                "content": "",
                "tool_calls": _calls(turn.get(self._content), f"{path}.{self._content}"),
            }
        extras = self._extras(turn, path)
        content = _text(
            turn.get(self._content),
            f"{path}.{self._content}",
            silent="tool_calls" in extras,
            absent=self._content not in turn,
        )
        return {"role": role, "content": content, **extras}  # type: ignore[typeddict-item]

    def _role_of(self, turn: dict[str, Any], path: str) -> str:
        if self._role not in turn:
            has = ", ".join(turn) or "nothing"
            raise RecordError(
                Reason.MISSING_FIELD, f"{path} has no field {self._role!r}; it has: {has}. Map it with `columns`."
            )
        given = turn[self._role]
        if type(given) is not str:
            raise wrong(f"{path}.{self._role}", "a role", given)
        if given not in self._roles:
            known = ", ".join(self._roles)
            raise RecordError(
                Reason.UNKNOWN_ROLE,
                f"{path}.{self._role}: {given[:40]!r} is not a known role ({known}). Map it with `roles`.",
            )
        return self._roles[given]

    def _extras(self, turn: dict[str, Any], path: str) -> dict[str, Any]:
        extras: dict[str, Any] = {}
        for field, name in self._optional:
            value = turn.get(name)
            if value is None or field in extras or (name in REASONING_NAMES and type(value) is not str):
                continue
            where = f"{path}.{name}"
            if field == "weight":
                extras["weight"] = _weight(value, where)
            elif field in ("tool_calls", FUNCTION_CALL):
                if value != []:
                    extras["tool_calls"] = _calls(value, where)
            elif type(value) is str:
                extras[field] = value
            else:
                raise wrong(where, "a string", value)
        return extras


def tools_text(tools: Any, path: str) -> str | None:
    """Tool schemas as compact JSON text, keys in the order of the source (a template prints them so); none when
    empty."""
    if type(tools) is str:
        if not tools.strip():
            return None
        tools = _json(tools, path)
    if tools is None or tools == []:
        return None
    if type(tools) is not list:
        raise wrong(path, "an array of tool schemas", tools)
    return orjson.dumps(tools).decode()


def _text(content: Any, path: str, *, silent: bool, absent: bool) -> str:
    """The text of a turn: a string, the joined text parts of a list, or nothing where only tools are called."""
    if type(content) is str:
        return content
    if content is None and silent:
        return ""
    if absent:
        raise RecordError(Reason.MISSING_FIELD, f"{path} is missing. Map it with `columns`.")
    if type(content) is not list:
        raise wrong(path, "a string or a list of text parts", content)
    return "".join(_part(part, f"{path}[{index}]") for index, part in enumerate(content))


def _part(part: Any, path: str) -> str:
    if type(part) is dict and part.get("type") == "text" and type(part.get("text")) is str:
        return str(part["text"])
    found = f"a part of type {part.get('type')!r}" if type(part) is dict else "something else"
    raise RecordError(
        Reason.WRONG_TYPE, f"{path}: expected {{type: text, text: ...}}, found {found}; only text is carried"
    )


def _weight(value: Any, path: str) -> float:
    """A loss weight, rounded to the 32 bits in which it is kept, so that reading a record again gives the same
    record."""
    if type(value) in (int, float, bool) and 0 <= value <= 1:
        rounded: float = struct.unpack("f", struct.pack("f", value))[0]
        return rounded
    if type(value) in (int, float):
        raise RecordError(Reason.WRONG_TYPE, f"{path}: expected a weight from 0 to 1, found {str(value)[:40]}")
    raise wrong(path, "a weight from 0 to 1", value)


def _calls(value: Any, path: str) -> str:
    """Tool calls in OpenAI's shape: [{id?, type, function: {name, arguments}}], arguments as JSON text, verbatim if
    they were text."""
    calls = _json(value, path) if type(value) is str else value
    calls = [calls] if type(calls) is dict else calls
    if type(calls) is not list or not calls:
        raise wrong(path, "a list of tool calls", calls)
    return orjson.dumps([_call(call, f"{path}[{index}]") for index, call in enumerate(calls)]).decode()


def _call(call: Any, path: str) -> dict[str, Any]:
    if type(call) is not dict:
        raise wrong(path, "an object", call)
    function, inside = (call["function"], f"{path}.function") if "function" in call else (call, path)
    if type(function) is not dict or type(function.get("name")) is not str:
        raise RecordError(Reason.WRONG_TYPE, f"{inside}: expected an object with a `name`")
    named = {"id": call["id"]} if type(call.get("id")) is str else {}
    arguments = _arguments(function.get("arguments", function.get("parameters")), f"{inside}.arguments")
    return named | {"type": "function", "function": {"name": function["name"], "arguments": arguments}}


def _arguments(value: Any, path: str) -> str:
    if type(value) is str:
        if value.strip():
            _json(value, path)
        return value if value.strip() else "{}"
    if value is None:
        return "{}"
    if type(value) is not dict:
        raise wrong(path, "an object or JSON text", value)
    return orjson.dumps(value).decode()


def _json(text: str, path: str) -> Any:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise RecordError(Reason.WRONG_TYPE, f"{path}: expected JSON text, found {text[:40]!r} ({error.msg})") from None
