"""Facts about how an answer ends: finished, or cut off in the middle of a sentence or of a block of code."""

from __future__ import annotations

import polars as pl

from datasetbuild.op import fact
from datasetbuild.stages.annotate import turns
from datasetbuild.stages.annotate.form import FENCE

LISTED = r"^\s*(?:[-*+>|•‣◦#]|\d{1,3}[.)]|[a-zA-Z][.)]\s|    |\t)"
LINK = r"(?:https?://|www\.)\S*\z"
CLOSED = "[\\s\"'”’»›)\\]}*_`~\\p{Extended_Pictographic}\\x{FE0F}\\x{200D}]*\\z"
SENTENCE = rf"[.!?…。！？؟۔।፧։]{CLOSED}"

ENDINGS: tuple[tuple[str, str], ...] = (
    ("code", r"(?:```|~~~)\z"),
    ("list", LISTED),
    ("link", LINK),
    ("sentence", SENTENCE),
    ("colon", r"[:：]\z"),
    ("comma", r"(?:[,，、]|[^\s–—-]\s?[–—-])\z"),
    ("number", r"\p{N}[\p{Sc}%°]?\z"),
    ("letter", r"[\p{L}\p{M}]\z"),
)
"""The first that the last line of an answer fits is its ending."""


@fact(version=3, values=("empty", "open_fence", *(name for name, _ in ENDINGS), "other"))
def ending() -> pl.Expr:
    """How the last answer ends, as a word.

    `open_fence`: inside a block of code. `sentence`: with a mark that ends a sentence, closing quotes and emoji aside.
    `code`: with a block of code. `list`: its last line is an item, a heading or a row of a table. `link`, `number`,
    `colon`, `comma`, `letter`: with such a thing. `empty`: it has no text. `other`: with anything else.

    `deny: [open_fence, colon, comma]` finds answers that were cut off, in every language; `letter` also finds labels and
    short answers such as `Paris`, for which `ends_mid_sentence` is the finer fact.
    """
    answer = turns("assistant").list.last().str.strip_chars()
    line = answer.str.split("\n").list.last()
    fences = answer.str.count_matches(FENCE)
    found = pl.when(answer.fill_null("") == "").then(pl.lit("empty")).when(fences % 2 == 1).then(pl.lit("open_fence"))
    for name, pattern in ENDINGS:
        found = found.when(line.str.contains(pattern)).then(pl.lit(name))
    return found.otherwise(pl.lit("other"))
