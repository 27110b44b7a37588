"""From a config path to the file and line, or the override, that set it.

Hydra's merge keeps no positions. So the files are read again, as YAML nodes, only when somebody asks.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from datasetbuild.recipe import yaml_text

COMMAND_LINE = "command line"
PACKAGE = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Layer:
    """A YAML file of the merge, and the config path that its content was merged into (empty: the root)."""

    file: Path
    package: str = ""

    @property
    def prefix(self) -> tuple[str, ...]:
        return tuple(self.package.split(".")) if self.package else ()


@dataclass(frozen=True)
class Setting:
    """An override that set a key: the key's path, and the override as typed."""

    path: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Origin:
    """A place that set a value: a line of a file, or the command line, which has no file and no line but `text`."""

    file: Path | None
    line: int | None = None
    text: str | None = None

    def place(self, project: Path) -> str | None:
        """`recipes/a.yaml:3`, or None for the command line."""
        return None if self.file is None else f"{show(self.file, project)}:{self.line}"


def origin(path: tuple[str, ...], layers: tuple[Layer, ...], settings: tuple[Setting, ...]) -> Origin | None:
    """The last override, or else the last file, that set `path`; an override below it counts when no file set it."""
    for setting in reversed(settings):
        if path[: len(setting.path)] == setting.path:
            return Origin(None, text=setting.text)
    for layer in reversed(layers):
        found = node_at(layer, path)
        if found:
            return Origin(layer.file, found[0].start_mark.line + 1)
    for setting in reversed(settings):
        if setting.path[: len(path)] == path:
            return Origin(None, text=setting.text)
    return None


def node_at(layer: Layer, path: tuple[str, ...]) -> tuple[yaml.Node, yaml.Node] | None:
    """The node that a file has at a config path: the node to point at (its key, or itself in a list), and its value."""
    prefix = layer.prefix
    if len(path) <= len(prefix) or path[: len(prefix)] != prefix or not layer.file.is_file():
        return None
    node = yaml_text.tree(layer.file.read_text(encoding="utf-8"))
    found: tuple[yaml.Node, yaml.Node] | None = None
    for part in path[len(prefix) :]:
        found = _child(node, part)
        if found is None:
            return None
        node = found[1]
    return found


def scalar_at(
    path: tuple[str, ...], layers: tuple[Layer, ...], settings: tuple[Setting, ...]
) -> yaml.ScalarNode | None:
    """The scalar, as written, that gave the value at a path; None when it came from the command line or is none."""
    if any(path[: len(setting.path)] == setting.path for setting in settings):
        return None
    found = next((found for layer in reversed(layers) if (found := node_at(layer, path))), None)
    return found[1] if found and isinstance(found[1], yaml.ScalarNode) else None


def _child(node: yaml.Node | None, part: str) -> tuple[yaml.Node, yaml.Node] | None:
    if isinstance(node, yaml.SequenceNode):
        index = int(part) if part.isdecimal() else len(node.value)
        return (node.value[index], node.value[index]) if index < len(node.value) else None
    if not isinstance(node, yaml.MappingNode):
        return None
    for key, value in node.value:
        if key.value == part:
            return key, value
    merged = [value for key, value in node.value if key.tag == yaml_text.MERGE]
    flat = [child for value in merged for child in (value.value if isinstance(value, yaml.SequenceNode) else [value])]
    return next((found for child in flat if (found := _child(child, part))), None)


def scalars(layer: Layer) -> list[tuple[tuple[str, ...], yaml.ScalarNode]]:
    """All scalar values of a file with their config paths, `defaults` included."""
    found: list[tuple[tuple[str, ...], yaml.ScalarNode]] = []

    def walk(node: yaml.Node | None, path: tuple[str, ...]) -> None:
        if isinstance(node, yaml.ScalarNode):
            found.append((path, node))
        elif isinstance(node, yaml.SequenceNode):
            for index, child in enumerate(node.value):
                walk(child, (*path, str(index)))
        elif isinstance(node, yaml.MappingNode):
            for key, child in node.value:
                walk(child, (*path, str(key.value)))

    walk(yaml_text.tree(layer.file.read_text(encoding="utf-8")), layer.prefix)
    return found


def show(file: Path, project: Path) -> str:
    """A file as people know it: relative to the project, or `datasetbuild/conf/...` for our own."""
    if file.is_relative_to(project):
        return file.relative_to(project).as_posix()
    for conf in (PACKAGE / "conf", PACKAGE.parent / "conf"):
        if file.is_relative_to(conf):
            return "datasetbuild/conf/" + file.relative_to(conf).as_posix()
    return str(file)


def of_engine(override: str) -> bool:
    """Whether an override only says how to run (`engine=ray`, `engine.workers=2`), not what to make."""
    return re.match(r"[+~]*engine[.=@]|~engine$", override) is not None


def escape_interpolations(value: Any) -> Any:
    """Plain data with every `${` in a text escaped, so that OmegaConf reads the text back as it is."""
    if isinstance(value, dict):
        return {key: escape_interpolations(child) for key, child in value.items()}
    if isinstance(value, list):
        return [escape_interpolations(child) for child in value]
    if isinstance(value, str) and "${" in value:
        return re.sub(r"(\\*)\$\{", lambda match: match[1] * 2 + r"\${", value)
    return value
