"""A fact that looks at where the record stands in its shard, which is no matter of the record."""

import polars as pl

from datasetbuild import fact


@fact(version=1)
def every_second() -> pl.Expr:
    """Whether the row's number is even."""
    return pl.col("row") % 2 == 0
