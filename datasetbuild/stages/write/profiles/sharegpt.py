"""Profile `sharegpt`: conversations of {from, value}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    WORDS,
    Carries,
    Column,
    Compression,
    Export,
    Lines,
    OnName,
    OnReasoning,
    OnTools,
    OnWeightNone,
    Row,
    Shards,
)
from datasetbuild.stages.write.lines import turn

CARRIES = Carries(tools="calls", columns=True, documented="lm-sys/FastChat; LLaMA-Factory data/README.md")

NAMES = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


@profile(version=1, carries=CARRIES, words=WORDS)
def sharegpt(
    *,
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """JSON Lines of `conversations`, a list of {from, value}; `tools` as JSON text where a record has tools.

    {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Hello!"}]}

    Roles: system, human, gpt, function_call (JSON text of {name, arguments}, or of a list of them) and observation
    (what a tool gave). Ids of calls are left out and counted; calls and results pair by order.

    on_tools: what happens to a turn with text beside its tool calls: `error`, `drop_row`, or `strip` the text.
    """
    rules = {"weight": on_weight, "tools": on_tools, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, plain, tuple(columns), compression, shards), CARRIES, rules)


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"conversations": [_turn(one) for one in record["messages"]]}
    return made | ({"tools": record["tools"] or ""} if "tools" in fields else {})


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    role = pl.element().struct.field("role").replace_strict(NAMES, default=None, return_dtype=pl.String)
    named: dict[str, pl.Expr | str] = {"from": role, "value": "content"}
    turns = {"conversations": turn(**named)}
    return turns | ({"tools": pl.lit("")} if "tools" in fields else {})


def _turn(one: dict[str, Any]) -> dict[str, str]:
    if "tool_calls" in one:
        return {"from": "function_call", "value": called(one["tool_calls"])}
    return {"from": NAMES[one["role"]], "value": one["content"]}


def called(calls: str) -> str:
    """Tool calls as JSON text of {name, arguments}, or of a list of them when there are several."""
    plain_calls = [_call(one["function"]) for one in orjson.loads(calls)]
    return orjson.dumps(plain_calls[0] if len(plain_calls) == 1 else plain_calls).decode()


def _call(function: dict[str, Any]) -> dict[str, Any]:
    arguments = function.get("arguments") or "{}"
    try:
        parsed = orjson.loads(arguments)
    except orjson.JSONDecodeError:
        parsed = arguments
    return {"name": function["name"], "arguments": parsed if isinstance(parsed, dict) else arguments}
