"""What differs between two builds beside their rows: recipe keys, operators, packages, as their manifests hold them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from datasetbuild.plan.explain import Cause, Difference, differences
from datasetbuild.plan.keys import PACKAGES

OF_CODE = (Cause.CODE_CHANGED, Cause.PACKAGE_CHANGED, Cause.FORMAT_CHANGED)


@dataclass(frozen=True)
class Change:
    """path: as a recipe writes it, in dots. old, new: values, None when there was or is none. code: whether it is not
    what the recipe says but what carries it out. step: the part of the key that it stands in."""

    path: str
    old: Any
    new: Any
    code: bool
    step: str


class Changes:
    """All changes between two manifests, to be looked up by the part of the recipe that they are in."""

    def __init__(self, old: Mapping[str, Any], new: Mapping[str, Any]) -> None:
        found = differences(old["parts"], new["parts"])
        listed = {one.path: one for one in _changes(found)}
        whole = {path for path in listed if path.startswith("filters.") and path.count(".") == 1}
        # A rule that is new measures a new fact too: one key of the recipe, one change.
        self.all = [one for path, one in listed.items() if not (one.step == "facts" and path in whole)]

    @property
    def recipe(self) -> list[Change]:
        """Those that the recipe made."""
        return [one for one in self.all if not one.code]

    def first(self, *paths: str) -> Change | None:
        """The first change at or below one of the paths, in the order of the paths; recipe keys before code."""
        for code in (False, True):
            for path in paths:
                for one in self.all:
                    if one.code is code and (one.path == path or one.path.startswith(f"{path}.")):
                        return one
        return None

    def exact(self, path: str) -> Change | None:
        """The change of exactly this path."""
        return next((one for one in self.all if one.path == path), None)

    def package(self, *steps: str) -> Change | None:
        """The first package, or the format, whose version changed and that the work of these steps depends on."""
        names = {f"packages.{name}" for step in steps for name in PACKAGES.get(step, ())}
        return next((one for one in self.all if one.path in names or one.step == "format"), None)


def _changes(found: list[Difference]) -> Iterator[Change]:
    for one in found:
        if one.step == "sources" and ": " in one.path:
            continue  # a file with other bytes: its rows say what changed
        if one.path == "order":
            continue  # one of the two was written before orders stood in the key
        path = one.path
        step, _, rest = path.partition(".")
        if step == "facts":
            path = f"filters.{rest}"
        elif step == "system":
            path = f"template.{path}"
        elif path == "dedup.drop_near":
            path = "dedup.near"
        yield Change(path, one.old, one.new, one.cause in OF_CODE, one.step)
