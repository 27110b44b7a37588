"""A fact that takes records, where it should return a function that does."""

from __future__ import annotations

import polars as pl

from datasetbuild.op import fact


@fact(version=1)
def bulbs(frame: pl.DataFrame, /) -> pl.Series:
    """How often the answers speak of bulbs."""
    return frame["assistant"].list.join(" ").str.count_matches("bulb")
