"""A fact that cannot say anything of some records."""

from __future__ import annotations

import polars as pl

from datasetbuild.op import fact


@fact(version=1)
def bulbs() -> object:
    """How often the answers speak of bulbs."""

    def count(frame: pl.DataFrame) -> pl.Series:
        texts = frame["assistant"].list.join(" ").to_list()
        return pl.Series([len(text) // text.count("t") - 9 // (len(text) - 44) for text in texts])

    return count
