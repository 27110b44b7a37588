"""Profile `axolotl`: rows for its chat_template strategy or tokens for it to take as they are, with the YAML."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
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
    Row,
    Shards,
    Tokens,
)
from datasetbuild.stages.write.lines import parsed_calls, turn

CARRIES = Carries(
    weights="binary",
    weighs="any",
    tools="openai",
    reasoning=True,
    columns=True,
    tokens=True,
    documented="axolotl docs/dataset-formats/conversation.qmd, tokenized.qmd",
)


@profile(version=2, carries=CARRIES, words=WORDS)
def axolotl(
    *,
    rows: Literal["messages", "tokens"] = "messages",
    columns: list[Column] = [],  # noqa: B006
    on_weight: Literal["error", "round", "full", "drop_row"] = "error",
    on_name: OnName = "error",
    shards: Shards = 1,
) -> Export:
    """What Axolotl reads, and `axolotl.yaml`, the dataset part of a config.

    {"messages": [{"role": "user", "content": "Hi", "train": false}, {"role": "assistant", "content": "Hello!", "train": true}]}

    Weights become `train` on every turn when any record of the build has one. `tools` have their parameters, and tool
    calls their arguments, as JSON text, since rows differ in them. With tokens (input_ids, attention_mask, labels)
    Axolotl trains the labels that the build has proved. It cuts rows where `overflow: truncate` did, and elsewhere
    stops at one that is longer than the build's longest.

    rows: `messages`, or `tokens`.
    on_weight: what happens to a record with a weight between 0 and 1: `error`, `drop_row`, or `round` (from 0.5 on to 1);
        with tokens `full`, which trains turns with a weight above 0 in full.
    """
    if rows == "tokens":
        form = Tokens(("input_ids", "attention_mask", "labels"))
        return Export(form, TOKENS, {"weight": "full" if on_weight == "round" else on_weight}, beside=_tokens_yaml)
    rules = {"weight": "round" if on_weight == "full" else on_weight, "name": on_name}
    return Export(Lines(row, plain, tuple(columns), None, shards), CARRIES, rules, beside=_messages_yaml)


def row(record: Row, fields: frozenset[str]) -> Row:
    turns = [_turn(one, "messages.weight" in fields) for one in parsed_calls(record["messages"])]
    made: Row = {"messages": turns}
    if "tools" in fields:
        made["tools"] = [_tool(tool) for tool in orjson.loads(record["tools"] or "[]")]
    return made


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr] | None:
    if fields & {"tools", "messages.weight"}:
        return None  # every row has `tools`, every turn `train`
    return {"messages": turn(role="role", content="content")}


def _turn(one: dict[str, Any], weighed: bool) -> dict[str, Any]:
    left = {name: value for name, value in one.items() if name != "weight"}
    if weighed:
        left["train"] = bool(one.get("weight", one["role"] == "assistant"))
    return left


def _tool(tool: dict[str, Any]) -> dict[str, Any]:
    """A tool with its parameters as JSON text."""
    function = tool.get("function")
    if not isinstance(function, dict) or "parameters" not in function:
        return tool
    return {**tool, "function": {**function, "parameters": orjson.dumps(function["parameters"]).decode()}}


def _messages_yaml(delivery: Delivery) -> dict[str, str]:
    rows: dict[str, Any] = {
        "ds_type": "json",
        "type": "chat_template",
        "field_messages": "messages",
        "message_property_mappings": {"role": "role", "content": "content"},
        "roles_to_train": ["assistant"],
        "train_on_eos": "turn",
    }
    if "messages.weight" in delivery.fields:
        rows["message_field_training"] = "train"
    if "tools" in delivery.fields:
        rows["field_tools"] = "tools"
    if "messages.reasoning_content" in delivery.fields:
        rows["field_thinking"] = "reasoning_content"
    head: dict[str, Any] = {}
    beside = {}
    if delivery.template is not None:
        head = {"chat_template": "jinja", "chat_template_jinja": "chat_template.jinja"}
        if delivery.stop:
            head["eot_tokens"] = [delivery.stop]  # else only the tokenizer's eos ends a trained turn
        beside = {"chat_template.jinja": delivery.template}
    return {"axolotl.yaml": _yaml(delivery, head, rows), **beside}


def _tokens_yaml(delivery: Delivery) -> dict[str, str]:
    return {"axolotl.yaml": _yaml(delivery, {}, {"ds_type": "parquet", "type": None})}


def _yaml(delivery: Delivery, head: dict[str, Any], rows: dict[str, Any]) -> str:
    import yaml

    def listed(split: str) -> list[dict[str, Any]]:  # deep copies, or YAML names what two share: &id001
        return [
            {"path": name, **({"split": "train"} if split != delivery.train else {}), **deepcopy(rows)}
            for name in delivery.files[split]
        ]

    config: dict[str, Any] = {**head, "datasets": listed(delivery.train)}
    if delivery.rows.get("validation"):
        config["test_datasets"] = listed("validation")
    if delivery.longest:
        config["sequence_len"] = delivery.longest
    cuts = delivery.cut and rows["type"]  # as the recipe says; rows of tokens are cut already
    config["excess_length_strategy"] = "truncate" if cuts else "raise"
    comment = "# The dataset part of an Axolotl config: add base_model and the training settings. Paths are seen from this folder.\n"
    return comment + str(yaml.safe_dump(config, sort_keys=False, allow_unicode=True))
