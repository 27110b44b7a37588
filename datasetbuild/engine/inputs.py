"""The inputs of a build: which files, their content hashes, and the shards that each is cut into.

A file whose size, times and inode are those of its last visit is not hashed again (as git and DVC do it); a file that was
changed within a tenth of a second before that visit is, since its times cannot tell.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import orjson

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.local import Engine
from datasetbuild.errors import SourceError
from datasetbuild.hashing import digest, file_digest
from datasetbuild.plan import keys
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.normalize.source import reader_options
from datasetbuild.stages.read import RawShard, cut, resolve

SETTLED = 100_000_000
"""Nanoseconds between a file's last change and our visit from which its times can be trusted."""


@dataclass(frozen=True)
class InputFile:
    """A file of a source. name: as the artifact names it. path: where it lies on this machine."""

    source: str
    name: str
    path: Path
    sha256: str
    bytes: int


@dataclass(frozen=True)
class CutTask:
    cache: Path
    project: Path
    file: InputFile
    options: dict[str, Any]


def find_inputs(plan: Plan, cache: Cache, project: Path) -> list[InputFile]:
    """The files of all sources in the order of the recipe, hashed. Raises `SourceError` naming the source."""
    found = []
    for source, params in plan.sources.items():
        try:
            paths = resolve(params["path"], project)
        except SourceError as error:
            raise SourceError(f"source {source!r}: {error.message}", hint=error.hint) from None
        for path in paths:
            found.append(InputFile(source, named(path, project), path, known_digest(cache, path), path.stat().st_size))
    return found


def named(path: Path, project: Path) -> str:
    """A file's name in the artifact: relative to the project, so that it is the same on every machine."""
    return Path(os.path.relpath(path, project)).as_posix()


def known_digest(cache: Cache, path: Path) -> str:
    """SHA-256 of a file, from the last visit when nothing about the file has changed since."""
    stat = path.stat()
    state = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    memo = cache.root / "files" / digest(os.path.abspath(path))
    try:
        last = orjson.loads(memo.read_bytes())
        if last["state"] == state and memo.stat().st_mtime_ns - max(stat.st_mtime_ns, stat.st_ctime_ns) > SETTLED:
            return str(last["sha256"])
    except (FileNotFoundError, orjson.JSONDecodeError, KeyError, TypeError):
        pass  # no visit that can be trusted: hash the file
    sha256 = file_digest(path)
    cache.write(memo, orjson.dumps({"state": state, "sha256": sha256}))
    return sha256


def cut_inputs(plan: Plan, cache: Cache, engine: Engine, project: Path, files: Sequence[InputFile]) -> list[list[RawShard]]:
    """The shards of each file, in order; from the cache for a file with the same bytes and reader."""
    sizes = {name: plan.engine[name] for name in ("shard_bytes", "shard_rows")}
    tasks = [CutTask(cache.root, project, file, reader_options(plan.sources[file.source]) | sizes) for file in files]
    return list(engine.map(cut_file, tasks))


def cut_file(task: CutTask) -> list[RawShard]:
    """The shards of one file. Positions are the file's own; the name is put in place here, since equal files may share."""
    cache = Cache(task.cache)
    options = {key: value for key, value in task.options.items() if value is not None}
    key = keys.action_key("cut", file=task.file.sha256, suffix=task.file.path.suffixes, name=task.file.name, options=options)
    raw = task.cache / "raw"

    def make() -> dict[str, Any]:
        shards = cut(task.file.path, project=task.project, folder=raw, **options)
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
