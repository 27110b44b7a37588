"""The lock: `dsbuild.lock`, what every recipe was last pinned to. A text file for git: read, compared, written; no I/O.

    recipes:
      support:
        sources:
          tickets:
            pinned: '2026-11-21'
            from: {path: examples/support/tickets-*.csv.gz}
            files:
            - file: examples/support/tickets-2025.csv.gz
              sha256: 35c1…
              bytes: 9182
              rows: 120
        inputs:
          chat_template chatml: 8d2b…

One fact a line and entries sorted by name: two branches that change different sources merge without a conflict.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import yaml

from datasetbuild.errors import MismatchError
from datasetbuild.hashing import digest
from datasetbuild.plan.explain import first_of

NAME = "dsbuild.lock"
VERSION = 1
HEADER = """\
# What each recipe was made from: written by `dsbuild lock`, to be committed. `dsbuild lock --check` compares.
"""
SHORT = 12
"""Hex digits of a digest that people see."""

_OURS, _BASE, _MIDDLE, _THEIRS = "<<<<<<<", "|||||||", "=======", ">>>>>>>"


@dataclass(frozen=True)
class PinnedFile:
    """A file of a source. file: as the artifact names it. rows: as its reader counted them, None when not counted."""

    file: str
    sha256: str
    bytes: int
    rows: int | None = None


@dataclass(frozen=True)
class SourcePin:
    """A source as it was found. pinned: the day. origin: what the recipe said of where its rows come from."""

    pinned: str
    origin: dict[str, Any]
    files: tuple[PinnedFile, ...]

    @property
    def digest(self) -> str:
        """SHA-256 over the names and bytes of its files."""
        return digest([[file.file, file.sha256] for file in self.files])

    @property
    def rows(self) -> int | None:
        """Rows in all; None when some were not counted."""
        counts = [file.rows for file in self.files]
        return None if None in counts else sum(count or 0 for count in counts)


@dataclass(frozen=True)
class Entry:
    """A recipe's part of the lock. inputs: what else decides its bytes (`plugin FILE`, ...) -> SHA-256."""

    sources: dict[str, SourcePin] = field(default_factory=dict)
    inputs: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Pins:
    """How a build treats its recipe's entry. entry: None without one. frozen: the lock says which files there are.
    offline: nothing is asked over a network."""

    entry: Entry | None = None
    locked: bool = False
    frozen: bool = False
    offline: bool = False


@dataclass(frozen=True)
class Change:
    """What differs between a pin and what is there. sign: `+` not pinned, `-` no longer used, `~` changed.
    old, new: in a few characters. details: a line for each file or key of the recipe that differs."""

    sign: str
    what: str
    old: str | None = None
    new: str | None = None
    details: tuple[str, ...] = ()

    def __str__(self) -> str:
        sides = " -> ".join(side for side in (self.old, self.new) if side)
        told, left = first_of(self.details)
        lines = [*told, *([f"and {left} more"] if left else [])]
        return "\n".join([f"{self.sign} {self.what}  {sides}".rstrip(), *(f"    {line}" for line in lines)])


def parse(text: str) -> dict[str, Entry]:
    """Recipe -> entry. `MismatchError` for a text that is no lock, is of a newer version, or has conflicts."""
    if regions := conflicts(text):
        lines = ", ".join(f"{first}-{last}" for first, last in regions)
        raise MismatchError(
            f"{NAME} has a merge conflict: lines {lines}",
            hint=f"merge the recipes and sources first; then `dsbuild lock` pins what came out, and `git add {NAME}`",
        )
    try:
        found = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        version = found["version"]
        if version == VERSION:
            return {str(name): _entry(entry) for name, entry in (found["recipes"] or {}).items()}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise _broken(f"line {mark.line + 1}: {getattr(error, 'problem', '')}" if mark else str(error)) from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise _broken(f"{type(error).__name__}: {error}") from None
    raise MismatchError(
        f"{NAME} has version {version!r}, and this dsbuild reads version {VERSION}",
        hint="use the dsbuild that wrote it, or remove it and run `dsbuild lock`",
    )


def _broken(why: str) -> MismatchError:
    return MismatchError(
        f"{NAME} cannot be read: {why}",
        hint=f"`git checkout {NAME}` brings back the last; or remove it and `dsbuild lock`",
    )


