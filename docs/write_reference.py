"""Write the generated pages of the reference from the operators' own manuals. `--check` only says which are stale."""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
NOTE = "<!-- Written by docs/write_reference.py from the operators' manuals. Edit the docstrings, not this page. -->\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([_cell(cell) for cell in row] for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def kind(schema: dict[str, Any]) -> str:
    """What a key takes, in a few words."""
    if "anyOf" in schema:
        return " or ".join(kind(one) for one in schema["anyOf"])
    if "enum" in schema:
        return ", ".join("null" if value is None else f"`{value}`" for value in schema["enum"])
    found = schema.get("type", "any")
    words = [found] if isinstance(found, str) else list(found)
    limits = {"minimum": "≥", "exclusiveMinimum": ">", "maximum": "≤", "exclusiveMaximum": "<"}
    bounds = " ".join(f"{sign} {schema[word]}" for word, sign in limits.items() if word in schema)
    return " or ".join(words) + (f", {bounds}" if bounds else "")


def _default(value: Any) -> str:
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def body(manual: str, parameters: Iterable[str]) -> str:
    """A manual without its summary and its parameters, which stand in the table; examples in fences."""
    names = "|".join(map(re.escape, parameters)) or "(?!)"
    kept, inside = [], False
    for line in manual.splitlines():
        inside = bool(line) and (inside or re.match(rf"({names}): ", line) is not None)
        if not inside:
            kept.append(line)
    paragraphs = [part.strip("\n") for part in re.split(r"\n{2,}", "\n".join(kept)) if part.strip()]
    return "\n\n".join(_paragraph(part) for part in paragraphs[1:])


def _paragraph(text: str) -> str:
    return f"```text\n{text}\n```" if text.startswith("{") or "   " in text else text


def section(op: Any, level: int = 2, title: str | None = None) -> str:
    """The manual of one operator as Markdown."""
    parts = ["#" * level + " " + (title or f"`{op.name}`"), op.summary]
    text = body(op.manual, op.parameters)
    if text:
        parts.append(text)
    if op.parameters:
        rows = [
            (f"`{p.name}`", kind(p.schema), "required" if p.required else _default(p.default), p.description)
            for p in op.parameters.values()
        ]
        parts.append(table(["key", "takes", "default", "meaning"], rows).rstrip())
    return "\n\n".join(parts) + "\n"


def recipe_page() -> str:
    from datasetbuild import op
    from datasetbuild.recipe.schema import CHECK, RULE

    found = {one.name: one for one in op.operators("section")}
    order = ["recipe", "source", "clean", "filters", "dedup", "dedup.exact", "dedup.near", "split", "mix", "template"]
    rest = [name for name in found if name not in order and name != "engine"]
    parts = [
        "# Recipe: every key\n",
        NOTE,
        "The sections stand in the order in which a record passes them. A recipe may leave out every key that is not "
        "required; `dsbuild show recipe=NAME --origin` prints the whole recipe and says who set what.\n",
    ]
    titles = {"recipe": "Top level", "source": "`sources.NAME`", "filters": "`filters.NAME`"}
    for name in [*order, *rest, "engine"]:
        if name == "filters":
            parts.append(_filters(RULE))
        elif name in found:
            parts.append(section(found[name], title=titles.get(name, f"`{name}`")))
    parts += [_checks(CHECK), _groups()]
    return "\n".join(parts)


def _filters(rule: dict[str, Any]) -> str:
    rows = [(f"`{name}`", kind(one), _default(one.get("default")), one["description"]) for name, one in rule.items()]
    text = (
        "## `filters.NAME`\n\nA rule: a bound on a fact. NAME is the fact, unless `fact` names it. The keys of the "
        "[fact](facts.md) stand beside these.\n\n"
    )
    return text + table(["key", "takes", "default", "meaning"], rows)


def _checks(check: dict[str, Any]) -> str:
    rows = [(f"`{name}`", kind(one), _default(one.get("default")), one["description"]) for name, one in check.items()]
    text = (
        "## `checks.NAME`\n\nA test on the result. NAME is the [check](checks.md), unless `check` names it. The keys of the "
        "check stand beside these; see [check a dataset](../how-to/check-a-dataset.md).\n\n"
    )
    return text + table(["key", "takes", "default", "meaning"], rows)


