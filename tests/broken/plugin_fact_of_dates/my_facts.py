"""A fact whose values no rule can compare."""

from datetime import date

import polars as pl

from datasetbuild import fact


@fact(version=1)
def day() -> pl.Expr:
    """A day."""
    return pl.lit(date(2024, 1, 1)).repeat_by(1).list.first()
