"""Resolve: everything that a plan names beside its sources becomes known by content: files, what is made of them, the template.

A file that an operator is given is copied into the cache under the name of its content. That name stands in the plan from
here on, and so in every key: another path with the same bytes changes nothing. What an operator prepares once per build
(an index, a trained model) is an action like any other, and its digest stands in the key beside the files.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from datasetbuild.engine.cache import Cache, CorruptObject
from datasetbuild.engine.models import NAMES_FOLDER, folder_digest, with_models, with_names
from datasetbuild.engine.templates import resolve_template
from datasetbuild.errors import BuildError, Fault, RecipeError, SourceError
from datasetbuild.hashing import digest
from datasetbuild.op import Operator, find
from datasetbuild.parameters import files_in, with_files
from datasetbuild.plan import keys
from datasetbuild.plan.steps import FactStep, Plan


def resolve(plan: Plan, cache: Cache, project: Path) -> Plan:
    """The plan with its files, preparations and template known by content. Raises `BuildError` about a key of the recipe."""
    facts, reports = [], {}
    for step in plan.facts:
        op, path = find("fact", step.fact), f"filters.{step.name}"
        known, places = with_models(op, step.params, path, cache, project)
        params, made, report = resolved(op, known, path, cache, project)
        facts.append(replace(step, params=params, prepared=made, places=places))
        if report is not None:
            reports[step.name] = report
    clean = plan.clean and resolved(find("section", "clean"), plan.clean, "clean", cache, project)[0]
    if clean and clean.get("pii"):
        pii = resolved(find("section", "clean.pii"), clean["pii"], "clean.pii", cache, project)[0]
        clean = clean | {"pii": with_names(pii, cache, project)}
    decontaminate = plan.decontaminate
    if decontaminate:
        op = find("section", decontaminate.name)
        params, made, report = resolved(op, decontaminate.params, decontaminate.name, cache, project)
        decontaminate = replace(decontaminate, params=params, prepared=made)
        reports[decontaminate.name] = report or {}
    plan = replace(plan, facts=tuple(facts), clean=clean, reports=reports, decontaminate=decontaminate)
    if plan.embeds and (folder := model_folder(plan, project)):
        content = {"content": folder_digest(folder, cache), "folder": str(folder)}
        plan = replace(plan, embeddings={**plan.embeddings, **content})
    return resolve_template(plan, cache, project)


def resolved(
    op: Operator, params: dict[str, Any], path: str, cache: Cache, project: Path
) -> tuple[dict[str, Any], str | None, dict[str, Any] | None]:
    """An operator's parameters with their files by content, the digest of what it prepares, and what that reports.

    path: of the parameters in the recipe, for errors.
    """
    named = with_files(op.schema(), params, lambda name: _kept(name, path, cache, project))
    if op.prepare is None:
        return named, None, None
    prepare = op.prepare

    def make() -> dict[str, Any]:
        made = prepare(**_local(op, named, cache))
        data, report = made if isinstance(made, tuple) else (made, {})
        return {"objects": {"prepared": cache.store(data)}, "report": report}

    key = keys.action_key("fact", prepare=op.identity(named))
    try:
        result = cache.once(key, make)
        cache.object(result["objects"]["prepared"])
    except CorruptObject:
        result = cache.once(key, make)
    except SourceError as error:  # a file that the recipe names is not what the recipe says of it
        raise _in_file(op, params, _local(op, named, cache), path, error) from error
    except BuildError as error:
        error.path = error.path or path
        raise
    return named, str(result["objects"]["prepared"]), result["report"]


def _in_file(op: Operator, params: dict[str, Any], given: dict[str, Any], path: str, error: SourceError) -> RecipeError:
    """A fault of a file that an operator is given, told by the file's own name: the operator knows that of the snapshot.
    given: the parameters with the snapshots' paths."""
    message, place = error.message, path
    for (inner, file), (_, snapshot) in zip(files_in(op.schema(), params), files_in(op.schema(), given), strict=True):
        if Path(snapshot).name in message:
            message, place = message.replace(Path(snapshot).name, file), ".".join((path, *inner))
    return RecipeError([Fault(place, message, suggestion=error.hint)])


def model_folder(plan: Plan, project: Path) -> Path | None:
    """The folder of the project that holds the model of `embeddings`; None for a name, which the Hub's cache knows."""
    name = plan.embeddings.get("name")
    folder = project / os.path.expanduser(name) if name else None
    return folder if folder and folder.is_dir() else None


def model_digest(plan: Plan, cache: Cache, project: Path) -> str:
    """The identity of the model: the bytes of its folder, or else by which name it is asked for, and where."""
    if folder := model_folder(plan, project):
        return folder_digest(folder, cache)
    return digest([plan.embeddings.get(word) for word in ("model", "name", "url")])


def at_hand(cache: Cache, step: FactStep) -> tuple[Mapping[str, Any], Path | None]:
    """What a resolved fact is given: its parameters with files as paths on this machine, and what was prepared for it."""
    prepared = cache.object(step.prepared) if step.prepared else None
    return _local(find("fact", step.fact), step.params, cache) | step.places, prepared


def local_clean(cache: Cache, clean: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What cleaning is given: its own parameters, and those of `clean.pii` with files as paths on this machine."""
    own = {name: value for name, value in clean.items() if name != "pii"}
    if not clean.get("pii"):
        return own, None
    pii = _local(find("section", "clean.pii"), clean["pii"], cache)
    folder = pii.pop(NAMES_FOLDER, None)
    return own, pii | ({"names_model": folder} if folder else {})


def _local(op: Operator, params: dict[str, Any], cache: Cache) -> dict[str, Any]:
    return dict(with_files(op.schema(), params, lambda name: str(cache.kept(name))))


def _kept(name: str, path: str, cache: Cache, project: Path) -> str:
    try:
        return cache.keep(project / name)
    except OSError as error:
        found = SourceError(f"{name} cannot be read: {error.strerror}", hint="paths are relative to the project")
        found.path = path
        raise found from None


def input_files(plan: Plan) -> list[tuple[str, str]]:
    """The files that an unresolved plan names beside its sources: (path in the recipe, file), in the recipe's order."""
    sections = [("clean", find("section", "clean"), plan.clean or {})]
    sections.append(("clean.pii", find("section", "clean.pii"), (plan.clean or {}).get("pii") or {}))
    if plan.decontaminate:
        sections.append(("decontaminate", find("section", "decontaminate"), plan.decontaminate.params))
    sections += [(f"filters.{step.name}", find("fact", step.fact), step.params) for step in plan.facts]
    return [
        (".".join((where, *inner)), name) for where, op, params in sections for inner, name in files_in(op.schema(), params)
    ]
