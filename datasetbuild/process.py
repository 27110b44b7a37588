"""How a process of ours is set up before its work, and how it gives back what it no longer needs.

Rows come and go by the ten thousand and hold no cycles: at Python's own pace the collector takes 6 % of a build. When a
process ends, Python looks once more through all that its modules hold, for 0.28 CPU seconds: what is frozen is left to
the system. OpenBLAS starts a thread for each core when numpy is imported; they spin for work that never comes.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import mmap
import os
import sys
from functools import cache
from typing import Any

COLLECT_AFTER = 200_000
"""Containers that are made and still there when the collector first looks at them; Python's own number is 700."""


ONE_THREAD = {"POLARS_MAX_THREADS": "1", "RAYON_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "FASTOKENS_BPE_THREADS": "1"}
"""Where processes are the parallelism, threads inside them would only compete. Those of fastokens hold 37 MB too."""

ONE_ARENA = {"_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:2000"}
"""For polars' allocator where there is one thread: what was freed stays for the next shard, a quarter fewer page faults."""


LITTLE_MEMORY = {"_RJEM_MALLOC_CONF": "narenas:1,dirty_decay_ms:100,muzzy_decay_ms:0"}
"""For polars' allocator in a worker: with one thread one arena will do, and what is freed goes back soon. 40 MB less each."""

GIVEN_BACK = {"_RJEM_MALLOC_CONF": "dirty_decay_ms:0,muzzy_decay_ms:0"}
"""For polars' allocator in the process that has workers: what is freed goes back at once, and is not only marked as free, which
still counts as held. 90 MB less while a million rows are gathered and decided, for 40,000 page faults more (20 ms)."""


def one_thread() -> None:
    """This process keeps to one thread, which takes 6 % less CPU. Called before polars is imported."""
    _set(ONE_THREAD | ONE_ARENA)


def beside_workers() -> None:
    """This process may have workers. Called before polars is imported."""
    _set(GIVEN_BACK)


def _set(environment: dict[str, str]) -> None:
    for name, value in environment.items():
        os.environ.setdefault(name, value)


def set_up() -> None:
    """Called before numpy is imported, in the process of the command and in each worker."""
    gc.set_threshold(COLLECT_AFTER, 10, 10)
    atexit.register(gc.freeze)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


SPARE = 500 << 20
"""Bytes that a process alone on its work may hold between tasks. The next task finds its memory where the last one left it:
new pages for every shard cost 4 % of a build, and for every part a seventh of the writing."""


def give_back(spare: int = 0) -> None:
    """Memory that was freed goes back to the system. Allocators keep it for the next time: after a shard 50 to 100 MB that
    nobody in the process, and nobody beside it, has any use of. Takes about a millisecond. spare: nothing happens while the
    process holds no more bytes than these."""
    if _held() <= spare:
        return
    if pool := sys.modules.get("pyarrow"):
        pool.default_memory_pool().release_unused()
    if trim := _trim():
        trim(0)


def _held() -> int:
    """Bytes of memory that the process holds; more than there are where that is not known."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except OSError:
        return sys.maxsize


@cache
def _trim() -> Any:
    """glibc's `malloc_trim`, None where there is another C library."""
    return getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
