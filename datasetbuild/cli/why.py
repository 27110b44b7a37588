"""Tell one row's whole story: where it was read, how it was cleaned, its facts, and which rule or twin removed it, or
its split, copies and tokens. Name the row by its id (or the begin of it), its key (a ticket's number), the place where
it stands (chat.jsonl:12), or by a piece of its text."""

from __future__ import annotations

import argparse
import re
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.held import add_flags, held_plan, tell_notices
from datasetbuild.cli.output import as_json
from datasetbuild.cli.project import find_project

if TYPE_CHECKING:
    import polars as pl

    from datasetbuild.artifact.past import Past
    from datasetbuild.artifact.story import Story
    from datasetbuild.engine.story import Search

LISTED = 20
"""Rows that are listed when several match."""

WIDTH = 88


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("words", nargs="+", metavar="recipe=NAME ID|FILE:LINE|TEXT", help="the recipe, overrides, and the row")
    parser.add_argument("--at", metavar="REV", help="as it was at a git revision, read from git and DVC: nothing is built")
    add_flags(parser)


def run(args: argparse.Namespace) -> int:
    from datasetbuild.errors import UsageError

    overrides = [word for word in args.words if re.match(r"[+~]*[A-Za-z_][\w.@/-]*=|~", word)]
    wanted = [word for word in args.words if word not in overrides]
    if len(wanted) != 1:
        raise UsageError(f"name one row, not {len(wanted)}", hint='dsbuild why recipe=NAME ID, FILE:LINE, or "a piece of its text"')
    with ExitStack() as scratch:
        return _answer(args, wanted[0], _past(args, overrides, scratch) if args.at else _present(args, overrides))


def _present(args: argparse.Namespace, overrides: list[str]) -> Search:
    from datasetbuild.engine.story import search
    from datasetbuild.recipe import load

    recipe = load(overrides, project=find_project(args.directory))[0]
    found = search(recipe, held_plan(recipe, args))
    tell_notices(found.notices)
    return found


def _past(args: argparse.Namespace, overrides: list[str], scratch: ExitStack) -> Past:
    """The artifact as it was at `--at`; its files are gone when the answer has been given."""
    import tempfile
    from pathlib import Path

    from datasetbuild.artifact.diff.sides import Versions
    from datasetbuild.artifact.past import Past
    from datasetbuild.errors import UsageError

    names = [word.removeprefix("recipe=") for word in overrides if word.startswith("recipe=")]
    if len(names) != 1 or len(overrides) != 1:
        raise UsageError("with --at name one recipe, and no override", hint="dsbuild why recipe=NAME ID --at REV")
    folder = Path(scratch.enter_context(tempfile.TemporaryDirectory(prefix="dsbuild-")))
    return Past(Versions(find_project(args.directory), folder).at(args.at, names[0]))


def _answer(args: argparse.Namespace, wanted: str, asked: Search | Past) -> int:
    from datasetbuild.artifact.story import no_row

    found = asked.matches(wanted)
    if not len(found):
        raise no_row(asked.ledger, wanted)
    if len(found) > 1:
        sys.stdout.write(as_json(found.to_dicts()) if args.json else several(found))
        return 0
    story = asked.tell(found["id"][0])
    sys.stdout.write(as_json(vars(story)) if args.json else tell(story))
    return 0


def several(found: pl.DataFrame) -> str:
    """A line for each of several rows."""
    lines = [f"{len(found)} rows match; name one by its id:"]
    for row in found.head(LISTED).iter_rows(named=True):
        lines.append(f"  {row['id']}  {row['file']}:{row['line']}  {_fate(row)}")
    if len(found) > LISTED:
        lines.append(f"  ... and {len(found) - LISTED} more")
    return "\n".join(lines) + "\n"


def tell(story: Story) -> str:
    """The story as text, one line a stage."""
    row = story.row
    lines = [f"{row['id']}: {_fate(row)}", ""]
    lines.append(_line("read", f"{row['file']}:{row['line']}  (row {row['row']} of the file, source {row['source']})"))
    for name in ("group", "category", "date"):
        if row.get(name):
            lines.append(_line("", f"{name} {row[name]}"))
    if story.detail:
        lines.append(_line(row["stage"], f"{row['fate']}, {row['reason']}: {story.detail}"))
        lines.append(_line("raw", _short(story.raw)))
        return "\n".join(lines) + "\n"
    lines += _cleaned(story)
    lines += _facts(story)
    lines += _shared(story)
    lines += _verdict(story)
    lines += ["", *(_line(turn["role"], _short(_text(turn), 3 * WIDTH)) for turn in story.messages)]
    return "\n".join(lines) + "\n"


def _fate(row: dict[str, Any]) -> str:
    if row["fate"] == "kept":
        copies = f", {row['copies']} copies" if row["copies"] > 1 else ""
        return f"kept in {row['split']}{copies}"
    rule = f", rule {row['rule']}" if row["rule"] else ""
    return f"{row['fate']} at {row['stage']}: {row['reason']}{rule}"


