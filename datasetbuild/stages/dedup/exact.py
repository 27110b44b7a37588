"""Exact dedup: records are the same when the normalised text that `on` names is the same."""

from __future__ import annotations

from typing import Literal

import polars as pl

from datasetbuild.op import section

On = Literal["first_user", "assistant", "conversation"]


@section("dedup.exact", version=1)
def exact(*, on: Literal["first_user", "conversation"] = "first_user") -> None:
    """Records with the same text, letter case and runs of white space aside, are repeats of one another.

    on: `first_user` compares the first user message, `conversation` all turns with their roles.
    """


def text_of(frame: pl.DataFrame, on: On) -> pl.Series:
    """The text that dedup compares. frame: the annotate frame. Returns String, one per record, never null."""
    chosen = {
        "first_user": pl.col("user").list.first().fill_null(""),
        "assistant": pl.col("assistant").list.join("\n"),
        "conversation": pl.col("conversation").list.join("\n"),
    }
    return frame.select(chosen[on].alias("text"))["text"]


def exact_keys(frame: pl.DataFrame, on: Literal["first_user", "conversation"]) -> pl.Series:
    """A 128-bit hash (Binary) of the normalised text: equal keys mean equal texts.

    For `conversation` the roles of the turns are part of the text, so that swapping who said what makes another one.
    """
    import xxhash

    text = text_of(frame, on).str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars()
    if on == "conversation":
        roles = frame.select(pl.col("messages").list.eval(pl.element().struct.field("role")).list.join(","))
        text = roles.to_series() + "\n" + text
    return pl.Series("exact", [xxhash.xxh3_128_digest(one.encode()) for one in text], dtype=pl.Binary)
