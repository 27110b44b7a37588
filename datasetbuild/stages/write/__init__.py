"""Write turns kept records into files, byte-stable: parquet for the artifact, and a profile for every consumer.

carry.py       what a consumer can carry, as data; what a profile says
lower.py       what it cannot: refused, or lowered by a rule that the recipe names
lines.py       records as JSON Lines, the plain ones without a Python object each (0.9 us a row instead of 14)
parquet.py     parquet with pinned options
disk.py        the folder that `datasets.load_from_disk` reads
seal.py        lines of several parts into the files of a split, cut and compressed
profiles/      one consumer, one file
"""

from __future__ import annotations

from datasetbuild.stages.write.parquet import (
    DATA_COLUMNS,
    TOKEN_COLUMNS,
    attention_mask,
    narrow_messages,
    plain_table,
    token_columns,
    write_parquet,
    write_tables,
)

__all__ = [
    "DATA_COLUMNS",
    "TOKEN_COLUMNS",
    "attention_mask",
    "narrow_messages",
    "plain_table",
    "token_columns",
    "write_parquet",
    "write_tables",
]
