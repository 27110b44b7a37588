"""What a build would do, step by step and source by source, without doing it: reused or run, why, and about how long.

The cache is asked, and a file that was never cut is cut to see which of its shards are new, where that is no more than to look
at its bytes. Steps behind one that has to run are counted with it, since nobody knows yet what it will give.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasetbuild.artifact.manifest import read_manifest
from datasetbuild.engine import outcome
from datasetbuild.engine.cache import Cache, cache_of
from datasetbuild.engine.cuts import known_cuts
from datasetbuild.engine.inputs import InputFile, foreseen_shards, known_shards
from datasetbuild.engine.lock import present_inputs
from datasetbuild.engine.measure import ShardTask
from datasetbuild.engine.run import by_source, target_folder
from datasetbuild.engine.shards import Shard, shards_of
from datasetbuild.hashing import digest
from datasetbuild.plan import keys
from datasetbuild.plan.explain import CAUSES, Cause, Difference, differences
from datasetbuild.plan.steps import Plan, ShardPlan
from datasetbuild.recipe import Recipe

MICROSECONDS = {
    "read": 2.0, "prepare": 11.0, "first_user": 1.0, "fact": 2.0, "dear": 200_000.0,
    "dedup": 1.0, "dedup.near": 12.0, "dedup.substring": 20.0, "contradictions": 25.0,
    "embed": 70.0, "decontaminate": 20.0, "render": 10.0, "write": 11.0,
    "fact language": 30.0, "fact language_match": 30.0, "fact language_mix": 20.0, "fact task_category": 20.0, "fact repeated_spans": 10.0,
}  # fmt: skip
"""CPU time of a step for a record of 500 characters, as measured by bench/ or, of facts, on real rows; good for "about". `embed` is
that of words: what a model takes, nobody here knows."""

BYTES_PER_ROW = 560
"""What a row is taken to have in a file that cannot be cut without reading it whole."""


@dataclass(frozen=True)
class Step:
    """A step of one source. shards: how many, for `read` the parts of files in them; None where nobody knows yet. reused: how many are in the cache.
    rows: that it would run on. seconds: about how long. cause: why it runs, None when it does not."""

    source: str
    step: str
    shards: int | None
    reused: int
    rows: int
    seconds: float
    cause: Cause | None

    @property
    def runs(self) -> bool:
        return self.cause is not None


@dataclass
class Forecast:
    """status: "up to date" or "would build". differences: from the artifact that is there. steps: in the river's order.
    notices: what a build would say of `dsbuild.lock`."""

    recipe: Recipe
    folder: Path
    key: str
    status: str
    cause: Cause | None
    differences: list[Difference] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    @property
    def changes(self) -> bool:
        return self.cause is not None


def foresee_parts(recipe: Recipe, plan: Plan) -> dict[str, Any]:
    """The parts of the key that a build would have."""
    plan, files, _ = present_inputs(recipe, plan, cache_of(recipe.project))
    return keys.step_keys(plan, by_source(plan, files))


def foresee(recipe: Recipe, plan: Plan) -> Forecast:
    """The forecast of a build. Nothing is written but the digests of source files and the resolved tokenizer."""
    cache = cache_of(recipe.project)
    plan, files, notices = present_inputs(recipe, plan, cache)
    parts = keys.step_keys(plan, by_source(plan, files))
    key = digest(parts)
    folder = target_folder(recipe, key)
    manifest = read_manifest(folder)
    found = differences(manifest["parts"], parts) if manifest else []
    if manifest is None:
        cause: Cause | None = Cause.NEVER_BUILT
    elif manifest["key"] != key:
        cause = found[0].cause if found else Cause.PARAMS_CHANGED
    else:
        cause = None if outcome.intact(folder, key, cache) else Cause.OUTPUT_DAMAGED
    forecast = Forecast(recipe, folder, key, "would build" if cause else "up to date", cause, found, notices=notices)
    if cause:
        steps = _summed([*_every_step(plan, cache, recipe.project, files)])
        rows = sum(step.rows for step in steps if step.step == "rows")
        forecast.steps = [*(step for step in steps if step.step != "rows"), _write(rows, cause)]
    return forecast


UNKNOWN = "unknown"
"""What is to be cut out of a shard, as long as another one was never read. Most shards are cut nothing out of, and each is taken for one."""


def _every_step(plan: Plan, cache: Cache, project: Path, files: list[InputFile]) -> Iterator[Step]:
    """What the steps of each shard would do, and of each file whose shards nobody knows; source by source."""
    known = known_shards(plan, cache, project, files)
    new = {(file.source, file.name) for file, mine in zip(files, known, strict=True) if mine is None}
    found = [foreseen_shards(plan, cache, project, file) if mine is None else mine for file, mine in zip(files, known, strict=True)]
    told = [(file, mine) for file, mine in zip(files, found, strict=True) if mine is not None]
    unread = [file for file, mine in zip(files, found, strict=True) if mine is None]
    shards = shards_of(plan, [file for file, _ in told], [mine for _, mine in told])
    spans = _cuts(plan, cache, project, shards)
    for source in plan.sources:
        for shard, cut in zip(shards, spans, strict=True):
            if shard.source == source:
                yield from _steps(plan, cache, shard, cut, [(source, name) in new for name in shard.files])
        for file in unread:
            if file.source == source:
                yield from _unread(plan, file)


def _cuts(plan: Plan, cache: Cache, project: Path, shards: list[Shard]) -> list[str | None]:
    """What is to be cut out of each shard, as in a build of these shards alone: the digest of its spans, None for nothing, or `UNKNOWN`."""
    if plan.cut is None:
        return [None] * len(shards)
    tasks = [ShardTask(cache.root, project, plan.shard_plan(shard.source), shard) for shard in shards]
    return known_cuts(plan, cache, tasks) or [UNKNOWN] * len(shards)


def _names(plan: Plan) -> list[str]:
    """The steps of a shard, in the river's order."""
    names = ["read", "prepare", *(["dedup.substring"] if plan.cut else []), *([] if plan.exact == keys.FIRST_USER else ["first_user"])]
    names += [f"fact {step.name}" for step in plan.facts if not step.dear]
    sections: dict[str, Any] = {"dedup.exact": plan.exact, "dedup.near": plan.near, "dedup.substring": plan.substring and not plan.cut}
    sections |= {"embed": plan.embeds, "contradictions": plan.contradictions, "decontaminate": plan.decontaminate, "render": plan.template}
    return [*names, *(name for name, on in sections.items() if on), *(f"dear {step.name}" for step in plan.dear)]


