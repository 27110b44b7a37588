"""The versions of an artifact in git: every commit that changed its manifest, and what changed in each, in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasetbuild.artifact.diff.changes import Changes
from datasetbuild.artifact.diff.document import file_changes
from datasetbuild.artifact.diff.sides import BUILD, MANIFEST, Versions
from datasetbuild.artifact.diff.tables import change
from datasetbuild.artifact.manifest import parse_manifest
from datasetbuild.artifact.version import find_repo
from datasetbuild.errors import VersionError

NAMED = 2
"""Recipe keys and files that the line names; the others are counted."""


@dataclass(frozen=True)
class Version:
    """One version. date: the day of its commit. records: digest over the records; equal ones are the same data. what:
    the difference to the version before; None for a version that this dsbuild cannot read."""

    commit: str
    date: str
    subject: str
    kept: int | None
    rows: int | None
    tokens: int | None
    records: str | None
    what: str


def history(project: Path, recipe: str, limit: int | None = None) -> tuple[str, list[Version]]:
    """An artifact's name and its versions, newest first. recipe: its name, or the artifact's. limit: at most so many."""
    repository = find_repo(project)
    name = Versions(project, project).artifact_of(recipe)
    path = f"{BUILD}/{name}/{MANIFEST}"
    commits = repository.history(path)
    if not commits:
        raise VersionError(
            f"git has no version of {path}", hint=f"dsbuild recipe={recipe}, then git add {path} && git commit"
        )
    manifests: list[dict[str, Any] | str] = []
    for commit in commits[: limit + 1 if limit is not None else None]:
        try:
            manifests.append(parse_manifest(repository.read_at(commit.id, path), f"the manifest at {commit.id[:7]}"))
        except FileNotFoundError:
            manifests.append("removed")
        except VersionError as error:
            manifests.append(error.message)
    found = []
    for place, (commit, manifest) in enumerate(zip(commits, manifests, strict=False)):
        if limit is not None and place >= limit:
            break
        if isinstance(manifest, str):
            found.append(Version(commit.id, commit.date, commit.subject, None, None, None, None, manifest))
            continue
        older = next((one for one in manifests[place + 1 :] if not isinstance(one, str)), None)
        what = what_changed(older, manifest) if older is not None else "the first version"
        rows = sum(split["rows"] for split in manifest["splits"].values())
        total = (manifest.get("tokens") or {}).get("total")
        kept = manifest["counts"]["sources"][-1]["kept"]
        found.append(Version(commit.id, commit.date, commit.subject, kept, rows, total, manifest["records"], what))
    return name, found


def what_changed(old: dict[str, Any], new: dict[str, Any]) -> str:
    """The difference between two manifests in one line."""
    changes = Changes(old, new)
    said = [f"{one.path} {change(one.old, one.new)}" for one in sorted(changes.all, key=lambda one: one.code)]
    signs = {"added": "is new", "removed": "is gone", "changed": "edited"}
    said += [f"{file['file']} {signs[file['what']]}" for file in file_changes(old, new)]
    more = f" and {len(said) - NAMED} more" if len(said) > NAMED else ""
    before, after = (side["counts"]["sources"][-1]["kept"] for side in (old, new))
    records = (
        f"{after - before:+d} records"
        if after != before
        else "the same records"
        if old["records"] == new["records"]
        else "other records"
    )
    return f"{records}: {', '.join(said[:NAMED])}{more}" if said else records
