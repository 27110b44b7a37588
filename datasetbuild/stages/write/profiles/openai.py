"""Profile `openai`: files for OpenAI's fine-tuning API, checked by the checks that OpenAI published."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import WORDS, Carries, Export, Lines, OnReasoning, OnWeight, Row
from datasetbuild.stages.write.lines import turn, whole_weights
from datasetbuild.stages.write.profiles.calls import any_id, paired

CARRIES = Carries(
    weights="binary",
    tools="openai",
    names=True,
    min_rows=10,
    max_bytes=512 << 20,
    documented="openai-openapi FineTuneChatRequestInput; OpenAI cookbook, chat fine-tuning data preparation",
)

ROLES = ("system", "user", "assistant", "tool")
KEYS = frozenset({"role", "content", "name", "weight", "tool_calls", "tool_call_id", "function_call", "refusal"})


@profile(version=1, carries=CARRIES, words=WORDS)
def openai(*, on_weight: OnWeight = "error", on_reasoning: OnReasoning = "error") -> Export:
    """JSON Lines for OpenAI's fine-tuning API: one file a split, of at least 10 rows and at most 512 MB.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 1}], "tools": []}

    Weights are 0 or 1, of the assistant's turns. Calls and results without an id get `call_N`, paired by order. OpenAI
    has announced that no new jobs can be started from 2027-01-06; other services read the same files.
    """
    return Export(Lines(row, plain), CARRIES, {"weight": on_weight, "reasoning": on_reasoning})


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": [_silent(one) for one in paired(whole_weights(record["messages"]), any_id)]}
    if record["tools"]:
        made["tools"] = orjson.loads(record["tools"])
    return made


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}


def _silent(one: dict[str, Any]) -> dict[str, Any]:
    """A turn that only calls tools has null for content."""
    return {**one, "content": None} if "tool_calls" in one and not one["content"] else one


def faults(row: Any) -> list[str]:
    """What OpenAI's published checks find wrong with a row, by their own error keys, in order; a turn may add several.

    The published script knows no tool calls: here the keys and the role of tools count as known, and a turn that calls
    tools needs no content.
    """
    if not isinstance(row, dict):
        return ["data_type"]
    messages = row.get("messages")
    if not messages or not isinstance(messages, list):
        return ["missing_messages_list"]
    found = [fault for message in messages for fault in _message_faults(message)]
    if not any(isinstance(message, dict) and message.get("role") == "assistant" for message in messages):
        found.append("example_missing_assistant_message")
    return found


def _message_faults(message: Any) -> list[str]:
    if not isinstance(message, dict):
        return ["data_type"]
    calls = message.get("tool_calls") or message.get("function_call")
    content = message.get("content")
    asked = {
        "message_missing_key": "role" not in message or ("content" not in message and not calls),
        "message_unrecognized_key": bool(set(message) - KEYS),
        "unrecognized_role": message.get("role") not in (*ROLES, "function"),
        "missing_content": (not content and not calls) or not isinstance(content, str | None),
    }
    weight = message.get("weight")
    asked["invalid_weight"] = weight is not None and (
        type(weight) is not int or weight not in (0, 1) or message.get("role") != "assistant"
    )
    return [fault for fault, holds in asked.items() if holds]
