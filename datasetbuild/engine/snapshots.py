"""Snapshots: what a database, a dataset of the Hub or an address held when it was asked, as files of the cache.

    .dsbuild/cache/remote/files/ab/cdef…/tickets.csv   the bytes, named by their SHA-256
    .dsbuild/cache/remote/states/….json                a state of an address, or a commit -> those bytes

An address is fetched once for each state that its store tells of it, a dataset once for each commit. A database is
asked in every build, and so is a server that tells no state: equal rows are equal bytes, so nothing downstream is done
again.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from datasetbuild.engine.cache import Cache, read_sealed, sealed
from datasetbuild.hashing import digest, file_digest
from datasetbuild.stages.read import hub, remote, sql
from datasetbuild.stages.read.address import address

Snapshot = tuple[str, Path]
"""What people know it by, and the file in the cache."""

VERSION = 1
"""Of what is written for a commit; raised when the same dataset would be written in other bytes."""


def of_address(path: str, cache: Cache) -> list[Snapshot]:
    """The files at an address."""
    found = []
    for file in remote.find(address(path)):
        state = None if file.state is None else digest([file.name, file.state])
        found.append((file.name, _kept(cache, state, file.basename, partial(remote.fetch, file))))
    return found


def of_query(params: dict[str, Any], cache: Cache, project: Path) -> list[Snapshot]:
    """The rows of a query."""
    database = address(params["sql"])

    def fetch(target: Path) -> None:
        with open(target, "wb") as out:
            sql.fetch(database, params["query"], project, out)

    return [(database.shown, _kept(cache, None, "rows.jsonl", fetch))]


def of_hub(params: dict[str, Any], cache: Cache, project: Path) -> list[Snapshot]:
    """The rows of a split of a dataset."""
    wanted = (params["hub"], params.get("revision"), params.get("config"), params.get("split"))

    def fetch(target: Path) -> None:
        with open(target, "wb") as out:
            hub.fetch(*wanted, project, target.parent / "datasets", out)

    state = None if hub.is_folder(params["hub"]) else digest(["hub", VERSION, *wanted])
    return [(hub.name_of(*wanted), _kept(cache, state, "rows.jsonl", fetch))]


def _kept(cache: Cache, state: str | None, basename: str, fetch: Callable[[Path], None]) -> Path:
    """The file for a state: from the cache, else fetched now. Without a state it is fetched now."""
    memo = cache.root / "remote" / "states" / f"{state}.json"
    if state and (known := read_sealed(memo)):
        path = _place(cache, known["sha256"], basename)
        if path.exists() and file_digest(path) == known["sha256"]:
            return path
    with cache.workspace() as work:
        draft = work / basename
        fetch(draft)
        sha256 = file_digest(draft)
        path = _place(cache, sha256, basename)
        path.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, path)
    if state:
        cache.write(memo, sealed({"sha256": sha256}))
    return path


def _place(cache: Cache, sha256: str, basename: str) -> Path:
    return cache.root / "remote" / "files" / sha256[:2] / sha256[2:] / basename
