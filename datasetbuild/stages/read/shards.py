"""A file cut into shards, and a shard loaded again, verified.

Plain JSON Lines is referred to by byte spans: nothing is copied, and a shard is loaded at the speed of the disk.
Everything else is read once and kept as Arrow IPC blobs, because a gzip or a CSV file cannot be entered in the middle.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any, Literal

import numpy as np
import orjson
import xxhash

from datasetbuild.errors import MismatchError, SourceError
from datasetbuild.hashing import Digest
from datasetbuild.stages.read import jsonl
from datasetbuild.stages.read.blobs import Blobs, joined, rows_of_blob
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
    blobs: Blobs | None = None,
) -> list[RawShard]:
    """The shards of a file, in order. Blobs go into `folder`, named after their digest, each by one rename.

    regroup: how the file's rows are put together, see `regroup`. name: what people know the file by, when that is not
    its path. blobs: of several files that are cut together, to be asked for the names of theirs.
    """
    kept = blobs or Blobs(folder, project, (shard_bytes, shard_rows))
    input, kind = _opened(path, project, name, reader, encoding, records, regroup)
    boundaries = Boundaries(shard_bytes, shard_rows)
    if _by_spans(input, kind, regroup):
        shards = [_spanned(span, input, project, kept, max_row_bytes) for span in jsonl.spans(input, boundaries, max_row_bytes)]
    else:
        rows = rows_of(kind, input, Settings(records, delimiter, max_row_bytes, level))
        if regroup and kind != "squad":
            rows = regrouped(rows, regroup)
        shards = []
        with _decoded(input):
            for shard in _split(rows, boundaries, max_row_bytes):
                first_row = shards[-1].first_row + shards[-1].rows if shards else 0
                shards.append(_kept(shard, input.file, first_row, kept))
    return shards if blobs else kept.named(shards)


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
    for blob, run in groupby(shards, key=attrgetter("blob")):
        mine = [*run]
        try:
            found += rows_of_blob(blob, mine, project) if blob else [_in_place(shard, project) for shard in mine]
        except MismatchError as error:  # of a damaged blob, which is gone now: so that all of them go at once
            faults.append(error)
    if faults:
        raise faults[0]
    return joined(found)


def _in_place(shard: RawShard, project: Path) -> RawRows:
    """The rows of a shard of plain JSON Lines."""
    path = project / (shard.path or shard.file)
    assert shard.span is not None
    data = jsonl.bytes_of(path, *shard.span) if path.exists() else b""
    if Digest().update(data).name() != shard.digest:
        raise MismatchError(f"{shard.file} changed while the build was reading it", hint="run again")
    return jsonl.rows_of_span(data)


def _spanned(span: jsonl.Span, input: Input, project: Path, blobs: Blobs, limit: int) -> RawShard:
    if span.oversize:
        rows = [*jsonl.rows_in(jsonl.section(input.path, span.start, span.stop), limit)]
        lifted = [Row(row.line + span.first_line - 1, row.raw, row.fault) for row in rows]
        return _kept(lifted, input.file, span.first_row, blobs)
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


def _kept(rows: list[Row], file: str, first_row: int, blobs: Blobs) -> RawShard:
    first_line = rows[0].line
    raw_rows = RawRows([row.line - first_line for row in rows], [row.raw for row in rows], [row.fault for row in rows])
    size = sum(map(len, raw_rows.raws))
    return blobs.keep(RawShard(file, len(rows), first_row, first_line, size, _digest(raw_rows)), raw_rows)
