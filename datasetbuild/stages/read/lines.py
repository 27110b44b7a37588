"""Bytes to lines, in blocks, and never more than one row of `max_row_bytes` beside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from datasetbuild.record import Reason
from datasetbuild.stages.read.rows import HEAD_BYTES, Row


class Lines(NamedTuple):
    """Lines in a row. texts: without newlines. sizes: bytes of each. block: the very bytes, newlines and all, or None
    for one line that is too large to hold: then `texts` has its head. size: bytes of the block."""

    texts: list[bytes]
    sizes: NDArray[np.int64]
    block: bytes | None
    size: int


def lines_of(blocks: Iterable[bytes], limit: int) -> Iterator[Lines]:
    """The lines of a stream, none missing, blank ones too. A line above `limit` bytes may come with its head only."""
    held: list[bytes] = []
    size = 0
    for block in blocks:
        if size > limit:
            rest, newline, block = block.partition(b"\n")
            size += len(rest)
            if not newline:
                continue
            yield Lines(held, np.array([size]), None, size + 1)
            held, size = [], 0
        end = block.rfind(b"\n") + 1
        if end:
            yield _whole(b"".join([*held, memoryview(block)[:end]]))
            held, size = [], 0
        if end < len(block):
            held.append(block[end:])
            size += len(block) - end
        if size > limit:
            held = [head(b"".join(held), limit)]
    if size > limit:
        yield Lines(held, np.array([size]), None, size)
    elif size:
        yield _whole(b"".join(held))


def _whole(block: bytes) -> Lines:
    texts = block.split(b"\n")
    if block.endswith(b"\n"):
        texts.pop()
    return Lines(texts, np.fromiter(map(len, texts), np.int64, len(texts)), block, len(block))


def head(raw: bytes, limit: int) -> bytes:
    """What is kept of a row above the limit."""
    return raw[: min(limit, HEAD_BYTES)]


def oversize(line: int, raw: bytes, size: int, limit: int) -> Row:
    """The row that stands for one above the limit."""
    kept = head(raw, limit)
    detail = f"the row has {size:,} bytes, `max_row_bytes` is {limit:,}; its first {len(kept):,} bytes are kept here"
    return Row(line, kept, (Reason.TOO_LARGE.value, detail))
