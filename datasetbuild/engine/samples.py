"""Rows for a person to read: some of each split and of each reason, pairs of duplicates side by side, masks coloured.

Which rows are drawn depends on their own keys, so that a row that comes or goes leaves the others. Only the rows drawn are
read, from mapped files of the cache: 0.1 s for 100k rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import SequenceMatcher
from typing import Any

import polars as pl

from datasetbuild.engine.masked import Run, mask_of, rendered_rows
from datasetbuild.engine.story import Search
from datasetbuild.errors import BuildError
from datasetbuild.hashing import chance
from datasetbuild.record import LEDGER_FIRST, LEDGER_LAST, REASONS, WITHHELD, Fate, Reason

DRAWN = 20
"""Rows of each split and of each reason."""

PAIRS = 8
"""Pairs of duplicates side by side."""

KEPT_CHARS, LOST_CHARS = 2400, 900
"""Characters of a turn that are shown."""

TURNS = 12
MASK_CHARS = 8000
DIFFED = 500
"""Words and signs of each of two texts that are compared; the rest is cut off."""

DUPLICATES = [reason.value for reason in Reason if reason.value.endswith("_duplicate")]

Words = list[tuple[bool, str]]
"""A text in pieces, each with whether the other text lacks it."""


def draw_samples(asked: Search) -> dict[str, Any]:
    """`groups` (a split, or a reason) and `rows` of them, `twins`: plain data for `artifact.report`."""
    plane = asked.found.decision.rows
    draws = pl.Series("draw", chance(asked.found.plan.seed, "report", plane["key"].to_numpy()))
    drawn = plane.select("fate", "split", "stage", "reason").with_columns(draws).with_row_index("n")
    names = ["fate", "split", "stage", "reason"]
    grouped = drawn.group_by(names).agg(pl.len().alias("total"), pl.struct("draw", "n").bottom_k_by("draw", DRAWN).alias("some"))
    order = {name: place for place, name in enumerate(asked.found.plan.fractions)}
    lines = sorted(
        grouped.iter_rows(named=True),
        key=lambda line: (line["fate"] != "kept", order.get(line["split"], 0), -line["total"], str(line["stage"]), str(line["reason"])),
    )
    groups, wanted = [], []
    for number, line in enumerate(lines):
        chosen = [one["n"] for one in sorted(line["some"], key=lambda one: one["draw"])]
        groups.append(_group(line, len(chosen)))
        wanted += [(n, number) for n in chosen]
    said = _messages(asked, [n for n, _ in wanted])
    raws = _raws(asked, [n for n, _ in wanted])
    rendered = _rendered(asked, [n for n, group in wanted if groups[group]["kind"] == "kept"])
    lines_of = asked.found.lines([n for n, _ in wanted])
    rows = [_row(asked, lines_of[n], group, said.get(n, []), raws.get(n), rendered.get(n)) for n, group in wanted]
    return {
        "groups": groups,
        "rows": rows,
        "twins": list(_side_by_side(asked, *_twins(asked, draws))),
        "contradictions": list(_side_by_side(asked, *_contradictions(asked, draws))),
    }


def _group(line: dict[str, Any], shown: int) -> dict[str, Any]:
    if line["fate"] == Fate.KEPT.value:
        return {"label": line["split"], "kind": "kept", "total": line["total"], "shown": shown, "sentence": None}
    sentence = f"{line['fate']} at {line['stage']}, {REASONS[Reason(line['reason'])]}"
    label = f"{line['stage']}: {line['reason'].replace('_', ' ')}"
    return {"label": label, "kind": "lost", "total": line["total"], "shown": shown, "sentence": sentence}


def _places(asked: Search, numbers: Iterable[int]) -> Iterator[tuple[int, pl.DataFrame]]:
    """The shards that rows lie in, with `n`, `shard_row` and `pos` of each; rows by their number in the ledger."""
    wanted = asked.found.decision.rows.select("place", "shard_row", "pos").with_row_index("n")[sorted(set(numbers))]
    for (place,), rows in sorted(wanted.group_by("place"), key=lambda pair: pair[0]):
        yield int(place), rows.sort("n")


def _messages(asked: Search, numbers: Iterable[int]) -> dict[int, list[dict[str, Any]]]:
    """The turns of some rows, those without any left out."""
    found: dict[int, list[dict[str, Any]]] = {}
    pieces = {piece.place: piece for piece in asked.found.pieces}
    for place, rows in _places(asked, numbers):
        there = rows.drop_nulls("pos")
        if len(there):
            turns = asked.cache.rows(pieces[place].measured.records, there["pos"], ["messages"])["messages"].to_list()
            found |= dict(zip(there["n"], turns, strict=True))
    return found


def _raws(asked: Search, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """`raw` and `detail` of the rows that could not be used. Of a row that was dropped for its personal data only the
    detail: a report is passed on."""
    bad = asked.found.plane.quarantine.select(
        "place", "shard_row", "detail", raw=pl.when(pl.col("reason") == Reason.PII.value).then(None).otherwise("raw")
    )
    found: dict[int, dict[str, Any]] = {}
    if len(bad):
        for place, rows in _places(asked, numbers):
            mine = rows.join(bad.filter(pl.col("place") == place), on="shard_row").select("n", "detail", "raw")
            found |= {n: {"detail": detail, "raw": raw} for n, detail, raw in mine.iter_rows()}
    return found


def _rendered(asked: Search, numbers: Iterable[int]) -> dict[int, dict[str, Any]]:
    """Some rows as they were rendered; the first row of each, where a record became several."""
    found: dict[int, dict[str, Any]] = {}
    pieces = {piece.place: piece for piece in asked.found.pieces}
    for place, rows in _places(asked, numbers) if asked.found.plan.template else ():
        number_of = dict(zip(rows["shard_row"], rows["n"], strict=True))
        wanted = dict(zip(rows["shard_row"], rows["pos"], strict=True))
        for row in rendered_rows(asked, pieces[place], wanted).iter_rows(named=True):
            found.setdefault(number_of[row["row"]], row)
    return found


def _row(
    asked: Search,
    line: dict[str, Any],
    group: int,
    turns: list[dict[str, Any]],
    bad: dict[str, Any] | None,
    rendered: dict[str, Any] | None,
) -> dict[str, Any]:
    kept = line["fate"] == Fate.KEPT.value
    most = KEPT_CHARS if kept else LOST_CHARS
    shown = [_turn(turn, most) for turn in turns[:TURNS]]
    raw = None if turns or not bad else WITHHELD if bad["raw"] is None else visible(str(bad["raw"]))[:most]
    head = next((turn[1] for turn in shown if turn[0] == "user"), raw or (shown[0][1] if shown else ""))
    row = {
        "g": group,
        "id": line["id"],
        "source": line["source"],
        "where": f"{line['file']}:{line['line']}",
        "rule": line["rule"],
        "detail": visible(str(bad["detail"])) if bad and bad["detail"] else None,
        "raw": raw,
        "head": head[:160],
        "facts": list(_facts(asked, line)),
        "turns": shown,
    }
    mask = _mask(asked, line, rendered) if rendered else None
    return row | ({"mask": mask} if mask else {})


def _turn(turn: dict[str, Any], most: int) -> list[Any]:
    said = visible(turn["content"] or "")
    thought = f"({turn['reasoning_content']})\n" if turn.get("reasoning_content") else ""
    called = f"\n→ {turn['tool_calls']}" if turn.get("tool_calls") else ""
    said = visible(thought) + said + visible(called)
    return [turn["role"], said[:most], max(len(said) - most, 0)]


def _facts(asked: Search, line: dict[str, Any]) -> Iterator[tuple[str, str, bool]]:
    """Name, value and whether it fails its rule: of the row's copies, tokens and facts."""
    failing = {line["rule"], *(line["also"] or [])}
    if line["copies"] > 1:
        yield "copies", str(line["copies"]), False
    for name in ("category", "tokens", "trained_tokens"):
        if line.get(name) is not None:
            yield name.replace("_", " "), visible(str(line[name])), False
    outside = {*LEDGER_FIRST, *LEDGER_LAST, "cut"}
    for name in (name for name in line if name not in outside and line[name] is not None):
        base, _, side = name.rpartition(".")
        if side == "max" and f"{base}.min" in line:
            continue
        fact = base if side == "min" and f"{base}.max" in line else name
        if fact in outside:
            continue
        low, high = line[name], line[f"{fact}.max"] if fact != name else line[name]
        yield fact, _number(low) if low == high else f"{_number(low)} to {_number(high)}", fact in failing


