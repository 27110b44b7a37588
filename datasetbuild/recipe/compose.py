"""Hydra, and nothing but Hydra: the words of a command line and YAML files become plain data.

The only module that imports hydra and omegaconf. It uses Hydra's Compose API: `@hydra.main` cannot host verbs, writes
its log to stdout and creates folders. The import takes 130 ms, a recipe 40 to 60.

Where files are looked for: the project's `recipes/`, the project's `conf/`, then our own `conf/`, which always gives
`config.yaml`. The project's files are read by `ProjectSource`, since OmegaConf would read the key `on` as true.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_loader import ConfigLoader
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.global_hydra import GlobalHydra
from hydra.core.object_type import ObjectType
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.core.plugins import Plugins
from hydra.errors import HydraException, MissingConfigException
from hydra.plugins.config_source import ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from datasetbuild.errors import Fault, RecipeError, UsageError
from datasetbuild.recipe import advice, choices, interpolation, locate, overruled, yaml_text
from datasetbuild.recipe.locate import PACKAGE, Layer, Setting
from datasetbuild.recipe.recipe import Recipe

PRIMARY = "config"
NONE = "none"
"""The option of every group that switches its section off."""
DEEPEST = 32
"""Levels of nesting at which a config must be one that contains itself."""


Known = dict[tuple[str, ...], Any]
"""Hydra's list of files by the words that choose among them: points of a sweep that differ in values share one (30 ms)."""


def compose(overrides: list[str], *, project: Path, multirun: bool = False) -> list[Recipe]:
    """The recipes that the words ask for, resolved but not yet checked: one, or one for each point of a sweep.

    overrides: `recipe=NAME` and Hydra overrides, as typed. A plain `key=value` may also set a key that no file has;
    whether there is such a key is for `check` to say, which knows them all.
    """
    project = project.resolve()
    known: Known = {}
    with _hydra(project) as loader:
        return [_compose_point(point, loader, project, known) for point in _points(overrides, loader, project, multirun)]


class ProjectSource(ConfigSource):
    """The project's `recipes/` and `conf/` as a Hydra config source: keys as written, faults with file and line."""

    @staticmethod
    def scheme() -> str:
        return "dsbuild"

    def file(self, config_path: str, suffix: str = ".yaml") -> Path:
        folder = "" if _top(config_path) == "recipes" else "conf"
        return Path(self.path, folder, config_path + ("" if config_path.endswith(suffix) else suffix))

    def load_config(self, config_path: str) -> ConfigResult:
        file, project = self.file(config_path), Path(self.path)
        asked = {key: value for key, value in _data(file, project).items() if key == "defaults"}  # Hydra asks for no more
        if asked and (faults := list(choices.faults(asked["defaults"], file, project))):
            raise RecipeError(faults)
        if asked and _top(config_path) == "recipes":
            asked["defaults"] = [_parent(entry) for entry in asked["defaults"]]
        return ConfigResult(self.provider, self.full_path(), _node(asked, file, project), self._get_header_dict(_read(file, project)))

    def available(self) -> bool:
        return Path(self.path).is_dir()

    def is_group(self, config_path: str) -> bool:
        return not _reserved(config_path) and self.file(config_path, suffix="").is_dir()

    def is_config(self, config_path: str) -> bool:
        return not _reserved(config_path) and self.file(config_path).is_file()

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        found: list[str] = []
        for entry in os.listdir(self.file(config_path, suffix="")):
            self._list_add_result(found, f"{config_path}/{entry}", entry, results_filter)
        return sorted(set(found))


def _parent(entry: Any) -> Any:
    """An entry of a recipe's defaults list for Hydra: a name is that of a file below `recipes/`, whichever folder the recipe
    lies in. Hydra would look beside the recipe, and put what a folder's recipe says below the folder's name."""
    if not isinstance(entry, str) or entry == choices.SELF or not re.fullmatch(r"[^@\s/][^@\s]*", entry):
        return entry
    return f"/recipes/{entry.removesuffix('.yaml')}@_global_"


def _reserved(config_path: str) -> bool:
    """`config.yaml` is ours, and Hydra's own settings have no effect here: a project cannot give them."""
    return config_path.removesuffix(".yaml") in ("", PRIMARY) or _top(config_path) == "hydra"


