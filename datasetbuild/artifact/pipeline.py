"""`dvc.yaml`: a stage for every recipe, with exactly the files that it reads, kept beside the stages of the user.

The file is edited, not rewritten: only lines of our own stages change, so comments, order and whatever a person wrote
stay as they are. A stage is ours when its command is `dsbuild recipe=NAME`, with `--quiet` or without.

DVC decides by these files whether to ask dsbuild; dsbuild decides by its exact key whether anything has to be done. So
`persist` keeps the last artifact in place: without it DVC deletes the outputs before each run, and its run cache could
bring back what was recorded of other files.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from datasetbuild.artifact.folder import OWNED
from datasetbuild.artifact.plots import CHARTS
from datasetbuild.errors import MismatchError, UsageError, VersionError
from datasetbuild.plan.explain import CAUSES, Cause
from datasetbuild.plan.lockfile import NAME as LOCK

NAME = "dvc.yaml"
HEADER = """\
# Builds under DVC: `dvc repro`, `dvc metrics diff`, `dvc push`. Stages of recipes are kept by `dsbuild dvc sync`.
"""
OURS = re.compile(r"dsbuild( build)? recipe=(?P<recipe>\\?\$\{item[^}]*\}|[^\s=\[\]{}]+)( --quiet| -q)?")
IN_GIT = ("manifest.json", "README.md")
METRICS = ("metrics.json",)
OWN_KEYS = ("cmd", "deps", "params", "outs", "metrics", "plots")


@dataclass
class Synced:
    """text: of the file as it should be. changes: sign (`+`, `-`, `~`), stage and what of it changes."""

    text: str
    changes: list[tuple[str, str, str]] = field(default_factory=list)


def stage(choice: str, name: str, deps: Sequence[str], pins: Sequence[str], *, plots: Sequence[str], exports: bool) -> dict[str, Any]:
    """The stage of a recipe. choice: as `recipe=` takes it. name: of its artifact. deps: paths that it reads.
    pins: keys of the lock that it depends on. plots: its charts (`plots.charts_of`). exports: whether it writes any."""
    build = f"build/{name}"
    written = [file for file in OWNED if file != "export" or exports]
    outs: list[Any] = [
        {f"{build}/{file}": {"cache": False, "persist": True} if file in IN_GIT else {"persist": True}}
        for file in written
        if file not in (*METRICS, "plots")
    ]
    made: dict[str, Any] = {"cmd": f"dsbuild recipe={choice} --quiet", "deps": list(deps)}
    if pins:
        made["params"] = [{LOCK: list(pins)}]
    made["outs"] = outs
    made["metrics"] = [{f"{build}/{file}": {"cache": False, "persist": True}} for file in METRICS]
    made["plots"] = [{f"{build}/{file}": {"cache": False, "persist": True, **CHARTS[file].options}} for file in plots]
    return made


def stage_name(choice: str) -> str:
    """A recipe's name as DVC takes it for a stage."""
    return re.sub(f"[{re.escape(string.punctuation.replace('_', '').replace('-', ''))}\\s]", "-", choice)


def synced(text: str, wanted: Mapping[str, dict[str, Any]]) -> Synced:
    """The text of `dvc.yaml` with a stage for every recipe, and none for one that is gone. wanted: by recipe."""
    root = _composed(text)
    stages = _value(root, "stages") if root else None
    there = _nodes(stages)
    names = {name: match["recipe"] for name, node in there.items() if (match := _our_match(node))}
    mine = {recipe: name for name, recipe in reversed(names.items()) if recipe in wanted}
    edits: list[tuple[int, int, list[str]]] = []
    result = Synced(text)
    lines = text.splitlines()
    for name in names:
        if name not in mine.values():
            edits.append((*_lines_of(stages, name), []))
            result.changes.append(("-", name, "stage"))
    for recipe in sorted(mine):
        edits += _edited(there[mine[recipe]], wanted[recipe], mine[recipe], result)
    new: list[str] = []
    for recipe in sorted(wanted.keys() - mine.keys()):
        name = stage_name(recipe)
        if (name in there and name not in names) or name in mine.values():
            raise UsageError(
                f"{NAME} has a stage {name!r} that is not ours, and recipe {recipe} needs that name",
                hint=f"rename it, or give it the command `dsbuild recipe={recipe} --quiet`",
            )
        new += _rendered({name: wanted[recipe]}, 2)
        result.changes.append(("+", name, "stage"))
    result.text = _applied(lines, edits, new, stages, root)
    return result


def _composed(text: str) -> yaml.MappingNode | None:
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}" if mark else ""
        raise UsageError(f"{NAME}{where} cannot be read: {getattr(error, 'problem', error)}", hint="mend it") from None
    if root is not None and not isinstance(root, yaml.MappingNode):
        raise UsageError(f"{NAME} is no mapping of keys to values", hint="mend it, or remove it and run this again")
    return root


def _value(node: yaml.MappingNode, name: str) -> yaml.MappingNode | None:
    found = next((value for key, value in node.value if key.value == name), None)
    if found is None or (isinstance(found, yaml.ScalarNode) and not found.value):
        return None
    if not isinstance(found, yaml.MappingNode) or (found.flow_style and found.value):
        raise UsageError(f"{NAME}: `{name}` does not stand in lines of its own", hint="write it as an indented block")
    return found


def _nodes(stages: yaml.MappingNode | None) -> dict[str, yaml.Node]:
    return {key.value: value for key, value in stages.value} if stages else {}


