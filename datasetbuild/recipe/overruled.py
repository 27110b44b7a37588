"""An option chosen on the command line of which the recipe leaves nothing: `dedup=exact`, where the recipe sets `dedup` itself.

Hydra merges the option first and the recipe after it, so such a choice changes nothing, and a sweep over it gives the same
dataset at every point. It is refused, with the words that do what was meant.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import Any

from datasetbuild.errors import UsageError
from datasetbuild.recipe.recipe import ConfigPath, Recipe, leaves


def refuse(recipe: Recipe, chosen: Mapping[str, Mapping[str, Any]]) -> None:
    """`UsageError` for an option whose every value is overruled by the recipe's files, and at least one by another value.

    chosen: the override as typed -> what the option's file says, from the root on.
    """
    for typed, said in chosen.items():
        wanted = {path: value for path, value in leaves(said) if path}
        origins = {path: recipe.origin(path) for path in wanted}
        places = [place.file for place in origins.values() if place and place.file]
        lost = [path for path, value in wanted.items() if _at(recipe.config, path) != value]
        if not lost or len(places) < len(wanted) or any(file.stem == typed.partition("=")[2] for file in places):
            continue
        keys = ", ".join(dict.fromkeys(".".join(path[:2]) for path in wanted))
        words = " ".join(f"{'.'.join(path)}={_word(wanted[path])}" for path in lost)
        place = origins[lost[0]]
        where = f" ({place.place(recipe.project)})" if place else ""
        raise UsageError(f"`{typed}` changes nothing: the recipe sets {keys} itself{where}", hint=f"write {words}")


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
