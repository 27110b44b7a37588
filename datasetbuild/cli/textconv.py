"""Print a manifest or ledger as lines, one value or row a line, for `git diff`. --install writes .gitattributes and tells
git of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="FILE", help="manifest.json, metrics.json or ledger.parquet"
    )
    parser.add_argument("--install", action="store_true", help="let `git diff` use it in this repository")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.errors import UsageError

    if args.install:
        return _install(args.directory)
    if args.file is None:
        raise UsageError("name a file", hint="dsbuild textconv build/NAME/manifest.json, or dsbuild textconv --install")
    from datasetbuild.artifact.diff.lines import text_lines

    path = Path(args.directory) / args.file
    if not path.is_file():
        raise UsageError(f"there is no file {path}")
    if args.json:
        import json

        sys.stdout.write(json.dumps(list(text_lines(path)), ensure_ascii=False, indent=1) + "\n")
        return 0
    for line in text_lines(path):
        sys.stdout.write(line + "\n")
    return 0


def _install(directory: str) -> int:
    """Lines of .gitattributes that are not there yet, and the setting of this clone."""
    from datasetbuild.artifact.diff.lines import ATTRIBUTES, SETTING
    from datasetbuild.artifact.version import find_repo
    from datasetbuild.cli.project import find_project

    project = find_project(directory)
    repository = find_repo(project)
    attributes = project / ".gitattributes"
    there = attributes.read_text(encoding="utf-8") if attributes.is_file() else ""
    lacking = [line for line in ATTRIBUTES if line not in there.splitlines()]
    if lacking:
        glue = "\n" if there and not there.endswith("\n") else ""
        attributes.write_text(there + glue + "\n".join(lacking) + "\n", encoding="utf-8")
    repository.git("config", *SETTING)
    print(f".gitattributes: {len(lacking)} lines added; git config {SETTING[0]} = {SETTING[1]}", file=sys.stderr)
    return 0
