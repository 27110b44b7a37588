"""Facts of this project."""

import polars as pl

LIMIT = {"de": 1}["en"]
