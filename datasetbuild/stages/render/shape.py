"""The shape of a conversation: what is left of it when the texts are taken out.

Two conversations of one shape are drawn by a template into the same text but for their own texts, so what is learnt of
one holds for the other; `mask.py` does not believe that but compares.
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from datasetbuild.record import Message

TAG = re.compile(r"<[^<>\s]{1,40}>")
CLOSING_TAG = re.compile(r"</[^<>\s]{1,40}>\Z")
KEPT = ("tool_calls", "name", "tool_call_id")
"""What of a message stays as it is in a skeleton, so that it is part of the key."""


class Shape(NamedTuple):
    """A conversation without its texts. key: all that a skeleton depends on; texts: what was taken out, in order."""

    key: tuple[Any, ...]
    texts: list[str]


def outline(messages: list[Message], tools: str | None) -> Shape:
    """The shape of a conversation."""
    key: list[Any] = [tools]
    texts: list[str] = []
    for message in messages:
        content = message.get("content")
        if content and _plain(content) and not _more(message):
            key.append(message["role"])
            texts.append(content)
        else:
            fields = text_fields(message)
            key.append((message["role"], tuple(field[:2] for field in fields), *(message.get(name) for name in KEPT)))
            texts += [text for _, _, cores in fields for text in cores]
    return Shape(tuple(key), texts)


def _plain(content: str) -> bool:
    """A text that is its own core, as nearly all are."""
    return content[0] != "<" and not content[0].isspace() and not content[-1].isspace() and "</think>" not in content


def _more(message: Message) -> bool:
    get = message.get
    return not (get("tool_calls") is get("name") is get("tool_call_id") is get("reasoning_content") is None)


def text_fields(message: Message) -> list[tuple[str, tuple[str, ...], list[str]]]:
    """(field, the literal text around its cores, the cores) of the texts of a message."""
    found = []
    for name in ("reasoning_content", "content"):
        value: Any = message.get(name)
        if value is not None:
            cuts = _cuts(value, message["role"], name)
            edges = [0, *(edge for cut in cuts for edge in cut), len(value)]
            literals = tuple(value[a:b] for a, b in zip(edges[::2], edges[1::2], strict=True))
            found.append((name, literals, [value[a:b] for a, b in cuts]))
    return found


def _cuts(value: str, role: str, name: str) -> list[tuple[int, int]]:
    """Where the texts proper are: without white space around, thinking apart from the answer, and without the tags at a
    user text's ends, by which some templates know tool results."""
    if name == "content" and role == "assistant" and "</think>" in value:
        head, tail = value.index("</think>"), value.rindex("</think>") + len("</think>")
        opening = value.rfind("<think>", 0, head)
        return [*_core(value, opening + len("<think>") if opening >= 0 else 0, head), *_core(value, tail, len(value))]
    cuts = _core(value, 0, len(value))
    if cuts and role == "user" and value[cuts[0][0]] == "<":
        start, end = cuts[0]
        if (opening_tag := TAG.match(value, start)) and opening_tag.end() < end:
            start = opening_tag.end()
        if closing_tag := CLOSING_TAG.search(value, start, end):
            end = closing_tag.start()
        return _core(value, start, end)
    return cuts


def _core(value: str, start: int, end: int) -> list[tuple[int, int]]:
    part = value[start:end]
    if not part.strip():
        return []
    return [(end - len(part.lstrip()), start + len(part.rstrip()))]
