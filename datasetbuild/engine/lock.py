"""The lock at work: what a recipe's inputs are now, beside what `dsbuild.lock` has pinned.

A pin of an upstream (an address, the Hub, a database server) holds every build until `dsbuild lock --upgrade` moves it.
What lies in the project is edited there, so a build takes it as it is, and says so when the lock has another; with
`--locked` it refuses. The day of pinning is the only time that is ever read, and no build reads it.
"""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from datasetbuild.engine.cache import Cache, cache_of, mending
from datasetbuild.engine.inputs import InputFile, cut_inputs, find_inputs, origin, source_files, terms_of
from datasetbuild.engine.known import known_digests
from datasetbuild.engine.local import local_engine
from datasetbuild.engine.models import pinned_models
from datasetbuild.engine.place import placed
from datasetbuild.engine.resolve import input_files, model_digest, resolve
from datasetbuild.engine.snapshots import upstream
from datasetbuild.engine.templates import resolve_template
from datasetbuild.errors import BuildError, MismatchError, UsageError
from datasetbuild.op import did_you_mean
from datasetbuild.plan import lockfile
from datasetbuild.plan.lockfile import NAME, Change, Entry, PinnedFile, Pins, SourcePin
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe

EVERY = "*"
"""Stands for all sources in `upgrade`."""


@dataclass
class Locked:
    """What `lock` found. changes: recipe -> what differs from the lock; a recipe that is gone has one change.
    kept: sources and other inputs that are as they were."""

    changes: dict[str, list[Change]] = field(default_factory=dict)
    kept: int = 0

    @property
    def stale(self) -> bool:
        return any(self.changes.values())


