"""Notes on many files: what is known of the files of a folder stands in one of ours, of 256 for all folders.

Twenty thousand inputs leave one or twenty, not twenty thousand. Notes appear by rename, without locks, and are read only whole: of
what two builds note at the very same moment one may be lost, and is found out again.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from datasetbuild.engine.cache import Cache, read_sealed
from datasetbuild.hashing import bytes_digest

NAME = 24
"""Hex characters by which a file is noted: 96 bits."""

Note = list[Any]
"""Plain values, as JSON has them; empty for nothing."""


class Notes:
    """Notes of one kind, by the paths of files: absolute ones, or as the artifact names them."""

    def __init__(self, cache: Cache, kind: str, about: str = "") -> None:
        """kind: folder of the cache. about: sets them apart from others on the same files."""
        self._cache, self._folder, self._about = cache, cache.root / kind, about

    def get(self, places: Sequence[str]) -> list[Note]:
        """What is noted of each file."""
        shelves = [_shelf(self._folder, os.path.dirname(place)) for place in places]
        notes = {shelf: read_sealed(shelf) or {} for shelf in set(shelves)}
        return [notes[shelf].get(self._name(place), []) for shelf, place in zip(shelves, places, strict=True)]

    def put(self, notes: Mapping[str, Note]) -> None:
        """Note something of files, in the place of what was noted of them."""
        fresh: dict[Path, dict[str, Note]] = defaultdict(dict)
        for place, note in notes.items():
            fresh[_shelf(self._folder, os.path.dirname(place))][self._name(place)] = note
        for shelf, mine in fresh.items():
            self._cache.seal(shelf, (read_sealed(shelf) or {}) | mine)

    def _name(self, place: str) -> str:
        return bytes_digest(os.fsencode(f"{self._about}\0{place}"))[:NAME]


@lru_cache(maxsize=1 << 12)
def _shelf(folder: Path, theirs: str) -> Path:
    """Where the files of a folder of theirs are noted."""
    return folder / f"{bytes_digest(os.fsencode(theirs))[:2]}.json"
