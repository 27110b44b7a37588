"""What a schema cannot say of where a source's rows come from: one origin, its keys, a commit, and no password."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datasetbuild.errors import Fault
from datasetbuild.recipe.recipe import Recipe

MISSING = "???"
"""What Hydra writes for a value that must be given; a fault of its own."""


def faults(recipe: Recipe, sources: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """All faults of origins. Values of a wrong kind are left to the schema."""
    from datasetbuild.stages.normalize import documents  # imports polars, as in `schema.register_operators`

    for name, source in sources.items():
        path = ("sources", name)
        given = [origin for origin in _origins() if source.get(origin) is not None]
        yield from _one(recipe, path, given)
        yield from _belonging(recipe, path, source, given)
        yield from _commit(recipe, path, source)
        yield from _passwords(recipe, path, source)
        if source.get("format") == "documents":
            yield recipe.fault((*path, "format"), documents.NOT_TRAINED, documents.INSTEAD)


def _origins() -> dict[str, tuple[str, ...]]:
    from datasetbuild.stages.normalize.source import ORIGINS

    return ORIGINS


def _one(recipe: Recipe, path: tuple[str, ...], given: list[str]) -> Iterator[Fault]:
    words = ", ".join(f"`{origin}`" for origin in _origins())
    if not given:
        yield recipe.fault(
            (*path, "path"),
            f"the source does not say where its rows come from: it needs one of {words}",
            "write `path: data/*.jsonl` for files",
        )
    for origin in given[1:]:
        message = f"the source has `{given[0]}` already, and its rows come from one place"
        yield recipe.fault((*path, origin), message, f"keep one of {words}, or make two sources of it")


def _belonging(recipe: Recipe, path: tuple[str, ...], source: Mapping[str, Any], given: list[str]) -> Iterator[Fault]:
    for origin, names in _origins().items():
        for name in names:
            if source.get(name) is not None and origin not in given:
                yield recipe.fault((*path, name), f"`{name}` belongs to `{origin}`, and the source has none")
    if "sql" in given and source.get("query") is None:
        yield recipe.fault(
            (*path, "query"), "a source with `sql` needs a `query`", "write `query: select ... from ...`"
        )


def _commit(recipe: Recipe, path: tuple[str, ...], source: Mapping[str, Any]) -> Iterator[Fault]:
    from datasetbuild.stages.read import hub

    name, revision = source.get("hub"), source.get("revision")
    if not isinstance(name, str) or hub.is_folder(name) or revision == MISSING:
        return
    advice = f"write the commit of https://huggingface.co/datasets/{name}/commits/main"
    if revision is None:
        message = "a dataset of the Hub needs a `revision`: without it the recipe gives other rows one day"
        yield recipe.fault((*path, "revision"), message, advice)
    elif isinstance(revision, str) and not hub.COMMIT.fullmatch(revision):
        message = f"{revision!r} is no commit (40 hex digits), and a branch or tag can move"
        yield recipe.fault((*path, "revision"), message, advice)


def _passwords(recipe: Recipe, path: tuple[str, ...], source: Mapping[str, Any]) -> Iterator[Fault]:
    from datasetbuild.stages.read.address import written_password

    paths = source.get("path")
    written = {(*path, "sql"): source.get("sql")} | (
        {(*path, "path", str(index)): one for index, one in enumerate(paths)}
        if isinstance(paths, list)
        else {(*path, "path"): paths}
    )
    for place, address in written.items():
        if isinstance(address, str) and written_password(address):
            message = "a password stands in the recipe, where everybody who has it can read it"
            fault = recipe.fault(
                place, message, "change it, then write `$PASSWORD` and set PASSWORD in the environment"
            )
            # The excerpt would print it once more.
            yield Fault(fault.path, fault.message, fault.file, fault.line, None, fault.suggestion)
