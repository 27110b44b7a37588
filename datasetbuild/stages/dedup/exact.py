"""Exact dedup: records are the same when the normalised text that `on` names is the same."""

from __future__ import annotations

from typing import Literal

import polars as pl

from datasetbuild.op import section
from datasetbuild.stages.where import text_of


@section("dedup.exact", version=1)
def exact(*, on: Literal["first_user", "conversation"] = "first_user") -> None:
    """Records with the same text, letter case and runs of white space aside, are repeats of one another.

    on: `first_user` compares the first user message, `conversation` all turns with their roles.
    """


NO_BLANK = "\x1f"
"""Stands between turns where white space is folded: ASCII's unit separator, which `clean` takes out of texts."""

ODD_BLANKS = ["  ", "\t", "\n", "\v", "\f", "\r"]
"""What shows that an ASCII text has white space other than single blanks."""


def _normalized(text: pl.Series) -> pl.Series:
    """Lower case, runs of white space as one blank, none around. The regex runs only where something is to be done."""
    text = text.str.to_lowercase()
    odd = (text.str.contains_any(ODD_BLANKS) | (text.str.len_bytes() != text.str.len_chars())).arg_true()
    if len(odd):
        text = text.scatter(odd, text.gather(odd).str.replace_all(r"\s+", " "))
    return text.str.strip_chars()


def exact_keys(frame: pl.DataFrame, on: Literal["first_user", "conversation"]) -> pl.Series:
    """A 128-bit hash (Binary) of the normalised text: equal keys mean equal texts.

    For `conversation` the roles of the turns are part of the text, so that swapping who said what makes another one.
    """
    import xxhash

    text = _normalized(text_of(frame, on, between=NO_BLANK))
    if on == "conversation":
        roles = frame.select(pl.col("messages").list.eval(pl.element().struct.field("role")).list.join(","))
        text = roles.to_series() + "\n" + text
    return pl.Series("exact", [xxhash.xxh3_128_digest(one.encode()) for one in text.to_list()], dtype=pl.Binary)