def _our_match(node: yaml.Node) -> re.Match[str] | None:
    inner = dict_of(node).get("do", node)
    command = dict_of(inner).get("cmd")
    return OURS.fullmatch(command.value.strip()) if isinstance(command, yaml.ScalarNode) else None


def dict_of(node: Any) -> dict[str, yaml.Node]:
    """The values of a mapping's node by key; nothing for another node."""
    return {key.value: value for key, value in node.value} if isinstance(node, yaml.MappingNode) else {}


def _edited(node: yaml.Node, wanted: dict[str, Any], name: str, result: Synced) -> Iterator[tuple[int, int, list[str]]]:
    """The edits that make a stage of ours what it should be, key by key."""
    known = yaml.SafeLoader("")
    have = {key: known.construct_object(value, deep=True) for key, value in dict_of(node).items()}
    indent = node.start_mark.column
    missing: list[str] = []
    for key in OWN_KEYS:
        if key == "cmd" or _plain(have.get(key)) == _plain(wanted.get(key)):
            continue
        result.changes.append(("~", name, _difference(key, have.get(key), wanted.get(key))))
        block = _rendered({key: wanted[key]}, indent) if key in wanted else []
        if key in have:
            yield (*_lines_of(node, key), block)
        else:
            missing += block
    if missing:
        end = _last_line(node) + 1
        yield end, end, missing


def _plain(value: Any) -> Any:
    """A list of outputs or dependencies, whatever their order."""
    if not isinstance(value, list):
        return value
    return sorted(
        (item if isinstance(item, dict) else {str(item): None} for item in value), key=lambda item: sorted(item)
    )


def _difference(key: str, have: Any, wanted: Any) -> str:
    def names(value: Any) -> set[str]:
        items = value if isinstance(value, list) else []
        return {name for item in items for name in (item if isinstance(item, dict) else [str(item)])}

    gone, new = names(have) - names(wanted), names(wanted) - names(have)
    signs = [f"-{name}" for name in sorted(gone)] + [f"+{name}" for name in sorted(new)]
    return f"{key}: {' '.join(signs)}" if signs else key


def _lines_of(node: Any, name: str) -> tuple[int, int]:
    """The lines (from 0, the last one not included) that a key and its value stand in."""
    key, value = next((key, value) for key, value in node.value if key.value == name)
    return key.start_mark.line, max(key.start_mark.line, _last_line(value)) + 1


def _last_line(node: yaml.Node) -> int:
    """The last line that a value stands in; comments and empty lines after it do not belong to it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _last_line(last[1] if isinstance(last, tuple) else last)
    end = node.end_mark
    return int(end.line - (1 if end.column == 0 and end.line > node.start_mark.line else 0))


class _Indented(yaml.SafeDumper):  # type: ignore[misc]
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


def _rendered(value: dict[str, Any], indent: int) -> list[str]:
    text = yaml.dump(value, Dumper=_Indented, sort_keys=False, allow_unicode=True, width=1 << 30)
    return [" " * indent + line for line in text.splitlines()]


def _applied(
    lines: list[str],
    edits: list[tuple[int, int, list[str]]],
    new: list[str],
    stages: yaml.MappingNode | None,
    root: yaml.MappingNode | None,
) -> str:
    lines = list(lines)
    if root is None:
        lines = (lines or HEADER.splitlines()) + ["stages:", *new]
    elif stages is None or not stages.value:
        at = next((key.start_mark.line for key, _ in root.value if key.value == "stages"), None)
        if at is None:
            lines += ["stages:", *new] if new else []
        elif new:
            lines[at : at + 1] = ["stages:", *new]
    else:
        end = _last_line(stages) + 1
        column = stages.start_mark.column
        moved = [" " * (column - 2) + line for line in new] if column >= 2 else new
        for start, stop, block in sorted(
            [*edits, (end, end, moved)], key=lambda edit: (edit[0], edit[1]), reverse=True
        ):
            lines[start:stop] = block
    text = "\n".join(lines) + "\n"
    left = _composed(text)
    if left is not None and any(
        key.value == "stages" and isinstance(value, yaml.ScalarNode) for key, value in left.value
    ):
        text = re.sub(r"^stages:[ \t]*$", "stages: {}", text, count=1, flags=re.MULTILINE)
    return text


def stage_names(project: Path) -> dict[str, str]:
    """Recipe -> the name of its stage in the project's `dvc.yaml`."""
    place = project / NAME
    root = _composed(place.read_text(encoding="utf-8")) if place.exists() else None
    there = _nodes(_value(root, "stages") if root else None)
    return {match["recipe"]: name for name, node in there.items() if (match := _our_match(node))}


def check_recordable(choice: str, cause: str | None, stages: Mapping[str, str]) -> None:
    """Raise unless an artifact may be recorded: it is what its recipe says now, and DVC has a stage for it.

    cause: why a build would do something, None when the artifact is up to date.
    """
    if choice not in stages:
        raise VersionError(f"{NAME} has no stage for recipe {choice}", hint="dsbuild dvc sync")
    if cause is not None:
        raise MismatchError(
            f"the artifact of recipe {choice} is not what its files say now ({CAUSES[Cause(cause)]}): "
            "recorded, DVC would call it up to date",
            hint=f"dsbuild recipe={choice}, then again; `dsbuild explain recipe={choice}` says what differs",
        )