def _unread(plan: Plan, file: InputFile) -> Iterator[Step]:
    """What would be done with a file of which nobody knows how it will be cut."""
    rows = max(file.bytes // BYTES_PER_ROW, 1)
    yield Step(file.source, "rows", None, 0, rows, 0.0, None)
    yield from (_step(file.source, name, None, 0, rows, Cause.INPUT_CHANGED) for name in _names(plan))


def _steps(plan: Plan, cache: Cache, shard: Shard, spans: str | None, new: list[bool]) -> Iterator[Step]:
    """What the steps of a shard would do. spans: what is to be cut out of it. new: whether the file of each part was never cut, since
    nobody built with these bytes."""
    yield Step(shard.source, "rows", 1, 1, shard.rows, 0.0, None)
    done = _known(plan, cache, plan.shard_plan(shard.source), shard, spans)
    unread = [part.rows for part, never in zip(shard.parts, new, strict=True) if never and not done]
    read, *names = _names(plan)
    yield _step(shard.source, read, len(new), len(new) - len(unread), sum(unread), Cause.INPUT_CHANGED if unread else None)
    cause = Cause.INPUT_CHANGED if any(new) else Cause.NOT_IN_CACHE
    for name in names:
        reused = name in done
        yield _step(shard.source, name, 1, int(reused), 0 if reused else shard.rows, None if reused else cause)


def _summed(steps: list[Step]) -> list[Step]:
    """Steps of the shards of a source added up."""
    found: dict[tuple[str, str], Step] = {}
    for step in steps:
        before = found.get((step.source, step.step))
        found[step.source, step.step] = step if before is None else _plus(before, step)
    return list(found.values())


def _plus(a: Step, b: Step) -> Step:
    shards = None if a.shards is None or b.shards is None else a.shards + b.shards
    return Step(a.source, a.step, shards, a.reused + b.reused, a.rows + b.rows, a.seconds + b.seconds, a.cause or b.cause)


def _step(source: str, name: str, shards: int | None, reused: int, rows: int, cause: Cause | None) -> Step:
    about = MICROSECONDS.get(name) or MICROSECONDS[name.split(" ")[0].split(".")[0]]
    return Step(source, name.replace("dear ", "fact "), shards, reused, rows, rows * about / 1e6, cause)


def _write(rows: int, cause: Cause) -> Step:
    return Step("", "decide and write", None, 0, rows, rows * MICROSECONDS["write"] / 1e6, cause)


def _known(plan: Plan, cache: Cache, shard_plan: ShardPlan, shard: Shard, spans: str | None) -> set[str]:
    """Names of the steps of a shard that the cache holds. spans: what is to be cut out of it."""
    prepared = cache.action(keys.prepare_key(shard_plan, shard.digest))
    if prepared is None:
        return set()
    if spans not in (None, UNKNOWN):
        cut = cache.action(keys.cut_key(prepared["objects"], spans))
        if cut is None:
            return {"prepare"}
        prepared = cut
    records = prepared["objects"]["records"]
    wanted = {"prepare": "", **({} if spans == UNKNOWN else {"dedup.substring": ""}), "first_user": keys.exact_key(keys.FIRST_USER, records)}
    for step in plan.dear:
        wanted[f"dear {step.name}"] = keys.dear_key(step, records, keys.ASKED)
    for step in shard_plan.facts:
        rendered = keys.template_identity(plan.template) if step.needs_render and plan.template else None
        wanted[f"fact {step.name}"] = keys.fact_key(step, records, rendered)
    if plan.exact:
        wanted["dedup.exact"] = keys.exact_key(plan.exact, records)
    if plan.near:
        wanted["dedup.near"] = keys.near_key(plan.near, records)
    if plan.substring and not plan.cut:
        wanted["dedup.substring"] = keys.runs_key(plan.substring, records)
    if plan.embeds:
        hashed = plan.embeddings["model"] == "hashed"
        wanted["embed"] = keys.embed_key(plan.embeddings, records, "words" if hashed else "")
    if plan.contradictions:
        wanted["contradictions"] = keys.prompts_key(plan.contradictions, records)
    if plan.decontaminate:
        wanted["decontaminate"] = keys.contamination_key(plan.decontaminate, records)
    if plan.template:
        wanted["render"] = keys.render_key(plan.template, records, ids=shard_plan.ids)
    return {name for name, key in wanted.items() if not key or cache.action(key) is not None}


def as_dict(forecast: Forecast) -> dict[str, Any]:
    """The forecast as plain data, for `--json`."""
    return {
        "format_version": 1,
        "recipe": forecast.recipe.choice,
        "folder": forecast.folder.relative_to(forecast.recipe.project).as_posix(),
        "status": forecast.status,
        "cause": forecast.cause,
        "why": forecast.cause and CAUSES[forecast.cause],
        "seconds": round(forecast.seconds, 2),
        "differences": [vars(one) for one in forecast.differences],
        "steps": [vars(step) for step in forecast.steps],
    }
