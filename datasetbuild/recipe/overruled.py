"""An option of which the recipe leaves nothing: `dedup=exact` on the command line, where the recipe sets `dedup` itself.

Hydra merges the option first and the recipe after it, so such a choice changes nothing, and a sweep over it gives the same
dataset at every point. It is refused, with the words that do what was meant; so is `override /dedup: none` in the defaults of
a recipe, where one that it inherits from sets `dedup`.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from datasetbuild.errors import Fault, UsageError
from datasetbuild.recipe.recipe import ConfigPath, Recipe, leaves


@dataclass(frozen=True)
class Option:
    """The file of a chosen option, and what it says, from the root on."""

    file: Path
    said: Mapping[str, Any]


def refuse(recipe: Recipe, chosen: Mapping[str, Option]) -> None:
    """`UsageError` for an option of the command line that changes nothing. chosen: by the override as typed."""
    for typed, option in chosen.items():
        if lost := _lost(recipe, option):
            place = recipe.origin(next(iter(lost)))
            where = f" ({place.place(recipe.project)})" if place else ""
            words = " ".join(f"{'.'.join(path)}={_word(value)}" for path, value in lost.items())
            raise UsageError(f"`{typed}` changes nothing: the recipe sets {_keys(option)} itself{where}", hint=f"write {words}")


def inherited(recipe: Recipe, chosen: Mapping[str, Option]) -> Iterator[Fault]:
    """A fault for each option of the recipe's own `defaults` of which the recipes that it inherits from leave nothing.

    chosen: by the entry, `override /dedup: none`. What the recipe's own page says is meant to stand above its options.
    """
    for entry, option in chosen.items():
        lost = _lost(recipe, option)
        if lost and not any(place and place.file == recipe.file for place in map(recipe.origin, lost)):
            said = ", ".join(f"`{'.'.join(path)}: {_word(value)}`" for path, value in lost.items())
            message = f"`{entry}` in {recipe.file.name} changes nothing: what it inherits sets {_keys(option)} itself"
            yield recipe.fault(next(iter(lost)), message, f"set the keys in {recipe.file.name}: {said}")


def _lost(recipe: Recipe, option: Option) -> dict[ConfigPath, Any]:
    """What an option says and the recipe overrules, path -> value; nothing when a value is the option's own, or a word's."""
    wanted = {path: value for path, value in leaves(option.said) if path}
    places = [place.file for path in wanted if (place := recipe.origin(path)) and place.file]
    if len(places) < len(wanted) or option.file in places:
        return {}
    return {path: value for path, value in wanted.items() if _at(recipe.config, path) != value}


def _keys(option: Option) -> str:
    return ", ".join(dict.fromkeys(".".join(path[:2]) for path, _ in leaves(option.said) if path))


def _word(value: Any) -> str:
    return value if isinstance(value, str) and value.isidentifier() else shlex.quote(json.dumps(value))


def _at(config: Any, path: ConfigPath) -> Any:
    for part in path:
        if isinstance(config, list) and part.isdecimal() and int(part) < len(config):
            config = config[int(part)]
        elif isinstance(config, dict) and part in config:
            config = config[part]
        else:
            return None
    return config
