"""Arrays that are looked up at random and are too large to hold: one file of all shards' values, mapped into memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def in_file(path: Path, parts: Iterable[NDArray[Any]], none: NDArray[Any]) -> NDArray[Any]:
    """All parts, one below the other, as an array whose values lie in a file. none: what it is when no part holds any."""
    rows, like = 0, none
    with open(path, "wb") as out:
        for part in parts:
            if len(part):
                np.ascontiguousarray(part).tofile(out)
                rows, like = rows + len(part), part
    return np.memmap(path, like.dtype, "r", shape=(rows, *like.shape[1:])) if rows else none


def let_go(values: NDArray[Any]) -> None:
    """Give the pages of a mapped array back to the system, which keeps what it has room for."""
    file = getattr(values, "_mmap", None)
    if file is not None and hasattr(mmap, "MADV_DONTNEED"):
        file.madvise(mmap.MADV_DONTNEED)
