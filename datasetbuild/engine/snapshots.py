"""Snapshots: what a database, a dataset of the Hub or an address held when it was asked, as files of the cache.

    .dsbuild/cache/remote/files/ab/cdef…/tickets.csv   the bytes, named by their SHA-256
    .dsbuild/cache/remote/states/….json                a state of an address, or a commit -> those bytes

An address is fetched once for each state that its store tells of it, a dataset once for each commit. A database is
asked in every build, and so is a server that tells no state: equal rows are equal bytes, so nothing downstream is done
again. What the lock has pinned is not asked for at all while the cache holds it, and must have the pinned bytes when it
is fetched.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from datasetbuild.engine.cache import Cache, move_in, read_sealed
from datasetbuild.errors import MismatchError
from datasetbuild.hashing import digest, file_digest
from datasetbuild.plan.lockfile import SHORT, PinnedFile, SourcePin
from datasetbuild.stages.read import hub, remote, sql
from datasetbuild.stages.read.address import address, shown

Snapshot = tuple[str, Path]
"""What people know it by, and the file in the cache."""

ROWS = "rows.jsonl"
"""What the rows of a query or a dataset are kept as."""

VERSION = 1
"""Of what is written for a commit; raised when the same dataset would be written in other bytes."""


def upstream(params: Mapping[str, Any]) -> bool:
    """Whether a source's rows can change without anybody here: at an address, on the Hub, in a database server. Files
    of the project and databases in one are changed here, and what is pinned of them follows."""
    if params.get("hub"):
        return not hub.is_folder(params["hub"])
    if params.get("sql"):
        return not params["sql"].startswith(("sqlite:", "duckdb:"))
    paths = [params["path"]] if isinstance(params["path"], str) else params["path"]
    return any(remote.is_remote(path) and not path.startswith("file:") for path in paths)


@dataclass(frozen=True)
class Terms:
    """On which terms a source is asked. pin: what it is held to, None: to nothing. offline: it is not asked at all."""

    source: str = ""
    pin: SourcePin | None = None
    offline: bool = False

    @property
    def files(self) -> Sequence[PinnedFile]:
        return self.pin.files if self.pin else ()


FREE = Terms()


def of_address(path: str, cache: Cache, terms: Terms = FREE) -> list[Snapshot]:
    """The files at an address."""
    named = shown(path)
    wanted = [file for file in terms.files if file.file == named or fnmatchcase(file.file, named)]
    if wanted and (held := _held(cache, wanted, _basename)):
        return held
    if not path.startswith("file:"):
        _allowed(terms, named)
    found = []
    for file in remote.find(address(path)):
        state = None if file.state is None else digest([file.name, file.state])
        found.append((file.name, _kept(cache, state, file.basename, partial(remote.fetch, file))))
    return _checked(terms, found, wanted)


def of_query(params: dict[str, Any], cache: Cache, project: Path, terms: Terms = FREE) -> list[Snapshot]:
    """The rows of a query."""
    if terms.pin and (held := _held(cache, terms.files, lambda name: ROWS)):
        return held
    if upstream(params):
        _allowed(terms, shown(params["sql"]))
    database = address(params["sql"])

    def fetch(target: Path) -> None:
        with open(target, "wb") as out:
            sql.fetch(database, params["query"], project, out)

    return _checked(terms, [(database.shown, _kept(cache, None, ROWS, fetch))], terms.files)


def of_hub(params: dict[str, Any], cache: Cache, project: Path, terms: Terms = FREE) -> list[Snapshot]:
    """The rows of a split of a dataset."""
    wanted = (params["hub"], params.get("revision"), params.get("config"), params.get("split"))
    if terms.pin and (held := _held(cache, terms.files, lambda name: ROWS)):
        return held

    def fetch(target: Path) -> None:
        if upstream(params):
            _allowed(terms, params["hub"])
        with open(target, "wb") as out:
            hub.fetch(*wanted, project, target.parent / "datasets", out)

    state = None if hub.is_folder(params["hub"]) else digest(["hub", VERSION, *wanted])
    found = [(hub.name_of(*wanted), _kept(cache, state, ROWS, fetch))]
    return _checked(terms, found, terms.files)


def _held(cache: Cache, wanted: Sequence[PinnedFile], basename: Callable[[str], str]) -> list[Snapshot] | None:
    """The pinned files when the cache holds all of them with the pinned bytes."""
    found = []
    for file in wanted:
        path = _place(cache, file.sha256, basename(file.file))
        others = sorted(path.parent.glob("*"))  # an address that is a variable as a whole shows no file's name
        path = path if path.is_file() or len(others) != 1 else others[0]
        if not path.is_file() or file_digest(path) != file.sha256:
            return None
        found.append((file.file, path))
    return found


def _checked(terms: Terms, found: list[Snapshot], wanted: Sequence[PinnedFile]) -> list[Snapshot]:
    """What was fetched, when it is what was pinned or nothing was. `MismatchError` otherwise."""
    if terms.pin is None:
        return found
    is_there = {name: file_digest(path) for name, path in found}
    pinned = {file.file: file.sha256 for file in wanted}
    for name in sorted(is_there.keys() | pinned.keys()):
        old, new = (side[:SHORT] if side else "nothing" for side in (pinned.get(name), is_there.get(name)))
        if old != new:
            raise MismatchError(
                f"source {terms.source!r}: {name} is not what was pinned on {terms.pin.pinned}: {old} -> {new}",
                hint=f"`dsbuild lock --upgrade {terms.source}` takes what is there now",
            )
    return found


def _allowed(terms: Terms, what: str) -> None:
    if terms.offline:
        raise MismatchError(
            f"source {terms.source!r}: {what} is not in the cache, and --offline forbids to ask for it",
            hint="run once without --offline",
        )


def _basename(name: str) -> str:
    """The own name of a file at an address, as `remote.RemoteFile.basename` gives it."""
    return unquote(urlsplit(name).path.rstrip("/").rsplit("/", 1)[-1]) or "file"


def _kept(cache: Cache, state: str | None, basename: str, fetch: Callable[[Path], None]) -> Path:
    """The file for a state: from the cache, else fetched now. Without a state it is fetched now."""
    memo = cache.root / "remote" / "states" / f"{state}.json"
    if state and (known := read_sealed(memo)):
        path = _place(cache, known["sha256"], basename)
        if path.is_file() and file_digest(path) == known["sha256"]:
            return path
    with cache.workspace() as work:
        draft = work / basename
        fetch(draft)
        sha256 = file_digest(draft)
        path = _place(cache, sha256, basename)
        move_in(draft, path)
    if state:
        cache.seal(memo, {"sha256": sha256})
    return path


def _place(cache: Cache, sha256: str, basename: str) -> Path:
    return cache.root / "remote" / "files" / sha256[:2] / sha256[2:] / basename
