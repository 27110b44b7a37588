"""One screen at the end of a build: where the rows went, and what came out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table

from datasetbuild.artifact.manifest import split_note
from datasetbuild.cli import output
from datasetbuild.engine.run import Built
from datasetbuild.record import Stage

JSON_VERSION = 1
"""Version of the document that `--json` prints."""

TOP = 8
"""Reasons that are listed."""


def as_json(built: Built, project: Path) -> str:
    """The build as one JSON document."""
    document = {
        "format_version": JSON_VERSION,
        "status": built.status,
        "folder": os.path.relpath(built.folder, project),
        "steps": {"ran": built.measured, "reused": built.reused},
        "manifest": built.manifest,
    }
    return output.as_json(document)


def show(built: Built, project: Path) -> None:
    """Print the screen of a build."""
    console = output.console()
    manifest = built.manifest
    console.print(_funnel(manifest))
    if manifest["counts"]["reasons"]:
        console.print(_reasons(manifest))
    if cut := manifest.get("cut"):
        console.print(f"[bold]cut[/bold]     {cut['words']} words out of {_counted(cut['records'], 'record')}: others keep them\n")
    console.print(_splits(manifest))
    if manifest["mix"]:
        console.print(_mix(manifest["mix"]))
    if manifest["tokens"]:
        console.print(_tokens(manifest["tokens"]))
    if manifest["checks"]:
        console.print(checks_table(manifest["checks"]))
    for warning in built.warnings:
        console.print(f"[yellow]warning:[/yellow] {_plain(warning)}")
    console.print(_last_line(built, project))


def _plain(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _grid(title: str, columns: list[str], left: int = 1) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(columns):
        table.add_column(column, justify="left" if place < left else "right")
    return table


def _funnel(manifest: dict[str, Any]) -> Table:
    lines = manifest["counts"]["sources"]
    stages = [stage.value for stage in Stage if lines[-1][stage.value]]
    table = _grid(f"{manifest['name']}: rows", ["source", "in", *(f"-{stage}" for stage in stages), "kept"])
    for line in lines:
        cells = [line["source"], str(line["in"]), *(str(line[stage]) if line[stage] else "·" for stage in stages), str(line["kept"])]
        table.add_row(*map(_plain, cells), style="bold" if line is lines[-1] else None)
    return table


def _reasons(manifest: dict[str, Any]) -> Table:
    listed = manifest["counts"]["reasons"]
    table = _grid("why rows are not in", ["stage", "reason", "rule", "rows"], left=3)
    for line in listed[:TOP]:
        table.add_row(line["stage"], line["reason"], _plain(line["rule"] or ""), str(line["rows"]))
    if len(listed) > TOP:
        table.add_row("", f"and {len(listed) - TOP} more in manifest.json", "", str(sum(line["rows"] for line in listed[TOP:])))
    return table


def _splits(manifest: dict[str, Any]) -> Table:
    table = _grid("splits", ["split", "records", "rows", "requested", "achieved"])
    every = sum(split["records"] for split in manifest["splits"].values()) or 1
    for name, split in manifest["splits"].items():
        share = f"{split['records'] / every:.1%}"
        table.add_row(_plain(name), str(split["records"]), str(split["rows"]), f"{split['requested']:.1%}", share)
    table.caption, table.caption_justify = split_note(manifest), "left"
    return table


def _mix(mix: dict[str, Any]) -> Table:
    table = _grid(f"mix of train, by {mix['unit']}", ["source", "available", "requested", "achieved", mix["unit"], "passes"])
    for share in mix["shares"]:
        cells = [share["available"], f"{share['requested_share']:.1%}", f"{share['achieved_share']:.1%}", share["achieved"]]
        table.add_row(_plain(share["source"]), *map(str, cells), f"{share['passes']:.2f}")
    return table


COLOURS = {"passed": "green", "warned": "yellow", "failed": "red"}


def checks_table(checks: dict[str, Any]) -> Table:
    """The checks of the result: what each wanted and measured, and how it ended."""
    table = _grid("checks", ["check", "wanted", "measured", "rows at fault", "result"], left=3)
    for name, check in checks.items():
        colour = COLOURS[check["status"]]
        rows = str(check["failing_rows"]) if check["failing_rows"] else "·"
        cells = [_plain(name), _plain(check["wanted"]), _plain(check["measured"]), rows, f"[{colour}]{check['status']}[/{colour}]"]
        table.add_row(*cells)
    return table


def _tokens(tokens: dict[str, Any]) -> str:
    parts = " · ".join(f"{name} {tokens[name]}" for name in ("min", "median", "mean", "p95", "max"))
    trained = tokens["trained"] / tokens["total"] if tokens["total"] else 0.0
    return (
        f"[bold]tokens[/bold]  {parts} · {tokens['total']} in all, {trained:.0%} trained\n"
        f"        max_seq_length [bold]{tokens['max_seq_length']}[/bold] holds 95 % of the rows"
    )


def _last_line(built: Built, project: Path) -> str:
    folder = os.path.relpath(built.folder, Path.cwd()) if built.folder.is_relative_to(project) else str(built.folder)
    if built.status == "up to date":
        return f"[green]up to date[/green] {_plain(folder)}"
    if built.status == "rejected":
        return f"[red]rejected[/red] {_plain(folder)}"
    return f"[green]built[/green] {_plain(folder)}  (steps: {built.measured} ran, {built.reused} from the cache)"
