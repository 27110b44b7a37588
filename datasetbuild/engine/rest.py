"""Rest: what a process holds between two phases of a build, and need not.

A million rows take a driver 130 MB of its own, and what the phase before has left behind twice as much: freed memory that
allocators keep, pages of mapped files that nobody looks at just now, the tokenizer when all is tokenized.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from datasetbuild import process
from datasetbuild.stages.render.encode import forget_fast


def rest(folder: Path | None = None) -> None:
    """Give back what the next phase makes anew where it needs it. folder: whose mapped files are let go. Takes 5 ms."""
    forget_fast()
    if folder is not None:
        let_go_of_files(folder)
    process.give_back()


_last: Callable[..., Any] | None = None
"""What the tasks of this process have called of late."""


def rest_before(fn: Callable[..., Any]) -> None:
    """Called before each task: where those before were of another kind, the tokenizer goes, which this one may not need."""
    global _last
    if fn is not _last:
        forget_fast()
        _last = fn


def let_go_of_files(folder: Path) -> None:
    """Give the pages of all files in a folder that are mapped for reading back to the system, which keeps what it has room for:
    whoever looks at them again finds them there. Only where the system tells what is mapped (Linux)."""
    try:
        with open("/proc/self/maps", encoding="utf-8", errors="surrogateescape") as lines:
            found = [line.split(maxsplit=5) for line in lines if " r--" in line]
    except OSError:
        return
    inside = os.path.realpath(folder) + os.sep
    for region, _, _, _, _, *path in found:
        if path and path[0].startswith(inside):
            start, stop = (int(edge, 16) for edge in region.split("-"))
            _madvise()(ctypes.c_void_p(start), ctypes.c_size_t(stop - start), mmap.MADV_DONTNEED)


@cache
def _madvise() -> Any:
    return ctypes.CDLL(None).madvise
