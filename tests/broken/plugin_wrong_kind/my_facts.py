"""Facts."""

import polars as pl

from datasetbuild.op import fact


@fact(version=1)
def moods() -> pl.Expr:
    """A mood, by a column that is not there."""
    return pl.col("mood")