class ProjectPath(SearchPathPlugin):
    """Puts the project before our own `conf/`, so that a project may replace an option of ours."""

    project = Path()

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.prepend("project", f"{ProjectSource.scheme()}://{self.project}")


def _own_conf() -> Path:
    return next(folder for folder in (PACKAGE / "conf", PACKAGE.parent / "conf") if folder.is_dir())


@contextmanager
def _hydra(project: Path) -> Iterator[ConfigLoader]:
    """Hydra set up for one project, and put away after. Its state is the process's: compose in the main thread."""
    plugins = Plugins.instance()
    for plugin in (ProjectSource, ProjectPath):
        plugins.register(plugin)
    ProjectPath.project = project
    version = {"version_base": "1.3"} if hydra.__version__ < "1.4" else {}
    with hydra.initialize_config_dir(str(_own_conf()), job_name="dsbuild", **version):
        yield GlobalHydra.instance().config_loader()


def _points(overrides: list[str], loader: ConfigLoader, project: Path, multirun: bool) -> list[list[str]]:
    """The points of the sweep, each a list of overrides without sweeps, `recipe=` still in it."""
    advice.recipe_given(overrides, project)
    points: list[list[str]] = []
    for typed in overrides:
        parsed = _parse(typed, loader)
        if not parsed.is_sweep_override():
            points.append([typed])
            continue
        key = typed.partition("=")[0]
        values = [f"{key}={value}" for value in parsed.sweep_string_iterator()]
        advice.sweep(typed, values, multirun)
        points.append(values)
    return [list(point) for point in itertools.product(*points)]


def _parse(typed: str, loader: ConfigLoader) -> Override:
    """One override, read by Hydra's grammar; a value that the grammar has no letters for is taken as quoted text."""
    words = advice.hydra_words(typed)
    parser = OverridesParser.create(config_loader=loader)
    for attempt in (words, advice.quoted(words)):
        try:
            found = parser.parse_overrides([attempt])[0] if attempt else _refuse(typed)
            return found if found.key_or_group else _refuse(typed)
        except HydraException:
            continue
    return _refuse(typed)


def _refuse(typed: str) -> Override:
    raise UsageError(
        f"cannot read the override `{typed}`",
        hint="an override is key=value; quote a value with special characters twice: 'key=\"value\"'",
    )


def _compose_point(point: list[str], loader: ConfigLoader, project: Path, known: Known) -> Recipe:
    parsed = [(typed, _parse(typed, loader)) for typed in point]
    choice = next(_named(typed, override) for typed, override in reversed(parsed) if override.key_or_group == "recipes")
    if not (project / "recipes" / f"{choice}.yaml").is_file():
        raise advice.missing_recipe(choice, project)
    off = {typed for typed, override in parsed if _switches_off(override, loader)}
    choosing = {typed: override for typed, override in parsed if typed not in off and _chooses(override, loader)}
    for typed, override in parsed:
        if (typed in off and override.is_delete()) or (typed in choosing and override.key_or_group != "recipes"):
            choices.check_typed(typed, override.key_or_group, override.value(), project)
    words = tuple(override.input_line or "" for typed, override in parsed if typed in choosing)
    if words not in known:
        known[words] = _defaults(list(words), choice, point, loader, project)
    chosen = [default for default in known[words].defaults if default.config_path and _top(default.config_path) != "hydra"]
    layers = tuple(Layer(_file(default.config_path, project), default.package or "") for default in chosen)
    options = {layer.file: overruled.Option(layer.file, _content(layer, project)) for layer in layers}
    typed_options = [(typed, o, options[file]) for typed, o in parsed if (file := _option(o, project)) in options]
    none = {typed: option.said for typed, override, option in typed_options if _is_none(override, option.said)}
    setters = [(typed, override) for typed, override in parsed if typed in none or typed not in choosing]
    config, faults = _plain(_merged(layers, setters, none, project))
    name = config.get("name")
    recipe = Recipe(
        name=name if isinstance(name, str) and name != "???" else choice,
        choice=choice,
        config=config,
        overrides=[typed for typed, override in parsed if override.key_or_group != "recipes"],
        project=project,
        layers=layers,
        settings=tuple(Setting(_path(o), typed) for typed, o in setters if not o.is_delete()),
    )
    overruled.refuse(recipe, {typed: option for typed, _, option in typed_options if typed not in none})
    own_options = {entry: options[file] for entry, file in _own_options(recipe.file, project) if file in options}
    refused = list(interpolation.refused(recipe))
    others = [recipe.fault(path, message, suggestion) for path, message, suggestion in faults]
    others = [fault for fault in others if fault.path not in {fault.path for fault in refused}]
    return replace(recipe, faults=(*refused, *others, *overruled.inherited(recipe, own_options)))


