"""What must be found again in a drawn conversation, and what two texts begin with."""

from __future__ import annotations

import json

from datasetbuild.stages.render.shape import Shape
from datasetbuild.stages.render.template import ChatTemplate


def shared(text: str, other: str) -> str:
    """The common beginning of two texts, not ending inside a tag."""
    length = next((n for n, (a, b) in enumerate(zip(text, other, strict=False)) if a != b), min(len(text), len(other)))
    common = text[:length]
    if len(common) == len(text) or len(common) == len(other):
        return common
    opened = common.rfind("<")
    return common[:opened] if opened > common.rfind(">") else common


def unused(template: ChatTemplate, shape: Shape, tools: str | None) -> str:
    """A word that nothing else in the drawn text can hold."""
    around = repr(shape.key) + template.text + (template.tool_text or "") + (tools or "")
    return next(word for word in (f"Zq{n}w" for n in range(10**6)) if word not in around)


def tool_names(tools: str | None) -> list[str]:
    entries = json.loads(tools) if tools else []
    return [name for entry in entries if isinstance(name := (entry.get("function") or entry).get("name"), str)]


def call_words(calls: str | None) -> list[str]:
    """Names of called functions and of their arguments: what must be found again in the text."""
    words: list[str] = []
    for call in json.loads(calls) if calls else []:
        inner = call.get("function") or call
        arguments = inner.get("arguments")
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except ValueError:
                arguments = None
        words += [inner["name"], *(arguments if isinstance(arguments, dict) else ())]
    return words
