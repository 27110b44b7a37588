"""What a build reads, for tools that decide by files whether to run it: paths of the project, and pins of the lock."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from datasetbuild.engine.lock import read
from datasetbuild.engine.models import input_models
from datasetbuild.engine.resolve import input_files
from datasetbuild.engine.snapshots import upstream
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe
from datasetbuild.stages.read.remote import is_remote


def dependencies(recipe: Recipe, plan: Plan) -> list[str]:
    """The files and folders that a recipe reads, relative to the project, sorted.

    The project's `conf/` counts as a whole, since a new file there can take the place of one of ours. A glob stands for
    its folder, as DVC knows no globs and a new file must count; where the folder is the project itself, the files that
    are there now stand for it.
    """
    project = recipe.project
    conf = project / "conf"
    found = {"conf"} if conf.is_dir() else set()
    found |= {
        _shown(file, project) for file in recipe.files if file.is_relative_to(project) and not file.is_relative_to(conf)
    }
    for params in plan.sources.values():
        found |= set(_origins(params, project))
    found |= {*plan.plugins, *(name for _, name in input_files(plan))}
    named = [(plan.template or {}).get(word) for word in ("tokenizer", "chat_template")]
    for given in [*named, plan.embeddings.get("name") if plan.embeds else None, *(name for name, _ in input_models(plan)), ((plan.clean or {}).get("pii") or {}).get("names_model")]:
        if isinstance(given, str) and (project / os.path.expanduser(given)).exists():
            found.add(given)
    return sorted(_shown(project / name, project) for name in found)


def patterns(recipe: Recipe, plan: Plan) -> list[str]:
    """Paths, folders and globs of everything in the project that a build may read, whether it is there or not."""
    found = [*dependencies(recipe, plan)]
    for params in plan.sources.values():
        given = params.get("path") or ()
        found += [given] if isinstance(given, str) else given
    template = plan.template or {}
    return found + [template[name] for name in ("tokenizer", "chat_template") if isinstance(template.get(name), str)]


def _origins(params: Mapping[str, Any], project: Path) -> Iterator[str]:
    if params.get("hub"):
        if not upstream(params):
            yield os.path.expanduser(params["hub"])
    elif params.get("sql"):
        if (named := re.fullmatch(r"\w+:///([^?$]+)(\?.*)?", params["sql"])) and not upstream(params):
            yield named[1]
    else:
        given = params["path"]
        for pattern in [given] if isinstance(given, str) else given:
            if not is_remote(pattern):
                yield from _covered(os.path.expanduser(pattern), project)


def _covered(pattern: str, project: Path) -> Iterator[str]:
    """What DVC has to watch for a path or a glob."""
    if (project / pattern).exists() or not glob.has_magic(pattern):
        yield pattern
        return
    parts = Path(pattern).parts
    solid = Path(*parts[: next(n for n, part in enumerate(parts) if glob.has_magic(part))])
    if (project / solid).resolve() in (project, *project.parents):
        yield from sorted(glob.glob(pattern, root_dir=project, recursive=True))
    else:
        yield solid.as_posix()


def _shown(path: Path, project: Path) -> str:
    absolute = Path(os.path.abspath(path))
    if absolute.is_relative_to(project):
        return absolute.relative_to(project).as_posix()
    return Path(os.path.relpath(absolute, project)).as_posix()


def pinned(recipe: Recipe, plan: Plan) -> list[str]:
    """The pins of upstreams: a moved pin is another input. Files of the project are dependencies themselves."""
    entry = (read(recipe.project) or {}).get(recipe.choice)
    names = [name for name, params in plan.sources.items() if entry and name in entry.sources and upstream(params)]
    return sorted(f"recipes.{recipe.choice}.sources.{name}.files" for name in names)