def _named(typed: str, override: Override) -> str:
    """The recipe that `recipe=NAME` names: what it says, also where Hydra's grammar reads a list, or null."""
    value = override.value()
    return value if isinstance(value, str) else typed.partition("=")[2]


def _own_options(recipe: Path, project: Path) -> Iterator[tuple[str, Path]]:
    """The options that a recipe's own `defaults` choose, as written, and their files."""
    for entry in _data(recipe, project).get("defaults") or ():
        for key, option in entry.items() if isinstance(entry, dict) else ():
            if str(key).startswith("override /"):
                yield f"{key}: {option}", _file(f"{key.removeprefix('override /')}/{option}", project)


def _option(override: Override, project: Path) -> Path | None:
    """The file of the one option that an override chooses, `dedup=near` or `dedup=[near]`. A recipe is no option."""
    value = override.value()
    option = value[0] if isinstance(value, list) and len(value) == 1 else value
    return None if override.key_or_group == "recipes" else _file(f"{override.key_or_group}/{option}", project)


def _is_none(override: Override, said: Any) -> bool:
    """Whether it is `SECTION=none`, an option that speaks of its section alone; `experiment=none` may set keys anywhere."""
    for part in _path(override):
        if not isinstance(said, dict) or list(said) != [part]:
            return False
        said = said[part]
    return override.value() in (NONE, [NONE])


def _chooses(override: Override, loader: ConfigLoader) -> bool:
    """Whether Hydra takes it for the choice of an option, and not for a value."""
    key = override.key_or_group
    return not isinstance(override.value(), dict) and any(source.is_group(key) for source in loader.get_sources())


def _switches_off(override: Override, loader: ConfigLoader) -> bool:
    """Whether it is `mix=null` or `~mix`: Hydra would take that for the choice of an option, named null or none, and leave
    what the recipe itself says of `mix` as it is. `~experiment`, of options that fill the root, is left to Hydra."""
    key = override.key_or_group
    if _top(key.split(".")[0]) == "hydra":
        message = f"`{override.input_line}`: Hydra's own settings have no effect here"
        raise UsageError(message, hint="`dsbuild --help` shows the flags")
    if key == "defaults":
        raise UsageError(f"`{override.input_line}`: `defaults` are said in files alone", hint="choose an option with GROUP=OPTION, or add one with +GROUP=OPTION")
    return override.value() is None and any(_fills_section(f"{key}/{name}", loader) for name in loader.get_group_options(key))


def _fills_section(config_path: str, loader: ConfigLoader) -> bool:
    """Whether an option belongs to a section of the recipe: it is ours, or does not say `# @package _global_`."""
    source = next(source for source in loader.get_sources() if source.is_config(config_path))
    ours = (_own_conf() / _top(config_path)).is_dir()
    return ours or source.load_config(config_path).header["package"] != "_global_"


def _defaults(words: list[str], choice: str, point: list[str], loader: ConfigLoader, project: Path) -> Any:
    """Which files make the recipe, in which order: Hydra's part."""
    try:
        return loader.compute_defaults_list(PRIMARY, words, RunMode.RUN)
    except RecursionError:
        raise advice.cycle(choice, project) from None
    except RecipeError as error:
        raise RecipeError(error.faults, recipe=choice, hint=error.hint) from None
    except MissingConfigException as error:
        raise advice.missing_option(str(error), choice, point, project) from None
    except (HydraException, OmegaConfBaseException, ValueError, AssertionError) as error:
        raise advice.forwarded(error, choice, project) from None


