"""The digests of files, from their last visit where nothing about them has changed since, as git keeps its index.

A file whose size, times and inode are those of its last visit is not hashed again; one that was changed within a tenth of a
second before that visit is, since its times cannot tell. What is known of the files of a folder stands in one of ours (of 256
for all folders): twenty thousand inputs leave one or twenty, not twenty thousand. They appear by rename, without locks: what
two builds learn at the very same moment one of them learns again.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from datasetbuild.engine.cache import Cache, State, read_sealed, state_of
from datasetbuild.hashing import bytes_digest, file_digest

SETTLED = 100_000_000
"""Nanoseconds between a file's last change and our visit from which its times can be trusted."""

NAME = 24
"""Hex characters by which a path is noted: 96 bits."""


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
    names = [bytes_digest(os.fsencode(place))[:NAME] for place in places]
    shelves = [_shelf(cache.root, os.path.dirname(place)) for place in places]
    notes = {shelf: read_sealed(shelf) or {} for shelf in set(shelves)}
    found = [notes[shelf].get(name, ()) for shelf, name in zip(shelves, names, strict=True)]
    last = [Visit(note[-1], state[0], state) if (*note[:-1],) == state else None for note, state in zip(found, states, strict=True)]
    visits = [one for one in last if one is not None]
    if len(visits) == len(last):
        return visits
    now, visits = cache.now(), []
    fresh: dict[Path, dict[str, list[Any]]] = defaultdict(dict)
    for n, (one, state) in enumerate(zip(last, states, strict=True)):
        if one is None:
            settled = now - max(state[1:3]) > SETTLED
            one = Visit(written[n] if written else file_digest(places[n]), state[0], state if settled else None)
            if settled:
                fresh[shelves[n]][names[n]] = [*state, one.sha256]
        visits.append(one)
    for shelf, mine in fresh.items():
        cache.seal(shelf, (read_sealed(shelf) or {}) | mine)  # read again: hashing took its time, and another build may have noted more
    return visits


def known_digests(cache: Cache, paths: Sequence[Path]) -> list[str]:
    """SHA-256 of files, from the last visit where nothing about them has changed since."""
    return [one.sha256 for one in visit(cache, paths)]


def unchanged(path: Path, sha256: str, state: State | None) -> bool:
    """Whether a file is still what it was when it was visited."""
    return state_of(path) == state or file_digest(path) == sha256


@lru_cache(maxsize=1 << 12)
def _shelf(root: Path, folder: str) -> Path:
    """Where the files of a folder are noted."""
    return root / "files" / f"{bytes_digest(os.fsencode(folder))[:2]}.json"
