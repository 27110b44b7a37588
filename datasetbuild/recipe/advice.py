"""What to say, and where to point, when the words of a command line or a defaults list lead nowhere."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from datasetbuild.errors import DatasetBuildError, Fault, RecipeError, UsageError
from datasetbuild.op import did_you_mean
from datasetbuild.recipe import locate, yaml_text
from datasetbuild.recipe.locate import PACKAGE

RECIPE = re.compile(r"^([+~]*)recipe=(.*)$", re.DOTALL)
GROUP = "recipes@_global_"


def hydra_words(typed: str) -> str:
    """An override in Hydra's words: `recipe=NAME`, or the path of its file, names an option of the group `recipes`. In quotes,
    since a recipe may be called `2024`, `1e3` or `true`."""
    match = RECIPE.match(typed)
    if not match:
        return typed
    name = re.sub(r"(^|,)(?:\./)?recipes/", r"\1", match[2])
    name = re.sub(r"[.]ya?ml(?=,|$)", "", name)
    if re.fullmatch(r"[\w.,/-]+", name) and not match[1].startswith("~"):
        name = ",".join(f"'{one}'" if one else one for one in name.split(","))
    return f"{match[1].replace('+', '')}{GROUP}={name}"


def quoted(words: str) -> str | None:
    """The override with its value as quoted text; None when the value is a list, a mapping, a sweep or quoted."""
    key, equals, value = words.partition("=")
    if not equals or not value or value[0] in "'\"[{" or "," in value:
        return None
    escaped = re.sub(r"(\\*)'", lambda match: match[1] * 2 + r"\'", value)
    return f"{key}='{escaped}'"


def recipes(project: Path) -> list[str]:
    """The names of the project's recipes, as `recipe=` takes them."""
    folder = project / "recipes"
    return sorted(file.relative_to(folder).with_suffix("").as_posix() for file in folder.rglob("*.yaml"))


def recipe_given(overrides: list[str], project: Path) -> None:
    """`UsageError` unless one of the overrides is `recipe=NAME`."""
    if any((match := RECIPE.match(typed)) and match[1] != "~" and match[2].strip("'\"") for typed in overrides):
        return
    known = recipes(project)
    bare = [typed for typed in overrides if typed in known] or (known if len(known) == 1 else [])
    raise UsageError("no recipe given", hint=f"write recipe={bare[0]}" if bare else _listing(project))


def sweep(typed: str, values: list[str], multirun: bool) -> None:
    """`UsageError` for a sweep without `-m`, and for one without a point."""
    if not values:
        raise UsageError(f"`{typed}` matches nothing")
    key, _, value = typed.partition("=")
    if not multirun and RECIPE.match(typed):
        first = hydra_words(values[0]).removeprefix(f"{GROUP}=").strip("'")
        raise UsageError(f"`{typed}` names {len(values)} recipes", hint=f"a command takes one: recipe={first}")
    if not multirun:
        hint = (
            f"`dsbuild -m recipe=NAME ...` decides each of them; or write '{key}=[{value}]' for a list, or '{key}=\"{value}\"' for one text"
        )
        raise UsageError(f"`{typed}` is a sweep over {len(values)} values", hint=hint)


def cycle(choice: str, project: Path) -> RecipeError:
    """The fault of recipes that inherit from each other in a circle."""
    chain = lineage(choice, project)
    start = chain.index(chain[-1])
    circle = " -> ".join(chain[start:])
    file = project / "recipes" / f"{chain[-2]}.yaml"
    fault = in_defaults(file, project, chain[-1], f"recipes inherit from each other in a circle: {circle}")
    return RecipeError([fault], recipe=choice, hint="take one of them out of the `defaults` of the other")


def missing_option(text: str, choice: str, point: list[str], project: Path) -> DatasetBuildError:
    """The error for a recipe or a group option that is not there. text: Hydra's message."""
    found = re.search(r"Could not (?:find|load) '([^']+)'", text)
    missing = found[1] if found else ""
    group, _, option = missing.rpartition("/")
    if missing.startswith("recipes/"):
        name = missing.removeprefix("recipes/")
        message = f"there is no recipe {name!r} to inherit from"
        return RecipeError([_in_lineage(choice, project, name, message, near(name, recipes(project)))], recipe=choice)
    known = options(group, project)
    message = f"{group} has no option {option!r}" if known else f"there is no {missing!r} to inherit from"
    suggestion = near(option, known)
    if any(re.match(rf"[+]*{re.escape(group)}(@[^=]*)?=", typed) for typed in point):
        return UsageError(message, hint=suggestion)
    return RecipeError([_in_lineage(choice, project, missing, message, suggestion)], recipe=choice)


