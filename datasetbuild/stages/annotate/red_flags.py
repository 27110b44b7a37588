"""Facts about what a dataset had better not hold: personal data, secrets, words of a list."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal, get_args

import numpy as np
import polars as pl

from datasetbuild.op import Extra, File, fact
from datasetbuild.record import Where, flatten_turns
from datasetbuild.stages.annotate import turns
from datasetbuild.stages.detect import Level, Wanted, find_spans, load_rules

Personal = Literal["url_credentials", "email", "iban", "card", "national_id", "ip", "phone"]
PERSONAL: tuple[Personal, ...] = get_args(Personal)
Region = Annotated[str, Extra({"pattern": "^[A-Z]{2}$", "title": "a country's two capital letters, such as US"})]

Measure = Callable[[pl.DataFrame], pl.Series]


@fact(version=2, packages=("google-re2", "phonenumbers"))
def pii(
    *,
    kinds: list[Personal] = list(PERSONAL),  # noqa: B006
    regions: list[Region] = [],  # noqa: B006
    phones: Level = "strict",
) -> Measure:
    """How many pieces of personal data a conversation holds, after cleaning: what `clean.pii` masked is gone and not counted.

    kinds: which are counted; a rule for each kind is written `emails: {fact: pii, kinds: [email], max: 0}`.
    regions: countries, such as `[US, DE]`, as in [`clean.pii`](recipe.md#cleanpii).
    phones: `strict` counts what could be dialled, `loose` all that is written like a phone number.
    """
    return _counted(Wanted(frozenset(kinds), tuple(regions), phones))


@fact(version=1, packages=("google-re2",))
def secrets(*, rules_file: Annotated[str, File()] | None = None) -> Measure:
    """How many keys, tokens, passwords and other secrets a conversation holds.

    rules_file: a file of the project with more rules, in the format of gitleaks.
    """
    wanted = Wanted(frozenset({"secret"}), rules_file=rules_file)
    load_rules(wanted)
    return _counted(wanted)


def _counted(wanted: Wanted) -> Measure:
    """Counts what is found in the texts, the thinking and the tool calls of all turns."""

    def measure(frame: pl.DataFrame) -> pl.Series:
        lengths, every = flatten_turns(frame["messages"])
        owner = np.repeat(np.arange(len(frame)), lengths.to_numpy())
        counts = np.zeros(len(frame), np.int64)
        for column in ("content", "reasoning_content", "tool_calls"):
            if every[column].null_count() < len(every):
                for row, spans in find_spans(every[column], wanted).items():
                    counts[owner[row]] += len(spans)
        return pl.Series(counts)

    return measure


UNPARTED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"
"""Scripts that put no blank between words: a word of theirs counts wherever it stands."""
AT_ONCE = 400
"""Words in one pattern."""


@fact(version=1)
def listed_words(
    *,
    words: list[str] = [],  # noqa: B006
    file: Annotated[str, File()] | None = None,
    where: Where = "conversation",
    ignore_case: bool = True,
) -> Measure:
    """How often words of a list occur in the `where` turns: profanity, names of products that are no more, banned terms.

    A list knows words and not what is meant by them: no list finds hate that is put politely, and quotations count too.

    words: words or phrases; a blank in a phrase stands for any white space.
    file: a file of the project with one word or phrase a line; empty lines and lines that begin with # are left out.
    where: whose turns are searched.
    ignore_case: whether `Word` also finds `word`.
    """
    listed = sorted({" ".join(word.split()) for word in [*words, *_lines(file)]} - {""}, key=lambda word: (-len(word), word))
    if ignore_case:
        listed = list(dict.fromkeys(word.lower() for word in listed))
    flags = "(?i)" if ignore_case else ""
    patterns = [
        flags + "(?:" + "|".join(map(_bounded, listed[n : n + AT_ONCE])) + ")" for n in range(0, len(listed), AT_ONCE)
    ]
    needles = [word.split()[0] for word in listed]

    def measure(frame: pl.DataFrame) -> pl.Series:
        texts = frame.select(turns(where).list.join("\n")).to_series()
        counts = np.zeros(len(frame), np.int64)
        if listed:
            lower = texts.str.to_lowercase() if ignore_case else texts
            maybe = lower.str.contains_any(needles).fill_null(False).arg_true()
            some = texts.gather(maybe)
            for pattern in patterns:
                counts[maybe.to_numpy()] += some.str.count_matches(pattern).to_numpy()
        return pl.Series(counts)

    return measure


def _lines(file: str | None) -> list[str]:
    if file is None:
        return []
    text = Path(file).read_bytes().decode("utf-8-sig", "replace")
    return [line for line in text.splitlines() if line.strip() and not line.startswith("#")]


def _bounded(word: str) -> str:
    """A word as a pattern that does not match inside a longer one: `ass` is not in `class`, but `C++` is in `C++.`"""
    pattern = r"\s+".join(pl.escape_regex(part) for part in word.split())
    edges = pl.Series([word[0], word[-1]])
    before, after = edges.str.contains(r"\w") & ~edges.str.contains(UNPARTED)
    return (r"\b" if before else "") + pattern + (r"\b" if after else "")