def _groups() -> str:
    rows = []
    for path in sorted((ROOT / "conf").glob("*/*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        comment = " ".join(line[1:].strip() for line in lines if re.match("# [^@]", line))
        rows.append((f"`{path.parent.name}`", f"`{path.stem}`", comment))
    text = (
        "## Groups\n\nReady-made options, chosen in a recipe's `defaults` (`- override /dedup: near`) or on the "
        "command line (`dedup=near`). What a recipe says itself stands above the option; "
        "`dedup=none` on the command line switches the section off, whatever the recipe says.\n\n"
    )
    return text + table(["group", "option", "what it does"], rows)


def kind_page(title: str, lead: str, what: str) -> Callable[[], str]:
    """A page of all operators of a kind."""

    def page() -> str:
        from datasetbuild import op

        return "\n".join([f"# {title}\n", NOTE, lead + "\n", *(section(one) for one in op.operators(what))])  # type: ignore[arg-type]

    return page


def reasons_page() -> str:
    from datasetbuild.record import REASONS, Fate, Stage

    rows = [(f"`{reason.value}`", sentence) for reason, sentence in REASONS.items()]
    return "\n".join(
        [
            "# Reasons\n",
            NOTE,
            "Why a row is not in the dataset: the column `reason` of the [ledger](ledger.md) and of "
            f"`quarantine.jsonl`. The list is closed. Fates: {_words_of(Fate)}. "
            f"Stages, in their order: {_words_of(Stage)}.\n",
            table(["reason", "meaning"], rows),
        ]
    )


def _words_of(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def cli_page() -> str:
    from datasetbuild.cli import EPILOG, VERBS

    parts = ["# Command line\n", NOTE, "```text\ndsbuild [VERB] recipe=NAME [override ...] [flags]\n```\n"]
    parts.append(
        "Without a verb, `build`. Data goes to stdout; errors and progress go to stderr. Every verb takes "
        "`-C DIR` (work in this project), `--json` (one JSON document on stdout) and `-q`, `--quiet` (print nothing but errors, and a "
        "document that was asked for: `--json`, `--csv`, `--md`).\n"
    )
    parts.append("## Overrides and exit codes\n\n```text\n" + EPILOG.strip() + "\n```\n")
    for verb, what in VERBS.items():
        module = import_module(f"datasetbuild.cli.{verb}")
        parser = argparse.ArgumentParser(add_help=False)
        module.add_arguments(parser)
        parts.append(f"## `{verb}`\n\n{' '.join((module.__doc__ or what).split(chr(10) * 2)[0].split())}\n")
        rows = [(_words(action), action.help or "") for action in parser._actions if action.help != argparse.SUPPRESS]
        if rows:
            parts.append(table(["argument", "meaning"], rows))
    return "\n".join(parts)


def _words(action: argparse.Action) -> str:
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`"
    value = f" {action.metavar or action.dest.upper()}" if action.nargs != 0 else ""
    return ", ".join(f"`{option}{value}`" for option in action.option_strings)


PAGES: dict[str, Callable[[], str]] = {
    "recipe.md": recipe_page,
    "facts.md": kind_page(
        "Facts",
        "A fact is measured once per record and cached. In a recipe it stands under `filters` with a bound, or in "
        "`dedup.keep`; in the ledger it is a column. A fact of each turn has two columns, `NAME.min` and `NAME.max`.",
        "fact",
    ),
    "formats.md": kind_page(
        "Formats",
        "A format says how a row becomes a conversation. The keys below stand beside those that "
        "[every source](recipe.md#sourcesname) has.",
        "format",
    ),
    "profiles.md": kind_page(
        "Profiles",
        "A profile says who reads an export. In a recipe it stands in `export`, by its name or as "
        "`{profile: NAME, ...}` with the keys below; `folder: NAME` sets it apart from another of the same profile.",
        "profile",
    ),
    "checks.md": kind_page(
        "Checks",
        "A check tests the dataset as a whole. In a recipe it stands under `checks`, by its name or as "
        "`NAME: {check: CHECK, ...}`, with a `severity`. Records count once, unless a check says that it counts rows.",
        "check",
    ),
    "reasons.md": reasons_page,
    "cli.md": cli_page,
}


def main() -> int:
    import datasetbuild.builtin  # noqa: F401

    stale = []
    for name, page in PAGES.items():
        path, text = HERE / "reference" / name, page()
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print("stale: " + ", ".join(stale) if stale else "the reference is current")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
