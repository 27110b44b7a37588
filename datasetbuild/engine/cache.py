"""The cache: what an action gave, by the key of everything that can change it, and the bytes that it gave, by digest.

    .dsbuild/cache/actions/a/bcdef….json   key of an action -> its small result, which names objects
    .dsbuild/cache/blake3/objects/a/bcdef… bytes, named by their BLAKE3
    .dsbuild/cache/inputs/a/bcdef….txt     a file that an operator was given, by content, with its suffix
    .dsbuild/cache/blake3/raw/bcdef….arrow rows of files that cannot be entered in the middle
    .dsbuild/cache/cuts/ab.json            how files are cut, by their folder: see `notes`
    .dsbuild/cache/files/ab.json           digests of files, likewise
    .dsbuild/tmp/<pid>-<n>/                work in progress; swept when its owner is gone

What is named by a rule of ours lies in a folder named after that rule, so that two versions of us can share a cache without taking
each other's files for damaged ones. A few folders of many files each: to make a folder costs as much as to make a file.

Files appear by rename, so a reader never meets half a file, and two builds may share the cache. An object is checked when
it is first read (5.5 GB/s): a flipped bit makes a miss, not a wrong dataset.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import orjson
import polars as pl

from datasetbuild.arrow import as_frame, mapped_table, take
from datasetbuild.errors import BuildError
from datasetbuild.hashing import Digest, Hashing, bytes_digest, canonical_json
from datasetbuild.hashing import digest as json_digest

if TYPE_CHECKING:
    import pyarrow as pa

T = TypeVar("T")

_counter = itertools.count()
_own: set[Path] = set()
"""What this process has in `.dsbuild/tmp` just now."""


State = tuple[int, int, int, int]
"""Bytes of a file, time of its content, time of everything else, inode."""


def state_of(path: Path | str) -> State:
    """By what a change of a file is seen without reading it."""
    stat = os.stat(path)
    return stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino


_verified: dict[Path, State] = {}
"""Objects that this process has hashed or written, and their state then."""


SMALL = 1 << 16
"""Bytes of a frame that is named before a file is made for it: most are there already, such as that no row was put into quarantine."""


BEFORE_STREAM = 8
"""Bytes of an Arrow file before the stream that it holds."""


OBJECTS, RAW = "blake3/objects", "blake3/raw"
"""Where bytes lie that are named by our digest of them: results of actions, and rows that were read from packed files."""


class Cache:
    """A folder of actions and objects. Cheap to construct, so that every worker makes its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.work = root.parent / "tmp" / f"{os.getpid()}"

    def action(self, key: str) -> dict[str, Any] | None:
        """The result stored under a key, or None when there is none that can be used."""
        path = self.place("actions", f"{key}.json")
        result = read_sealed(path)
        if result is None:
            return None
        objects = result.get("objects", {})
        if all(self.place(OBJECTS, digest).exists() for digest in objects.values()):
            return result
        return None

    def once(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        """The result of an action: from the cache, else made now and stored.

        A result is a small JSON mapping; under `objects` it names the objects that it needs (name -> digest). One with
        `volatile` set is not stored.
        """
        known = self.action(key)
        if known is not None:
            return known
        result = make()
        if not result.get("volatile"):
            self.seal(self.place("actions", f"{key}.json"), result)
        return result

    def store(self, data: bytes | pa.Buffer) -> str:
        """Store bytes; returns their digest."""
        digest = Digest().update(data).name()
        place = self.place(OBJECTS, digest)
        if not place.exists():  # one that is there may be corrupt: it is hashed when it is read
            self.write(place, data)
            _verified[place] = state_of(place)
        return digest

    def keep(self, path: Path) -> str:
        """Keep a copy of a file under its content's name: digest and suffix. Returns that name, for `kept`."""
        data = path.read_bytes()
        name = bytes_digest(data) + _suffix(path)
        place = self.kept(name)
        if not place.is_file() or place.read_bytes() != data:
            self.write(place, data)
        return name

    def kept(self, name: str) -> Path:
        """Where the copy lies that `keep` made."""
        return self.place("inputs", name)

    def store_frame(self, frame: pl.DataFrame) -> str:
        """Store a frame as one uncompressed Arrow IPC file, which `rows` maps into memory. A large one is hashed while it is written."""
        import pyarrow as pa

        table = frame.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest()).combine_chunks()
        if table.get_total_buffer_size() < SMALL:
            memory = pa.BufferOutputStream()
            _put(table, memory)
            return self.store(memory.getvalue())
        with self._draft() as draft:
            with _opened(draft, buffering=0) as file:
                hashing = Hashing(file)
                with pa.PythonFile(hashing, mode="w") as sink:
                    _put(table, sink)
            digest = hashing.name()
            place = self.place(OBJECTS, digest)
            if not place.exists():
                move_in(draft, place)
                _verified[place] = state_of(place)
            return digest

    def object(self, digest: str) -> Path:
        """Path of an object whose bytes are what their name says. Raises `CorruptObject` (and removes it) otherwise."""
        place = self.place(OBJECTS, digest)
        try:
            state = state_of(place)
            if _verified.get(place) != state:
                if not sound(place):
                    remove(place)
                    raise CorruptObject(digest)
                _verified[place] = state
        except FileNotFoundError:
            raise CorruptObject(digest) from None
        return place

    def frame(self, digest: str, columns: list[str] | None = None) -> pl.DataFrame:
        """The frame stored under a digest, or some of its columns. It lies in the file, which is mapped into memory: 2 to 10
        times less work than to read it, and of its texts only those are read that somebody asks for."""
        return as_frame(self._table(digest, columns))

    def rows(self, digest: str, positions: pl.Series, columns: list[str] | None = None) -> pl.DataFrame:
        """A few rows of the frame stored under a digest, in that order: nothing is made ready of the others."""
        return as_frame(take(self._table(digest, columns), positions.to_numpy()))

    def _table(self, digest: str, columns: list[str] | None) -> pa.Table:
        table = mapped_table(self.object(digest), BEFORE_STREAM)
        return table if columns is None else table.select(columns)

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A fresh folder on the cache's file system, gone afterwards; see `sweep` for what a killed build leaves."""
        folder = self._fresh()
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            _own.discard(folder)

    def sweep(self) -> list[str]:
        """Remove what builds that are no longer alive have left in `.dsbuild/tmp`; returns the names."""
        swept = []
        for folder in sorted((self.root.parent / "tmp").glob("*")):
            owner = folder.name.split("-")[0]
            mine = owner == str(os.getpid())  # a container gives the same number to one process after the other
            if folder not in _own if mine else not (owner.isdigit() and _alive(int(owner))):
                shutil.rmtree(folder, ignore_errors=True) if folder.is_dir() else folder.unlink(missing_ok=True)
                swept.append(folder.name)
        for draft in sorted((self.root / RAW).glob(".*.arrow.*")):
            owner = draft.name.rsplit(".", 1)[1]
            if not (owner.isdigit() and _alive(int(owner))):
                draft.unlink(missing_ok=True)
                swept.append(draft.name)
        return swept

    def scrub(self) -> None:
        """Remove every corrupt object. It reads all of them (3.5 GB/s), so it waits until one has been met."""
        for place in (self.root / OBJECTS).glob("*/*"):
            with suppress(FileNotFoundError):
                if not sound(place):
                    remove(place)

    def tidy(self) -> None:
        """Remove what this process has in `.dsbuild/tmp`."""
        for path in [path for path in _own if path.parent == self.work.parent]:
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
            _own.discard(path)

    def place(self, kind: str, name: str) -> Path:
        """Where a thing of the cache lies, or would."""
        return Path(f"{self.root}/{kind}/{name[0]}/{name[1:]}")

    def seal(self, place: Path, value: dict[str, Any]) -> None:
        """A small JSON mapping with a digest of itself and of its place, for `read_sealed`."""
        self.write(place, canonical_json({"digest": _seal(place, value), "value": value}))

    def write(self, place: Path, data: bytes | pa.Buffer) -> None:
        """Bytes under their final name, by rename."""
        with self._draft() as draft:
            with _opened(draft) as file:
                file.write(data)
            move_in(draft, place)

    def now(self) -> int:
        """Nanoseconds, as the file system of the cache tells the time: it may be another machine's."""
        with self._draft() as draft, _opened(draft) as file:
            return os.fstat(file.fileno()).st_mtime_ns

    @contextmanager
    def _draft(self) -> Iterator[Path]:
        """The name of a file to be written, which is gone afterwards: published, or not needed, or the disk is full."""
        draft = self._fresh()
        try:
            yield draft
        finally:
            with suppress(FileNotFoundError):
                os.unlink(draft)
            _own.discard(draft)

    def _fresh(self) -> Path:
        """A name in `.dsbuild/tmp` that no other process and nobody in this one uses."""
        path = Path(f"{self.work}-{next(_counter)}")
        _own.add(path)
        return path


