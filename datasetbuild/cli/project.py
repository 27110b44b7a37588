"""The project that a command works in: the nearest folder upwards that holds `recipes/`."""

from __future__ import annotations

from pathlib import Path

from datasetbuild.errors import NO_UTF8, UsageError, foreign


def check_folder(file: Path) -> None:
    """Raise, before any work, when a file that a person wants written has no folder to lie in."""
    if not file.absolute().parent.is_dir():
        raise UsageError(f"there is no folder {file.parent} to write {file.name} into", hint=f"mkdir -p {file.parent}")


def find_project(directory: str) -> Path:
    """The project's folder; `UsageError` when there is none."""
    start = Path(directory).resolve()
    if told := foreign(str(start)):
        raise UsageError(f"the folder {told} is not UTF-8", hint=f"rename it; {NO_UTF8}")
    if not start.is_dir():
        raise UsageError(f"{directory}: no such directory")
    for folder in (start, *start.parents):
        if (folder / "recipes").is_dir():
            return folder
    raise UsageError(
        f"no `recipes` folder in {start} or above it", hint="write recipes/NAME.yaml there, or name the project with -C DIR"
    )
