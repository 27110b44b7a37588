"""From the `path` of a source to its files: in a fixed order, each once, or a sentence that says what to write
instead."""

from __future__ import annotations

import difflib
import glob
import os
import stat
from collections import Counter
from functools import lru_cache
from pathlib import Path

from datasetbuild.errors import NO_UTF8, SourceError, foreign


def resolve(path: str | list[str], project: Path) -> list[Path]:
    """The files of a source: paths and globs (`**` descends) in the order written, the matches of a glob by name.

    A file that several globs match stands where the first one puts it; of several names for it that one glob finds through links,
    the one with the fewest folders counts. Names that hold `[` or `*` themselves are found as they are.
    """
    patterns = [path] if isinstance(path, str) else list(path)
    if not patterns:
        raise SourceError("the source's `path` is an empty list", hint="name at least one file or glob")
    found: dict[str, Path] = {}
    for pattern in patterns:
        for real, file in _matches(pattern, project).items():
            found.setdefault(real, file)
    return list(found.values())


def shown(path: Path | str, project: Path) -> str:
    """A path as people should read it: relative to the project where it lies inside, with forward slashes."""
    return inside(path, project) or Path(os.path.abspath(path)).as_posix()


def inside(path: Path | str, project: Path | str) -> str | None:
    """A path below a folder, relative to it, with forward slashes; None of another."""
    base = os.path.join(os.path.abspath(project), "")
    absolute = os.path.abspath(path)
    return absolute[len(base) :].replace(os.sep, "/") if absolute.startswith(base) else None


def _matches(pattern: str, project: Path) -> dict[str, Path]:
    """What a path or a glob stands for, in its order: each file under the path that has no links."""
    if "://" in pattern:
        raise SourceError(
            f"{pattern} is an address, not a file: it has to be fetched first",
            hint="only the `path` of a source may be an address",
        )
    target = project / os.path.expanduser(pattern)
    if target.is_dir():
        raise SourceError(
            f"{pattern} is a directory, not a file", hint=f"name its files with a glob: {_glob_for(target, pattern)}"
        )
    if target.exists():
        _check(target, pattern)
        return {os.path.realpath(target): target}
    if Path(f"{target}.dvc").is_file():
        raise SourceError(f"no file {pattern}, which DVC keeps", hint=f"dvc pull {pattern}")
    if not glob.has_magic(pattern):
        raise SourceError(f"no file {pattern}", hint=_nearby(target, project))
    spread = os.path.join(glob.escape(str(project)), os.path.expanduser(pattern))
    real = lru_cache(os.path.realpath)  # of the folders, which are few
    found: dict[str, str] = {}
    for file in sorted(glob.glob(spread, recursive=True), key=lambda file: (file.count(os.sep), file)):
        plain = stat.S_ISREG(os.lstat(file).st_mode)
        if not plain and os.path.isdir(file):
            continue
        if not (plain and file.isascii() and os.access(file, os.R_OK)):
            _check(Path(file), shown(file, project))
        folder, name = os.path.split(file)
        place = os.path.join(real(folder), name) if plain else os.path.realpath(file)
        found.setdefault(place, file)  # a link to a folder above it gives each file of a folder forty names
    if not found:
        raise SourceError(f"no file matches {pattern}", hint=_nearby(_solid_part(target), project))
    return {place: Path(file) for place, file in sorted(found.items(), key=lambda item: item[1])}


def _check(file: Path, name: str) -> None:
    """Raise for what is there and can never be read to an end. name: what to call it."""
    if file.is_symlink() and not file.exists():
        raise SourceError(f"{name} is a link to {os.readlink(file)}, which is not there", hint="remove the link, or bring back the file")
    if file.exists() and not file.is_file():
        raise SourceError(f"{name} is a pipe or a device, not a file", hint="write what it gives to a file first")
    if told := foreign(name):
        raise SourceError(f"the name of the file {told} is not UTF-8", hint=f"rename it; {NO_UTF8}")
    if not os.access(file, os.R_OK):
        raise SourceError(f"{name} cannot be read: permission denied", hint=f"chmod u+r {name}")


def _glob_for(folder: Path, pattern: str) -> str:
    """The glob that takes what the folder mostly holds."""
    names = [name for _, _, files in os.walk(folder) for name in sorted(files) if not name.startswith(".")]
    suffixes = Counter("".join(Path(name).suffixes[-2:]) for name in names)
    suffix = min(suffixes, key=lambda word: (-suffixes[word], word)) if suffixes else ""
    deep = "" if any(entry.is_file() and entry.name.endswith(suffix) for entry in folder.iterdir()) else "**/"
    return f"{pattern.rstrip('/')}/{deep}*{suffix}"


def _solid_part(target: Path) -> Path:
    """The first part of a glob that does not exist, or that is the first pattern."""
    solid = Path(target.anchor)
    for part in target.parts[1:]:
        if not (solid / part).exists():
            return solid / part
        solid /= part
    return solid


def _nearby(target: Path, project: Path) -> str:
    """What to try instead of a file that is not there: the nearest names in its folder, or the nearest folder."""
    while not target.parent.is_dir():
        target = target.parent
    folder = shown(target.parent, project)
    names = sorted(os.listdir(target.parent))
    if not names:
        return f"{folder} is empty"
    near = difflib.get_close_matches(target.name, names, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(shown(target.parent / name, project) for name in near) + "?"
    rest = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"{folder} holds: {', '.join(names[:5])}{rest}"
