"""Progress on stderr: a bar on a terminal, a plain line every ten seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import Any

EVERY = 10.0
"""Seconds between plain lines."""


def bar(what: str, results: Iterable[Any], count: int) -> Iterator[Any]:
    """Pass the results on, and show how many of `count` have come."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(results, description=what, total=count, console=Console(stderr=True), transient=True)
        return
    last = time.monotonic()
    for done, result in enumerate(results, 1):
        if time.monotonic() - last >= EVERY:
            last = time.monotonic()
            print(f"dsbuild: {what} {done} of {count} shards", file=sys.stderr)
        yield result
