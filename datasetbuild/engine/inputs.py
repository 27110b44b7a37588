"""The inputs of a build: which files, their content hashes, and the shards that each is cut into."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from datasetbuild.engine import snapshots
from datasetbuild.engine.cache import RAW, Cache, State
from datasetbuild.engine.known import unchanged, visit
from datasetbuild.engine.local import Engine
from datasetbuild.engine.snapshots import Terms
from datasetbuild.errors import MismatchError, SourceError
from datasetbuild.hashing import digest
from datasetbuild.plan import keys
from datasetbuild.plan.lockfile import Pins
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.normalize.source import ORIGINS, reader_options
from datasetbuild.stages.read import RawShard, by_spans, cut, resolve
from datasetbuild.stages.read.address import shown
from datasetbuild.stages.read.documents import version as converter_version
from datasetbuild.stages.read.files import inside
from datasetbuild.stages.read.remote import is_remote

T = TypeVar("T")

@dataclass(frozen=True)
class InputFile:
    """A file of a source. name: as the artifact names it. path: where it lies on this machine. fetched: whether `name`
    is an address, and `path` what was found there. state: as of the visit that gave its `sha256`."""

    source: str
    name: str
    path: Path
    sha256: str
    bytes: int
    fetched: bool = False
    state: State | None = None


@dataclass(frozen=True)
class CutTask:
    cache: Path
    project: Path
    file: InputFile
    options: dict[str, Any]


def find_inputs(plan: Plan, cache: Cache, project: Path) -> list[InputFile]:
    """The files of all sources in the order of the recipe, hashed. Raises `SourceError` naming the source, and
    `MismatchError` when one is not what the plan's pins hold it to."""
    found = []
    for source, params in plan.sources.items():
        found += source_files(source, params, cache, project, terms_of(source, params, plan.pins), plan.pins)
    return found


def source_files(
    source: str, params: dict[str, Any], cache: Cache, project: Path, terms: Terms, pins: Pins | None = None
) -> list[InputFile]:
    """The files of one source, hashed."""
    try:
        if pins and pins.frozen and _of_the_project(params):
            places = _frozen(terms, project)
        else:
            places = _places(params, cache, project, terms)
    except SourceError as error:
        raise _of(source, error, next(name for name in ORIGINS if params.get(name))) from None
    visits = visit(cache, [path for _, path, _ in places])
    files = [InputFile(source, name, path, one.sha256, one.bytes, new, one.state) for (name, path, new), one in zip(places, visits, strict=True)]
    if pins and pins.frozen:
        _check_frozen(terms, files)
    return files


def origin(params: Mapping[str, Any]) -> dict[str, Any]:
    """What a source says of where its rows come from, as the lock holds it: without credentials, a query by its digest."""
    said = {name: params[name] for name in keys.ORIGIN if params.get(name) is not None}
    for name in ("path", "sql"):
        if name in said:
            given = said[name]
            said[name] = shown(given) if isinstance(given, str) else [shown(one) for one in given]
    return said | ({"query": digest(said["query"])} if "query" in said else {})


def terms_of(source: str, params: Mapping[str, Any], pins: Pins | None) -> Terms:
    """On which terms a source is asked: held to its pin when the lock is frozen, and when it is an upstream that the
    recipe still names as it did then."""
    entry = pins.entry if pins else None
    pin = entry.sources.get(source) if entry else None
    frozen = pins is not None and pins.frozen
    if frozen and pin is None:
        raise MismatchError(
            f"source {source!r} is not in dsbuild.lock, and --frozen takes nothing else", hint="`dsbuild lock` pins it"
        )
    held = pin if pin and (frozen or (snapshots.upstream(params) and pin.origin == origin(params))) else None
    return Terms(source, held, offline=pins is not None and pins.offline)


def _of_the_project(params: Mapping[str, Any]) -> bool:
    """Whether a source names nothing but files that lie here."""
    given = params.get("path") or "://"
    return not any(is_remote(path) for path in ([given] if isinstance(given, str) else given))


def _frozen(terms: Terms, project: Path) -> list[tuple[str, Path, bool]]:
    """The pinned files of a source as they lie here: a file that a glob would find beside them is none of them."""
    places = [(file.file, project / file.file, False) for file in terms.files]
    for name, path, _ in places:
        if not path.is_file():
            raise MismatchError(f"source {terms.source!r}: {name} is pinned, and is not there", hint=PINNED_AGAIN)
    return places


def _check_frozen(terms: Terms, files: Sequence[InputFile]) -> None:
    pinned = {file.file: file.sha256 for file in terms.files}
    for file in files:
        if pinned.get(file.name) != file.sha256:
            raise MismatchError(
                f"source {terms.source!r}: {file.name} is not what was pinned on {terms.pin and terms.pin.pinned}",
                hint=PINNED_AGAIN,
            )


PINNED_AGAIN = "bring back the pinned file, or pin what is there now: `dsbuild lock`"


