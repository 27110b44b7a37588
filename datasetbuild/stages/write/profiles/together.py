"""Profile `together`: files for Together's fine-tuning API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    TOKENS,
    WORDS,
    Carries,
    Export,
    Lines,
    OnName,
    OnReasoning,
    OnTools,
    OnTurns,
    Row,
    Tokens,
)
from datasetbuild.stages.write.lines import turn, whole_weights

CARRIES = Carries(
    weights="binary",
    tokens=True,
    order="alternating",
    min_rows=1,
    max_bytes=50 << 30,
    documented="together-python src/together/utils/files.py; docs.together.ai fine-tuning data preparation",
)


@profile(version=1, carries=CARRIES, words=WORDS)
def together(
    *,
    rows: Literal["messages", "tokens"] = "messages",
    on_weight: Literal["error", "round", "full", "drop_row"] = "error",
    on_turns: OnTurns = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
) -> Export:
    """Files for Together's fine-tuning API: JSON Lines of `messages` and nothing else, since it rejects other columns.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!", "weight": 1}]}

    After an optional system turn, user and assistant alternate. Weights are 0 or 1, of the assistant's turns. A file has
    at most 50 GB, the limit of its client.

    rows: `messages`, or `tokens` for parquet files of input_ids, attention_mask and labels.
    on_weight: what happens to a record with a weight between 0 and 1: `error`, `drop_row`, or `round` (from 0.5 on to 1);
        with tokens `full`, which trains turns with a weight above 0 in full.
    """
    if rows == "tokens":
        form = Tokens(("input_ids", "attention_mask", "labels"))
        return Export(form, TOKENS, {"weight": "full" if on_weight == "round" else on_weight})
    rules = {"weight": "round" if on_weight == "full" else on_weight, "turns": on_turns, "tools": on_tools}
    return Export(Lines(row, plain), CARRIES, rules | {"reasoning": on_reasoning, "name": on_name})


def row(record: Row, fields: frozenset[str]) -> Row:
    return {"messages": whole_weights(record["messages"])}


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}