def forwarded(error: Exception, choice: str, project: Path) -> DatasetBuildError:
    """What else Hydra has to say, in our words for its keys and its advice to write `+` only where that helps."""
    text = f"{error}".strip() or f"{error.__cause__ or type(error).__name__}"
    text = (
        re.split(r"\n?Config search path:|\nTo append to|\nfull_key:|\n\s*object_type=", text)[0]
        .replace(GROUP, "recipe")
        .strip()
    )
    inside = re.match(r"In '(recipes/)?([^']+)': (.*)", text, re.DOTALL)
    if group := re.match(r"Could not override '([^'@]+)[^']*'\.", text):
        message = f"`{group[1]}=` replaces nothing: the recipe's defaults choose no option of conf/{group[1]}"
        return UsageError(message, hint=f"write +{group[1]}=... to add one")
    show = f"`dsbuild show recipe={choice} --origin` shows the keys and who set them"
    if taken := re.match(r"Could not delete '([^']+)'\. No match in the defaults list", text):
        return UsageError(f"`~{taken[1]}` takes nothing out: the recipe's defaults do not choose it", hint=show)
    if group := re.match(r"(\S+) appears more than once in the final defaults list|Multiple values for (\S+)\.", text):
        name = group[1] or group[2]
        return UsageError(f"two options of {name} are chosen", hint=f"write {name}=..., without +, to replace the first; in `defaults` `override /{name}: ...`")
    if not inside:
        return UsageError(text, hint=show)
    message = inside[3].strip()
    key = re.search(r"'/?([^'=]+)'", message)
    word = key[1].split("@")[0] if key else ""
    suggestion = near(word, groups(project)) if "No match in the defaults list" in message else None
    if suggestion:
        message = f"`override /{word}` replaces nothing: there is no group {word!r}"
    return RecipeError([_in_lineage(choice, project, word, message.split("\n")[0], suggestion)], recipe=choice)


def lineage(choice: str, project: Path) -> list[str]:
    """The recipe and those that it inherits from, depth first; ends with a repeated name when they form a circle."""

    def follow(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [*above, name]
        file = project / "recipes" / f"{name}.yaml"
        for parent in _parents(file):
            chain = follow(parent, [*above, name])
            if chain[-1] in chain[:-1]:
                return chain
        return [*above, name]

    return follow(choice, [])


def family(choice: str, project: Path) -> list[str]:
    """The recipe and all that it inherits from, each once."""
    seen: list[str] = []
    waiting = [choice]
    while waiting:
        name = waiting.pop(0)
        if name not in seen:
            seen.append(name)
            waiting += _parents(project / "recipes" / f"{name}.yaml")
    return seen


def groups(project: Path) -> list[str]:
    """The names of the groups that a defaults list may override."""
    folders = [folder for conf in _confs(project) for folder in conf.glob("*/")]
    return sorted({folder.name for folder in folders})


def sections() -> list[str]:
    """The groups of our own conf: every recipe has an option of each, and it fills the section of that name."""
    return sorted(folder.name for conf in (PACKAGE / "conf", PACKAGE.parent / "conf") for folder in conf.glob("*/"))


def options(group: str, project: Path) -> list[str]:
    """The options of a group, the project's and our own."""
    return sorted({file.stem for conf in _confs(project) for file in (conf / group).glob("*.yaml")}) if group else []


def in_defaults(file: Path, project: Path, word: str, message: str, suggestion: str | None = None) -> Fault:
    """A fault at the entry of a file's defaults list that is the word (`filters/curated`), ends in it, or has it in it."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    layer = locate.Layer(file)
    entries = [(path, node) for path, node in locate.scalars(layer) if path[:1] == ("defaults",)] if text else []
    lines = text.splitlines()
    keys = (
        {node.start_mark.line for path, node in entries if f"{path[-1].split('/')[-1]}/{node.value}" == word}
        or {node.start_mark.line for _, node in entries if str(node.value).split("/")[-1] == word.split("/")[-1]}
        or {node.start_mark.line for _, node in entries if word in lines[node.start_mark.line]}
    )
    shown = locate.show(file, project)
    if not keys:
        return Fault("defaults", message, shown, suggestion=suggestion)
    line = min(keys) + 1
    return Fault("defaults", message, shown, line, yaml_text.excerpt(text, line), suggestion)


def _in_lineage(choice: str, project: Path, word: str, message: str, suggestion: str | None) -> Fault:
    """The fault in the first file of the recipe's family that has the word in its defaults list."""
    files = [project / "recipes" / f"{name}.yaml" for name in family(choice, project)]
    faults = [in_defaults(file, project, word, message, suggestion) for file in files if file.is_file()]
    return next((fault for fault in faults if fault.line), faults[0] if faults else Fault("defaults", message))


def missing_recipe(name: str, project: Path) -> UsageError:
    """The error for a recipe that is not there."""
    if (project / "recipes" / name).is_dir():
        return UsageError(f"recipes/{name} is a folder", hint=_listing(project))
    nearest = did_you_mean(name, recipes(project))
    hint = nearest + "\n" + _listing(project) if nearest.startswith("did") else _listing(project)
    return UsageError(f"no recipe named {name!r} in {(project / 'recipes').as_posix()}", hint=hint)


def _listing(project: Path) -> str:
    known = recipes(project)
    if not known:
        return "there are no recipes here: write recipes/NAME.yaml, or say where the project is with -C DIR"
    return "the recipes are: " + ", ".join(known)


def near(name: str, known: Iterable[str] | None) -> str | None:
    """The nearest of the known names as a sentence; None when there are none."""
    names = [str(word) for word in known] if known else []
    return did_you_mean(name, names) if names else None


def _parents(file: Path) -> list[str]:
    """The recipes that a recipe names in its defaults list."""
    try:
        data: Any = yaml_text.load(file.read_text(encoding="utf-8"), file=str(file)) if file.is_file() else None
    except RecipeError:
        return []
    defaults = data.get("defaults") if isinstance(data, dict) else None
    entries = [entry for entry in defaults if isinstance(entry, str)] if isinstance(defaults, list) else []
    return [entry.removeprefix("/recipes/").removesuffix(".yaml") for entry in entries if entry != "_self_"]


def _confs(project: Path) -> list[Path]:
    return [conf for conf in (project / "conf", PACKAGE / "conf", PACKAGE.parent / "conf") if conf.is_dir()]
