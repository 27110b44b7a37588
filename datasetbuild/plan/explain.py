"""Explain: which parts of a build's key differ from those of the artifact that is there, from a closed list of reasons.

Every part of a key is kept in the manifest, so that a year later the difference can still be named: old, new, and which
file and line, or which override, set the new value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

T = TypeVar("T")

NAMED = 12
"""How many things that differ alike, such as the files of a source, people are told by name."""


def first_of(many: Sequence[T]) -> tuple[Sequence[T], int]:
    """The first `NAMED` of many, and how many are left; all of them where only one would be."""
    told = many if len(many) <= NAMED + 1 else many[:NAMED]
    return told, len(many) - len(told)


class Cause(StrEnum):
    """Why something has to be made again: a closed list, a sentence each in `CAUSES`."""

    NEVER_BUILT = "never_built"
    INPUT_CHANGED = "input_changed"
    INPUT_ADDED = "input_added"
    INPUT_REMOVED = "input_removed"
    PARAMS_CHANGED = "params_changed"
    CODE_CHANGED = "code_changed"
    TEMPLATE_CHANGED = "template_changed"
    SEED_CHANGED = "seed_changed"
    PACKAGE_CHANGED = "package_changed"
    FORMAT_CHANGED = "format_changed"
    OUTPUT_DAMAGED = "output_damaged"
    NOT_IN_CACHE = "not_in_cache"


CAUSES: dict[Cause, str] = {
    Cause.NEVER_BUILT: "there is no artifact yet",
    Cause.INPUT_CHANGED: "a source file, or another file that the recipe names, has other bytes",
    Cause.INPUT_ADDED: "a source file or source is new",
    Cause.INPUT_REMOVED: "a source file or source is gone",
    Cause.PARAMS_CHANGED: "the recipe says something else",
    Cause.CODE_CHANGED: "an operator has another version, or a plugin other code",
    Cause.TEMPLATE_CHANGED: "the tokenizer or the chat template has other content",
    Cause.SEED_CHANGED: "the seed is another",
    Cause.PACKAGE_CHANGED: "a package that the result depends on has another version",
    Cause.FORMAT_CHANGED: "dsbuild writes another format now",
    Cause.OUTPUT_DAMAGED: "a file of the artifact is missing or not what the manifest says",
    Cause.NOT_IN_CACHE: "the step's result is not in the cache",
}
assert len(CAUSES) == len(Cause)


@dataclass(frozen=True)
class Difference:
    """One part of a key that differs. step: the stretch of the river. path: the recipe's key, in dots. old, new: values,
    None when there was or is none."""

    cause: Cause
    step: str
    path: str
    old: Any
    new: Any


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """All parts that differ between two keys (`plan.keys.step_keys`), in the order of the river."""
    found: list[Difference] = []
    for name in dict.fromkeys([*new, *old]):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if name == "sources":
            found += _sources(before or {}, after or {})
        elif name == "order":
            found += _orders(before, after)
        elif name in SIMPLE:
            found += [Difference(SIMPLE[name], name, path, a, b) for path, a, b in _walk(name, before, after)]
        else:
            found += [_section(name, path, a, b) for path, a, b in _walk(name, before, after)]
    return found


def _orders(old: Mapping[str, Any] | None, new: Mapping[str, Any] | None) -> Iterator[Difference]:
    """What stands in another order; what came or went is told where it stands."""
    if old is None or new is None:  # one of the two was written before orders stood in the key
        yield Difference(Cause.FORMAT_CHANGED, "order", "order", old, new)
        return
    for path, before, after in _walk("order", old, new):
        common = {*(before or ())} & {*(after or ())}
        if [one for one in before or () if one in common] != [one for one in after or () if one in common]:
            yield Difference(Cause.PARAMS_CHANGED, "order", path, before, after)


SIMPLE = {
    **dict.fromkeys(("format", "report", "write", "bounds"), Cause.FORMAT_CHANGED),
    "packages": Cause.PACKAGE_CHANGED,
    "seed": Cause.SEED_CHANGED,
}


CONTENT = re.compile(r"[0-9a-f]{64}(\.\w+)*")
"""A file that an operator was given, as a key names it."""


def _is_content(value: Any) -> bool:
    return isinstance(value, str) and CONTENT.fullmatch(value) is not None


def _are_contents(old: Any, new: Any) -> bool:
    """Whether two lists name as many files, by their content."""
    lists = isinstance(old, list) and isinstance(new, list) and len(old) == len(new)
    return lists and all(map(_is_content, [*old, *new]))


def _section(step: str, path: str, old: Any, new: Any) -> Difference:
    *above, last = path.split(".")
    if last in ("version", "code", "op", "values") and above[-1:] != ["params"]:
        cause = Cause.CODE_CHANGED
    elif last.endswith("_digest"):
        cause = Cause.TEMPLATE_CHANGED
    elif last == "prepared" or _is_content(old) or _is_content(new) or _are_contents(old, new):
        cause = Cause.INPUT_CHANGED
    else:
        cause = Cause.PARAMS_CHANGED
    # `params` is how a key holds them, not how a recipe writes them.
    return Difference(cause, step, ".".join(part for part in path.split(".") if part != "params"), old, new)


def _sources(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Difference]:
    for name in dict.fromkeys([*new, *old]):
        path = f"sources.{name}"
        if name not in new:
            yield Difference(Cause.INPUT_REMOVED, "sources", path, name, None)
        elif name not in old:
            yield Difference(Cause.INPUT_ADDED, "sources", path, None, name)
        else:
            yield from _files(path, old[name].get("files", []), new[name].get("files", []))
            before, after = ({k: v for k, v in side[name].items() if k != "files"} for side in (old, new))
            for inner, a, b in _walk(path, before, after):
                found = _section("sources", inner, a, b)
                yield Difference(found.cause, found.step, found.path.replace(".outside.", "."), a, b)


def _files(path: str, old: list[Mapping[str, Any]], new: list[Mapping[str, Any]]) -> Iterator[Difference]:
    before, after = ({file["file"]: file["sha256"] for file in side} for side in (old, new))
    for file in dict.fromkeys([*after, *before]):
        a, b = before.get(file), after.get(file)
        cause = Cause.INPUT_ADDED if a is None else Cause.INPUT_REMOVED if b is None else Cause.INPUT_CHANGED
        if a != b:
            yield Difference(cause, "sources", f"{path}: {file}", a and a[:12], b and b[:12])
    if list(before) != list(after) and sorted(before) == sorted(after):
        yield Difference(Cause.PARAMS_CHANGED, "sources", f"{path}.path", "another order of files", "this order")


def _walk(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The leaves at which two values differ."""
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in dict.fromkeys([*new, *old]):
            if old.get(key) != new.get(key):
                yield from _walk(f"{path}.{key}", old.get(key), new.get(key))
        return
    yield path, old, new