def _opened(draft: Path, buffering: int = -1) -> Any:
    """A draft, opened for writing. Its folder is most often there."""
    try:
        return open(draft, "wb", buffering)
    except FileNotFoundError:
        draft.parent.mkdir(parents=True, exist_ok=True)
        return open(draft, "wb", buffering)


def move_in(draft: Path, place: Path) -> None:
    """Rename a draft to its final name in the cache, whatever stands there."""
    try:
        os.replace(draft, place)
    except FileNotFoundError:
        place.parent.mkdir(parents=True, exist_ok=True)
        os.replace(draft, place)
    except IsADirectoryError:  # by an unpacked archive, or a copy that went wrong
        remove(place)
        os.replace(draft, place)


def _put(table: pa.Table, sink: pa.NativeFile) -> None:
    import pyarrow as pa

    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)


def remove(place: Path) -> None:
    """Remove a damaged place of the cache, also where a folder stands instead of a file."""
    shutil.rmtree(place, ignore_errors=True) if place.is_dir() else place.unlink(missing_ok=True)


def sound(place: Path) -> bool:
    """Whether an object's bytes are the ones that were stored."""
    return not place.is_dir() and Digest().update_file(place).name() == place.parent.name + place.name


PACKED = (".gz", ".zst", ".bz2", ".xz")


