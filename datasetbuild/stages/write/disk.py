"""The folder that `datasets.load_from_disk` reads, written without `datasets`: Arrow stream files and three JSON files.

`DatasetDict.save_to_disk` puts a fingerprint of the process's history into `state.json`; here it is a digest of the
rows, so that the same rows are the same folder.
"""

from __future__ import annotations

from pathlib import Path

import orjson
import polars as pl

from datasetbuild.hashing import digest
from datasetbuild.stages.write.parquet import plain_table

FEATURES = {
    "input_ids": "int32",
    "labels": "int32",
    "assistant_masks": "int8",
    "attention_mask": "int8",
    "loss_weights": "float32",
}
"""Token columns and what their lists hold."""

ALONE = {"row_weight": {"dtype": "float32", "_type": "Value"}}
"""Columns with one value a row."""


def write_arrow(frame: pl.DataFrame, path: Path) -> None:
    """One Arrow stream file, uncompressed, so that it can be mapped into memory."""
    import pyarrow as pa

    table = plain_table(frame)
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_stream(file, table.schema) as writer:
        writer.write_table(table)


def write_books(folder: Path, splits: dict[str, list[tuple[str, str, int]]], columns: tuple[str, ...]) -> list[Path]:
    """The JSON files around the Arrow files. splits: name -> (file name, sha256, rows) of each. Returns what was written."""
    features: dict[str, object] = {
        name: ALONE.get(name) or {"feature": {"dtype": FEATURES[name], "_type": "Value"}, "_type": "Sequence"}
        for name in columns
    }
    written = []
    for split, files in splits.items():
        state: dict[str, object] = {
            "_data_files": [{"filename": name} for name, _, _ in files],
            "_fingerprint": digest([list(columns), [[sha, rows] for _, sha, rows in files]])[:16],
            "_format_columns": None,
            "_format_kwargs": {},
            "_format_type": None,
            "_output_all_columns": False,
            "_split": split,
        }
        info = {"citation": "", "description": "", "features": features, "homepage": "", "license": ""}
        for name, value in (("state.json", state), ("dataset_info.json", info)):
            written.append(_write(folder / split / name, value))
    written.append(_write(folder / "dataset_dict.json", {"splits": list(splits)}))
    return written


def _write(path: Path, value: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return path
