"""A plugin that is edited after the build has read it, here by itself: its values would be kept under the name of the old ones."""

from pathlib import Path

import polars as pl

from datasetbuild import fact, turns


def edit() -> bytes:
    with open(Path(__file__), "a", encoding="utf-8") as file:
        file.write("# edited\n")
    return b"made"


@fact(version=1, prepare=edit)
def edited(made: Path, /) -> pl.Expr:
    """Answers of a record."""
    return turns("assistant").list.len()
