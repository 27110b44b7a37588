"""Exact dedup: records are the same when the normalised text that `on` names is the same."""

from __future__ import annotations

from typing import Literal

import polars as pl

from datasetbuild.op import section
from datasetbuild.stages.where import text_of


@section("dedup.exact", version=3)
def exact(*, on: Literal["first_user", "conversation"] = "first_user") -> None:
    """Records with the same text, letter case and runs of white space aside, are repeats of one another.

    on: `first_user` compares the first user message, `conversation` all turns with their roles,
        and the names and arguments of tool calls.
    """


NO_BLANK = "\x1f"
"""Stands between turns where white space is folded: ASCII's unit separator, which `clean` takes out of texts."""

RUNS = r"[^\S ]\s*| \s+"
"""Runs of white space that are no single blank: to pass over those takes a third of the time."""


def _normalized(text: pl.Series) -> pl.Series:
    """Lower case, runs of white space as one blank, none around a turn."""
    folded = text.str.to_lowercase().str.replace_all(RUNS, " ").str.strip_chars()
    joined = folded.str.contains(NO_BLANK, literal=True).arg_true()  # a tenth of what the blanks beside it take
    if not len(joined):
        return folded
    turns = folded.gather(joined)
    for blank in (f" {NO_BLANK}", f"{NO_BLANK} "):
        turns = turns.str.replace_all(blank, NO_BLANK, literal=True)
    return folded.scatter(joined, turns)


def exact_keys(frame: pl.DataFrame, on: Literal["first_user", "conversation"]) -> pl.Series:
    """A 128-bit hash (Binary) of the normalised text: equal keys mean equal texts.

    For `conversation` the roles of the turns are part of the text, so that swapping who said what makes another one.
    """
    from xxhash import xxh3_128_digest

    text = _normalized(text_of(frame, on, between=NO_BLANK, calls=True))
    if on == "conversation":
        roles = frame.select(pl.col("messages").list.eval(pl.element().struct.field("role")).list.join(","))
        text = roles.to_series() + "\n" + text
    return pl.Series("exact", list(map(xxh3_128_digest, text.cast(pl.Binary).to_list())), dtype=pl.Binary)
