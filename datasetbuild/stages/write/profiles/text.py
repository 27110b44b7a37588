"""Profile `text`: the rendered conversation as one text."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import (
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
)

CARRIES = Carries(tools="openai", reasoning=True, names=True, columns=True)


@profile(version=1, carries=CARRIES, words=WORDS)
def text(
    *,
    columns: list[Column] = [],  # noqa: B006
    on_weight: OnWeightNone = "error",
    compression: Compression = None,
    shards: Shards = 1,
) -> Export:
    """JSON Lines of `text`: the conversation as the recipe's chat template renders it. Needs a `template`.

    {"text": "<|im_start|>user\\nHi<|im_end|>\\n<|im_start|>assistant\\nHello!<|im_end|>\\n"}

    Trainers learn every token of a text, questions too. Tokenize it without adding special tokens: where the template
    writes the tokenizer's BOS, it would stand there twice (the build warns).
    """
    form = Lines(row, plain, tuple(columns), compression, shards, text=True)
    return Export(form, CARRIES, {"weight": on_weight}, warnings=_warnings)


def row(record: Row, fields: frozenset[str]) -> Row:
    return {"text": record["text"]}


def plain(fields: frozenset[str]) -> Mapping[str, pl.Expr]:
    return {"text": pl.col("text")}


def _warnings(delivery: Delivery) -> list[str]:
    if delivery.bos is None:
        return []
    return [
        f"its texts start with {delivery.bos!r}, and the tokenizer adds another: tokenize with add_special_tokens=False, "
        "or export `tokens`"
    ]
