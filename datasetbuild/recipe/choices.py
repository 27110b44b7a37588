"""Choices among options, in `defaults` lists and on the command line: what cannot be one, told before Hydra reads it.

Hydra's own sentences name its classes and no line ("Unsupported type in defaults : int"). What is left to it are choices that depend on
other files: `recipe.advice` words those.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasetbuild.errors import Fault, UsageError
from datasetbuild.recipe import advice, locate, yaml_text
from datasetbuild.recipe.sentences import kind_of

SELF = "_self_"
ENTRIES = "an entry is the name of a recipe, `override /GROUP: OPTION`, or `_self_`"


def faults(defaults: Any, file: Path, project: Path) -> Iterator[Fault]:
    """What a file's `defaults` cannot say, each at its line. defaults: as read from the file."""
    if not isinstance(defaults, list):
        wanted = f"write `defaults: [{defaults}, {SELF}]`" if isinstance(defaults, str) else "write it as a list, or leave it out"
        yield _fault(file, project, None, f"`defaults` is a list, not {kind_of(defaults)}: {ENTRIES}", wanted)
        return
    above: list[str] = []
    for index, entry in enumerate(defaults):
        words = str(next(iter(entry), "") if isinstance(entry, dict) else entry)
        if found := _entry(entry, file, project) or _order(words, above):
            yield _fault(file, project, index, *found)
        above.append(words)


def _order(words: str, above: list[str]) -> tuple[str, str | None] | None:
    """Why an entry cannot stand where it does. words: its key, or the recipe that it names. above: those of the entries above it."""
    overriding = [one for one in above if one.startswith("override ")]
    if words in above and words in (SELF, *overriding):
        return f"`{words}` stands there twice", "take one out"
    if overriding and words != SELF and not words.startswith("override "):
        return f"`{overriding[0]}` stands before what it overrides", "write the recipes to inherit from above all overrides"
    return None


def _entry(entry: Any, file: Path, project: Path) -> tuple[str, str | None] | None:
    """Why an entry of `defaults` is none, and what to write; None when it may be one."""
    if isinstance(entry, dict) and len(entry) > 1:
        return f"{len(entry)} choices in one entry", "write an entry for each: " + ", ".join(f"`- {key}: {value}`" for key, value in entry.items())
    if isinstance(entry, str) and re.match(r"override\s.*:", entry):
        return f"{entry!r} is in quotes, and so the name of a recipe", f"write `- {entry}` without them"
    if isinstance(entry, str):
        return _parent(entry, file, project)
    if not isinstance(entry, dict) or not entry:
        return f"{kind_of(entry)} is no choice: {ENTRIES}", None
    (key, option), = entry.items()
    name = str(key).split()[-1] if str(key).strip() else ""
    group, prefix = name.lstrip("/").split("@")[0], str(key)[: len(str(key)) - len(name)].strip()
    if not group or prefix not in ("", "override", "optional"):
        return f"`{key}` names no group: {ENTRIES}", None
    if group.split("/")[0] == "hydra":
        return "Hydra's own settings have no effect here", "take it out"
    if prefix == "override" and not name.startswith("/") and group not in advice.groups(project):
        return f"there is no group {group!r}", advice.near(group, advice.groups(project))
    if not name.startswith("/") and group in advice.groups(project) and not (file.parent / group).is_dir():
        return f"`{key}` looks for the folder {locate.show(file.parent / group, project)}", f"write `override /{group}: {option}`"
    if "@" in name and group in advice.sections():
        return f"`{key}`: an option of {group} fills the section `{group}`, and no other", f"write `override /{group}: {option}`"
    if prefix != "override" and group in advice.sections():
        return f"two options of {group} are chosen: every recipe has one", f"write `override /{group}: {option}` to replace it"
    if reason := _no_option(option):
        return f"`{key}` takes the name of an option, {reason}", advice.near("", advice.options(group, project))
    return None


def _parent(name: str, file: Path, project: Path) -> tuple[str, str | None] | None:
    """Why a name is none of a recipe to inherit from; that there is none of this name is for Hydra to find."""
    group, _, option = name.lstrip("/").rpartition("/")
    if "@" in name and "recipes" in file.relative_to(project).parts[:1] and not name.endswith("@_global_"):
        return f"{name!r}: a recipe is inherited as a whole", f"write `{name.partition('@')[0]}`"
    if name.startswith("recipes/"):
        return f"{name!r} is no recipe to inherit from", f"write `{name.removeprefix('recipes/')}`"
    if not option or name.lstrip("/").split("/")[0] in ("config", "hydra"):
        return f"{name!r} is no recipe to inherit from", advice.near(option, advice.recipes(project))
    if not name.startswith("/") and group in advice.groups(project) and not (file.parent / group).is_dir():
        return f"{name!r} is no recipe, but an option of {group}", f"write `override /{group}: {option}`"
    return None


def _no_option(option: Any) -> str | None:
    """Why a value names no option; None when it does. `override /GROUP: null` chooses none, as `none` does."""
    names = option if isinstance(option, list) else [option]
    if not all(isinstance(name, str | None) for name in names):
        return f"not {kind_of(option)}"
    if any("${" in (name or "") for name in names):
        return "not a reference"
    return "not '???'" if "???" in names else None


def check_typed(typed: str, group: str, option: Any, project: Path) -> None:
    """`UsageError` for a word of the command line that is read as the choice of an option, and is none.

    typed: the word. group, option: what it chooses, as Hydra's grammar reads it.
    """
    known = advice.near("", advice.options(group, project))
    if typed.startswith("++"):
        raise UsageError(f"`{typed}`: an option is chosen, or added to those that are", hint=f"write {typed[2:]} or {typed[1:]}")
    if "@" in typed.partition("=")[0] and group in advice.sections():
        hint = f"write {typed[:1]}{group}" if typed[0] == "~" else f"write {group}={option}"
        raise UsageError(f"`{typed}`: an option of {group} fills the section `{group}`, and no other", hint=hint)
    if typed[0] != "~" and (option in (None, []) or _no_option(option)):
        raise UsageError(f"`{typed}` chooses no option of {group}", hint=f"{known}; `~{group}` takes out one that is chosen")


def _fault(file: Path, project: Path, index: int | None, message: str, suggestion: str | None) -> Fault:
    path = ("defaults",) if index is None else ("defaults", str(index))
    found = locate.node_at(locate.Layer(file), path)
    line = found[0].start_mark.line + 1 if found else 1
    shown = yaml_text.excerpt(file.read_text(encoding="utf-8"), line)
    return Fault(".".join(path), message, locate.show(file, project), line, shown, suggestion)
