"""YAML as recipes mean it: a key is the text that was written, and a repeated key is a fault.

YAML 1.1 reads the key `on` as true, `no` as false and `010` as 8. `dedup.exact.on` is a key of ours and `no` is a
language, so keys are never converted here. Values keep the types of YAML 1.1, as OmegaConf and Hydra read them, with
`1e3` a number and dates text; `traps` tells when such a value cannot be what was meant.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import yaml

from datasetbuild.errors import Fault, RecipeError

TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"
FLOAT = "tag:yaml.org,2002:float"
TIMESTAMP = "tag:yaml.org,2002:timestamp"

# The floats of OmegaConf's own loader: YAML 1.1 asks for a dot, OmegaConf does not.
_FLOAT = re.compile(
    r"""^(?:
     [-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+)
    |\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?
    |[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*
    |[-+]?\.(?:inf|Inf|INF)
    |\.(?:nan|NaN|NAN))$""",
    re.VERBOSE,
)


class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader with keys as written, no repeated keys and OmegaConf's floats."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[str, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            if key.tag == MERGE:
                continue
            if not isinstance(key, yaml.ScalarNode):
                raise yaml.constructor.ConstructorError(
                    None, None, "a key must be text; a template such as {{ x }} must stand in quotes", key.start_mark
                )
            if key.value in seen:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} is written twice", key.start_mark
                )
            seen.add(key.value)
            key.tag = TEXT
        return super().construct_mapping(node, deep=deep)


class Dumper(yaml.SafeDumper):  # type: ignore[misc]
    """Writes what `Loader`, and any reader of YAML 1.1, reads back as the same value."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, False)


# The loader reads dates as text, and floats as OmegaConf does. The dumper knows all readings, so that it quotes a text
# that any reader of YAML 1.1 would take for something else.
Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in (FLOAT, TIMESTAMP)]
    for first, resolvers in Loader.yaml_implicit_resolvers.items()
}
for _class in (Loader, Dumper):
    _class.add_implicit_resolver(FLOAT, _FLOAT, list("-+0123456789."))


def _write_text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    """Texts of several lines as blocks, so that a prompt reads as a prompt."""
    block = "\n" in text and not re.search(r"[ \t]\n|[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]", text)
    # PyYAML writes these three line ends bare between single quotes, and reads them back as blanks.
    style = "|" if block else '"' if re.search("[\x85\u2028\u2029]", text) else None
    return dumper.represent_scalar(TEXT, text, style=style)


Dumper.add_representer(str, _write_text)


def dump(value: Any) -> str:
    """YAML text of plain data: keys in their order, traps such as `no` and `010` quoted."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=120)


@lru_cache(maxsize=256)
def tree(text: str) -> yaml.Node | None:
    """The nodes of a YAML text, with their lines; None when it is empty or broken."""
    try:
        return yaml.compose(text, Loader=Loader)
    except yaml.YAMLError:
        return None


def load(text: str, *, file: str) -> Any:
    """The plain data of a YAML text; `RecipeError` with line and excerpt when it is broken. file: how to call it."""
    try:
        return yaml.load(text, Loader=Loader)
    except yaml.YAMLError as error:
        raise RecipeError(
            [_broken(error, text, file)], hint="a YAML file must be readable before it can be checked"
        ) from None


def excerpt(text: str, line: int, *, around: int = 2) -> str:
    """The lines around a 1-based line, numbered, the line itself marked with a bar."""
    lines = text.splitlines()
    first, last = max(1, line - around), min(len(lines), line + around)
    width = len(str(last))
    shown = [
        f"{number:>{width}} {'│' if number == line else ' '} {lines[number - 1]}" for number in range(first, last + 1)
    ]
    return "\n".join(row.rstrip() for row in shown)


def _broken(error: yaml.YAMLError, text: str, file: str) -> Fault:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is None:
        return Fault("", f"not valid YAML: {problem}", file)
    line = min(mark.line + 1, max(1, len(text.splitlines())))
    context = getattr(error, "context_mark", None)
    if context is not None and context.line < mark.line and "flow" in (error.context or ""):
        problem += f", and the bracket of line {context.line + 1} is still open"
    return Fault("", f"not valid YAML: {problem}", file, line, excerpt(text, line), _advice(problem, text, line))


def _advice(problem: str, text: str, line: int) -> str | None:
    """What usually is behind a message of the YAML parser."""
    written = text.splitlines()[line - 1] if text else ""
    if "\\t" in problem or "\t" in written:
        return "indent with blanks: YAML does not allow tabs"
    if "{{" in written:
        return 'write a template in quotes: content: "{{ question }}"'
    if re.search(r"[\[{,:] ?\$\{", written) and "expected ','" in problem:
        return 'write a reference inside { } or [ ] in quotes: "${seed}"'
    if "mapping values are not allowed" in problem:
        return "a text with `: ` in it must stand in quotes"
    if "could not find expected ':'" in problem:
        return "a key needs `: ` behind it; look at the lines above, too"
    if "%" in problem or "@" in problem or "cannot start any token" in problem:
        return "a text that starts with a special character must stand in quotes"
    return None
