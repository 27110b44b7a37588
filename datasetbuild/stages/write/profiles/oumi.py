"""Profile `oumi`: conversations for Oumi's `text_sft` datasets."""

from __future__ import annotations

from collections.abc import Mapping

import orjson
import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import WORDS, Carries, Column, Delivery, Export, Lines, OnName, OnWeightNone, Row
from datasetbuild.stages.write.lines import turn
from datasetbuild.stages.write.profiles.calls import any_id, paired

CARRIES = Carries(
    tools="openai",
    reasoning=True,
    columns=True,
    documented="oumi-ai/oumi, core/types/conversation.py; docs on dataset formats",
)


@profile(version=2, carries=CARRIES, words=WORDS)
def oumi(
    *,
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    on_name: OnName = "error",
) -> Export:
    """JSON Lines of conversations for Oumi's `text_sft`, and `oumi.yaml`, the data part of a config.

    {"conversation_id": "0f3c...", "messages": [{"role": "user", "content": "Hi"}, ...], "metadata": {"source": "faq"}}

    `conversation_id` is the record's id (a repeated record has it in every copy). Calls and results without an id get
    `call_N`, paired by order. The config wants Oumi 0.8 or later, which renders with the model's own template and finds
    the answers by its headers. With an older transformers that template gets objects: one that asks
    `'content' in message` loses every text then (ours do not). It cuts rows at the tokenizer's `model_max_length` without
    a word.

    columns: provenance to write as `metadata`.
    """
    chosen = tuple(columns)

    def make(record: Row, fields: frozenset[str]) -> Row:
        made: Row = {"conversation_id": record["id"], "messages": paired(record["messages"], any_id)}
        if "tools" in fields:
            made["tools"] = orjson.loads(record["tools"] or "[]")
        return made | ({"metadata": {name: record[name] for name in chosen}} if chosen else {})

    def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr] | None:
        if "tools" in fields:
            return None  # every row has `tools`
        shape = {"conversation_id": pl.col("id"), "messages": turn(role="role", content="content")}
        return shape | ({"metadata": pl.struct(*chosen)} if chosen else {})

    return Export(Lines(make, plain, needs=chosen), CARRIES, {"weight": on_weight, "name": on_name}, beside=_yaml)


def _yaml(delivery: Delivery) -> dict[str, str]:
    import yaml

    def listed(split: str) -> dict[str, object]:
        return {"datasets": [{"dataset_name": "text_sft", "dataset_path": delivery.files[split][0]}]}

    data: dict[str, object] = {
        "train": listed(delivery.train)
        | {
            "collator_name": "text_completions_only_with_padding",
            "train_target": "ALL_ASSISTANT_TURNS",
        }
    }
    if delivery.rows.get("validation"):
        data["validation"] = listed("validation")
    return {
        "oumi.yaml": "# The data part of an Oumi config. Paths are seen from this folder.\n"
        + yaml.safe_dump({"data": data}, sort_keys=False)
    }
