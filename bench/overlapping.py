"""A corpus that overlaps heavily: each row of a corpus joined with three others, so that each text stands in six rows.

    python bench/overlapping.py CORPUS.jsonl OUT.jsonl

Of 1,000,000 rows it makes 3,000,000, 3.1 GB: what bench/README.md builds under a limit of memory.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson

SHIFTS = (1, 7919, 104729)
"""How far behind a row the one stands that it is joined with."""


def write_overlapping(corpus: Path, out: Path) -> int:
    """Write the joined rows; returns how many. The corpus is held in memory."""
    rows = [orjson.loads(line)["messages"] for line in corpus.read_bytes().splitlines()]
    number = 0
    with open(out, "wb") as file:
        for shift in SHIFTS:
            for at, turns in enumerate(rows):
                more = [turn for turn in rows[(at + shift) % len(rows)] if turn["role"] != "system"]
                file.write(orjson.dumps({"id": number, "messages": turns + more}) + b"\n")
                number += 1
    return number


if __name__ == "__main__":
    print(write_overlapping(Path(sys.argv[1]), Path(sys.argv[2])))