def _merged(
    layers: tuple[Layer, ...], setters: list[tuple[str, Override]], none: Mapping[str, Any], project: Path
) -> DictConfig:
    """The files, then the command line, merged: OmegaConf's part. none: what each `SECTION=none` stands for."""
    merged = OmegaConf.create()
    for layer in layers:
        merged.merge_with(_node(_content(layer, project), layer.file, project))
    for typed, override in setters:
        path = _path(override)
        if typed in none:  # what the recipe says of the section counts no more
            OmegaConf.update(merged, ".".join(path), None, force_add=True)
            merged.merge_with(OmegaConf.create(none[typed]))
            continue
        parent = OmegaConf.select(merged, ".".join(path[:-1])) if path[1:] else merged
        try:
            if not override.is_delete():
                OmegaConf.update(merged, ".".join(path), override.value(), merge=True, force_add=True)
            elif OmegaConf.is_dict(parent) and path[-1] in parent:
                del parent[path[-1]]
            else:
                raise UsageError(
                    f"`{typed}` takes nothing out: there is no {'.'.join(path)!r}",
                    hint=advice.near(path[-1], parent) or "`dsbuild show recipe=NAME --origin` shows the keys and who set them",
                )
        except (OmegaConfBaseException, TypeError, ValueError, IndexError) as error:
            raise UsageError(f"`{typed}` cannot be set: {str(error).splitlines()[0]}") from None
    return merged


def _content(layer: Layer, project: Path) -> dict[str, Any]:
    """What a file says, at the place where it is merged."""
    content: dict[str, Any] = {key: value for key, value in _data(layer.file, project).items() if key != "defaults"}
    for part in reversed(layer.prefix):
        content = {part: content}
    return content


def _path(override: Override) -> tuple[str, ...]:
    key = override.key_or_group
    return tuple(key.split("." if "." in key else "/"))  # the group `clean/pii` is the section `clean.pii`


def _top(config_path: str) -> str:
    return config_path.split("/")[0]


def _plain(composed: DictConfig) -> tuple[dict[str, Any], list[tuple[tuple[str, ...], str, str | None]]]:
    """Composed config as plain, resolved data, and (path, message, suggestion) of each text that does not resolve."""
    faults: list[tuple[tuple[str, ...], str, str | None]] = []

    def child(node: Any, key: Any, path: tuple[str, ...]) -> Any:
        if OmegaConf.is_missing(node, key):
            return "???"
        try:
            return walk(node[key], path)
        except (OmegaConfBaseException, RecursionError) as error:
            faults.append((path, *interpolation.unresolved(f"{type(error).__name__}: {error}")))
            return None

    def walk(node: Any, path: tuple[str, ...]) -> Any:
        if not OmegaConf.is_config(node):
            return node
        if len(path) > DEEPEST:
            raise RecursionError
        if OmegaConf.is_list(node):
            return [child(node, index, (*path, str(index))) for index in range(len(node))]
        return {key: child(node, key, (*path, key)) for key in node}

    return walk(composed, ()), faults


def _node(data: dict[str, Any], file: Path, project: Path) -> DictConfig:
    """What a file holds as OmegaConf's; `RecipeError` for interpolations that it cannot read."""
    try:
        return OmegaConf.create(data)
    except OmegaConfBaseException:
        raise RecipeError(interpolation.broken(Layer(file), project, _readable)) from None


def _readable(text: str) -> bool:
    """Whether OmegaConf can read the interpolations of a text."""
    try:
        OmegaConf.create({"text": text})
    except OmegaConfBaseException:
        return False
    return True


def _file(config_path: str, project: Path) -> Path:
    """The file behind a config path, looked for where Hydra looks."""
    source = ProjectSource("project", f"{ProjectSource.scheme()}://{project}")
    return source.file(config_path) if source.is_config(config_path) else _own_conf() / f"{config_path}.yaml"


def _data(file: Path, project: Path) -> dict[str, Any]:
    """The mapping that a file holds; an empty file holds an empty one."""
    shown, text = locate.show(file, project), _read(file, project)
    data = yaml_text.load(text, file=shown)
    if isinstance(data, dict | None):
        return data or {}
    fault = Fault("", "a recipe is a mapping of keys to values", shown, 1, yaml_text.excerpt(text, 1))
    raise RecipeError([fault])


def _read(file: Path, project: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise RecipeError(
            [Fault("", f"not UTF-8: byte {error.start} cannot be read", locate.show(file, project))], hint="save it as UTF-8"
        ) from None
    except OSError as error:
        shown = locate.show(file, project)
        raise RecipeError([Fault("", f"cannot be read: {error.strerror}", shown)], hint=f"chmod u+r {shown}") from None
