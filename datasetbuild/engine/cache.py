"""The cache: what an action gave, by the key of everything that can change it, and the bytes that it gave, by digest.

    .dsbuild/cache/actions/ab/cdef….json   key of an action -> its small result, which names objects
    .dsbuild/cache/objects/ab/cdef…        bytes, named by their SHA-256
    .dsbuild/tmp/<pid>-<n>/                work in progress; swept when its owner is gone

Files appear by rename, so a reader never meets half a file, and two builds may share the cache. An object is hashed when
it is first read (1.9 GB/s): a flipped bit makes a miss, not a wrong dataset.
"""

from __future__ import annotations

import itertools
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from datasetbuild.hashing import canonical_json, file_digest

_counter = itertools.count()


class Cache:
    """A folder of actions and objects. Cheap to construct, so that every worker makes its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root.parent / "tmp" / f"{os.getpid()}"
        self._verified: set[str] = set()

    def action(self, key: str) -> dict[str, Any] | None:
        """The result stored under a key, or None when there is none that can be used."""
        path = self._place("actions", key).with_suffix(".json")
        try:
            result = orjson.loads(path.read_bytes())
        except (FileNotFoundError, orjson.JSONDecodeError):
            return None
        objects = result.get("objects", {}) if isinstance(result, dict) else {}
        if all(self._place("objects", digest).exists() for digest in objects.values()):
            return result
        return None

    def once(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of an action: from the cache, else made now and stored.

        A result is a small JSON mapping; under `objects` it names the objects that it needs (name -> digest).
        """
        known = self.action(key)
        if known is not None:
            return known
        result = make()
        self.write(self._place("actions", key).with_suffix(".json"), canonical_json(result))
        return result

    def forget(self, key: str) -> None:
        """Remove an action whose result is no longer good."""
        self._place("actions", key).with_suffix(".json").unlink(missing_ok=True)

    def store(self, data: bytes) -> str:
        """Store bytes; returns their digest."""
        from datasetbuild.hashing import bytes_digest

        digest = bytes_digest(data)
        place = self._place("objects", digest)
        if not place.exists():
            self.write(place, data)
        self._verified.add(digest)
        return digest

    def store_frame(self, frame: pl.DataFrame) -> str:
        """Store a frame as one uncompressed Arrow IPC file, which `frame` maps into memory."""
        import pyarrow as pa

        table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        return self.store(memoryview(sink.getvalue()))  # type: ignore[arg-type]

    def object(self, digest: str) -> Path:
        """Path of an object whose bytes are what their name says. Raises `CorruptObject` (and removes it) otherwise."""
        place = self._place("objects", digest)
        if digest not in self._verified:
            try:
                sound = file_digest(place) == digest
            except FileNotFoundError:
                raise CorruptObject(digest) from None
            if not sound:
                place.unlink(missing_ok=True)
                raise CorruptObject(digest)
            self._verified.add(digest)
        return place

    def frame(self, digest: str, columns: list[str] | None = None) -> pl.DataFrame:
        """The frame stored under a digest, memory-mapped."""
        return pl.read_ipc(self.object(digest), columns=columns)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A fresh folder on the cache's file system, gone afterwards; see `sweep` for what a killed build leaves."""
        folder = self.work.with_name(f"{os.getpid()}-{next(_counter)}")
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def sweep(self) -> list[str]:
        """Remove what builds that are no longer alive have left in `.dsbuild/tmp`; returns the names."""
        swept = []
        for folder in sorted((self.root.parent / "tmp").glob("*")):
            owner = folder.name.split("-")[0]
            if not (owner.isdigit() and _alive(int(owner))):
                shutil.rmtree(folder, ignore_errors=True) if folder.is_dir() else folder.unlink(missing_ok=True)
                swept.append(folder.name)
        for draft in sorted((self.root / "raw").glob(".*.arrow.*")):
            owner = draft.name.rsplit(".", 1)[1]
            if not (owner.isdigit() and _alive(int(owner))):
                draft.unlink(missing_ok=True)
                swept.append(draft.name)
        return swept

    def _place(self, kind: str, name: str) -> Path:
        return self.root / kind / name[:2] / name[2:]

    def write(self, place: Path, data: bytes) -> None:
        """Bytes under their final name, by rename."""
        place.parent.mkdir(parents=True, exist_ok=True)
        self.work.parent.mkdir(parents=True, exist_ok=True)
        draft = self.work.with_name(f"{os.getpid()}-{next(_counter)}")
        draft.write_bytes(data)
        os.replace(draft, place)


class CorruptObject(Exception):
    """An object of the cache is not what its name says; the engine measures anew."""

    def __init__(self, digest: str) -> None:
        super().__init__(digest)
        self.digest = digest


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
