"""Build again in a scratch folder, from nothing, and compare every byte with the manifest, also with that of a commit.

Exit code 4 when the inputs are no longer those of the manifest, 1 when the same inputs gave other bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    from datasetbuild.engine.verify import Verdict
    from datasetbuild.recipe import Recipe


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="*", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument(
        "--at", metavar="REV", help="the artifact of this commit, from its files as git and DVC have them"
    )


def run(args: argparse.Namespace) -> int:
    from datasetbuild.cli.progress import bar
    from datasetbuild.engine.run import target_folder
    from datasetbuild.engine.verify import compare, rebuild
    from datasetbuild.errors import BuildError, MismatchError
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import load

    project = find_project(args.directory)
    with ExitStack() as stack:
        manifest: dict[str, Any] | None
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="dsbuild-")))
        if args.at:
            recipe, manifest = _committed(args, project, stack)
        else:
            recipe = load(args.overrides, project=project)[0]
            manifest = None if recipe.variant else _manifest(recipe.project / "build" / recipe.name, recipe)
        built = rebuild(recipe, make_plan(recipe.config), scratch, bar)
        folder = None if args.at else target_folder(recipe, built.manifest["key"])
        if manifest is None and folder is not None:
            manifest = _manifest(folder, recipe)
        verdict = compare(manifest or {}, built, folder)
    what = f"{recipe.choice} at {args.at}" if args.at else recipe.choice
    if args.json:
        found = {**vars(verdict), "inputs": [vars(one) for one in verdict.inputs], "same": verdict.same}
        sys.stdout.write(
            json.dumps({"format_version": 1, "recipe": recipe.choice, "at": args.at, **found}, indent=1) + "\n"
        )
    elif args.quiet and not verdict.same:
        raise (MismatchError if verdict.inputs else BuildError)(tell(verdict, what, recipe).rstrip())
    else:
        sys.stdout.write(tell(verdict, what, recipe))
    return 0 if verdict.same else 4 if verdict.inputs else 1


def _manifest(folder: Path, recipe: Recipe) -> dict[str, Any]:
    from datasetbuild.artifact.manifest import read_manifest
    from datasetbuild.errors import UsageError

    found = read_manifest(folder)
    if found is None:
        raise UsageError(
            f"{folder.relative_to(recipe.project)} holds no manifest to verify",
            hint=f"dsbuild recipe={recipe.choice} builds it",
        )
    return found


def _committed(args: argparse.Namespace, project: Path, stack: ExitStack) -> tuple[Recipe, dict[str, Any]]:
    """The recipe of a commit in a folder of its own, with its inputs, and the manifest of that commit."""
    from datasetbuild.artifact.manifest import parse_manifest
    from datasetbuild.artifact.version import find_repo
    from datasetbuild.engine.dependencies import patterns
    from datasetbuild.errors import VersionError
    from datasetbuild.plan.steps import make_plan
    from datasetbuild.recipe import load

    repository = find_repo(project)
    top = stack.enter_context(repository.checkout(args.at))
    inner = top / repository.folder.relative_to(repository.root)
    recipe = load(args.overrides, project=inner)[0]
    repository.fetch_tracked(args.at, patterns(recipe, make_plan(recipe.config)), inner)
    name = f"build/{recipe.name}/manifest.json"
    try:
        return recipe, parse_manifest(repository.read_at(args.at, name))
    except FileNotFoundError:
        raise VersionError(
            f"there is no {name} at {args.at}", hint=f"`git log --oneline -- {name}` lists the commits that have it"
        ) from None


def tell(verdict: Verdict, what: str, recipe: Recipe) -> str:
    """The verdict as text."""
    from datasetbuild.cli.explain import reasons

    if verdict.same:
        return f"verified {what}: built again from nothing, all {verdict.looked} files have the same bytes\n"
    lines = [f"{what} is not what its manifest says"] if verdict.damaged or verdict.missing else []
    lines += [f"  damaged: {name}" for name in verdict.damaged] + [f"  missing: {name}" for name in verdict.missing]
    if lines:
        lines.append(
            f"  -> dsbuild recipe={recipe.choice} writes them again, `dvc checkout` or `dvc pull` brings recorded ones"
        )
    if verdict.inputs:
        lines += [f"{what} cannot be built again: its inputs are others now", *reasons(recipe, verdict.inputs)]
    if verdict.files:
        lines += [f"{what}: the same inputs gave other bytes; {verdict.where}"]
        lines += [f"  differs: {name}" for name in verdict.files]
    return "\n".join(lines) + "\n"
