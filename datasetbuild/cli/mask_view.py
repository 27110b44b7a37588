"""Masked rows for people: in the terminal, with colour or with brackets, and as one HTML page that needs nothing
else."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Any

from datasetbuild.cli import output
from datasetbuild.cli.output import visible
from datasetbuild.engine.masked import Masked, Run

TRAINED, WEIGHED, CONTROL, RESET = "\x1b[1;4;32m", "\x1b[33m", "\x1b[2;36m", "\x1b[0m"
LEGEND_COLOUR = (
    f"{TRAINED}trained{RESET}  {WEIGHED}prompt with a weight{RESET}  {CONTROL}<|control token|>{RESET}  not trained  "
    "(a weight other than 1 stands before its tokens as {0.5})"
)
LEGEND_PLAIN = "[[trained]]  ((prompt with a weight))  not trained  (a weight other than 1 stands in front as {0.5})"


def as_text(rows: Sequence[Masked], *, colour: bool) -> str:
    """The rows one below the other."""
    parts = [LEGEND_COLOUR if colour else LEGEND_PLAIN]
    for masked in rows:
        parts.append("\n" + _title(masked))
        if masked.detail:
            parts.append("  " + masked.detail)
        parts.append(
            "".join(_coloured(run, before) for run, before in _pairs(masked.runs))
            if colour
            else _bracketed(masked.runs)
        )
    return "\n".join(part.rstrip("\n") for part in parts) + "\n"


def as_json(rows: Sequence[Masked]) -> str:
    """The rows as one JSON document."""
    return output.as_json(list(map(_document, rows)))


def _document(masked: Masked) -> dict[str, Any]:
    return {
        "id": masked.row["id"],
        "file": masked.row["file"],
        "line": masked.row["line"],
        "split": masked.row["split"],
        "turn": masked.turn,
        "row_weight": masked.row_weight,
        "tokens": masked.tokens,
        "trained_tokens": masked.trained,
        "parity": list(masked.parity),
        "detail": masked.detail,
        "runs": [vars(run) for run in masked.runs],
    }


def _title(masked: Masked) -> str:
    row = masked.row
    parts = [row["id"], f"{row['file']}:{row['line']}", row["split"] or row["fate"]]
    if masked.turn is not None:
        parts.append(f"turn {masked.turn + 1}, row weight {masked.row_weight:.3g}")
    if masked.runs:
        parts.append(f"{masked.trained} of {masked.tokens} tokens trained")
        parts.append(
            "parity " + ", ".join(f"{name} x{masked.parity.count(name)}" for name in dict.fromkeys(masked.parity))
        )
    return "  ".join(parts).removesuffix("  parity ")


def _pairs(runs: Sequence[Run]) -> Iterator[tuple[Run, Run | None]]:
    """Each run with the one before it."""
    return zip(runs, (None, *runs), strict=False)


def _weight(run: Run, before: Run | None = None) -> str:
    """The weight of a run, where it is worth saying and was not just said."""
    said = before is not None and before.weight == run.weight
    return f"{{{run.weight:.3g}}}" if run.weight not in (0, 1) and not said else ""


def _coloured(run: Run, before: Run | None) -> str:
    style = WEIGHED if run.prompt else TRAINED if run.weight else CONTROL if run.control else ""
    if not style:
        return visible(run.text)
    lines = (_weight(run, before) + visible(run.text)).split(
        "\n"
    )  # colours end with the line: pagers forget them there
    return "\n".join(f"{style}{line}{RESET}" if line else "" for line in lines)


def _bracketed(runs: Sequence[Run]) -> str:
    said, before = "", ""
    for run in runs:
        kind = f"(( {run.weight}" if run.prompt else f"[[ {run.weight}" if run.weight else ""
        if kind != before:
            said += {"(": "))", "[": "]]"}.get(before[:1], "") + kind[:2] + (_weight(run) if kind else "")
        said += visible(run.text)
        before = kind
    return said + {"(": "))", "[": "]]"}.get(before[:1], "")


STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --quiet: #59636e; --paper: #fff; --card: #f6f8fa; --line: #d1d9e0;
  --trained: #c8efd4; --edge: #1a7f37; --prompt: #fff3c4; --control: #0550ae }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --quiet: #9198a1; --paper: #0d1117; --card: #151b23;
  --line: #3d444d; --trained: #12441f; --edge: #3fb950; --prompt: #4b3a05; --control: #79c0ff } }
body { margin: 2rem auto; max-width: 60rem; padding: 0 1rem; font: 15px/1.5 system-ui, sans-serif;
  color: var(--ink); background: var(--paper) }
h1 { font-size: 1.3rem } h2 { font-size: .95rem; margin: 0; font-weight: 600 }
p { color: var(--quiet); margin: .2rem 0 }
section { border: 1px solid var(--line); border-radius: 8px; margin: 1rem 0; overflow: hidden }
header { background: var(--card); padding: .6rem 1rem; border-bottom: 1px solid var(--line) }
pre { margin: 0; padding: 1rem; white-space: pre-wrap; overflow-wrap: anywhere; font: 13px/1.7 ui-monospace, monospace }
.trained { background: var(--trained); border-bottom: 2px solid var(--edge) } .prompt { background: var(--prompt) }
.control { color: var(--control) } .weight { color: var(--quiet); font-size: .8em; padding: 0 .2em }
.break { color: var(--quiet) }
"""


def as_html(rows: Sequence[Masked], name: str) -> str:
    """One page: no script, nothing from elsewhere."""
    legend = (
        'What is <span class="trained">underlined on green</span> is trained; <span class="prompt">on yellow</span> '
        'is a prompt with a weight; <span class="control">blue</span> are control tokens. A weight other than 1 stands '
        "in front. "
        '<span class="break">↵</span> is a line break.'
    )
    sections = "\n".join(map(_section, rows))
    return (
        '<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(name)}: what is trained</title>\n<style>{STYLE}</style>\n"
        f"<h1>{escape(name)}: what is trained</h1>\n<p>{legend}</p>\n{sections}\n</html>\n"
    )


def _section(masked: Masked) -> str:
    head, *rest = _title(masked).split("  ")
    body = (
        f"<pre>{''.join(_span(*pair) for pair in _pairs(masked.runs))}</pre>"
        if masked.runs
        else f"<pre>{escape(masked.detail or '')}</pre>"
    )
    return f"<section>\n<header><h2>{escape(head)}</h2><p>{escape(' · '.join(rest))}</p></header>\n{body}\n</section>"


def _span(run: Run, before: Run | None) -> str:
    classes = [
        name
        for name, there in (
            ("prompt", run.prompt),
            ("trained", run.weight and not run.prompt),
            ("control", run.control),
        )
        if there
    ]
    text = escape(visible(run.text)).replace("\n", '<span class="break">↵</span>\n')
    said = _weight(run, before).strip("{}")
    weight = f'<span class="weight">{said}</span>' if said else ""
    if not classes:
        return text
    return (
        f'<span class="{" ".join(classes)}" title="{run.tokens} tokens, weight {run.weight:.3g}">{weight}{text}</span>'
    )
