"""Make a new project that builds: a recipe, a few rows, settings for git, DVC and editors. Overwrites nothing."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", default=".", metavar="DIR", help="a new or empty folder; without it this one"
    )


def run(args: argparse.Namespace) -> int:
    from datasetbuild.artifact.scaffold import make_project
    from datasetbuild.artifact.version import in_git
    from datasetbuild.cli.dvc import wanted

    folder = Path(args.directory, args.folder)
    files = make_project(folder)
    (folder / "dvc.yaml").write_text(wanted(folder.resolve()).text, encoding="utf-8")
    files.append("dvc.yaml")
    if args.json:
        sys.stdout.write(json.dumps({"format_version": 1, "folder": str(folder), "files": files}, indent=1) + "\n")
        return 0
    # Inside of a repository a second one would hide the project from the first; DVC then keeps its files in the subfolder.
    repository = in_git(folder)
    inside = repository is not None and repository.root != folder.resolve()
    start = "dvc init --subdir" if inside else "git init && dvc init"
    enter = [] if folder.resolve() == Path.cwd() else [f"cd {shlex.quote(str(folder))}"]
    steps = [
        *enter,
        "dsbuild recipe=demo",
        f"{start} && dsbuild lock && dsbuild textconv --install",
        "git add . && git commit -m 'A dataset'",
    ]
    sys.stdout.write(
        "".join(f"wrote {folder / name}\n" for name in files) + "\nnext:\n" + "".join(f"  {step}\n" for step in steps)
    )
    return 0
