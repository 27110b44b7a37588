"""Profile `mistral`: files for Mistral's fine-tuning API and mistral-finetune."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import WORDS, Carries, Export, Lines, OnName, OnReasoning, OnTurns, OnWeight, Row
from datasetbuild.stages.write.lines import turn, whole_weights
from datasetbuild.stages.write.profiles.calls import nine_characters, paired

CARRIES = Carries(
    weights="binary",
    tools="openai",
    order="alternating",
    answer_last=True,
    max_bytes=512 << 20,
    documented="mistralai/mistral-finetune README.md; mistral-common, validation of fine-tuning requests",
)


@profile(version=1, carries=CARRIES, words=WORDS)
def mistral(
    *,
    on_weight: OnWeight = "error",
    on_turns: OnTurns = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
) -> Export:
    """JSON Lines for Mistral's fine-tuning API and mistral-finetune: one file a split, of at most 512 MB.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 1}]}

    After an optional system turn, the user (or tools) and the assistant alternate, and the assistant has the last word.
    Weights are 0 or 1, of the assistant's turns. Ids of tool calls must have nine letters and digits: others are
    replaced by ones made of them. A turn that only calls tools has no content.
    """
    rules = {"weight": on_weight, "turns": on_turns, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, plain), CARRIES, rules)


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": [_silent(one) for one in paired(whole_weights(record["messages"]), nine_characters)]}
    if record["tools"]:
        made["tools"] = orjson.loads(record["tools"])
    return made


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}


def _silent(one: dict[str, Any]) -> dict[str, Any]:
    if "tool_calls" in one and not one["content"]:
        return {name: value for name, value in one.items() if name != "content"}
    return one
