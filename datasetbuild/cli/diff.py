"""Compare two versions of a dataset, row by row: what changed, and why. A side is a git revision (a tag, a branch,
HEAD~2), an artifact's folder, a variant, a recipe, or `workspace`; without any, HEAD against the workspace."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from datasetbuild.cli.output import as_json
from datasetbuild.cli.plan import PENDING
from datasetbuild.cli.project import check_folder, find_project

if TYPE_CHECKING:
    from datasetbuild.artifact.diff.document import Diff

FILTERS = ("added", "removed", "changed", "moved", "outside")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "words", nargs="*", metavar="recipe=NAME|A|B|A..B", help="the recipe (all without it), and the sides"
    )
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--summary", action="store_true", help="what was edited, and how many rows differ why (the default)"
    )
    level.add_argument("--stat", action="store_true", help="a line per source")
    level.add_argument("--records", action="store_true", help="the rows one by one, with their texts")
    parser.add_argument(
        "--filter", action="append", choices=FILTERS, help="with --records: only rows of this kind; may be repeated"
    )
    parser.add_argument("--source", metavar="NAME", help="with --records: only rows of this source")
    parser.add_argument(
        "--reason", metavar="WORD", help="with --records: only rows with this reason, rule, cause or recipe key"
    )
    parser.add_argument(
        "--limit", type=int, default=20, metavar="N", help="with --records: at most so many rows (20; 0: all)"
    )
    parser.add_argument("--md", action="store_true", help="print Markdown, for a pull request")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write one HTML page")
    parser.add_argument("--check", action="store_true", help=f"exit with {PENDING} when something differs")


def run(args: argparse.Namespace) -> int:
    import tempfile

    import datasetbuild.builtin  # noqa: F401  (rules are judged again)
    from datasetbuild.artifact.diff.document import compare, listed
    from datasetbuild.artifact.diff.sides import Versions
    from datasetbuild.errors import UsageError

    if args.limit < 0:
        raise UsageError("--limit is a number of rows, 0 for all", hint="--limit 50")
    if args.html:
        check_folder(args.html)
    project = find_project(args.directory)
    recipes = [word.partition("=")[2] for word in args.words if word.startswith("recipe=")]
    words = [word for word in args.words if not word.startswith("recipe=")]
    records = args.records or bool(args.filter or args.source or args.reason)
    shown: list[tuple[Diff, list[dict[str, Any]], int]] = []
    one_sided = []
    with tempfile.TemporaryDirectory(prefix="dsbuild-") as scratch:
        for a, b in Versions(project, Path(scratch)).sides(words, recipes[-1] if recipes else None):
            if a is None or b is None:
                one_sided.append((a, b))
                continue
            diff = compare(a, b, need_rows=records or args.stat)
            rows: list[dict[str, Any]] = []
            count = 0
            if (records or args.html) and diff.rows is not None:
                rows, count = listed(
                    diff, kinds=args.filter or (), source=args.source, reason=args.reason, limit=args.limit or None
                )  # fmt: skip
            shown.append((diff, rows, count))
    _show(args, shown, one_sided, records)
    differs = bool(one_sided) or any(
        diff.document["a"]["key"] != diff.document["b"]["key"] or _rows(diff) for diff, _, _ in shown
    )
    return PENDING if args.check and differs else 0


def _rows(diff: Diff) -> int:
    return len(diff.rows) if diff.rows is not None else int(not diff.document["same_records"])


def _show(args: argparse.Namespace, shown: list[Any], one_sided: list[Any], records: bool) -> None:
    """Print what was found in the form that was asked for."""
    if args.html:
        from datasetbuild.artifact.diff.pages import as_page

        args.html.write_text(as_page([(diff.document, rows, count) for diff, rows, count in shown]), encoding="utf-8")
        print(f"{len(shown)} comparison{'s' if len(shown) != 1 else ''} written to {args.html}", file=sys.stderr)
        return
    if args.json:
        found = [
            {**diff.document, **({"rows": rows, "rows_in_all": count} if records else {})}
            for diff, rows, count in shown
        ]
        document = {
            "format_version": 1,
            "artifacts": found,
            "only_before": _names(one_sided, 0),
            "only_now": _names(one_sided, 1),
        }
        sys.stdout.write(as_json(document))
        return
    if args.md:
        from datasetbuild.artifact.diff.pages import as_markdown

        parts = [as_markdown(diff.document, rows, count) for diff, rows, count in shown]
        parts += [f"`{name}` is new\n" for name in _names(one_sided, 1)] + [
            f"`{name}` is gone\n" for name in _names(one_sided, 0)
        ]
        sys.stdout.write("\n".join(parts))
        return
    from datasetbuild.cli import diff_screen as screen

    for place, (diff, rows, count) in enumerate(shown):
        if place:
            print()
        screen.show(diff.document, stat=args.stat, summary=not args.stat and not records)
        if records:
            screen.show_rows(rows, count)
    screen.one_sided(_names(one_sided, 0), _names(one_sided, 1))


def _names(one_sided: list[Any], side: int) -> list[str]:
    return [pair[side].name for pair in one_sided if pair[side] is not None]
