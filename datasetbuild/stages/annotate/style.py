"""Facts about the rules of style that a system prompt gives: which, and whether it asks for one and forbids it too.

The directions are data (`patterns/style_rules.txt`): for each what asks for it and what forbids it, in English.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from datasetbuild.op import fact
from datasetbuild.stages.annotate import turns

PATTERNS = Path(__file__).with_name("patterns")


@lru_cache
def directions() -> dict[str, tuple[str, str]]:
    """Direction of style -> (pattern of what asks for it, pattern of what forbids it)."""
    lines = (PATTERNS / "style_rules.txt").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            name, both = line.split(": ", 1)
            asked, forbidden = (("(?i)" + one).replace(r"\b", r"(?-u:\b)") for one in both.split(" <> "))
            found[name] = (asked, forbidden)
    return found


REMINDER = r"(?i)(?:not|n't|n’t|never)\s+(?:forget|fail|hesitate|omit)\s+to"
"""Forbids nothing: `do not forget to use lists` asks for them."""


def _system() -> pl.Expr:
    return turns("system").list.join("\n").str.replace_all(REMINDER, "")


def said(name: str) -> tuple[pl.Expr, pl.Expr]:
    """Whether the system turns ask for it, and whether they forbid it; what forbids is not taken for asking."""
    asked, forbidden = directions()[name]
    text = _system()
    return text.str.replace_all(forbidden, " ").str.contains(asked), text.str.contains(forbidden)


def given(texts: pl.Series) -> pl.Series:
    """The rules of style that texts give, as bits (UInt64): 2i where direction i is asked for, 2i + 1 where it is forbidden."""
    frame = texts.alias("system").to_frame().select(pl.concat_list("system").alias("system"))
    flags = [flag for name in directions() for flag in said(name)]
    return frame.select(rules=pl.sum_horizontal(flag.cast(pl.UInt64) * (1 << bit) for bit, flag in enumerate(flags)))["rules"]


@fact(version=2)
def style_rules() -> pl.Expr:
    """Rules of style that the system turns give, as a word: `+bullets -emoji`; `none` without any.

    The directions are bullets, markdown, emoji, length (`+length`: brief, `-length`: detailed), formality, code, questions,
    headings, tables and english; `+` asks for it, `-` forbids it or asks for the opposite (`-english`: another language). Its shares per source show mixed conventions.
    """
    parts = []
    for name in directions():
        asked, forbidden = said(name)
        parts += [pl.when(asked).then(pl.lit(f"+{name}")), pl.when(forbidden).then(pl.lit(f"-{name}"))]
    rules = pl.concat_str(parts, separator=" ", ignore_nulls=True)
    return pl.when(turns("system").list.len() > 0).then(pl.when(rules == "").then(pl.lit("none")).otherwise(rules)).otherwise(pl.lit("none"))


@fact(version=2)
def opposed_rules() -> pl.Expr:
    """Directions of style that the system turns of one conversation both ask for and forbid: "always answer in bullet
    points" and "never use lists". `max: 0` drops them."""
    both = [asked & forbidden for asked, forbidden in map(said, directions())]
    return pl.when(turns("system").list.len() > 0).then(pl.sum_horizontal(one.cast(pl.Int64) for one in both)).otherwise(0)
