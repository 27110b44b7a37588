"""Look after the cache: how much it holds, whether it is sound, and what may go when it is too large."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from datasetbuild.engine.cache import OBJECTS, RAW, Cache, read_sealed, sound
from datasetbuild.engine.inputs import shard_of
from datasetbuild.hashing import file_digest
from datasetbuild.stages import read

KINDS = ("actions", OBJECTS, RAW, "cuts", "files", "remote", "inputs")
"""Folders of the cache: results of actions, their bytes, rows of files that cannot be entered in the middle, how files are cut, digests of
files, files fetched from elsewhere, files that operators were given."""

OTHERS = ("objects", "raw")
"""Folders of versions that named bytes by another digest: theirs to look after, and `clear`'s to remove."""


@dataclass(frozen=True)
class Kind:
    """What one folder of the cache holds."""

    name: str
    files: int
    bytes: int


@dataclass(frozen=True)
class Cleared:
    """What `clear` removed, or would remove."""

    files: int
    bytes: int
    left: int


def contents(cache: Cache) -> list[Kind]:
    """Files and bytes per kind."""
    found = []
    for name in KINDS:
        sizes = [path.stat().st_size for path in _files(cache.root / name)]
        found.append(Kind(name.rpartition("/")[2], len(sizes), sum(sizes)))
    return found


def verify(cache: Cache) -> tuple[int, list[str]]:
    """Hash every object, the rows of every packed file, and every file that an operator was given, and read every action; damaged
    ones are removed, so that they are made anew when they are needed.

    Returns the number of files looked at, and the names of the damaged ones.
    """
    looked, damaged = 0, []
    kinds = {OBJECTS: sound, RAW: read.sound, "inputs": _of_its_content, "actions": _sealed, "cuts": _sealed, "files": _sealed}
    for kind, good in kinds.items():
        for path in _files(cache.root / kind):
            looked += 1
            if not good(path):
                damaged.append(path.relative_to(cache.root).as_posix())
                path.unlink(missing_ok=True)
    return looked, damaged


def _sealed(path: Path) -> bool:
    """Whether a small result is what was written, which may be nothing."""
    return read_sealed(path) is not None


def _of_its_content(path: Path) -> bool:
    """Whether a file that an operator was given is what it was."""
    return file_digest(path) == (path.parent.name + path.name).partition(".")[0]


def clear(cache: Cache, budget: int, *, dry_run: bool = False) -> Cleared:
    """Remove what was used longest ago until the cache is within `budget` bytes, and objects that nothing refers to.

    An action is as old as its last use; an object as its youngest action; a file that was fetched or given to an operator as
    when it was written. Artifacts never need the cache: what is gone is
    measured again when it is asked for.
    """
    known = [path for kind in ("actions", "cuts", "remote", "inputs") for path in _files(cache.root / kind)]
    known.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    keep: set[Path] = set()
    total = 0
    for one in known:
        needed = {one, *_referred(cache, one)} - keep
        size = sum(path.stat().st_size for path in needed if path.exists())
        if total + size <= budget:
            keep |= needed
            total += size
    removed = freed = 0
    for name in (*KINDS, *OTHERS):
        for path in _files(cache.root / name):
            if path in keep or (name == "files" and budget and path.suffix):  # those without are of versions before ours
                continue
            freed += path.stat().st_size
            removed += 1
            if not dry_run:
                path.unlink(missing_ok=True)
    return Cleared(removed, freed, sum(kind.bytes for kind in contents(cache)))


def _referred(cache: Cache, path: Path) -> Iterator[Path]:
    """What an action or a note of cuts refers to."""
    if path.is_relative_to(cache.root / "actions"):
        objects = (read_sealed(path) or {}).get("objects") or {}
        yield from (cache.place(OBJECTS, digest) for digest in objects.values())
    if path.is_relative_to(cache.root / "cuts"):
        notes = (read_sealed(path) or {}).values()
        blobs = {shard_of(values).blob for note in notes for _, shards in note for values in shards}
        yield from (cache.root / RAW / Path(blob).name for blob in blobs if blob)


def _files(folder: Path) -> Iterator[Path]:
    for path, _, names in os.walk(folder):
        yield from (Path(path) / name for name in sorted(names) if not name.startswith("."))