def _number(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else visible(str(value))[:80]


def _mask(asked: Search, line: dict[str, Any], rendered: dict[str, Any]) -> list[list[Any]] | None:
    """A rendered row as runs: text, kind (0 read, 1 trained, 2 prompt with a weight, 3 control token, 4 trained control
    token), and the weight where it is neither 0 nor 1. None for one that cannot be shown."""
    try:
        masked = mask_of(asked, line, rendered)
    except BuildError:  # the template gives something else by now, such as a date: the conversation is shown instead
        return None
    runs: list[list[Any]] = []
    left = MASK_CHARS
    for run in masked.runs:
        runs.append([visible(run.text)[:left], _kind(run), *([round(run.weight, 3)] if run.weight not in (0, 1) else [])])
        left -= len(run.text)
        if left <= 0:
            runs.append([f"\n… {masked.tokens} tokens in all", 3])
            break
    return runs or None


def _kind(run: Run) -> int:
    if run.prompt:
        return 2
    return (4 if run.control else 1) if run.weight else (3 if run.control else 0)


def _twins(asked: Search, draws: pl.Series) -> tuple[pl.DataFrame, dict[str, int]]:
    """Pairs of duplicates (`n`, `other`, `said`, `similarity`, `cluster`): one a cluster, those with a difference to show
    first. And how large their clusters are."""
    plane = asked.found.decision.rows
    lost = plane.select("reason", "twin", "duplicate_of", "similarity", "cluster").with_columns(draws)
    reason, similarity = pl.col("reason").cast(pl.String), pl.col("similarity").cast(pl.Float64)
    lost = lost.with_row_index("n").filter(reason.is_in(DUPLICATES) & pl.col("twin").is_not_null())
    same = (reason == Reason.EXACT_DUPLICATE.value) | (similarity >= 1.0).fill_null(False)
    lost = lost.with_columns(same=same).sort("same", "draw")
    lost = lost.unique("duplicate_of", keep="first", maintain_order=True).head(PAIRS)
    named = lost["cluster"].drop_nulls().to_list()
    sizes = plane.select("cluster").filter(pl.col("cluster").is_in(named)).group_by("cluster").len()
    return lost.select("n", similarity, "cluster", other="twin", said=reason.str.replace_all("_", " ")), dict(
        sizes.iter_rows()
    )


def _contradictions(asked: Search, draws: pl.Series) -> tuple[pl.DataFrame, dict[str, int]]:
    """Pairs of records that answer one prompt in two ways, in the shape of `_twins`; each pair once."""
    plane = asked.found.decision.rows
    if "contradicts" not in plane.columns:
        return pl.DataFrame(), {}
    found = plane.select("contradicts", "contradiction").with_columns(draws).with_row_index("n")
    found = found.drop_nulls("contradicts").with_columns(
        pair=pl.concat_list(pl.min_horizontal("n", "contradicts"), pl.max_horizontal("n", "contradicts"))
    )
    found = found.sort("draw").unique("pair", keep="first", maintain_order=True).head(PAIRS)
    nothing = [pl.lit(None, pl.Float64).alias("similarity"), pl.lit(None, pl.UInt32).alias("cluster")]
    said = pl.col("contradiction").cast(pl.String).str.replace_all("_", " ").alias("said")
    return found.select("n", *nothing, said, other="contradicts"), {}


def _side_by_side(asked: Search, pairs: pl.DataFrame, sizes: dict[str, int]) -> Iterator[dict[str, Any]]:
    """Pairs of rows with the words that differ. pairs: `n`, `other` (both numbers), `said`, `similarity`, `cluster`."""
    if not len(pairs):
        return
    numbers = [*pairs["n"], *pairs["other"]]
    texts, lines = _messages(asked, numbers), asked.found.lines(numbers)
    for one in pairs.iter_rows(named=True):
        n, other = one["n"], one["other"]
        if n not in texts or other not in texts:
            continue
        left, right = word_difference(_whole(texts[n]), _whole(texts[other]))
        yield {
            "reason": one["said"],
            "similarity": one["similarity"],
            "size": sizes.get(one["cluster"]),
            "left": _side(lines[n], left),
            "right": _side(lines[other], right),
        }


def _side(line: dict[str, Any], text: Words) -> dict[str, Any]:
    label = "kept" if line["fate"] == Fate.KEPT.value else str(line["fate"])
    return {"id": line["id"], "label": label, "where": f"{line['source']}, {line['file']}:{line['line']}", "text": text}


def _whole(turns: list[dict[str, Any]]) -> str:
    return "\n".join(f"{turn['role']}: {visible(turn['content'] or '')}" for turn in turns)


def word_difference(left: str, right: str) -> tuple[Words, Words]:
    """Two texts in pieces, each piece with whether the other text lacks it."""
    a, b = (re.findall(r"\s+|\w+|[^\w\s]", side)[:DIFFED] for side in (left, right))
    found: tuple[Words, Words] = ([], [])
    for kind, a0, a1, b0, b1 in SequenceMatcher(None, a, b, autojunk=False).get_opcodes():
        for side, words in ((found[0], a[a0:a1]), (found[1], b[b0:b1])):
            if words:
                side.append((kind != "equal", "".join(words)))
    return found


HIDDEN = {code: f"⟨U+{code:04X}⟩" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0xFEFF)}
HIDDEN |= {code: chr(0x2400 + code) for code in range(0x20) if code not in (0x09, 0x0A)} | {0x7F: "␡"}
"""Signs that would not show, or would turn the text around them: written out."""


def visible(text: str) -> str:
    """A text with what would hide in it made visible."""
    return text.translate(HIDDEN)
