"""Profile `trl`: what TRL's SFTTrainer reads, with a script that trains on it."""

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
    Delivery,
    Export,
    Lines,
    OnWeightNone,
    Row,
    Shards,
    Tokens,
)
from datasetbuild.stages.write.lines import parsed_calls, turn

CARRIES = Carries(
    tools="openai",
    reasoning=True,
    names=True,
    columns=True,
    tokens=True,
    documented="huggingface/trl docs/source/dataset_formats.md",
)


@profile(version=2, carries=CARRIES, words=WORDS)
def trl(
    *,
    rows: Literal["messages", "tokens"] = "messages",
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """What TRL's SFTTrainer reads (0.20 and later), and `train.py`, a script with the right SFTConfig.

    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello!"}]}

    With messages the trainer renders and masks by itself, with `chat_template.jinja` of this folder when the recipe has
    a template; the mask is only right where that template marks what is generated. With tokens the trainer sees the
    labels that the build has proved. `tools` is JSON text, which TRL reads from 0.29 on; arguments of tool calls are
    JSON text too, which some templates render otherwise than a mapping: train tools from tokens.

    rows: `messages`, or `tokens` for parquet files of input_ids, labels and assistant_masks.
    """
    if rows == "tokens":
        columns_of = ("input_ids", "labels", "assistant_masks")
        return Export(Tokens(columns_of), TOKENS, {"weight": on_weight}, beside=_tokens_script)
    form = Lines(row, plain, tuple(columns), compression, shards)
    return Export(form, CARRIES, {"weight": on_weight}, beside=_messages_script, warnings=_warnings)


def row(record: Row, fields: frozenset[str]) -> Row:
    made: Row = {"messages": parsed_calls(record["messages"])}
    return made | ({"tools": record["tools"]} if "tools" in fields else {})


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    turns = {"messages": turn(role="role", content="content")}
    return turns | ({"tools": pl.col("tools")} if "tools" in fields else {})


def _warnings(delivery: Delivery) -> list[str]:
    found = []
    if delivery.template is not None and not delivery.generation:
        found.append(
            "the chat template does not mark what is generated, so TRL cannot mask with it (unless it knows a training "
            "template for it): use `rows: tokens`"
        )
    if "messages.tool_calls" in delivery.fields:
        found.append(
            "arguments of tool calls are JSON text, which templates may render otherwise than the build did: use `rows: tokens`"
        )
    return found


SCRIPT = '''\
"""Train on this export with TRL: python train.py MODEL"""

import sys
from pathlib import Path

from datasets import load_dataset
from trl import SFTConfig, SFTTrainer

here = Path(__file__).parent
files = {files}
data = load_dataset("{kind}", data_files={{split: [str(here / name) for name in names] for split, names in files.items()}})
config = SFTConfig(
    output_dir="out",
{settings})
trainer = SFTTrainer(sys.argv[1], args=config, train_dataset=data["{train}"]{evaluate})
trainer.train()
'''


def _tokens_script(delivery: Delivery) -> dict[str, str]:
    settings = [
        "max_length=None,  # the rows are as long as the recipe lets them be; TRL cuts at 1024 otherwise",
        "packing=False,  # packing needs flash attention to keep conversations apart",
        "# not assistant_only_loss: the labels are in the rows",
    ]
    return {"train.py": _script(delivery, "parquet", settings)}


def _messages_script(delivery: Delivery) -> dict[str, str]:
    whole = delivery.longest and not delivery.cut
    settings = [
        f"max_length={delivery.longest or 2048},  # {'the longest row' if whole else 'longer rows are cut'}",
        "assistant_only_loss=True,  # needs a chat template with {% generation %} marks",
        "packing=False,  # packing needs flash attention to keep conversations apart",
    ]
    if delivery.template is None:
        return {"train.py": _script(delivery, "json", settings)}
    settings.insert(1, 'chat_template_path=str(here / "chat_template.jinja"),')
    return {"train.py": _script(delivery, "json", settings), "chat_template.jinja": delivery.template}


def _script(delivery: Delivery, kind: str, settings: list[str]) -> str:
    others = [split for split in delivery.files if split != delivery.train and delivery.rows[split]]
    held = next((split for split in ("validation", "test") if split in others), None)
    return SCRIPT.format(
        files=repr({split: names for split, names in delivery.files.items() if delivery.rows[split]}),
        kind=kind,
        settings="".join(f"    {line}\n" for line in settings),
        train=delivery.train,
        evaluate=f', eval_dataset=data["{held}"]' if held else "",
    )
