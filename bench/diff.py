"""Seconds and memory of `dsbuild diff` between two versions with a million rows each, made here without a build.

    python bench/diff.py [ROWS]

Two sources, one keyed and one not, ten facts, a near-duplicate in twenty rows. The second version has one row in a
hundred edited, one in a hundred gone, one in a hundred new, a bound raised that drops one row in fourteen, and another
weight, so that more than one row in ten differs and every kind of cause is looked for. Texts are not read: `diff` reads
them for the rows that it shows.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import datasetbuild.builtin  # noqa: F401  (rules are judged again)
from datasetbuild.artifact.diff.document import compare
from datasetbuild.artifact.diff.sides import Side
from datasetbuild.artifact.manifest import MANIFEST_VERSION, parse_manifest, pretty_json

FACTS = [f"fact_{n}" for n in range(9)]
SOURCES = ("keyed", "plain")


def ledger(ids: np.ndarray, seed: np.ndarray, low: int, weight: float) -> pl.DataFrame:
    """A ledger as a build writes it. ids, seed: uint64 of each row, what its values are drawn from."""
    rows = len(ids)
    chars = (seed % 700).astype(np.uint32)
    twin = (seed >> 9) % 20 == 0
    split = np.where((ids >> 20) % 10 == 0, "validation", "train")
    copies = np.where((split == "train") & (((ids >> 33) % 100) < weight * 100), 2, 1).astype(np.uint32)
    frame = pl.DataFrame({"n": ids, "chars": chars, "twin": twin, "split": split, "copies": copies}).with_columns(
        id=pl.col("n").cast(pl.String).str.zfill(24),
        source=pl.when(pl.int_range(rows) < rows // 2).then(pl.lit(SOURCES[0])).otherwise(pl.lit(SOURCES[1])),
    )
    short, dropped = pl.col("chars") < low, pl.col("twin")
    frame = frame.with_columns(
        file=pl.col("source") + ".jsonl",
        row=pl.int_range(pl.len()).over("source"),
        line=pl.int_range(1, pl.len() + 1).over("source"),
        fate=pl.when(short | dropped).then(pl.lit("dropped")).otherwise(pl.lit("kept")),
        stage=pl.when(short).then(pl.lit("filter")).when(dropped).then(pl.lit("dedup")),
        reason=pl.when(short).then(pl.lit("below_min")).when(dropped).then(pl.lit("near_duplicate")),
        rule=pl.when(short).then(pl.lit("response_chars")),
        duplicate_of=pl.when(~short & dropped).then(pl.col("id").shift(1).fill_null(pl.col("id").last())),
        similarity=pl.when(~short & dropped).then(0.91),
        tokens=pl.col("chars") // 4 + 10,
        trained_tokens=pl.col("chars") // 5,
        license=pl.lit("CC0-1.0"),
        response_chars=pl.col("chars"),
        category=pl.concat_str(pl.lit("c"), pl.col("n") % 7),
    )
    frame = frame.with_columns(
        split=pl.when(pl.col("fate") == "kept").then("split"),
        copies=pl.when(pl.col("fate") == "kept").then("copies").otherwise(0).cast(pl.UInt32),
        twin=pl.col("duplicate_of"),
        content=pl.when(pl.col("source") == SOURCES[0]).then(pl.col("chars").cast(pl.String).str.zfill(16)),
        **{name: ((pl.col("chars") * (place + 3)) % 997).cast(pl.Float64) / 997 for place, name in enumerate(FACTS)},
    )
    return frame.drop("n", "chars")


def manifest(frame: pl.DataFrame, mark: str, low: int, weight: float) -> dict[str, Any]:
    """As much of a manifest as a comparison reads."""
    kept = frame.filter(pl.col("fate") == "kept")
    files = {name: [{"file": f"{name}.jsonl", "sha256": f"{name}{mark}", "bytes": len(frame)}] for name in SOURCES}
    sources = {name: {"files": files[name], "params": {"key": "id" if name == "keyed" else None}} for name in SOURCES}
    mix = {"weights": {"keyed": 0.5, "plain": weight}, "unit": "rows", "total": None, "max_repeat": 4, "caps": {}}
    counts = [{"source": name, "in": 0, "kept": 0} for name in SOURCES]
    parts = {
        "seed": 17,
        "sources": sources,
        "filters": {"response_chars": {"min": low}},
        "dedup": {"keep": [], "near": {"params": {"threshold": 0.9}}},
        "split": {"params": {"group": [], "train": 0.9, "validation": 0.1}},
        "mix": {"params": mix},
    }
    return {
        "format_version": MANIFEST_VERSION,
        "name": "bench",
        "recipe": "bench",
        "key": mark,
        "records": mark,
        "parts": parts,
        "sources": sources,
        "bounds": {"response_chars": {"min": low}},
        "counts": {"sources": [*counts, {"source": "total", "in": len(frame), "kept": len(kept)}], "reasons": []},
        "splits": {name: {"records": 0, "rows": 0} for name in ("train", "validation")},
        "mix": {"shares": []},
        "tokens": {"total": int(kept["tokens"].sum())},
        "files": {"ledger.parquet": {"sha256": mark}},
    }


def versions(rows: int, folder: Path) -> None:
    """Two versions, written as ledgers."""
    rng = np.random.default_rng(7)
    ids = rng.integers(1, 2**63, rows, dtype=np.uint64)
    edited, gone = rng.random(rows) < 0.01, rng.random(rows) < 0.01
    later, seed = ids.copy(), ids.copy()
    seed[edited] += np.uint64(37)
    unnamed = edited & (np.arange(rows) >= rows // 2)
    later[unnamed] = rng.integers(1, 2**63, int(unnamed.sum()), dtype=np.uint64)
    places = np.sort(rng.integers(0, rows, rows // 100))
    fresh = rng.integers(1, 2**63, len(places), dtype=np.uint64)
    places = places.clip(0, int((~gone).sum()))
    later, seed = np.insert(later[~gone], places, fresh), np.insert(seed[~gone], places, fresh)
    for mark, low, weight, these, seeds in (("1", 100, 0.5, ids, ids), ("2", 150, 0.6, later, seed)):
        frame = ledger(these, seeds, low, weight)
        (folder / mark).mkdir()
        frame.write_parquet(folder / mark / "ledger.parquet")
        (folder / mark / "manifest.json").write_bytes(pretty_json(manifest(frame, mark, low, weight)))


def measure(folder: Path) -> None:
    """Compare the two versions in this process, and print what it cost."""
    sides = [
        Side(mark, mark, parse_manifest((folder / mark / "manifest.json").read_bytes()), folder / mark) for mark in "12"
    ]
    started, cpu = time.perf_counter(), time.process_time()
    document = compare(*sides, need_rows=True).document
    took, work = time.perf_counter() - started, time.process_time() - cpu
    print(document["totals"])
    for line in document["causes"]:
        print(f"{line['rows']:>10,}  {line['cause']}  {line['detail'] or ''}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{took:.1f} s, {work:.1f} CPU s, {peak:.2f} GB at most")


def main() -> None:
    """Make the versions, then compare them in a process of its own, whose memory is that of the comparison alone."""
    if sys.argv[1:2] == ["--measure"]:
        measure(Path(sys.argv[2]))
        return
    with tempfile.TemporaryDirectory() as folder:
        versions(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000, Path(folder))
        subprocess.run([sys.executable, __file__, "--measure", folder], check=True)


if __name__ == "__main__":
    main()
