"""A fact that ends the process, for some records."""

from __future__ import annotations

import sys

import polars as pl

from datasetbuild.op import fact


@fact(version=1)
def bulbs() -> object:
    """How often the answers speak of bulbs."""

    def count(frame: pl.DataFrame) -> pl.Series:
        texts = frame["user"].list.join(" ")
        if texts.str.contains("Norway").any():
            sys.exit("no bulbs in Norway")
        return texts.str.count_matches("bulb")

    return count
