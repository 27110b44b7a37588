"""Profile `torchtune`: rows for its `chat_dataset`."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    WORDS,
    Carries,
    Column,
    Delivery,
    Export,
    Lines,
    OnName,
    OnReasoning,
    OnTools,
    OnTurns,
    OnWeightNone,
    Row,
)
from datasetbuild.stages.write.lines import turn

CARRIES = Carries(
    columns=True,
    order="single_users",
    documented="pytorch/torchtune torchtune/data/_messages.py (OpenAIToMessages, validate_messages)",
)


@profile(version=1, carries=CARRIES, words=WORDS)
def torchtune(
    *,
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_turns: OnTurns = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
) -> Export:
    """JSON Lines of `messages` for torchtune's `chat_dataset` (conversation_style: openai), and `torchtune.yaml`.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}

    Its OpenAI reader knows neither tool calls nor weights, and no two user turns in a row. It is no longer maintained.
    """
    rules = {"weight": on_weight, "turns": on_turns, "tools": on_tools, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, plain, tuple(columns)), CARRIES, rules, beside=_yaml)


def row(record: Row, fields: frozenset[str]) -> Row:
    return {"messages": record["messages"]}


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"messages": turn(role="role", content="content")}


def _yaml(delivery: Delivery) -> dict[str, str]:
    import yaml

    dataset = {
        "_component_": "torchtune.datasets.chat_dataset",
        "source": "json",
        "data_files": delivery.files[delivery.train][0],
        "split": "train",
        "conversation_column": "messages",
        "conversation_style": "openai",
        "train_on_input": False,
    }
    return {
        "torchtune.yaml": "# The dataset part of a torchtune config. Paths are seen from this folder.\n"
        + yaml.safe_dump({"dataset": dataset}, sort_keys=False)
    }