def _cleaned(story: Story) -> list[str]:
    if not story.row["cleaned"]:
        return [_line("clean", "nothing to repair")]
    repairs = ", ".join(name for name in story.row["cleaned"] if " " not in name)
    others = [name for name in story.row["cleaned"] if " " in name]  # `email masked`
    lines = [_line("clean", "; ".join([f"repaired {repairs}"] * bool(repairs) + others))]
    for number, before in story.before.items():
        old, new = _difference(before, story.messages[number]["content"])
        lines.append(_line("", f"turn {number + 1}: {old!r} -> {new!r}"))
    return lines


def _difference(before: str, after: str, around: int = 12) -> tuple[str, str]:
    """The first place where two texts differ, with a little of what stands around it."""
    start = next((n for n, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(len(before), len(after)))
    begin = max(start - around, 0)
    return before[begin : start + 2 * around], after[begin : start + 2 * around]


def _facts(story: Story) -> list[str]:
    lines: list[str] = []
    for name, bounds in story.bounds.items():
        value = _value(story.row, name)
        rule = ", ".join(f"{word} {_number(bound)}" for word, bound in bounds.items()) or "no bound"
        failed = name == story.row["rule"] or name in (story.row["also"] or [])
        lines.append(_line("facts" if not lines else "", f"{name} {value}  ({rule}){'  <- fails' if failed else ''}"))
    if story.row.get("tokens") is not None:
        lines.append(_line("tokens", f"{story.row['tokens']}, of which {story.row['trained_tokens']} are trained"))
    return lines


def _shared(story: Story) -> list[str]:
    """What the record has in common with others that is not a duplicate of it: runs of words, a benchmark's item."""
    row = story.row
    lines: list[str] = []
    for span in story.cuts:
        first, there = span["word"] + 1, span["other_word"] + 1
        here = f"words {first} to {span['word'] + span['words']} of turn {span['turn'] + 1}"
        lines.append(_line("" if lines else "cut", f"{here}: {_short(span['text'])}"))
        other = span["other"]
        lines.append(_line("", f"  stay in {other['id']}: {other['file']}:{other['line']}, turn {span['other_turn'] + 1}, word {there}"))
    if not story.cuts and (other := story.twins.get(row.get("repeats") or "")):
        lines.append(_line("words", f"{row['repeated_words']} in a row are those of {other['id']}: {other['file']}:{other['line']}"))
    if other := story.twins.get(row.get("contradicts") or ""):
        style = row["contradiction"].startswith("style_")
        what = "gives opposite rules in the same system prompt" if style else "answers the same prompt otherwise"
        lines.append(_line("otherwise", f"{other['id']} {what} ({row['contradiction']}): {other['file']}:{other['line']}"))
        lines += [_line("", f"  {turn['role']}: {_short(turn['content'])}") for turn in other["messages"][:2]]
    if story.shared is not None:
        much = f", {row['contamination']:.0%} of its word triples" if row["contamination"] else ""
        lines.append(_line("benchmark", f"{row['contaminated_by']}{much}: {_short(story.shared)}"))
    return lines


def _value(row: dict[str, Any], name: str) -> str:
    if name in row:
        return _number(row[name])
    low, high = row[f"{name}.min"], row[f"{name}.max"]
    return _number(low) if low == high else f"{_number(low)} to {_number(high)}"


def _number(value: Any) -> str:
    if value is None:
        return "not measured"
    return f"{value:.4g}" if isinstance(value, float) else str(value).lower() if isinstance(value, bool) else str(value)


def _verdict(story: Story) -> list[str]:
    row = story.row
    if row["fate"] == "kept":
        cluster = " (it stands for its near-duplicates)" if row["cluster"] else ""
        return [_line("dedup", f"stays{cluster}"), _line("split", _fate(row))]
    lines = [_line(row["stage"], f"{row['fate']}: {story.reason}")]
    for name, sentence in (("duplicate_of", "stays instead"), ("twin", "is what it was compared with")):
        twin = story.twins.get(row[name] or "")
        if twin and (name == "duplicate_of" or row["twin"] != row["duplicate_of"]):
            alike = f", similarity {row['similarity']:.3f}" if row["similarity"] and row["twin"] == row[name] else ""
            lines.append(_line("", f"{twin['id']} {sentence}{alike}: {twin['file']}:{twin['line']}"))
            lines += [_line("", f"  {turn['role']}: {_short(turn['content'])}") for turn in twin["messages"][:2]]
    return lines


def _line(label: str, text: str) -> str:
    return f"{label:<10} {text}"


def _text(turn: dict[str, Any]) -> str:
    """What a turn says, and the tools that it calls."""
    calls = f" -> {turn['tool_calls']}" if turn.get("tool_calls") else ""
    return f"{turn['content']}{calls}".strip()


def _short(text: str, width: int = WIDTH) -> str:
    line = text.replace("\n", "\\n")
    return line if len(line) <= width else line[: width - 1] + "…"
