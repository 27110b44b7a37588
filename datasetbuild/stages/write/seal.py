"""Lines of several parts become the files of a split: joined in order, cut into shards, compressed to the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from itertools import islice, pairwise
from pathlib import Path
from typing import IO, BinaryIO, Literal, Protocol, cast

SUFFIX = {None: "", "gzip": ".gz", "zstd": ".zst"}
GZIP_LEVEL = 6
ZSTD_LEVEL = 3
BLOCK = 4096
"""Lines that are handed over at a time."""

PIECE = 1 << 18
"""Bytes that stay in the processor's cache from reading over hashing to writing: a third less than a megabyte at a time."""


@dataclass(frozen=True)
class Strip:
    """Lines of one part: from `start` to `stop` (exclusive) of the `lines` that the file has."""

    path: Path
    start: int
    stop: int
    lines: int


@dataclass(frozen=True)
class SealTask:
    """One file to be made of strips. rows: how many lines it gets."""

    strips: tuple[Strip, ...]
    target: Path
    compression: Literal["gzip", "zstd"] | None
    rows: int


@dataclass(frozen=True)
class Sealed:
    sha256: str
    bytes: int


def seal(task: SealTask) -> Sealed:
    """Write one file."""
    task.target.parent.mkdir(parents=True, exist_ok=True)
    with _Hashed(open(task.target, "wb")) as file, _compressed(file, task.compression) as sink:
        for strip in task.strips:
            with open(strip.path, "rb") as piece:
                if strip.stop - strip.start == strip.lines:
                    _pour(piece, sink)
                else:
                    lines = islice(piece, strip.start, strip.stop)
                    while block := b"".join(islice(lines, BLOCK)):
                        sink.write(block)
    return Sealed(file.digest.hexdigest(), task.target.stat().st_size)


class _Sink(Protocol):
    """Whatever bytes can be written to."""

    def write(self, data: bytes | memoryview, /) -> object: ...


def _pour(file: BufferedReader, sink: _Sink) -> None:
    """All that a file holds, through one piece of memory."""
    piece = memoryview(bytearray(PIECE))
    while count := file.readinto(piece):
        sink.write(piece[:count])


class _Hashed:
    """A file that is hashed as it is written, so that nobody reads it again."""

    def __init__(self, file: BinaryIO) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes | memoryview) -> int:
        self.digest.update(data)
        return self.file.write(data)

    def flush(self) -> None:
        self.file.flush()

    def __enter__(self) -> _Hashed:
        return self

    def __exit__(self, *about: object) -> None:
        self.file.close()


def shard_names(split: str, shards: int, compression: str | None) -> list[str]:
    """The names of a split's files: `train.jsonl`, or `train-00000-of-00004.jsonl.zst`."""
    if shards == 1:
        return [f"{split}.jsonl{SUFFIX[compression]}"]
    return [f"{split}-{n:05d}-of-{shards:05d}.jsonl{SUFFIX[compression]}" for n in range(shards)]


def deal(parts: Sequence[tuple[Path, int]], shards: int) -> list[tuple[Strip, ...]]:
    """The strips of each shard, so that shards differ by one row at most. parts: file and lines of each, in order."""
    total = sum(lines for _, lines in parts)
    edges = [total * n // shards for n in range(shards + 1)]
    dealt = []
    for low, high in pairwise(edges):
        strips, first = [], 0
        for path, lines in parts:
            start, stop = max(low - first, 0), min(high - first, lines)
            if start < stop:
                strips.append(Strip(path, start, stop, lines))
            first += lines
        dealt.append(tuple(strips))
    return dealt


@contextmanager
def _compressed(file: _Hashed, compression: str | None) -> Iterator[_Sink]:
    """A sink that compresses into the file: gzip without a time and a name, zstd on one thread."""
    if compression == "gzip":
        import gzip

        with gzip.GzipFile(filename="", mode="wb", compresslevel=GZIP_LEVEL, fileobj=file, mtime=0) as sink:
            yield sink
    elif compression == "zstd":
        import zstandard

        with zstandard.ZstdCompressor(level=ZSTD_LEVEL).stream_writer(cast(IO[bytes], file), closefd=False) as sink:
            yield sink
    else:
        yield file


def codec_versions(compression: str | None) -> dict[str, str]:
    """What decides the bytes of a compressed file, for the step's key."""
    if compression == "gzip":
        import zlib

        return {"zlib": zlib.ZLIB_RUNTIME_VERSION}
    if compression == "zstd":
        import zstandard

        return {"zstd": ".".join(map(str, zstandard.ZSTD_VERSION))}
    return {}
