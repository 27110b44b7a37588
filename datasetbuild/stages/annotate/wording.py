"""Facts about wording: repetition, stock phrases, answers that echo the question or break off."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
import polars as pl

from datasetbuild.arrow import fold
from datasetbuild.op import Bound, fact
from datasetbuild.record import Where
from datasetbuild.stages.annotate import turns
from datasetbuild.stages.words import BLANKS, distinct, word_hashes


@fact(version=2)
def unique_word_ratio(
    *, where: Where = "assistant", min_words: Annotated[int, Bound(ge=1)] = 20
) -> Callable[[pl.DataFrame], pl.Series]:
    """Share of distinct words (case ignored) among the words of each `where` turn, words being what stands between white
    space. Range 0..1.

    where: whose turns are measured.
    min_words: turns of fewer words count as 1.0, since a short text has no room to repeat itself.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        # Not the words that other facts share: without the signs between them, tables and code seem to repeat themselves.
        texts = frame[where]
        hashes, counts = word_hashes(texts.explode(empty_as_null=False), BLANKS, mixed=False)
        long = counts >= min_words
        ratios = np.ones(len(counts))
        ratios[long] = distinct(hashes, counts)[long] / counts[long]
        return fold(pl.Series(where, ratios), texts.list.len())

    return measure


@fact(version=1)
def phrases(*, patterns: list[str], where: Where = "assistant", ignore_case: bool = True) -> pl.Expr:
    """How often any of the patterns occurs in the `where` turns; with `max: 0` a filter for refusals and stock phrases.

    patterns: regular expressions in Rust's syntax, linear in time: no lookaround, no backreferences. `^` and `$` stand
        for the begin and end of a turn.
    where: whose turns are searched.
    ignore_case: whether `As an AI` also finds `as an ai`.
    """
    flags = "(?i)" if ignore_case else ""
    counts = [turns(where).list.eval(pl.element().str.count_matches(flags + one)).list.sum() for one in patterns]
    return pl.sum_horizontal(counts)


@fact(version=1)
def prompt_restated(*, min_chars: Annotated[int, Bound(ge=1)] = 15) -> Callable[[pl.DataFrame], pl.Series]:
    """Whether the first answer opens by repeating the first question, case and punctuation aside: true or false.

    min_chars: questions with fewer letters and digits than this are left out (always false).
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        first = frame.select(turns(role).list.first().str.to_lowercase() for role in ("user", "assistant"))
        opens = pl.col("assistant").str.starts_with(pl.col("user"))
        opened = first.select(pl.all().str.extract(r"([\p{L}\p{N}]+)")).select(opens)  # with the same word, or part of it
        likely = opened.to_series().arg_true()
        bare = first[likely].select(pl.all().str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars())
        restated = bare.select((pl.col("user").str.len_chars() >= min_chars) & opens).to_series()
        return _where(likely, restated, len(frame))

    return measure


def _where(places: pl.Series, values: pl.Series, length: int) -> pl.Series:
    """Booleans with the values at these places, and false elsewhere."""
    return pl.Series("value", [False]).new_from_index(0, length).scatter(places, values)


SIGNATURE = (
    r"(?i)(?:#\w+|\b(?:sincerely|faithfully|truly|regards|wishes|love|cheers|warmly|respectfully|cordially|gratefully|yours|grüßen?|"
    r"cordialement|atentamente|saludos),[^.!?\n]{0,60})\z"
)
ENUMERATION = r"(?:[,;][^,;.!?]{1,40}){3}\z"
"""Three things and more behind commas, without a mark behind the last: a list on one line."""


MARKED = r"[.!?…]['\"”’»)\]*_]*(?:\s|\z)|[。！？؟۔।॥፧։။៕]"
"""A sentence that ends, in any script: a full stop inside a number or a name is none."""

HANGING = (
    r"(?i)(?:[,;،、–—-]|(?:\A|[\s(])(?:and|or|but|the|an?|of|to|in|on|at|for|with|from|by|as|that|which|who|is|are|was|were|your|their|its|"
    r"und|oder|aber|der|die|das|den|dem|ein|eine|einen|von|zu|mit|für|auf|im|ist|sind|dass|et|ou|mais|le|la|les|des?|du|une?|dans|pour|avec|"
    r"que|qui|est|sont|y|o|pero|el|los|las|del|una?|en|con|para|por|e|il|di|che|per|и|или|но|в|на|с|что|و|أو|في|من|على|إلى|أن))\z"
)
"""A last word or sign with which no sentence ends, in a few languages."""


@fact(version=4)
def ends_mid_sentence(*, min_words: Annotated[int, Bound(ge=1)] = 8) -> Callable[[pl.DataFrame], pl.Series]:
    """Whether the last answer breaks off: its last line ends in a letter, comma or dash. True or false.

    Lists, headings, code, addresses, hashtags and the signatures of letters may end in a letter and do not count; nor do answers
    that are no sentences: a passage of the user's turns, or mostly names. In scripts other than Latin, Cyrillic and Greek an answer
    has to write a sentence mark somewhere, or end in a word like `and`, to break off; one that parts no words by blanks never does.

    min_words: a last line of fewer words is taken for a label, not for half a sentence (always false).
    """
    text, line, words = pl.col("text"), pl.col("line"), pl.col("words")
    signed = line.str.contains(SIGNATURE) | line.str.contains(ENUMERATION)
    listed = signed | line.str.contains(r"^\s*(?:[-*+#>|•]|\d+[.)]|    |\t|```)") | line.str.contains(r"(?:https?://|www\.)\S*\z")
    # By `split`, since `contains` would compile every answer as a pattern.
    passage = (pl.col("user").list.join("\n").str.split(text).list.len() > 1).fill_null(False)
    passage |= line.str.count_matches(r"(?:\A|\s)\p{Lu}") * 2 >= words
    sentence = text.str.contains(MARKED) | line.str.contains(HANGING) | (line.str.contains(r"[\p{Latin}\p{Cyrillic}\p{Greek}]\z") & ~passage)

    def measure(frame: pl.DataFrame) -> pl.Series:
        last = frame.select("user", text=turns("assistant").list.last().str.strip_chars()).with_row_index("place")
        last = last.with_columns(line=text.str.split("\n").list.last()).filter(line.str.contains(r"(?:\p{L}|\p{M}|[,;،、–—-])\z"))
        last = last.with_columns(words=line.str.count_matches(r"\S+")).filter(words >= min_words)
        return _where(last["place"], last.select(~listed & sentence).to_series(), len(frame))

    return measure
