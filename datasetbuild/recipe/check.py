"""Check: every fault of a recipe at once, each with its place; a recipe without one has its defaults filled in.

Three questions, and the answers together: what did composing find (references, `???`), what cannot be meant (`meaning`,
`traps`), and what does the schema not allow (keys, kinds, ranges). Of two answers about one key the earlier is given.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

from datasetbuild import op
from datasetbuild.errors import DatasetBuildError, Fault, RecipeError
from datasetbuild.recipe import advice, locate, meaning, traps
from datasetbuild.recipe.fill import fill, without_nulls
from datasetbuild.recipe.recipe import Recipe, leaves
from datasetbuild.recipe.schema import check_of, exact_schema, fact_of, mapping, register_operators, registered
from datasetbuild.recipe.sentences import Finding, findings

OF_PLUGINS = tuple(f"there is no {kind} " for kind in ("fact", "format", "check", "profile", "column"))
"""What a recipe may name that a plugin would have brought: not told where one could not be loaded, which is the fault of it."""


def check(recipe: Recipe) -> Recipe:
    """The recipe, valid and with every default filled in; `RecipeError` with all of its faults otherwise."""
    register_operators()
    unloaded = _plugin_faults(recipe)
    recipe = recipe.with_config(without_nulls(recipe.config), faults=(*recipe.faults, *unloaded))
    faults = list(recipe.faults)
    for more in (_missing(recipe), _never_meant(recipe), meaning.faults(recipe), _schema_faults(recipe)):
        known = {fault.path for fault in faults}
        faults += [fault for fault in more if fault.path not in known and not (unloaded and fault.message.startswith(OF_PLUGINS))]
    if faults:
        faults = _in_reading_order(list(dict.fromkeys(faults)), recipe)
        raise RecipeError(faults, recipe=recipe.choice, hint=_next_command(faults, recipe))
    return recipe.with_config(copy.deepcopy(fill(recipe.config)))


def _plugin_faults(recipe: Recipe) -> list[Fault]:
    """Load the plugins that the recipe names, so that their operators are known; a fault for each that cannot be."""
    faults = []
    plugins = recipe.config.get("plugins")
    for index, name in enumerate(plugins if isinstance(plugins, list) else []):
        path = ("plugins", str(index))
        file = recipe.project / str(name)
        if not isinstance(name, str) or not file.is_file():
            faults.append(recipe.fault(path, f"there is no file {name!r} in the project"))
            continue
        try:
            op.load_plugin(str(file))
        except DatasetBuildError as error:
            faults.append(recipe.fault(path, error.message, error.hint))
        except (Exception, SystemExit) as error:
            message = f"{name}{_line_in(error, file)} raised {type(error).__name__}: {error}"
            faults.append(recipe.fault(path, message, _beside(error, file) or f"`python {name}` shows the whole of it"))
    return faults


def _beside(error: BaseException, file: Path) -> str | None:
    """What to do about a plugin that imports a module of the project."""
    module = (error.name or "").partition(".")[0] if isinstance(error, ModuleNotFoundError) else ""
    if not module or not any((folder / end).exists() for folder in file.parents[:2] for end in (module, f"{module}.py")):
        return None
    return f"a plugin is one file, so that all of its code is in the key: move there what it needs of {module}, or install {module} as a package"


def _line_in(error: BaseException, file: Path) -> str:
    """Where in the plugin an error came from."""
    if isinstance(error, SyntaxError):
        return f":{error.lineno}"
    line = op.line_in(error, str(file))
    return f":{line}" if line else ""


def _missing(recipe: Recipe) -> Iterator[Fault]:
    """A fault for every value that is still `???`, Hydra's mark for what must be given."""
    for path, value in leaves(recipe.config):
        if value == "???":
            yield Fault(
                ".".join(path), "must be given", locate.show(recipe.file, recipe.project), suggestion=_how_to_give(path)
            )


def _how_to_give(path: tuple[str, ...]) -> str:
    return f"write `{path[-1]}: ...` in the recipe"


def _schema_faults(recipe: Recipe) -> Iterator[Fault]:
    schema = exact_schema(recipe.config)
    for finding in findings(recipe.config, schema):
        trap = traps.misread(locate.scalar_at(finding.path, recipe.layers, recipe.settings))
        yield recipe.fault(finding.path, finding.message, trap or _of_group(recipe, finding) or finding.suggestion)


def _of_group(recipe: Recipe, finding: Finding) -> str | None:
    """What to write for a key that is no section of a recipe, but a group of the project's own."""
    group = finding.path[0] if len(finding.path) == 1 else ""
    known = advice.options(group, recipe.project) if finding.message.startswith("there is no key") else []
    return f"{group!r} is a group: choose one of its options, `+{group}={known[0]}`" if known else None


def _never_meant(recipe: Recipe) -> Iterator[Fault]:
    """Octal and base-60 numbers, and `no` or `on` among a rule's values, even where the schema would allow them."""
    for path, value in leaves(recipe.config):
        if isinstance(value, str | list | dict | None):
            continue
        node = locate.scalar_at(path, recipe.layers, recipe.settings)
        sentence = node and traps.never_meant(node)
        if not sentence and isinstance(value, bool) and path[0] == "filters" and path[-2:-1] in (("allow",), ("deny",)):
            sentence = traps.misread(node)
        if sentence:
            yield recipe.fault(path, sentence)


def _in_reading_order(faults: list[Fault], recipe: Recipe) -> list[Fault]:
    """By file, the recipe's own first, then by line; the command line at the end."""
    own = locate.show(recipe.file, recipe.project)
    return sorted(
        faults,
        key=lambda fault: (fault.file == locate.COMMAND_LINE, fault.file != own, fault.file or "", fault.line or 0),
    )


def _next_command(faults: list[Fault], recipe: Recipe) -> str:
    """The command that shows what the first fault of not knowing did not know."""
    fault = next((fault for fault in faults if fault.message.startswith(("there is no ", "must be "))), None)
    if fault is None or fault.line is None:
        return f"`dsbuild show recipe={recipe.choice} --origin` shows who set what"
    parts = fault.path.split(".")
    if parts[0] == "filters" and len(parts) > 1:
        fact = fact_of(parts[1], mapping(recipe.config.get("filters")).get(parts[1]))
        if fact in registered("fact"):
            return f"`dsbuild ops {fact}` shows what {fact} takes"
        return "`dsbuild ops` lists the facts"
    if parts[0] == "checks" and len(parts) > 1:
        check = check_of(parts[1], mapping(recipe.config.get("checks")).get(parts[1]))
        return f"`dsbuild ops {check}` shows what {check} takes" if check in registered("check") else "`dsbuild ops` lists the checks"
    if parts[0] == "sources" and len(parts) > 1:
        form = mapping(mapping(recipe.config.get("sources")).get(parts[1])).get("format")
        if not isinstance(form, str) or form not in registered("format"):
            return "`dsbuild ops` lists the formats"
        if len(parts) > 2 and parts[2] in registered("format")[form].parameters:
            return f"`dsbuild ops {form}` shows what {form} takes"
        return f"`dsbuild ops source` shows what every source takes, `dsbuild ops {form}` what {form} takes beside"
    if parts[0] == "plugins":
        return "a plugin is a Python file, named relative to the project"
    if parts[0] in registered("section")["recipe"].parameters:
        return "`dsbuild ops recipe` shows the values at the top of a recipe"
    section = next((name for name in (".".join(parts[:2]), parts[0]) if name in registered("section")), None)
    return f"`dsbuild ops {section}` shows what {section} takes" if section else "`dsbuild schema` shows every key"