def _entry(found: Mapping[str, Any]) -> Entry:
    sources = {
        str(name): SourcePin(
            str(pin["pinned"]), dict(pin["from"]), tuple(PinnedFile(**file) for file in pin["files"] or ())
        )
        for name, pin in (found.get("sources") or {}).items()
    }
    return Entry(sources, {str(name): str(value) for name, value in (found.get("inputs") or {}).items()})


def conflicts(text: str) -> list[tuple[int, int]]:
    """The first and last line (from 1) of each conflict that a git merge has left."""
    found, first = [], None
    for number, line in enumerate(text.splitlines(), start=1):
        if line.startswith(_OURS) and first is None:
            first = number
        elif line.startswith(_THEIRS):
            found.append((first or number, number))
            first = None
    return found + ([(first, text.count("\n") + 1)] if first else [])


def ours(text: str) -> str:
    """The text with our side of every conflict."""
    kept, taking = [], True
    for line in text.splitlines(keepends=True):
        if line.startswith((_OURS, _THEIRS)):
            taking = True
        elif line.startswith((_BASE, _MIDDLE)):
            taking = False
        elif taking:
            kept.append(line)
    return "".join(kept)


def dump(entries: Mapping[str, Entry]) -> str:
    """The text of a lock: the same entries give the same text."""
    lines = [HEADER, f"version: {VERSION}\n", "recipes:\n" if entries else "recipes: {}\n"]
    for name in sorted(entries):
        entry = entries[name]
        plain: dict[str, Any] = {"sources": {key: _plain(entry.sources[key]) for key in sorted(entry.sources)}}
        if entry.inputs:
            plain["inputs"] = {key: entry.inputs[key] for key in sorted(entry.inputs)}
        text = yaml.safe_dump({name: plain}, sort_keys=False, allow_unicode=True, width=1 << 30)
        lines.append("".join(f"  {line}" for line in text.splitlines(keepends=True)))
    return "".join(lines)


def _plain(pin: SourcePin) -> dict[str, Any]:
    files = [{key: value for key, value in asdict(file).items() if value is not None} for file in pin.files]
    return {"pinned": pin.pinned, "from": pin.origin, "files": files}


def changes(old: Entry | None, new: Entry) -> list[Change]:
    """What differs between a recipe's entry and what is there now, sources first, each by name."""
    old = old or Entry()
    found = []
    for name in sorted(old.sources.keys() | new.sources.keys()):
        before, after = old.sources.get(name), new.sources.get(name)
        if before is None or after is None or before.origin != after.origin or before.digest != after.digest:
            found.append(_change(f"source {name}", _side(before), _side(after), tuple(_details(before, after))))
    for name in sorted(old.inputs.keys() | new.inputs.keys()):
        was, now = old.inputs.get(name), new.inputs.get(name)
        if was != now:
            found.append(_change(name, was and was[:SHORT], now and now[:SHORT]))
    return found


def _change(what: str, old: str | None, new: str | None, details: tuple[str, ...] = ()) -> Change:
    return Change("+" if old is None else "-" if new is None else "~", what, old, new, details)


def _side(pin: SourcePin | None) -> str | None:
    """`35c1a2b3c4d5 (120 rows, 2026-11-21)`."""
    if pin is None:
        return None
    rows = f"{pin.rows} rows" if pin.rows is not None else None
    return (
        f"{pin.digest[:SHORT]} ({', '.join(word for word in (rows, pin.pinned) if word)})"
        if pin.pinned or rows
        else pin.digest[:SHORT]
    )


def _details(before: SourcePin | None, after: SourcePin | None) -> Iterator[str]:
    if before is None or after is None:
        return
    for key in sorted(before.origin.keys() | after.origin.keys()):
        if before.origin.get(key) != after.origin.get(key):
            yield f"{key}: {before.origin.get(key)} -> {after.origin.get(key)}"
    old, new = ({file.file: file for file in pin.files} for pin in (before, after))
    for name in sorted(old.keys() | new.keys()):
        if name not in new:
            yield f"{name}: gone"
        elif name not in old:
            yield f"{name}: new, {new[name].sha256[:SHORT]}"
        elif old[name].sha256 != new[name].sha256:
            yield f"{name}: {_file(old[name])} -> {_file(new[name])}"
    if list(old) != list(new) and old.keys() == new.keys():
        yield "the files stand in another order"


def _file(file: PinnedFile) -> str:
    return f"{file.sha256[:SHORT]}, {file.bytes} bytes" + (f", {file.rows} rows" if file.rows is not None else "")