def _places(params: dict[str, Any], cache: Cache, project: Path, terms: Terms) -> list[tuple[str, Path, bool]]:
    """Name, path and whether it was fetched, of every file of a source, each file once."""
    if params.get("sql"):
        return [(*found, True) for found in snapshots.of_query(params, cache, project, terms)]
    if params.get("hub"):
        return [(*found, True) for found in snapshots.of_hub(params, cache, project, terms)]
    given = params["path"]
    placed: dict[str, tuple[str, Path, bool]] = {}
    for remote, group in itertools.groupby([given] if isinstance(given, str) else given, is_remote):
        patterns = list(group)
        if remote:
            found = [one for pattern in patterns for one in snapshots.of_address(pattern, cache, terms)]
        else:
            found = [(named(path, project, patterns), path) for path in resolve(patterns, project)]
        for name, path in found:
            placed.setdefault(str(path), (name, path, remote))
    return list(placed.values())


def _of(source: str, error: SourceError, origin: str = "path") -> SourceError:
    """The error, said of a source."""
    found = SourceError(f"source {source!r}: {error.message}", hint=error.hint)
    found.path = f"sources.{source}.{origin}"
    return found


def named(path: Path, project: Path, patterns: Sequence[str]) -> str:
    """A file's name in the artifact: relative to the project, so that it is the same on every machine. A file outside,
    of a path that is written absolute, is named by that path, wherever the project lies."""
    if short := inside(path, project):
        return short
    if not path.is_relative_to(project) and all(os.path.isabs(pattern) for pattern in patterns):
        return path.as_posix()
    return Path(os.path.relpath(path, project)).as_posix()


def cut_inputs(plan: Plan, cache: Cache, engine: Engine, project: Path, files: Sequence[InputFile]) -> list[list[RawShard]]:
    """The shards of each file, in order; from the cache for a file with the same bytes and reader."""
    return list(engine.map(cut_file, [_cut_task(plan, cache, project, file) for file in files]))


def known_shards(plan: Plan, cache: Cache, project: Path, file: InputFile) -> list[RawShard] | None:
    """The shards of a file if it has been cut before, else None."""
    known = cache.action(_cut_key(_cut_task(plan, cache, project, file)))
    if known is None or not all(_there(project, shard) for shard in known["shards"]):
        return None
    return [RawShard(**_tupled(shard)) for shard in known["shards"]]


def foreseen_shards(plan: Plan, cache: Cache, project: Path, file: InputFile) -> list[RawShard] | None:
    """The shards that a file will be cut into, of a file that never was. None where telling would be to read it whole: where it
    is not plain JSON Lines."""
    task = _cut_task(plan, cache, project, file)
    if not _read(task, by_spans):
        return None
    with tempfile.TemporaryDirectory() as passing:
        return _read(task, cut, folder=Path(passing))


def _read(task: CutTask, how: Callable[..., T], **more: Any) -> T:
    """What `how` says of a task's file, which is read with the options of its source."""
    name = task.file.name if task.file.fetched else None
    try:
        return how(task.file.path, project=task.project, name=name, **more, **task.options)
    except SourceError as error:
        raise _of(task.file.source, error) from None


def _cut_task(plan: Plan, cache: Cache, project: Path, file: InputFile) -> CutTask:
    sizes = {name: plan.engine[name] for name in ("shard_bytes", "shard_rows")}
    options = {key: value for key, value in reader_options(plan.sources[file.source]).items() if value is not None}
    return CutTask(cache.root, project, file, options | sizes)


def _cut_key(task: CutTask) -> str:
    file = task.file
    converter = {"converter": converter_version()} if task.options.get("reader") == "documents" else {}
    return keys.action_key(
        "cut", shards=3, file=file.sha256, suffix=file.path.suffixes, name=file.name, options=task.options, **converter
    )


def cut_file(task: CutTask) -> list[RawShard]:
    """The shards of one file, from the cache when its bytes, name and reader are those of an earlier time."""
    cache = Cache(task.cache)
    key = _cut_key(task)
    raw = task.cache / RAW

    def make() -> dict[str, Any]:
        shards = _read(task, cut, folder=raw)
        if not unchanged(task.file.path, task.file.sha256, task.file.state):
            raise MismatchError(f"{task.file.name} changed while the build was reading it", hint="run again")
        return {"shards": [asdict(shard) for shard in shards]}

    known = cache.action(key)
    if known is not None and not all(_there(task.project, shard) for shard in known["shards"]):
        cache.forget(key)
    result = cache.once(key, make)
    return [RawShard(**_tupled(shard)) for shard in result["shards"]]


def _there(project: Path, shard: dict[str, Any]) -> bool:
    return shard["blob"] is None or (project / shard["blob"]).exists()


def _tupled(shard: dict[str, Any]) -> dict[str, Any]:
    return shard | {"span": tuple(shard["span"]) if shard["span"] else None}
