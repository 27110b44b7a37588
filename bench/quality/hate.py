"""What a list of words makes of HateCheck: how many hateful sentences it finds, and how many harmless ones it takes for hateful.

    DSBUILD_REAL_DATA=... python -m bench.quality.hate [LIST]

LIST: a file of words, one a line; without it a few plain insults are tried. HateCheck is made so that words alone do not tell: slurs that
are reclaimed or quoted, hate without a slur, negations. No list can do well on it, which is why the fact is called `listed_words`.
"""

from __future__ import annotations

import sys

import polars as pl

from bench.quality.labelled import data, table
from datasetbuild.stages.annotate.red_flags import listed_words

PLAIN = ["hate", "disgusting", "scum", "vermin", "stupid", "idiot", "idiots", "ugly", "filth", "trash", "kill", "fuck", "fucking", "shit", "bitch"]


def measure(file: str | None = None) -> list[tuple[str, int, int, float]]:
    """For hateful and harmless sentences: how many there are, how many are flagged, and the share."""
    cases = pl.read_csv(data("hatecheck") / "test_suite_cases.csv")
    texts = cases.select(pl.concat_list("test_case").alias("conversation"))
    counts = listed_words(file=file)(texts) if file else listed_words(words=PLAIN)(texts)
    flagged = cases.with_columns((counts > 0).alias("flagged"))
    return [
        (label, len(mine), int(mine["flagged"].sum()), float(mine["flagged"].mean()))  # type: ignore[arg-type]
        for label in ("hateful", "non-hateful")
        for mine in [flagged.filter(pl.col("label_gold") == label)]
    ]


if __name__ == "__main__":
    print(table(("sentences", "all", "flagged", "share"), measure(*sys.argv[1:2])))