def _suffix(path: Path) -> str:
    """What tells how a file is to be read: its suffix, with the one before it when it is packed."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return "".join(suffixes[-2:] if suffixes[-1:] and suffixes[-1] in PACKED else suffixes[-1:])


def cache_of(project: Path) -> Cache:
    """The project's cache. In a project that cannot be written (a read-only checkout) an empty one, gone with the process:
    what only looks needs no more."""
    home = project / ".dsbuild"
    if os.access(home if home.exists() else project, os.W_OK | os.X_OK):
        return Cache(home / "cache")
    return Cache(_passing() / "cache")


@lru_cache
def _passing() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="dsbuild-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _seal(place: Path, value: dict[str, Any]) -> str:
    """What tells that a file is the one that was written there: neither damaged nor another one under its name."""
    return json_digest([place.parent.name, place.name, value])


def read_sealed(path: Path) -> dict[str, Any] | None:
    """What `Cache.seal` wrote there, or None when it is not there, is damaged or was written for another place."""
    try:
        found = orjson.loads(path.read_bytes())
    except (FileNotFoundError, IsADirectoryError, orjson.JSONDecodeError):
        return None
    whole = isinstance(found, dict) and isinstance(found.get("value"), dict) and _seal(path, found["value"]) == found.get("digest")
    return found["value"] if whole else None


def mending(cache: Cache, work: Callable[[], T]) -> T:
    """Do work; again, when it meets a corrupt object of the cache. All that are corrupt then go, and are made anew.

    What the work leaves in `.dsbuild/tmp` when it fails goes too, even when Ctrl-C came while it was cleaning up.
    """
    met: set[str] = set()
    while True:
        try:
            return work()
        except CorruptObject as error:
            cache.scrub()
            if error.digest in met:
                sentence = f"the cache gives other bytes than were written to it (object {error.digest[:12]})"
                raise BuildError(sentence, hint="look at the disk; then remove .dsbuild/cache, and run again") from None
            met.add(error.digest)
        except BaseException:
            cache.tidy()
            cache.sweep()
            raise


class CorruptObject(Exception):  # noqa: N818 - what is found, not what went wrong
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
