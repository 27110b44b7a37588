"""Facts that count: turns, characters, words, tokens."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import polars as pl

from datasetbuild.arrow import fold
from datasetbuild.op import fact
from datasetbuild.record import Where
from datasetbuild.stages.annotate import turns as turns_of
from datasetbuild.stages.words import BLANKS, word_counts


@fact(version=1)
def turns(*, where: Where = "conversation") -> pl.Expr:
    """Number of turns, the system message included.

    where: whose turns are counted.
    """
    return turns_of(where).list.len()


@fact(version=1)
def prompt_chars() -> pl.Expr:
    """Characters (Unicode code points) of each user turn."""
    return turns_of("user").list.eval(pl.element().str.len_chars())


@fact(version=1)
def response_chars() -> pl.Expr:
    """Characters (Unicode code points) of each assistant turn: `min` bounds the shortest, `max` the longest. A turn that
    only calls a tool counts where the assistant says nothing else."""
    return turns_of("assistant").list.eval(pl.element().str.len_chars())


@fact(version=1)
def words(*, where: Where = "conversation") -> Callable[[pl.DataFrame], pl.Series]:
    """Number of words, that is of runs of characters between white space, in all `where` turns together.

    where: whose turns are counted.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        texts = frame[where]
        counts = word_counts(texts.explode(empty_as_null=False), BLANKS)
        return fold(pl.Series("value", counts, dtype=pl.UInt32), texts.list.len()).list.sum()

    return measure


@fact(version=1)
def response_prompt_ratio() -> pl.Expr:
    """Characters of all assistant turns, divided by those of all user turns."""
    response, prompt = (turns_of(role).list.eval(pl.element().str.len_chars()).list.sum() for role in ("assistant", "user"))
    return response / prompt


@fact(version=1)
def has_system() -> pl.Expr:
    """Whether the conversation opens with a system message: true or false."""
    return turns_of("system").list.len() > 0


@fact(version=1, needs="render")
def tokens(*, of: Literal["conversation", "trained"] = "conversation") -> pl.Expr:
    """Tokens of the rendered conversation, the template's own included; needs a `template`.

    of: `conversation` counts all tokens, `trained` only those that contribute to the loss.
    """
    return pl.col("tokens" if of == "conversation" else "trained_tokens")
