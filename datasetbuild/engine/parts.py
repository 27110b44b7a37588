"""The files of an artifact, part by part: which records stand in which file is decided here, and written by workers.

A split is cut into a power of two of parts by the leading bits of each row's draw, about 32k rows a part, so that one
worker holds one part. A part gathers its rows from the memory-mapped shards; nothing is sorted on disk.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.local import Engine
from datasetbuild.hashing import chance, digest, file_digest
from datasetbuild.plan.steps import Plan
from datasetbuild.record import Fate
from datasetbuild.stages.write import (
    DATA_COLUMNS,
    TOKEN_COLUMNS,
    narrow_messages,
    token_columns,
    write_messages_jsonl,
    write_parquet,
)

PART_ROWS = 32_768

ORDER_COLUMNS = ("at", "place", "pos", "id", "source", "file", "row", "license", "copy")


@dataclass(frozen=True)
class PartTask:
    """One part of one split. order: digest of a frame with `ORDER_COLUMNS`, one row per output row.

    shards: place -> (records digest, rendered digest or None). fields: message fields and columns in use anywhere in the
    build, so that every part has the same schema. max_tokens: where to truncate, or None.
    """

    cache: Path
    order: str
    shards: tuple[tuple[int, str, str | None], ...]
    fields: frozenset[str]
    tokens: bool
    max_tokens: int | None
    parquet: Path
    jsonl: Path


@dataclass(frozen=True)
class Part:
    """What a worker wrote: sizes and digests of the two files, and trained tokens lost to truncation."""

    rows: int
    parquet_sha256: str
    jsonl_sha256: str
    trained_lost: int


def write_artifact(
    plan: Plan, cache: Cache, engine: Engine, pieces: Sequence[Piece], rows: pl.DataFrame, folder: Path
) -> tuple[dict[str, dict[str, Any]], str, int]:
    """Write `data/` (and `export/messages/`) into a folder.

    rows: the decided key plane. Returns the files (path -> sha256, bytes, rows), the digest over the records, and the
    trained tokens lost to truncation.
    """
    fields = frozenset(field for piece in pieces for field in piece.measured.fields)
    tasks: list[tuple[str, PartTask]] = []
    for split in plan.fractions:
        ordered = _ordered(rows, split, plan.seed)
        tasks += [(split, task) for task in _tasks(plan, cache, pieces, ordered, split, folder, fields)]
    for sub in ("data", "jsonl"):
        (folder / sub).mkdir(parents=True, exist_ok=True)
    written = list(engine.map(write_part, [task for _, task in tasks]))
    files: dict[str, dict[str, Any]] = {}
    for (_, task), part in zip(tasks, written, strict=True):
        name = task.parquet.relative_to(folder).as_posix()
        files[name] = {"sha256": part.parquet_sha256, "bytes": task.parquet.stat().st_size, "rows": part.rows}
    if "messages" in plan.export:
        files |= _join_jsonl(folder, tasks, written)
    shutil.rmtree(folder / "jsonl")
    records = digest([[split, part.rows, part.jsonl_sha256] for (split, _), part in zip(tasks, written, strict=True)])
    return files, records, sum(part.trained_lost for part in written)


def write_part(task: PartTask) -> Part:
    """Gather, tokenize (from what was rendered) and write one part."""
    cache = Cache(task.cache)
    order = cache.frame(task.order)
    parts = [_gather(cache, order.filter(pl.col("place") == place), *digests) for place, *digests in task.shards]
    frame = pl.concat(parts).sort("at").drop("at") if parts else _empty(order)
    lost = 0
    if task.tokens:
        frame, lost = token_columns(frame, task.max_tokens)
    frame = frame.with_columns(narrow_messages(frame["messages"], {f.removeprefix("messages.") for f in task.fields}))
    write_messages_jsonl(frame, task.jsonl)
    always = {"id", "messages", "source", "file", "row", "copy", "license", "tokens", "trained_tokens"}
    wanted = [c for c in DATA_COLUMNS if c in frame.columns and (c in always | task.fields or c in TOKEN_COLUMNS)]
    write_parquet(frame.select(wanted), task.parquet)
    return Part(len(frame), file_digest(task.parquet), file_digest(task.jsonl), lost)


def _ordered(rows: pl.DataFrame, split: str, seed: int) -> pl.DataFrame:
    """The output rows of a split in their order, with the draw that gave it."""
    kept = rows.filter((pl.col("fate") == Fate.KEPT.value) & (pl.col("split") == split))
    repeated = kept.select(
        "place", "pos", "id", "key", "source", "file", "row", "license", pl.int_ranges("copies", dtype=pl.UInt32).alias("copy")
    ).explode("copy", empty_as_null=False)
    with np.errstate(over="ignore"):
        keys = repeated["key"].to_numpy() + repeated["copy"].to_numpy().astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    draws = pl.Series("draw", chance(seed, "order", keys), dtype=pl.UInt64)
    return repeated.with_columns(draws).sort("draw", "id", "copy").with_row_index("at")


def _tasks(
    plan: Plan,
    cache: Cache,
    pieces: Sequence[Piece],
    ordered: pl.DataFrame,
    split: str,
    folder: Path,
    fields: frozenset[str],
) -> list[PartTask]:
    count = 1 << max(0, (max(len(ordered), 1) - 1) // PART_ROWS).bit_length()
    part_of = (ordered["draw"].to_numpy() >> np.uint64(64 - count.bit_length() + 1)) if count > 1 else np.zeros(len(ordered))
    edges = np.searchsorted(part_of, np.arange(count + 1))
    tasks = []
    for n in range(count):
        order = ordered[int(edges[n]) : int(edges[n + 1])].select(ORDER_COLUMNS)
        places = set(order["place"].unique())
        shards = tuple((p.place, p.measured.records, p.measured.rendered) for p in pieces if p.place in places)
        name = f"{split}-{n:05d}-of-{count:05d}"
        tasks.append(
            PartTask(
                cache=cache.root,
                order=cache.store_frame(order),
                shards=shards,
                fields=fields,
                tokens="tokens" in plan.export and plan.template is not None,
                max_tokens=plan.truncate_at,
                parquet=folder / "data" / f"{name}.parquet",
                jsonl=folder / "jsonl" / f"{name}.jsonl",
            )
        )
    return tasks


def _gather(cache: Cache, order: pl.DataFrame, records: str, rendered: str | None) -> pl.DataFrame:
    """The rows of one shard that a part wants, with their provenance and, where they were rendered, their tokens."""
    columns = ["row", "messages", "tools", "group", "category", "date", "meta"]
    mine = cache.frame(records, columns)[order["pos"]].rename({"row": "shard_row"})
    frame = pl.concat([order.drop("place", "pos"), mine], how="horizontal")
    if rendered is None:
        return frame.drop("shard_row")
    tokens = cache.frame(rendered).rename({"row": "shard_row"})
    return frame.join(tokens, on="shard_row", how="left", maintain_order="left").drop("shard_row")


def _empty(order: pl.DataFrame) -> pl.DataFrame:
    from datasetbuild.record import record_schema

    schema = record_schema()
    extra = {name: schema[name] for name in ("messages", "tools", "group", "category", "date", "meta")}
    extra |= {"input_ids": pl.List(pl.Int32), "spans": pl.List(pl.UInt32)}
    return order.drop("place", "pos", "at").with_columns(pl.lit(None, dtype=dtype).alias(name) for name, dtype in extra.items())


def _join_jsonl(folder: Path, tasks: list[tuple[str, PartTask]], written: list[Part]) -> dict[str, dict[str, Any]]:
    """`export/messages/SPLIT.jsonl`, the parts one after the other."""
    target = folder / "export" / "messages"
    target.mkdir(parents=True)
    files: dict[str, dict[str, Any]] = {}
    for split in dict.fromkeys(split for split, _ in tasks):
        mine = [(task, part) for (name, task), part in zip(tasks, written, strict=True) if name == split]
        path = target / f"{split}.jsonl"
        with open(path, "wb") as file:
            for task, _ in mine:
                with open(task.jsonl, "rb") as piece:
                    shutil.copyfileobj(piece, file, 1 << 20)
        rows = sum(part.rows for _, part in mine)
        files[path.relative_to(folder).as_posix()] = {"sha256": file_digest(path), "bytes": path.stat().st_size, "rows": rows}
    return files
