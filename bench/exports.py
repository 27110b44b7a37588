"""Rows per CPU second of every export: 100k seeded two-turn conversations, lowered, encoded and compressed in this process.

    python bench/exports.py [ROWS]

Times are CPU times of one process with one polars thread, the best of three runs. `plain` rows have role and content
and nothing else; of `mixed` rows every tenth has a weight, which is lowered or written by the profile's own rule.

Slower than half of the fastest, and why: `alpaca` makes a Python object of every row, since its keys differ from row to
row and polars writes every key in every row; `gzip` is zlib at level 6, five times the cost of all the rest; a record
that is lowered, or that holds more than role and content, becomes a Python object too (70 to 150 us each).
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ["POLARS_MAX_THREADS"] = "1"

import numpy as np
import polars as pl

import datasetbuild.builtin  # noqa: F401
from datasetbuild.engine.exports import Place, write_exports
from datasetbuild.op import operators
from datasetbuild.plan.steps import ExportStep
from datasetbuild.record import MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.write import token_columns
from datasetbuild.stages.write.carry import Lines
from datasetbuild.stages.write.seal import SealTask, deal, seal

PART_ROWS = 32_768
RULES = {"on_weight": ("full", "round")}


def conversations(count: int, weighed: bool) -> pl.DataFrame:
    """Records as a part holds them: two turns of 20 and 60 words, with tokens and text."""
    rng = np.random.default_rng(7)
    words = np.array(
        [f"word{n}" for n in range(900)] + ['"quoted"', "naïve", "日本", "back\\slash", "line\nbreak", "🙂"]
    )

    def texts(length: int) -> list[str]:
        return [" ".join(row) for row in words[rng.integers(0, len(words), (count, length))]]

    def turn(role: str, content: str, weight: float | None) -> dict[str, Any]:
        return dict.fromkeys(MESSAGE_FIELDS) | {"role": role, "content": content, "weight": weight}

    asked, answered = texts(20), texts(60)
    weights = [0.5 if weighed and n % 10 == 0 else None for n in range(count)]
    turns = [[turn("user", a, None), turn("assistant", b, w)] for a, b, w in zip(asked, answered, weights, strict=True)]
    ids = rng.integers(0, 32_000, (count, 120)).astype(np.int32)
    frame = pl.DataFrame(
        {
            "at": np.arange(count),
            "id": [f"{n:024x}" for n in range(count)],
            "source": "bench",
            "file": "bench.jsonl",
            "row": np.arange(count),
            "line": np.arange(1, count + 1),
            "messages": pl.Series(turns, dtype=messages_dtype()),
            "tools": pl.Series([None] * count, dtype=pl.String),
            "text": pl.Series([f"{a}{b}" for a, b in zip(asked, answered, strict=True)]),
            "input_ids": pl.Series(ids, dtype=pl.Array(pl.Int32, 120)).cast(pl.List(pl.Int32)),
            "spans": pl.Series([[30, 120]] * count, dtype=pl.List(pl.UInt32)),
        }
    )
    return token_columns(frame, weights=False)


def cost(step: ExportStep, parts: list[pl.DataFrame], fields: frozenset[str]) -> float:
    """CPU seconds for all parts, joined and compressed."""
    with tempfile.TemporaryDirectory() as folder:
        draft = Path(folder)
        started = time.process_time()
        placed = []
        for number, part in enumerate(parts):
            place = Place(draft, "train", number, len(parts))
            (written,) = write_exports([step], part, place, fields)
            placed.append((place, written))
        form = step.open().form
        if isinstance(form, Lines):
            strips = deal([(place.lines(step.folder), written.rows) for place, written in placed], 1)
            seal(SealTask(strips[0], draft / "train.jsonl", form.compression, len(parts)))
        return time.process_time() - started


def steps() -> list[tuple[str, ExportStep]]:
    """Every profile with its defaults and the first rule that lowers weights, and its forms."""
    found = []
    for op in operators("profile"):
        rules = {
            name: next(rule for rule in RULES[name] if rule in op.parameters[name].schema["enum"])
            for name in RULES
            if name in op.parameters
        }
        found.append((op.name, ExportStep(op.name, op.name, op.fill(rules))))
        if "rows" in op.parameters:
            found.append((f"{op.name}, tokens", ExportStep(op.name, op.name, op.fill(rules | {"rows": "tokens"}))))
    for codec in ("gzip", "zstd"):
        op = next(op for op in operators("profile") if op.name == "messages")
        found.append((f"messages, {codec}", ExportStep("messages", "messages", op.fill({"compression": codec}))))
    return found


def main(rows: int) -> None:
    print(f"{rows} rows; rows per CPU second, microseconds a row")
    print(f"{'export':<26}{'plain rows/s':>14}{'us':>8}{'mixed rows/s':>14}{'us':>8}")
    kinds = []
    for weighed in (False, True):
        frame = conversations(rows, weighed)
        fields = frozenset({"messages.weight"} if weighed else ())
        kinds.append(([frame.slice(start, PART_ROWS) for start in range(0, rows, PART_ROWS)], fields))
    for name, step in steps():
        cells = ""
        for parts, fields in kinds:
            best = min(cost(step, parts, fields) for _ in range(3))
            cells += f"{rows / best:>14,.0f}{best / rows * 1e6:>8.2f}"
        print(f"{name:<26}{cells}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
