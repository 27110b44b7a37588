"""The page: numbers, charts and samples in one file that asks nothing of the network and runs no text of the data.

Text of the data stands in the markup escaped by Jinja or by `charts` (only its drawings are `safe`), or in one block of JSON with every `<` written as an escape, from
where the script sets it as text. The content security policy allows the script and the style of the page by their hashes,
and nothing else: a `<script>` in a row could not run even if it came to be markup.
"""

from __future__ import annotations

import base64
import hashlib
import os
import sys
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from datasetbuild import __version__
from datasetbuild.artifact.manifest import split_note
from datasetbuild.artifact.report import charts, numbers
from datasetbuild.op import version_of
from datasetbuild.record import REASONS, Reason

HERE = Path(__file__).parent / "templates"
SOURCES = 10
"""Sources that are drawn by name; the smallest of more share one."""

ENDS = 12
"""Reasons that are drawn by name."""


def make_page(manifest: Mapping[str, Any], ledger: pl.DataFrame, samples: Mapping[str, Any], description: str | None) -> str:
    """The whole page, the same bytes for the same artifact.

    samples: as `engine.samples` gives them: `groups` and `rows` for the reader, `twins` for the duplicates.
    """
    style, script = _file("report.css"), _file("report.js")
    sources = drawn_sources(manifest)
    ledger = grouped(ledger, sources)
    every = numbers.multiples(ledger, sources, dict(manifest["bounds"]))
    return _template().render(
        manifest=manifest,
        description=description,
        policy=f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; img-src data:; base-uri 'none'; form-action 'none'",
        style=style,
        script=script,
        data=embedded({"groups": samples["groups"], "rows": samples["rows"]}),
        total=manifest["counts"]["sources"][-1],
        split_note=split_note(manifest),
        together=together(manifest["parts"]["split"]["params"]["group"]),
        river=river(manifest, ledger, sources),
        sources=sources,
        tokens=_tokens(manifest, ledger),
        multiples=[(one, charts.multiple(one)) for one in every],
        tallies=numbers.tallies(ledger),
        rings=_rings(ledger),
        grid=numbers.grid(ledger, sources),
        twins=samples["twins"],
        clusters=clusters(ledger),
        groups=samples["groups"],
        reasons={reason.value: sentence for reason, sentence in REASONS.items()},
        contradictions=samples["contradictions"],
        count=charts.number,
        percent=charts.percent,
        hue=charts.HUES,
    )


TIES = {
    "group": "the same group of their source",
    "first_user": "the same first user message",
    "near_duplicates": "a cluster of near-duplicates in common",
}


def together(ties: Sequence[str]) -> str:
    """What the splits do not part. ties: the recipe's `split.group`."""
    if not ties:
        return "Each record is drawn by itself: split.group is empty, so records that say the same may stand in two splits."
    *others, last = (TIES[tie] for tie in ties)
    return f"Records with {', '.join(others)}{' or ' if others else ''}{last} stand in one split."


def embedded(value: Any) -> str:
    """JSON that cannot end its script element, nor start a comment in it."""
    text = orjson.dumps(value).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def drawn_sources(manifest: Mapping[str, Any]) -> list[str]:
    """The sources by name, the largest ones where there are many, in the order of the recipe."""
    lines = manifest["counts"]["sources"][:-1]
    largest = sorted(lines, key=lambda line: (-line["in"], line["source"]))[: SOURCES - (len(lines) > SOURCES)]
    kept = {line["source"] for line in largest}
    return [line["source"] for line in lines if line["source"] in kept] + ["other sources"] * (len(lines) > SOURCES)


def grouped(ledger: pl.DataFrame, sources: Sequence[str]) -> pl.DataFrame:
    """The ledger with the sources that are not drawn by name as one. sources: what is drawn; one byte a row names it."""
    source = pl.col("source")
    if "other sources" in sources:
        words = source.cast(pl.String)
        source = pl.when(words.is_in(list(sources))).then(words).otherwise(pl.lit("other sources")).alias("source")
    return ledger.with_columns(source.cast(pl.Enum(list(sources))))


