"""JSON Lines: plain files are cut into byte spans without a copy, at about the speed of hashing them; others row by
row."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from datasetbuild.hashing import Digest
from datasetbuild.stages.read.boundaries import Boundaries
from datasetbuild.stages.read.container import BLOCK, Input
from datasetbuild.stages.read.lines import Lines, head, lines_of, oversize
from datasetbuild.stages.read.rows import RawRows, Row


class Span:
    """A shard of a plain file while it grows. oversize: whether it holds a row above the limit, so that it must be
    copied."""

    def __init__(self, start: int, first_row: int, first_line: int) -> None:
        self.start = self.stop = start
        self.first_row, self.first_line = first_row, first_line
        self.rows = 0
        self.oversize = False
        self.digest = Digest()

    def take(self, content: memoryview | None, size: int, rows: int) -> None:
        if content is None:
            self.oversize = True
        else:
            self.digest.update(content)
        self.stop += size
        self.rows += rows


def spans(input: Input, boundaries: Boundaries, limit: int) -> Iterator[Span]:
    """The shards of a plain UTF-8 file. A span reaches from its first row to the first row of the next one, so blank
    lines belong to the shard before them; those at the top of the file belong to none."""
    offset, line, row = input.bom, 1, 0
    span: Span | None = None
    fresh = True
    for lines in lines_of(input.blocks(), limit):
        places = np.flatnonzero(~_blank(lines))
        sizes = lines.sizes[places]
        begins = boundaries.feed(sizes, _hashes(lines.texts, places, sizes, limit))
        news = [0] * (fresh and len(places) > 0) + [begin for begin in begins if begin < len(places)]
        starts = (np.cumsum(lines.sizes + 1) - lines.sizes - 1)[places]
        view = memoryview(lines.block) if lines.block is not None else None
        at, done = 0, 0
        for begin in [*news, len(places)]:
            until = int(starts[begin]) if begin < len(places) else lines.size
            if span is not None and until > at:
                span.take(view[at:until] if view else None, until - at, begin - done)
                span.oversize |= bool((sizes[done:begin] > limit).any())
            if begin < len(places):
                if span is not None:
                    yield span
                span = Span(offset + until, row + begin, line + int(places[begin]))
            at, done = until, begin
        fresh = (fresh and not len(places)) or (len(places) > 0 and begins[-1:] == [len(places)])
        offset, line, row = offset + lines.size, line + len(lines.texts), row + len(places)
    if span is not None:
        yield span


def read(input: Input, limit: int) -> Iterator[Row]:
    """The rows of a file that is compressed, or not in UTF-8."""
    return rows_in(_encoded(input), limit)


def rows_in(blocks: Iterator[bytes], limit: int) -> Iterator[Row]:
    """The rows of a stream; blank lines are none, but they count."""
    line = 1
    for lines in lines_of(blocks, limit):
        for place, text in enumerate(lines.texts):
            size = int(lines.sizes[place])
            if size > limit:
                yield oversize(line + place, text, size, limit)
            elif text and not text.isspace():
                yield Row(line + place, text.removesuffix(b"\r"))
        line += len(lines.texts)


def section(path: Path, start: int, stop: int) -> Iterator[bytes]:
    """The bytes of a span, in blocks."""
    with open(path, "rb") as stream:
        stream.seek(start)
        while start < stop and (block := stream.read(min(BLOCK, stop - start))):
            start += len(block)
            yield block


def bytes_of(path: Path, start: int, stop: int) -> bytes:
    """The bytes of a span, at once."""
    with open(path, "rb") as stream:
        stream.seek(start)
        return stream.read(stop - start)


def rows_of_span(data: bytes) -> RawRows:
    """The rows of a span, all of them within the limit."""
    texts = data.split(b"\n")
    if not texts[-1]:
        texts.pop()
    if b"\r" in data:
        texts = [text.removesuffix(b"\r") for text in texts]
    lines = list(range(len(texts)))
    if not all(texts) or any(map(bytes.isspace, texts)):
        lines = [line for line, text in enumerate(texts) if text and not text.isspace()]
        texts = [texts[line] for line in lines]
    return RawRows(lines, texts, [None] * len(texts))


def _encoded(input: Input) -> Iterator[bytes]:
    if input.encoding == "utf-8":
        yield from input.blocks()
        return
    with input.text() as text:
        while piece := text.read(BLOCK):
            yield piece.encode("utf-8", "surrogateescape")


def _blank(lines: Lines) -> NDArray[np.bool_]:
    spaces = np.fromiter(map(bytes.isspace, lines.texts), np.bool_, len(lines.texts))
    spaces |= lines.sizes == 0
    return spaces


def _hashes(texts: list[bytes], places: NDArray[np.int64], sizes: NDArray[np.int64], limit: int) -> NDArray[np.uint64]:
    rows = texts if len(places) == len(texts) else [texts[place] for place in places.tolist()]
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, rows), np.uint64, len(rows))
    for index in np.flatnonzero(sizes > limit).tolist():
        hashes[index] = xxhash.xxh3_64_intdigest(head(rows[index], limit))
    return hashes
