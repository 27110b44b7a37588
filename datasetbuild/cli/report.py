"""Find the report that every build writes: print where it lies, open it, or print it in short for a pull request (--md)."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from datasetbuild.cli.output import as_json
from datasetbuild.cli.project import find_project


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("overrides", nargs="+", metavar="recipe=NAME|override", help="the recipe, and overrides of it")
    parser.add_argument("--artifact", metavar="DIR", help="of this artifact: a variant, or one in .dsbuild/rejected")
    parser.add_argument("--md", action="store_true", help="print the report in short, as Markdown")
    parser.add_argument("--open", action="store_true", help="open the page in a browser")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.artifact.manifest import read_manifest
    from datasetbuild.errors import UsageError
    from datasetbuild.recipe import load

    recipe = load(args.overrides, project=find_project(args.directory))[0]
    folder = Path(args.artifact).resolve() if args.artifact else recipe.project / "build" / recipe.name
    manifest, page = read_manifest(folder), folder / "report.html"
    if manifest is None or not page.is_file():
        shown = os.path.relpath(page, recipe.project)
        raise UsageError(f"there is no {shown}", hint=f"dsbuild recipe={recipe.choice}")
    if args.md:
        from datasetbuild.artifact.report.brief import make_brief

        sys.stdout.write(make_brief(manifest))
        return 0
    if args.json:
        document = {"format_version": 1, "report": os.path.relpath(page, recipe.project), "key": manifest["key"]}
        sys.stdout.write(as_json(document))
    else:
        print(os.path.relpath(page, Path.cwd()))
    if args.open:
        import webbrowser

        webbrowser.open(page.as_uri())
    return 0