def river(manifest: Mapping[str, Any], ledger: pl.DataFrame, sources: Sequence[str]) -> str:
    """The drawing of where the rows went."""
    counted = ledger.group_by("source", "fate", "split", "stage", "reason").len()
    splits = [name for name, split in manifest["splits"].items() if split["records"]]
    lost: dict[str, int] = {}
    flows: dict[tuple[str, str], int] = {}
    for source, fate, split, stage, reason, rows in counted.sort("source", "fate", "split", "stage", "reason").iter_rows():
        end = split if fate == "kept" else f"{stage}: {Reason(reason).value.replace('_', ' ')}"
        if fate != "kept":
            lost[end] = lost.get(end, 0) + rows
        flows[source, end] = flows.get((source, end), 0) + rows
    named = sorted(lost, key=lambda end: (-lost[end], end))
    rest = "other reasons"
    shown = named if len(named) <= ENDS else named[: ENDS - 1]
    order = [*splits, *shown, *([rest] if len(named) > len(shown) else [])]
    bands: dict[tuple[int, int], int] = {}
    for (source, end), rows in flows.items():
        place = (list(sources).index(source), order.index(end if end in order else rest))
        bands[place] = bands.get(place, 0) + rows
    ends = [(end, "kept" if n < len(splits) else "lost", sum(rows for (_, e), rows in bands.items() if e == n)) for n, end in enumerate(order)]
    starts = [(name, sum(rows for (s, _), rows in bands.items() if s == n)) for n, name in enumerate(sources)]
    return charts.river(starts, ends, bands)


def _tokens(manifest: Mapping[str, Any], ledger: pl.DataFrame) -> dict[str, Any] | None:
    """Histogram of the tokens of the rows, of the trained ones, and what sequence lengths would do."""
    tokens = manifest["tokens"]
    if not tokens or "tokens" not in ledger.columns:
        return None
    rows = ledger.select("fate", "tokens", "trained_tokens", "copies")
    rows = rows.filter(numbers.KEPT & pl.col("tokens").is_not_null())
    limit = (manifest["parts"]["template"] or {}).get("max_tokens")
    drawn = []
    for title, column in (("tokens of a row", "tokens"), ("trained tokens of a row", "trained_tokens")):
        bins = numbers.bins_of(numbers.values_of(rows[column]))
        if bins is None:
            continue
        written = numbers.values_of(rows[column], rows["copies"])
        marks = [("median", written.at(0.5)), ("95 %", written.at(0.95))]
        marks += [("max_seq_length", tokens["max_seq_length"])] if column == "tokens" else []
        marks += [("max_tokens", limit)] if column == "tokens" and limit and limit <= bins.stop else []
        known = sorted(((name, float(value)) for name, value in marks if value is not None), key=lambda mark: mark[1])
        drawn.append((title, charts.histogram(numbers.bars(written, bins), bins, title, known)))
    return {"charts": drawn, "fits": numbers.fits(ledger, tokens["max_seq_length"]), "statistics": tokens, "limit": limit}


def _rings(ledger: pl.DataFrame) -> Any:
    found = numbers.pairs(ledger)
    return charts.sunburst(found) if found else None


def clusters(ledger: pl.DataFrame) -> dict[str, int]:
    """Clusters of near-duplicates, the records in them, and the size of the largest."""
    sizes = ledger.select("cluster").drop_nulls().group_by("cluster").len()["len"]
    return {"clusters": len(sizes), "records": int(sizes.sum()), "largest": int(sizes.max() or 0)}  # type: ignore[arg-type]


def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


@lru_cache
def _file(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")


@lru_cache
def _template() -> Any:
    from jinja2 import Environment, FileSystemBytecodeCache, FileSystemLoader, StrictUndefined

    compiled = Path(cache_from_source(__file__)).parent  # beside what Python makes of our modules: the page takes 45 ms to compile
    ours = os.access(compiled, os.W_OK) and not sys.dont_write_bytecode
    return Environment(
        loader=FileSystemLoader(HERE), autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined,
        # named by who compiled it; Jinja itself looks whether the template is still of that text
        bytecode_cache=FileSystemBytecodeCache(str(compiled), f"%s.{__version__}.jinja-{version_of('jinja2')}.page") if ours else None,
    ).get_template("report.html.jinja")  # fmt: skip
