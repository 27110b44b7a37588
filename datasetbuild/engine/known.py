"""The digests of files, from their last visit where nothing about them has changed since, as git keeps its index.

A file whose size, times and inode are those of its last visit is not hashed again; one that was changed within a tenth of a
second before that visit is, since its times cannot tell.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from datasetbuild.engine.cache import Cache, State, state_of
from datasetbuild.engine.notes import Notes
from datasetbuild.hashing import file_digest

SETTLED = 100_000_000
"""Nanoseconds between a file's last change and our visit from which its times can be trusted."""


class Visit(NamedTuple):
    """What is known of a file. bytes: its size. state: by which a change is seen; None where its times cannot tell yet."""

    sha256: str
    bytes: int
    state: State | None


def visit(cache: Cache, paths: Sequence[Path], written: Sequence[str] | None = None) -> list[Visit]:
    """What is known of files, which are hashed where nothing is. written: their SHA-256, of files that have just been written
    and hashed."""
    places = [os.path.abspath(path) for path in paths]
    states = [state_of(place) for place in places]
    notes = Notes(cache, "files")
    last = [note[-1] if (*note[:-1],) == state else None for note, state in zip(notes.get(places), states, strict=True)]
    now = cache.now() if None in last else 0
    visits, fresh = [], {}
    for n, (place, sha256, state) in enumerate(zip(places, last, states, strict=True)):
        settled = sha256 is not None or now - max(state[1:3]) > SETTLED
        visits.append(Visit(sha256 or (written[n] if written else file_digest(place)), state[0], state if settled else None))
        if sha256 is None and settled:
            fresh[place] = [*state, visits[-1].sha256]
    notes.put(fresh)
    return visits


def known_digests(cache: Cache, paths: Sequence[Path]) -> list[str]:
    """SHA-256 of files, from the last visit where nothing about them has changed since."""
    return [one.sha256 for one in visit(cache, paths)]


def unchanged(path: Path, sha256: str, state: State | None) -> bool:
    """Whether a file is still what it was when it was visited."""
    return state_of(path) == state or file_digest(path) == sha256
