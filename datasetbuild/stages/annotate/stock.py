"""Facts about stock phrases: refusals, talk of oneself as a model, praise and eagerness before the answer.

The phrases are data (`patterns/*.txt`), in English, German, French, Spanish and a few of other languages. In a language
that they do not know these facts are 0, which is no promise. They know phrases and not meaning: an answer in a story may
refuse too. Own phrases are the fact `phrases`.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import polars as pl

from datasetbuild.op import fact
from datasetbuild.stages.annotate import turns

PATTERNS = Path(__file__).with_name("patterns")


@lru_cache
def patterns(name: str) -> str:
    """The patterns of a file as one, letter case aside. `\\b` is ASCII's, since Unicode's takes a text of other letters
    out of the regex engine's fast path (60 times slower)."""
    lines = (PATTERNS / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    every = "|".join(f"(?:{line})" for line in lines if line and not line.startswith("#"))
    return "(?i)" + every.replace(r"\b", r"(?-u:\b)")


def _answers_with(name: str, head: int | None = None) -> pl.Expr:
    text = pl.element() if head is None else pl.element().str.head(head)
    return turns("assistant").list.eval(text.str.contains(patterns(name))).list.sum().cast(pl.Int64)


@fact(version=1)
def refusals() -> pl.Expr:
    """Answers that open with a refusal: "I'm sorry, but I can't", "As an AI I cannot". `max: 0` drops them.

    Looked for in the first 200 characters of each answer.
    """
    return _answers_with("refusals", 200)


@fact(version=1)
def meta_talk() -> pl.Expr:
    """Answers in which a model speaks of itself: "As an AI language model", its knowledge cutoff, who trained it."""
    return _answers_with("meta_talk")


@fact(version=2)
def sycophancy() -> pl.Expr:
    """Answers that open with praise or thanks: "What a great question!", "You're absolutely right", "Thank you for asking".

    Looked for in the first 120 characters of each answer. Politeness without flattery is the fact `eager_openers`.
    """
    return _answers_with("sycophancy", 120)


@fact(version=1)
def eager_openers() -> pl.Expr:
    """Answers that open with eagerness: "Sure!", "Certainly! Here is", "I'd be happy to help". A habit, and no fault by itself.

    Looked for in the first 120 characters of each answer.
    """
    return _answers_with("eager_openers", 120)
