"""A new project: the few files that a first build needs, ready for git, DVC and an editor. Never overwrites one."""

from __future__ import annotations

import os
from pathlib import Path

from datasetbuild.errors import UsageError

STARTER = Path(__file__).parent / "starter"
SCHEMA = Path(__file__).parent.parent / "recipe" / "recipe.schema.json"

FILES = {
    "recipes/demo.yaml": STARTER / "demo.yaml",
    "data/demo.jsonl": STARTER / "demo.jsonl",
    "conf/filters/house.yaml": STARTER / "house.yaml",
    "conf/recipe.schema.json": SCHEMA,
    ".vscode/settings.json": STARTER / "settings.json",
    ".gitignore": STARTER / "gitignore",
    ".gitattributes": STARTER / "gitattributes",
    ".dvcignore": STARTER / "dvcignore",
}
"""Path in the project -> the file of ours that it is a copy of. `dvc.yaml` is made by `pipeline.synced`."""


def make_project(folder: Path) -> list[str]:
    """Write the files of a new project; their names. `UsageError` when one is there already: then none is written."""
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder} is a file", hint="name a folder that is new or empty")
    there = [name for name in (*FILES, "dvc.yaml") if os.path.lexists(folder / name)]
    if there:
        raise UsageError(
            f"{folder} holds {', '.join(there)} already; nothing was written", hint="name a folder that is new or empty"
        )
    for name, source in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(source.read_bytes())
    return list(FILES)
