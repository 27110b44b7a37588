"""Profile `unsloth`: conversations for Unsloth's own helpers, or tokens that it takes as they are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    TOKENS,
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
    Tokens,
)
from datasetbuild.stages.write.lines import turn

CARRIES = Carries(
    columns=True, tokens=True, documented="unslothai/unsloth, standardize_data_formats and train_on_responses_only"
)


@profile(version=1, carries=CARRIES, words=WORDS)
def unsloth(
    *,
    rows: Literal["messages", "tokens"] = "messages",
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """JSON Lines of `conversations`, whose turns have two keys and no more, as Unsloth's `standardize_data_formats` wants.

    {"conversations": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}

    Apply the chat template and `train_on_responses_only` there; or take tokens, whose labels it leaves alone.

    rows: `messages`, or `tokens` for parquet files of input_ids, attention_mask and labels.
    """
    if rows == "tokens":
        return Export(Tokens(("input_ids", "attention_mask", "labels")), TOKENS, {"weight": on_weight})
    rules = {"weight": on_weight, "tools": on_tools, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, plain, tuple(columns), compression, shards), CARRIES, rules)


def row(record: Row, fields: frozenset[str]) -> Row:
    return {"conversations": record["messages"]}


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"conversations": turn(role="role", content="content")}
