"""Profile `prompt_completion`: what comes before the answer, and the answer that is trained."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    WORDS,
    Carries,
    Column,
    Compression,
    Export,
    Lines,
    OnAnswers,
    OnName,
    OnReasoning,
    OnSystem,
    OnTools,
    OnTurns,
    OnWeight,
    Row,
    Shards,
)
from datasetbuild.stages.write.lines import parsed_calls, turn

LISTS = Carries(weights="binary", tools="openai", reasoning=True, names=True, columns=True, answers="last")
PAIRS = Carries(weights="binary", system=False, columns=True, order="pair", answers="last")
"""One question and one answer, as text."""


@profile(version=1, carries=LISTS, words=WORDS)
def prompt_completion(
    *,
    turns: Literal["messages", "text"] = "messages",
    columns: list[Column] = [],  # noqa: B006
    on_answers: OnAnswers = "error",
    on_weight: OnWeight = "error",
    on_turns: OnTurns = "error",
    on_system: OnSystem = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """JSON Lines of `prompt` and `completion`: trainers learn the completion and nothing of the prompt.

    {"prompt": [{"role": "user", "content": "Hi"}], "completion": [{"role": "assistant", "content": "Hello!"}]}

    A conversation in which more than the last answer is trained needs `on_answers`.

    turns: `messages` writes both as lists of turns; `text` as the texts of one question and its answer, which carry no
        system turn, tools, thinking or names.
    """
    rules = {"answers": on_answers, "weight": on_weight, "turns": on_turns, "system": on_system, "tools": on_tools}
    rules |= {"reasoning": on_reasoning, "name": on_name}
    texts = turns == "text"
    form = Lines(
        text_row if texts else list_row, text_plain if texts else list_plain, tuple(columns), compression, shards
    )
    return Export(form, PAIRS if texts else LISTS, rules)


def list_row(record: Row, fields: frozenset[str]) -> Row:
    turns = parsed_calls(record["messages"])
    made: Row = {"prompt": turns[:-1], "completion": turns[-1:]}
    return made | ({"tools": record["tools"]} if "tools" in fields else {})


def list_plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    turns = turn(role="role", content="content")
    pair = {"prompt": turns.list.head(pl.col("messages").list.len() - 1), "completion": turns.list.tail(1)}
    return pair | ({"tools": pl.col("tools")} if "tools" in fields else {})


def text_row(record: Row, fields: frozenset[str]) -> Row:
    prompt, completion = record["messages"]
    return {"prompt": prompt["content"], "completion": completion["content"]}


def text_plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    content = pl.col("messages").list.eval(pl.element().struct.field("content"))
    return {"prompt": content.list.first(), "completion": content.list.last()}
