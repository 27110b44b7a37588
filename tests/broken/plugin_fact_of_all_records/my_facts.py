"""A fact that compares a record with the others, and so with whatever shard it happens to be in."""

import polars as pl

from datasetbuild import fact, turns


@fact(version=1)
def longer_than_most() -> pl.Expr:
    """Length of the answers, from the mean of all."""
    length = turns("assistant").list.join(" ").str.len_chars()
    return length / length.mean()
