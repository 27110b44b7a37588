"""The recipe: what was asked for, as plain data, and where each value of it was written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from datasetbuild.errors import Fault
from datasetbuild.recipe import locate, yaml_text
from datasetbuild.recipe.locate import COMMAND_LINE, Layer, Origin, Setting

ConfigPath = tuple[str, ...]


@dataclass(frozen=True)
class Recipe:
    """A composed recipe.

    name: its `name` key, or the name of its file as long as it has none. choice: what stood behind `recipe=`.
    config: plain, resolved data; after `check` valid and with the operators' defaults filled in.
    overrides: the command line's other words, as typed. project: the folder that `recipes/` is in.
    layers: the YAML files that made it, in merge order, each with the package that it was merged into.
    settings: the overrides that set a key (and not a group), in order.
    faults: what composing found; `check` reports them together with its own.
    """

    name: str
    choice: str
    config: dict[str, Any]
    overrides: list[str]
    project: Path
    layers: tuple[Layer, ...] = ()
    settings: tuple[Setting, ...] = ()
    faults: tuple[Fault, ...] = ()

    @property
    def files(self) -> list[Path]:
        """The YAML files that made it, in merge order, each once."""
        return list(dict.fromkeys(layer.file for layer in self.layers))

    @property
    def file(self) -> Path:
        """The file that `recipe=` named."""
        return self.project / "recipes" / f"{self.choice}.yaml"

    @property
    def variant(self) -> bool:
        """Whether the command line changed what the files say. The engine never changes a byte: it does not count."""
        return bool(self.result_overrides)

    @property
    def result_overrides(self) -> list[str]:
        """The overrides that can change a byte of the result."""
        return [override for override in self.overrides if not locate.of_engine(override)]

    def origin(self, path: str | ConfigPath) -> Origin | None:
        """Where the value at a config path was set: file and line, or the command line; None for a default."""
        return locate.origin(_parts(path), self.layers, self.settings)

    def with_config(self, config: dict[str, Any], faults: tuple[Fault, ...] = ()) -> Recipe:
        """The same recipe with other data, and with these faults."""
        return replace(self, config=config, faults=faults)

    def to_yaml(self) -> str:
        """The composed config as YAML that composes to itself: traps quoted, `${` escaped."""
        return yaml_text.dump(locate.escape_interpolations(self.config))

    def overridden(self, path: ConfigPath, names: Iterable[str]) -> ConfigPath:
        """The last of the keys `names` below a path that an override has set, else the path: the place of a fault of them together."""
        origins = {name: self.origin((*path, name)) for name in names}
        return next(((*path, name) for name, place in reversed(origins.items()) if place and place.file is None), path)

    def fault(self, path: str | ConfigPath, message: str, suggestion: str | None = None, *, below: int = 0) -> Fault:
        """A fault with its place: the file, line and excerpt, or the override, that set the path or its nearest parent.

        below: how many lines below that place the fault is, inside a text of several lines.
        """
        parts = _parts(path)
        found = next((origin for n in range(len(parts), 0, -1) if (origin := self.origin(parts[:n]))), None)
        shown = ".".join(parts)
        if found is None:
            return Fault(shown, message, locate.show(self.file, self.project), suggestion=suggestion)
        if found.file is None or found.line is None:
            return Fault(shown, message, COMMAND_LINE, excerpt=found.text, suggestion=suggestion)
        text = found.file.read_text(encoding="utf-8")
        file = locate.show(found.file, self.project)
        line = found.line + below
        return Fault(shown, message, file, line, yaml_text.excerpt(text, line), suggestion)


def annotated(recipe: Recipe) -> list[tuple[str, Any, Origin | None]]:
    """Every value of a recipe with its path and origin, for `show --origin`. Empty containers count as values."""
    return [(".".join(path), value, recipe.origin(path)) for path, value in leaves(recipe.config)]


def leaves(value: Any, path: ConfigPath = ()) -> Iterator[tuple[ConfigPath, Any]]:
    """All values below a value that hold no others, with their paths."""
    items: Any = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not items or not value:
        yield path, value
        return
    for key, child in items:
        yield from leaves(child, (*path, str(key)))


def _parts(path: str | ConfigPath) -> ConfigPath:
    return path if isinstance(path, tuple) else tuple(path.split(".")) if path else ()
