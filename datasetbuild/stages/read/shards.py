"""A file cut into shards, and a shard loaded again, verified.

Plain JSON Lines is referred to by byte spans: nothing is copied, and a shard is loaded at the speed of the disk.
Everything else is read once and kept as Arrow IPC blobs, because a gzip or a CSV file cannot be entered in the middle.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import xxhash

from datasetbuild.errors import MismatchError, SourceError
from datasetbuild.hashing import Digest
from datasetbuild.stages.read import jsonl
from datasetbuild.stages.read.boundaries import SHARD_BYTES, SHARD_ROWS, Boundaries
from datasetbuild.stages.read.container import Input, inspect
from datasetbuild.stages.read.files import shown
from datasetbuild.stages.read.lines import head, oversize
from datasetbuild.stages.read.readers import Reader, Settings, reader_for, rows_of
from datasetbuild.stages.read.regroup import regrouped
from datasetbuild.stages.read.rows import MAX_ROW_BYTES, RawRows, RawShard, Row

BATCH_ROWS, BATCH_BYTES = 4096, 4 << 20


def cut(
    path: Path,
    *,
    project: Path,
    folder: Path,
    reader: Reader | None = None,
    encoding: str | None = None,
    records: str | None = None,
    delimiter: str | None = None,
    max_row_bytes: int = MAX_ROW_BYTES,
    level: int | Literal["auto"] = "auto",
    regroup: dict[str, Any] | None = None,
    name: str | None = None,
    shard_bytes: int = SHARD_BYTES,
    shard_rows: int = SHARD_ROWS,
) -> list[RawShard]:
    """The shards of a file, in order. Blobs go into `folder`, named after their digest, each by one rename.

    regroup: how the file's rows are put together, see `regroup`. name: what people know the file by, when that is not
    its path.
    """
    input, kind = _opened(path, project, name, reader, encoding, records, regroup)
    boundaries = Boundaries(shard_bytes, shard_rows)
    if _by_spans(input, kind, regroup):
        return [
            _spanned(span, input, project, folder, max_row_bytes)
            for span in jsonl.spans(input, boundaries, max_row_bytes)
        ]
    rows = rows_of(kind, input, Settings(records, delimiter, max_row_bytes, level))
    if regroup and kind != "squad":
        rows = regrouped(rows, regroup)
    shards: list[RawShard] = []
    with _decoded(input):
        for shard in _split(rows, boundaries, max_row_bytes):
            first_row = shards[-1].first_row + shards[-1].rows if shards else 0
            shards.append(_blob(shard, input.file, first_row, project, folder))
    return shards


def by_spans(
    path: Path,
    *,
    project: Path,
    reader: Reader | None = None,
    encoding: str | None = None,
    records: str | None = None,
    regroup: dict[str, Any] | None = None,
    name: str | None = None,
    **others: Any,
) -> bool:
    """Whether `cut` refers to a file by the spans of its lines, in the time that it takes to look at its bytes. Options: as for
    `cut`."""
    del others  # they say how it is cut, and not whether
    return _by_spans(*_opened(path, project, name, reader, encoding, records, regroup), regroup)


def _opened(
    path: Path,
    project: Path,
    name: str | None,
    reader: Reader | None,
    encoding: str | None,
    records: str | None,
    regroup: dict[str, Any] | None,
) -> tuple[Input, Reader]:
    input = inspect(path, name or shown(path, project), encoding)
    with _decoded(input):
        return input, reader_for(input, reader, records, regroup)


def _by_spans(input: Input, kind: Reader, regroup: dict[str, Any] | None) -> bool:
    return kind == "jsonl" and input.plain and not regroup


@contextmanager
def _decoded(input: Input) -> Iterator[None]:
    """What reads the file's text here meets no byte that its encoding has not, or a `SourceError` says so."""
    try:
        yield
    except UnicodeError as error:
        found = str(error)
        if isinstance(error, UnicodeDecodeError):
            found = f"{error.reason} (bytes {error.object[error.start : error.start + 4]!r})"
        raise SourceError(
            f"{input.file} is not valid {input.encoding}: {found}", hint="declare its encoding: `encoding: cp1252`"
        ) from error


