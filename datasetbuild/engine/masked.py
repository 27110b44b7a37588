"""What a model will see of a row, token by token, for `dsbuild show --mask`: the spans that were proved, over its text's tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import polars as pl

from datasetbuild.artifact.story import no_row
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.story import Search
from datasetbuild.engine.templates import expand_messages, opened_template
from datasetbuild.errors import BuildError, UsageError
from datasetbuild.record import Fate
from datasetbuild.stages.render import PARITIES


@dataclass(frozen=True)
class Run:
    """Neighbouring tokens that fare alike. weight: of the loss, 0 for what is not trained. control: a control token.
    prompt: a weight that is the prompt's, not a turn's."""

    text: str
    tokens: int
    weight: float
    control: bool
    prompt: bool = False


@dataclass(frozen=True)
class Masked:
    """One rendered row. row: its line of the ledger. turn, row_weight: with `expansion: per_turn`. parity: a class
    for each trained turn, in order. detail: why there is nothing to show."""

    row: dict[str, Any]
    runs: tuple[Run, ...] = ()
    tokens: int = 0
    trained: int = 0
    parity: tuple[str, ...] = ()
    turn: int | None = None
    row_weight: float | None = None
    detail: str | None = None


def masked_rows(asked: Search, *, text: str | None = None, count: int = 5) -> list[Masked]:
    """The rows with an id or a text, or some kept ones: those that come first in the order of their ids' hashes."""
    if asked.found.plan.template is None:
        raise UsageError(
            "the recipe has no template, so that nothing is masked", hint="template=chatml template.tokenizer=FOLDER"
        )
    rows = asked.found.rows
    if text is None:
        chosen = rows.filter(pl.col("fate") == Fate.KEPT.value).sort("key", "id").head(count)
    else:
        found = asked.matches(text)
        if not len(found):
            raise no_row(asked.ledger, text)
        chosen = rows.filter(pl.col("id").is_in(found["id"].to_list())).head(count)
    return [masked for line in chosen.iter_rows(named=True) for masked in _masked(asked, line)]


def _masked(asked: Search, line: dict[str, Any]) -> list[Masked]:
    ledger = asked.found.ledger.row(by_predicate=pl.col("id") == line["id"], named=True)
    piece = next(piece for piece in asked.found.pieces if piece.place == line["place"])
    rendered = rendered_rows(asked, piece, {line["shard_row"]: line["pos"]})
    if not len(rendered):
        story = asked.tell(line["id"])
        return [Masked(ledger, detail=f"{ledger['reason']}: {story.detail or story.reason}")]
    return [mask_of(asked, ledger, row) for row in rendered.iter_rows(named=True)]


def rendered_rows(asked: Search, piece: Piece, wanted: Mapping[int, int | None]) -> pl.DataFrame:
    """The rendered rows of some records of a shard, with the messages of each. wanted: `shard_row` -> `pos` in the key
    plane. Only these rows are read."""
    assert piece.measured.rendered is not None
    there = [row for row, pos in wanted.items() if pos is not None]
    numbers = asked.cache.frame(piece.measured.rendered, ["row"])["row"]
    mine = numbers.is_in(there).arg_true()
    rows = asked.cache.rows(piece.measured.rendered, mine)
    if not len(rows):
        return rows
    positions = pl.Series([wanted[row] for row in rows["row"]])
    record = asked.cache.rows(piece.measured.records, positions, ["messages", "tools"])
    return expand_messages(pl.concat([rows, record], how="horizontal"))


def mask_of(asked: Search, ledger: dict[str, Any], row: dict[str, Any]) -> Masked:
    """A rendered row as runs of neighbouring tokens. ledger, row: its line there, and one of `rendered_rows`."""
    plan = asked.found.plan
    assert plan.template is not None
    assert plan.spec is not None
    spec, chat = opened_template(asked.cache.object(plan.spec), plan.template, asked.recipe.project)
    text = chat.render(row["messages"], row["tools"] or None)
    limit = plan.template["max_tokens"] if plan.template["overflow"] == "truncate" else None
    ids, pieces = _pieces(text, spec, limit)
    if row.get("input_ids", ids) != ids or max(row["spans"], default=0) > len(ids):
        raise BuildError(
            "what was rendered is not what the template gives now", hint="run the build again with --force"
        )
    inside = {n for a, b in zip(row["spans"][::2], row["spans"][1::2], strict=True) for n in range(a, b)}
    weights = (row["loss_weights"] or [float(n in inside) for n in range(len(ids))])[: len(ids)]  # kept whole where a row is cut
    known = set(spec.added.values())
    fares = [
        (weight, number in known, weight > 0 and n not in inside)
        for n, (number, weight) in enumerate(zip(ids, weights, strict=True))
    ]
    runs = []
    for (weight, control, prompt), group in groupby(range(len(pieces)), key=lambda n: fares[n]):
        mine = list(group)
        runs.append(Run("".join(pieces[n] for n in mine), len(mine), weight, control, prompt))
    names = [str(list(PARITIES)[code]) for code in row["parity"] if code < len(PARITIES)]
    return Masked(ledger, tuple(runs), len(pieces), len(inside), tuple(names), row["turn"], row["row_weight"])


def _pieces(text: str, spec: Any, limit: int | None) -> tuple[list[int], list[str]]:
    """The tokens of a text, so many at most, and the part of it that each stands for: bytes of one character go to its first token."""
    from datasetbuild.stages.render.encode import encoder

    encoding = encoder(spec).oracle.encode(text, add_special_tokens=False)
    pieces, at = [], 0
    for start, end in encoding.offsets[:limit]:
        pieces.append(text[at : max(end, at)] if start <= at else text[at:end])
        at = max(at, end)
    if pieces and len(pieces) == len(encoding.ids):
        pieces[-1] += text[at:]
    return encoding.ids[:limit], pieces