def read(project: Path) -> dict[str, Entry] | None:
    """The project's lock: recipe -> entry. None when there is none. `MismatchError` when it cannot be used."""
    try:
        return lockfile.parse((project / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise MismatchError(f"{NAME} is not UTF-8: byte {error.start}", hint=f"git checkout {NAME}") from None


def with_pins(plan: Plan, recipe: Recipe, *, locked: bool = False, frozen: bool = False, offline: bool = False) -> Plan:
    """The plan, held to the recipe's entry of the lock; as it is when it has pins already, or there are none."""
    if plan.pins is not None:
        return plan
    entries = read(recipe.project)
    entry = (entries or {}).get(recipe.choice)
    if (locked or frozen) and entry is None:
        why = f"{NAME} has no entry for recipe {recipe.choice}" if entries is not None else f"there is no {NAME}"
        flag = "--frozen" if frozen else "--locked"
        raise MismatchError(f"{why}, and {flag} needs one", hint=f"dsbuild lock recipe={recipe.choice}")
    if offline:
        os.environ["HF_HUB_OFFLINE"] = "1"  # read by huggingface_hub when it is imported, which is later
    if entry is None and not offline:
        return plan
    return replace(plan, pins=Pins(entry, locked=locked, frozen=frozen, offline=offline))


def check_pins(recipe: Recipe, plan: Plan, resolved: Plan, files: Sequence[InputFile], cache: Cache) -> list[str]:
    """What of a build's inputs is not as pinned, in sentences. `MismatchError` instead with `--locked`, and with
    `--frozen` when something that is pinned has changed.

    plan: as made from the recipe. resolved: with its template known by content. files: of all sources.
    """
    if plan.pins is None or plan.pins.entry is None:
        return []
    inputs = _inputs(plan, resolved, cache, recipe.project)
    if plan.pins.frozen:  # the sources are the pinned ones, or we would not be here
        found = [
            one for one in lockfile.changes(plan.pins.entry, Entry(plan.pins.entry.sources, inputs)) if one.sign == "~"
        ]
    else:
        found = lockfile.changes(plan.pins.entry, Entry(_sources(plan, files), inputs))
    if found and (plan.pins.locked or plan.pins.frozen):
        flag = "--locked" if plan.pins.locked else "--frozen"
        lines = "\n".join(f"  {line}" for change in found for line in str(change).splitlines())
        raise MismatchError(
            f"{NAME} does not fit recipe {recipe.choice}, and {flag} forbids to go on:\n{lines}",
            hint=f"`dsbuild lock recipe={recipe.choice}` pins what is there now",
        )
    if not found:
        return []
    names = ", ".join(change.what for change in found)
    return [f"{NAME} is stale for recipe {recipe.choice}: {names}; `dsbuild lock` pins what is there now"]


def present_inputs(recipe: Recipe, plan: Plan, cache: Cache) -> tuple[Plan, list[InputFile], list[str]]:
    """What a recipe is made from, as it is now: the plan with everything named by its content, the files of its sources, and what
    of them is not as pinned, in sentences. `MismatchError` where `--locked` or `--frozen` forbids them."""
    with placed(recipe):
        plan = with_pins(plan, recipe)
        files = find_inputs(plan, cache, recipe.project)
        resolved = resolve(plan, cache, recipe.project)
        return resolved, files, check_pins(recipe, plan, resolved, files, cache)


def lock(
    recipes: Mapping[str, tuple[Recipe, Plan]], project: Path, *, upgrade: Collection[str] = (), whole: bool = False
) -> Locked:
    """Pin what recipes are made from, and write the lock.

    upgrade: upstream sources to be asked anew (`EVERY`: all); the others stay what they are pinned to. whole: the
    recipes are all there are, so that entries of others go. A lock with a merge conflict is read as our side of it.
    """
    before = _before(project)
    _check_upgrade(recipes, upgrade)
    found, entries = Locked(), {} if whole else dict(before)
    for name, (recipe, plan) in recipes.items():
        old = before.get(name, Entry())
        held = old if not upgrade else Entry({} if EVERY in upgrade else _without(old.sources, upgrade))
        entries[name] = _pin(recipe, replace(plan, pins=Pins(held)), old)
        found.changes[name] = lockfile.changes(old, entries[name])
        found.kept += len(entries[name].sources) + len(entries[name].inputs) - len(found.changes[name])
    found.changes |= _gone(before, recipes) if whole else {}
    _write(project, lockfile.dump(entries))
    return found


def compare(recipes: Mapping[str, tuple[Recipe, Plan]], project: Path, *, whole: bool = False) -> Locked:
    """What `lock` would change, without asking any upstream: that it may have moved makes no lock stale."""
    entries, found = read(project) or {}, Locked()
    for name, (recipe, plan) in recipes.items():
        cache = cache_of(project)
        old = entries.get(name, Entry())
        held = replace(plan, pins=Pins(old))
        sources: dict[str, SourcePin] = {}
        with placed(recipe):
            for source, params in plan.sources.items():
                terms = terms_of(source, params, held.pins)
                if upstream(params):
                    sources[source] = terms.pin or SourcePin("", origin(params), ())
                else:
                    files = source_files(source, params, cache, project, terms)
                    sources |= _sources(replace(plan, sources={source: params}), files)
            inputs = _inputs(plan, _template(plan, old, cache, project), cache, project)
        found.changes[name] = lockfile.changes(old, Entry(sources, inputs))
        found.kept += len(sources) + len(inputs) - len([one for one in found.changes[name] if one.sign != "-"])
    found.changes |= _gone(entries, recipes) if whole else {}
    return found


def _pin(recipe: Recipe, plan: Plan, old: Entry) -> Entry:
    """The recipe's entry as of today; what is as it was keeps its day."""
    cache = Cache(recipe.project / ".dsbuild" / "cache")

    def work() -> Entry:
        cache.sweep()
        files = find_inputs(plan, cache, recipe.project)
        resolved = resolve_template(plan, cache, recipe.project)
        with local_engine(plan.engine["workers"], sum(file.bytes for file in files)) as engine:
            shards = cut_inputs(plan, cache, engine, recipe.project, files)
        rows = [sum(shard.rows for shard in found) for found in shards]
        sources = {}
        for name, pin in _sources(plan, files, rows).items():
            was = old.sources.get(name)
            same = was is not None and (was.origin, was.digest) == (pin.origin, pin.digest)
            sources[name] = replace(pin, pinned=was.pinned if was and same else today())
        return Entry(sources, _inputs(plan, resolved, cache, recipe.project))

    with placed(recipe):
        return mending(cache, work)


def _sources(plan: Plan, files: Sequence[InputFile], rows: Sequence[int] | None = None) -> dict[str, SourcePin]:
    """The sources as pins without a day. rows: of each file, None when not counted."""
    counted = zip(files, rows if rows is not None else itertools.repeat(None, len(files)), strict=True)
    pinned = [(file.source, PinnedFile(file.name, file.sha256, file.bytes, count)) for file, count in counted]
    return {
        name: SourcePin("", origin(params), tuple(file for source, file in pinned if source == name))
        for name, params in plan.sources.items()
    }


def _inputs(plan: Plan, resolved: Plan, cache: Cache, project: Path) -> dict[str, str]:
    """What decides the bytes beside the sources: plugins, files of operators, model, tokenizer and template."""
    files = {f"plugin {name}": project / name for name in plan.plugins}
    files |= {f"file {name}": project / name for _, name in input_files(plan)}
    found = dict(zip(files, known_digests(cache, [*files.values()]), strict=True))
    found |= pinned_models(plan, cache, project)
    if plan.embeds and (model := plan.embeddings.get("name")):
        found[f"model {model}"] = model_digest(plan, cache, project)
    if (template := resolved.template) is not None:
        digests = (template["tokenizer_digest"], template["template_digest"])
        found |= dict(zip(_template_names(plan), digests, strict=True))
    return found


def _template(plan: Plan, old: Entry, cache: Cache, project: Path) -> Plan:
    """The plan with its template known by content. A tokenizer of the Hub stands at a commit: where it cannot be had,
    what was pinned of it holds."""
    try:
        return resolve_template(plan, cache, project)
    except BuildError:
        names = _template_names(plan)
        if not set(names) <= old.inputs.keys() or not plan.template or not plan.template.get("revision"):
            raise
        known = dict(zip(("tokenizer_digest", "template_digest"), (old.inputs[name] for name in names), strict=True))
        return replace(plan, template={**plan.template, **known})


def _template_names(plan: Plan) -> list[str]:
    """How the lock calls the tokenizer and the chat template of a plan."""
    template = plan.template or {}
    revision = f"@{template['revision']}" if template.get("revision") else ""
    return [f"tokenizer {template.get('tokenizer')}{revision}", f"chat_template {template.get('chat_template')}"]


def today() -> str:
    """The day, in UTC: `2026-11-21`; that of `SOURCE_DATE_EPOCH` where it is set."""
    given = os.environ.get("SOURCE_DATE_EPOCH", "")
    return time.strftime("%Y-%m-%d", time.gmtime(int(given) if given.isdigit() else None))


def _before(project: Path) -> dict[str, Entry]:
    """The lock as it is; our side of it where a merge has left a conflict."""
    try:
        return read(project) or {}
    except MismatchError:
        text = (project / NAME).read_text(encoding="utf-8", errors="replace")
        if not lockfile.conflicts(text):
            raise
        return lockfile.parse(lockfile.ours(text))


def _without(sources: Mapping[str, SourcePin], names: Collection[str]) -> dict[str, SourcePin]:
    return {name: pin for name, pin in sources.items() if name not in names}


def _check_upgrade(recipes: Mapping[str, tuple[Recipe, Plan]], upgrade: Collection[str]) -> None:
    known = {source for _, plan in recipes.values() for source in plan.sources}
    for name in sorted(set(upgrade) - known - {EVERY}):
        raise UsageError(f"no source {name!r} to upgrade", hint=did_you_mean(name, sorted(known)))


def _gone(entries: Mapping[str, Entry], recipes: Collection[str]) -> dict[str, list[Change]]:
    return {name: [Change("-", "recipe")] for name in sorted(set(entries) - set(recipes))}


def _write(project: Path, text: str) -> None:
    """By rename, and only when it says something else."""
    place = project / NAME
    if place.is_file() and place.read_text(encoding="utf-8", errors="replace") == text:
        return
    draft = project / f".{NAME}.{os.getpid()}"
    try:
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, place)
    finally:
        draft.unlink(missing_ok=True)
