"""Profile `llama_factory`: rows with the complete entry of dataset_info.json, or tokens for `tokenized_path`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
    TOKENS,
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
    Tokens,
)
from datasetbuild.stages.write.lines import turn
from datasetbuild.stages.write.profiles.sharegpt import called

CARRIES = Carries(
    tools="calls",
    columns=True,
    tokens=True,
    order="alternating",
    answer_last=True,
    documented="LLaMA-Factory data/README.md, src/llamafactory/data/converter.py",
)

ROLES = {"system": "system", "user": "user", "assistant": "assistant", "tool": "observation"}

TAGS = {
    "role_tag": "role",
    "content_tag": "content",
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
"""All of them, since a key that an entry leaves out has no default there."""


@profile(version=2, carries=CARRIES, words=WORDS)
def llama_factory(
    *,
    rows: Literal["messages", "tokens"] = "messages",
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_turns: OnTurns = "error",
    on_tools: OnTools = "error",
    on_reasoning: OnReasoning = "error",
    on_name: OnName = "error",
) -> Export:
    """What LLaMA-Factory reads, with a `dataset_info.json` for `dataset_dir`.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}

    Roles are lowered as it documents them: a turn that calls tools becomes `function_call` with JSON text of {name,
    arguments} (or of a list), a tool's result becomes `observation`; ids are left out and counted. It skips records
    whose turns do not alternate, so those need `on_turns`. Its own templates render the rows; with tokens, for
    `tokenized_path`, it trains the labels that the build has proved.

    rows: `messages`, or `tokens` for a folder `tokenized` with input_ids, attention_mask and labels.
    on_tools: what happens to a turn with text beside its tool calls: `error`, `drop_row`, or `strip` the text.
    """
    if rows == "tokens":
        form = Tokens(("input_ids", "attention_mask", "labels"), parquet=False, disk="tokenized")
        return Export(form, TOKENS, {"weight": on_weight}, beside=_tokens_yaml)
    rules = {"weight": on_weight, "turns": on_turns, "tools": on_tools, "reasoning": on_reasoning, "name": on_name}
    return Export(Lines(row, plain, tuple(columns)), CARRIES, rules, beside=_info)


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": [_turn(one) for one in record["messages"]]}
    return made | ({"tools": record["tools"] or ""} if "tools" in fields else {})


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    role = pl.element().struct.field("role").replace_strict(ROLES, default=None, return_dtype=pl.String)
    turns = {"messages": turn(role=role, content="content")}
    return turns | ({"tools": pl.lit("")} if "tools" in fields else {})


def _turn(one: dict[str, Any]) -> dict[str, str]:
    if "tool_calls" in one:
        return {"role": "function_call", "content": called(one["tool_calls"])}
    return {"role": ROLES[one["role"]], "content": one["content"]}


def dataset_names(delivery: Delivery) -> dict[str, str]:
    """What each split is called in dataset_info.json."""
    held = [split for split, rows in delivery.rows.items() if rows]
    return {split: delivery.name if split == delivery.train else f"{delivery.name}_{split}" for split in held}


def _info(delivery: Delivery) -> dict[str, str]:
    columns = {"messages": "messages"} | ({"tools": "tools"} if "tools" in delivery.fields else {})
    names = dataset_names(delivery)
    entries = {
        name: {"file_name": delivery.files[split][0], "formatting": "sharegpt", "columns": columns, "tags": TAGS}
        for split, name in names.items()
    }
    lines = ["dataset_dir: .", *_named(names, delivery)]
    if delivery.longest:
        lines.append(f"cutoff_len: {delivery.longest}  # it cuts longer rows")
    return {
        "dataset_info.json": orjson.dumps(entries, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE).decode(),
        "llama_factory.yaml": _yaml(lines),
    }


def _tokens_yaml(delivery: Delivery) -> dict[str, str]:
    names = _named(dataset_names(delivery), delivery)
    asked = "# It asks for the names of data sets, and reads the tokens alone."
    return {"llama_factory.yaml": _yaml(["tokenized_path: tokenized", asked, *names])}


def _named(names: Mapping[str, str], delivery: Delivery) -> list[str]:
    """What to train on, and what to evaluate on."""
    keys = {"dataset": delivery.train, "eval_dataset": "validation"}
    return [f"{key}: {names[split]}" for key, split in keys.items() if split in names]


def _yaml(lines: list[str]) -> str:
    head = "# The dataset part of a LLaMA-Factory config: add the model, its `template` and the training settings. Paths are seen from this folder."
    return "\n".join([head, *lines, ""])
