"""Rows that are kept, as Arrow files named after their bytes: those of files that cannot be entered in the middle.

The rows of small neighbours stand in one: to write and read one costs 0.6 ms of CPU, whatever it holds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path

from datasetbuild.errors import MismatchError
from datasetbuild.hashing import Digest
from datasetbuild.stages.read.files import shown
from datasetbuild.stages.read.rows import RawRows, RawShard

SMALL = 4
"""What fills less than the `SMALL`th part of a shard, below which no shard of a large file ends, is small."""


class Blobs:
    """The blobs of some files that are cut together. The `blob` of a small shard is a number until all are cut: see `named`."""

    def __init__(self, folder: Path, project: Path, limits: tuple[int, int]) -> None:
        """limits: bytes and rows of a shard."""
        self._folder, self._project, self._limits = folder, project, limits
        self._names: dict[str | None, str] = {}
        self._open: list[RawRows] = []
        self._bytes = self._rows = 0  # of those in `_open`

    def keep(self, shard: RawShard, rows: RawRows) -> RawShard:
        """The shard, with the place where its rows are kept."""
        if max(shard.bytes / self._limits[0], shard.rows / self._limits[1]) >= 1 / SMALL:
            return replace(shard, blob=self._write(rows))
        kept = replace(shard, blob=str(len(self._names)), at=self._rows)
        self._open.append(rows)
        self._bytes, self._rows = self._bytes + shard.bytes, self._rows + shard.rows
        if self._bytes >= self._limits[0] or self._rows >= self._limits[1]:
            self._close()
        return kept

    def named(self, shards: Sequence[RawShard]) -> list[RawShard]:
        """The shards with the names of their blobs, all of which are written by then."""
        self._close()
        return [replace(shard, blob=self._names.get(shard.blob, shard.blob)) for shard in shards]

    def _close(self) -> None:
        if self._open:
            self._names[str(len(self._names))] = self._write(joined(self._open))
        self._open, self._bytes, self._rows = [], 0, 0

    def _write(self, rows: RawRows) -> str:
        """A file of these rows, named after its bytes, so that these are known to be whole before Arrow is given them."""
        import polars as pl
        import pyarrow as pa

        columns = {
            "line": rows.lines,
            "raw": rows.raws,
            "reason": [fault and fault[0] for fault in rows.faults],
            "detail": [fault and fault[1] for fault in rows.faults],
        }
        kinds = {"line": pl.UInt32, "raw": pl.Binary, "reason": pl.String, "detail": pl.String}
        table = pl.DataFrame(columns, schema=kinds).to_arrow(compat_level=pl.CompatLevel.oldest())
        memory = pa.BufferOutputStream()
        with pa.ipc.new_file(memory, table.schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as out:
            out.write_table(table)
        return shown(self._publish(memoryview(memory.getvalue())), self._project)

    def _publish(self, data: memoryview) -> Path:
        target = self._folder / f"{Digest().update(data).name()}.arrow"
        if not target.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            draft = target.with_name(f".{target.name}.{os.getpid()}")
            try:
                draft.write_bytes(data)
                os.replace(draft, target)
            finally:
                draft.unlink(missing_ok=True)
        return target


def sound(blob: Path) -> bool:
    """Whether a blob is there, and its bytes are the ones that were written."""
    return blob.is_file() and Digest().update_file(blob).name() == blob.stem


def rows_of_blob(blob: str, shards: Sequence[RawShard], project: Path) -> list[RawRows]:
    """The rows of some shards, all of one blob. `MismatchError` when it is gone or damaged."""
    import pyarrow as pa

    place = project / blob
    if not sound(place):
        shutil.rmtree(place) if place.is_dir() else place.unlink(missing_ok=True)  # so that the next build cuts its files again
        raise MismatchError(f"the cached rows of {shards[0].file} are gone or damaged ({blob})", hint="run again")
    with pa.OSFile(str(place), "rb") as source, pa.ipc.open_file(source) as stream:
        table = stream.read_all()
    lines, raws, reasons, details = (table[name].to_pylist() for name in ("line", "raw", "reason", "detail"))
    faults = [(reason, detail) if reason else None for reason, detail in zip(reasons, details, strict=True)]
    spans = [slice(shard.at, shard.at + shard.rows) for shard in shards]
    return [RawRows(lines[span], raws[span], faults[span]) for span in spans]


def joined(parts: Sequence[RawRows]) -> RawRows:
    """Rows below one another."""
    if len(parts) == 1:
        return parts[0]
    return RawRows(*([*chain.from_iterable(column)] for column in zip(*((one.lines, one.raws, one.faults) for one in parts), strict=True)))
