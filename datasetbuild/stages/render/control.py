"""Control tokens that come from content: a model would read them as the template's own, so they are found and
counted."""

from __future__ import annotations

import json

import numpy as np
import polars as pl

from datasetbuild.errors import RecordError
from datasetbuild.record import Message, Reason, flatten_turns
from datasetbuild.stages.render.template import ChatTemplate, as_template_sees

TEXTS = ("content", "reasoning_content", "tool_calls", "name")


def rows_with_control_tokens(records: pl.DataFrame, template: ChatTemplate) -> set[int]:
    """Rows whose messages or tools hold a control string; one pass of Aho-Corasick over all texts."""
    patterns = list(template.control)
    if not patterns or not len(records):
        return set()
    lengths, turns = flatten_turns(records["messages"])
    found: set[int] = set()
    if records["tools"].null_count() < len(records):
        found.update(records["tools"].str.contains_any(patterns).arg_true())
    for name in TEXTS:
        if turns[name].null_count() < len(turns):
            hits = turns[name].str.contains_any(patterns).arg_true().to_numpy()
            found.update(np.searchsorted(np.cumsum(lengths.to_numpy()), hits, side="right").tolist())
    return found


def count(messages: list[Message], tools: str | None, template: ChatTemplate) -> int:
    """How many control strings the texts hold; one inside another counts twice."""
    texts = [tools or "", *(str(message.get(name) or "") for message in messages for name in TEXTS)]
    return sum(text.count(token) for text in texts for token in template.control)


def refuse_escaped(messages: list[Message], tools: str | None, template: ChatTemplate) -> None:
    """Control strings that JSON escapes hide: templates see tool calls and tools parsed."""
    calls = [as_template_sees(message).get("tool_calls") for message in messages]
    seen = json.dumps([calls, json.loads(tools) if tools else None], ensure_ascii=False)
    for token in template.control:
        if token in seen:
            raise RecordError(Reason.CONTROL_TOKEN, f"a tool call or the tools hold the control token {token!r}")


def where(messages: list[Message], tools: str | None, template: ChatTemplate) -> str:
    """Which control string a conversation holds, and in which turn."""
    for turn, message in enumerate(messages, 1):
        for name in TEXTS:
            for token in template.control:
                if token in str(message.get(name) or ""):
                    return f"turn {turn} ({message['role']}): its {name} holds the control token {token!r}"
    return f"the tools hold the control token {next(token for token in template.control if token in (tools or ''))!r}"