def load(shards: Sequence[RawShard], project: Path) -> RawRows:
    """The rows of some shards below one another; `MismatchError` when they are not what was cut."""
    found: list[RawRows] = []
    faults: list[MismatchError] = []
    for shard in shards:
        try:
            found.append(_load(shard, project))
        except MismatchError as error:  # of a damaged blob, which is gone now: so that all of them go at once
            faults.append(error)
    if faults:
        raise faults[0]
    if len(found) == 1:
        return found[0]
    columns = ([*chain.from_iterable(column)] for column in zip(*((one.lines, one.raws, one.faults) for one in found), strict=True))
    return RawRows(*columns)


def _load(shard: RawShard, project: Path) -> RawRows:
    if shard.span is not None:
        path = project / (shard.path or shard.file)
        data = jsonl.bytes_of(path, *shard.span) if path.exists() else b""
        if Digest().update(data).name() != shard.digest:
            raise MismatchError(f"{shard.file} changed while the build was reading it", hint="run again")
        return jsonl.rows_of_span(data)
    blob = project / str(shard.blob)
    if not sound(blob):
        shutil.rmtree(blob) if blob.is_dir() else blob.unlink(missing_ok=True)  # so that the next build cuts its file again
        raise MismatchError(f"the cached rows of {shard.file} are gone or damaged ({shard.blob})", hint="run again")
    return _rows_of_blob(blob)


def _spanned(span: jsonl.Span, input: Input, project: Path, folder: Path, limit: int) -> RawShard:
    if span.oversize:
        rows = [*jsonl.rows_in(jsonl.section(input.path, span.start, span.stop), limit)]
        lifted = [Row(row.line + span.first_line - 1, row.raw, row.fault) for row in rows]
        return _blob(lifted, input.file, span.first_row, project, folder)
    place = shown(input.path, project)
    return RawShard(
        input.file,
        span.rows,
        span.first_row,
        span.first_line,
        span.stop - span.start,
        span.digest.name(),
        span=(span.start, span.stop),
        path=place if place != input.file else None,
    )


def _split(rows: Iterable[Row], boundaries: Boundaries, limit: int) -> Iterator[list[Row]]:
    """Rows, shard by shard."""
    shard: list[Row] = []
    for batch in _batches(rows, limit):
        sizes = np.fromiter((len(row.raw) for row in batch), np.int64, len(batch))
        hashes = np.fromiter((xxhash.xxh3_64_intdigest(row.raw) for row in batch), np.uint64, len(batch))
        done = 0
        for begin in boundaries.feed(sizes, hashes):
            shard += batch[done:begin]
            yield shard
            shard, done = [], begin
        shard += batch[done:]
    if shard:
        yield shard


def _batches(rows: Iterable[Row], limit: int) -> Iterator[list[Row]]:
    batch: list[Row] = []
    size = 0
    for row in rows:
        if len(row.raw) > limit:
            row = (
                oversize(row.line, row.raw, len(row.raw), limit)
                if row.fault is None
                else row._replace(raw=head(row.raw, limit))
            )
        batch.append(row)
        size += len(row.raw)
        if len(batch) >= BATCH_ROWS or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    yield batch


def _digest(rows: RawRows) -> str:
    """Of positions, lengths, bytes and faults, framed so that no two shards share a text."""
    state = Digest().update(b"rows\x01%d\n" % len(rows))
    state.update(np.array(rows.lines, "<u4").tobytes())
    state.update(np.fromiter(map(len, rows.raws), "<u8", len(rows)).tobytes())
    state.update(b"".join(rows.raws))
    if any(rows.faults):
        state.update(orjson.dumps(rows.faults))
    return state.name()


def _blob(rows: list[Row], file: str, first_row: int, project: Path, folder: Path) -> RawShard:
    first_line = rows[0].line
    raw_rows = RawRows([row.line - first_line for row in rows], [row.raw for row in rows], [row.fault for row in rows])
    blob, size = shown(_write_blob(raw_rows, folder), project), sum(map(len, raw_rows.raws))
    return RawShard(file, len(rows), first_row, first_line, size, _digest(raw_rows), blob=blob)


def _write_blob(rows: RawRows, folder: Path) -> Path:
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
    data = memoryview(memory.getvalue())
    target = folder / f"{Digest().update(data).name()}.arrow"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
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


def _rows_of_blob(blob: Path) -> RawRows:
    import pyarrow as pa

    with pa.OSFile(str(blob), "rb") as source, pa.ipc.open_file(source) as stream:
        table = stream.read_all()
    lines, raws, reasons, details = (table[name].to_pylist() for name in ("line", "raw", "reason", "detail"))
    return RawRows(lines, raws, [(reason, detail) if reason else None for reason, detail in zip(reasons, details, strict=True)])
