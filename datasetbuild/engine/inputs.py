"""The inputs of a build: which files, their content hashes, and the shards that each is cut into."""

from __future__ import annotations

import itertools
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Any, TypeVar

from datasetbuild.engine import snapshots
from datasetbuild.engine.cache import RAW, Cache, State
from datasetbuild.engine.known import unchanged, visit
from datasetbuild.engine.local import Engine
from datasetbuild.engine.notes import Notes
from datasetbuild.engine.snapshots import Terms
from datasetbuild.errors import MismatchError, SourceError
from datasetbuild.hashing import digest
from datasetbuild.plan import keys
from datasetbuild.plan.lockfile import Pins
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.normalize.source import ORIGINS, reader_options
from datasetbuild.stages.read import SMALL, Blobs, RawShard, by_spans, cut, ends, resolve
from datasetbuild.stages.read.address import shown
from datasetbuild.stages.read.documents import CONVERTED
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
    state: State | None = field(default=None, compare=False)


@dataclass(frozen=True)
class CutTask:
    """Files of one source that are cut together: a large one alone, small ones with their neighbours."""

    cache: Path
    project: Path
    files: tuple[InputFile, ...]
    options: dict[str, Any]


TOGETHER = 512
"""New small files that are cut together, about: their rows are kept in one of ours."""


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
    """The shards of each file, in order; from the cache for a file with the same bytes, name and reader."""
    known = known_shards(plan, cache, project, files)
    tasks = _cut_tasks(plan, cache, project, [file for file, mine in zip(files, known, strict=True) if mine is None])
    fresh: list[tuple[InputFile, list[RawShard]]] = []
    noted = since = 0
    try:
        for task, found in zip(tasks, engine.map(cut_files, tasks), strict=True):
            fresh += zip(task.files, found, strict=True)
            since += sum(file.bytes for file in task.files)
            if since > NOTED_AFTER:
                _note(plan, cache, fresh[noted:])
                noted, since = len(fresh), 0
    finally:
        _note(plan, cache, fresh[noted:])
    news = (mine for _, mine in fresh)
    return [next(news) if mine is None else mine for mine in known]


NOTED_AFTER = 1 << 30
"""Bytes of input after which it is noted how they are cut: of a build that is killed no more are cut again."""


def known_shards(plan: Plan, cache: Cache, project: Path, files: Sequence[InputFile]) -> list[list[RawShard] | None]:
    """The shards of each file if it has been cut before, else None."""
    there = lru_cache(lambda blob: (project / blob).exists())
    found: list[list[RawShard] | None] = []
    for source, run in itertools.groupby(files, key=lambda file: file.source):
        mine, options = [*run], _options(plan, source)
        for file, note in zip(mine, _notes(cache, options).get([file.name for file in mine]), strict=True):
            cut_as = dict(note).get(_identity(file, options))
            shards = None if cut_as is None else [shard_of(values) for values in cut_as]
            found.append(shards if shards is not None and all(shard.blob is None or there(shard.blob) for shard in shards) else None)
    return found


VERSIONS = 4
"""Contents of a file of which it is noted how they are cut: who goes to another branch and back waits for nothing."""


def _note(plan: Plan, cache: Cache, fresh: Sequence[tuple[InputFile, list[RawShard]]]) -> None:
    """Note how some files are cut."""
    for source, run in itertools.groupby(fresh, key=lambda one: one[0].source):
        options = _options(plan, source)
        mine, notes = [*run], _notes(cache, options)
        before = notes.get([file.name for file, _ in mine])
        new = {file.name: [_identity(file, options), [*map(VALUES, shards)]] for file, shards in mine}
        notes.put({name: [one, *(old for old in last if old[0] != one[0])][:VERSIONS] for (name, one), last in zip(new.items(), before, strict=True)})


def _notes(cache: Cache, options: dict[str, Any]) -> Notes:
    return Notes(cache, "cuts", about=keys.action_key("cut", shards=4, options=options))


def _identity(file: InputFile, options: dict[str, Any]) -> str:
    """What decides how a file of a name is cut, beside how it is read: its bytes, and what converts them."""
    converts = options.get("reader") == "documents" or _is_document(file)
    return f"{file.sha256} {converter_version()}" if converts else file.sha256


def foreseen_shards(plan: Plan, cache: Cache, project: Path, file: InputFile) -> list[RawShard] | None:
    """The shards that a file will be cut into, of a file that never was. None where telling would be to read it whole: where it
    is not plain JSON Lines."""
    task = _cut_task(plan, cache, project, [file])
    if not _read(task, file, by_spans):
        return None
    with tempfile.TemporaryDirectory() as passing:
        return _read(task, file, cut, folder=Path(passing))


def _cut_tasks(plan: Plan, cache: Cache, project: Path, files: Sequence[InputFile]) -> list[CutTask]:
    """The files as they are cut: a large one alone, small ones of a source with those that follow."""
    tasks = []
    for (_, small), run in itertools.groupby(files, key=lambda file: (file.source, _small(plan, file))):
        mine = [*run]
        last = [*range(1, len(mine) + 1)]
        if small:
            last = ends([file.bytes for file in mine], [file.sha256 for file in mine], (plan.engine["shard_bytes"], TOGETHER))
        tasks += [_cut_task(plan, cache, project, mine[first:end]) for first, end in zip([0, *last], last, strict=False)]
    return tasks


def _small(plan: Plan, file: InputFile) -> bool:
    """Whether a file is cut together with its neighbours. A document is not: to convert one takes longer than all else."""
    return file.bytes * SMALL < plan.engine["shard_bytes"] and not _is_document(file)


def _is_document(file: InputFile) -> bool:
    return any(suffix.lower() in CONVERTED for suffix in file.path.suffixes)


def _cut_task(plan: Plan, cache: Cache, project: Path, files: Sequence[InputFile]) -> CutTask:
    return CutTask(cache.root, project, tuple(files), _options(plan, files[0].source))


def _options(plan: Plan, source: str) -> dict[str, Any]:
    """How the files of a source are read and cut."""
    sizes = {name: plan.engine[name] for name in ("shard_bytes", "shard_rows")}
    return {key: value for key, value in reader_options(plan.sources[source]).items() if value is not None} | sizes


def cut_files(task: CutTask) -> list[list[RawShard]]:
    """The shards of each file."""
    folder = task.cache / RAW
    blobs = Blobs(folder, task.project, (task.options["shard_bytes"], task.options["shard_rows"]))
    found = [_read(task, file, cut, folder=folder, blobs=blobs) for file in task.files]
    for file in task.files:
        if not unchanged(file.path, file.sha256, file.state):
            raise MismatchError(f"{file.name} changed while the build was reading it", hint="run again")
    return [blobs.named(mine) for mine in found]


def _read(task: CutTask, file: InputFile, how: Callable[..., T], **more: Any) -> T:
    """What `how` says of a file, which is read with the options of its source."""
    name = file.name if file.fetched else None
    try:
        return how(file.path, project=task.project, name=name, **more, **task.options)
    except SourceError as error:
        raise _of(file.source, error) from None


VALUES = attrgetter(*(field.name for field in fields(RawShard)))
"""A shard as a row of values, as it is noted."""


def shard_of(values: Sequence[Any]) -> RawShard:
    """A shard of its `VALUES`."""
    shard = RawShard(*values)
    return replace(shard, span=(shard.span[0], shard.span[1])) if shard.span else shard
