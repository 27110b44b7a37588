"""Render: conversations to text, tokens and the mask of what is trained, each mask proved.

One text per conversation, one encoding of the batch, and proofs on arrays: 100k two-turn conversations cost about
2.5 CPU s with a template of ours, 4.5 with another. What cannot be proved goes into quarantine, one record at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.errors import RecordError
from datasetbuild.hashing import canonical_json
from datasetbuild.record import Message, Reason, Stage, quarantine_schema
from datasetbuild.stages.render import control
from datasetbuild.stages.render.align import Aligned, Job, align_rows, sums
from datasetbuild.stages.render.columns import assistant_masks, labels, lists, loss_weights, span_tokens, truncate
from datasetbuild.stages.render.encode import Encoded, Encoder, encoder
from datasetbuild.stages.render.jobs import make_jobs
from datasetbuild.stages.render.layout import PARITIES, Parity
from datasetbuild.stages.render.parity import parities
from datasetbuild.stages.render.template import OURS, ChatTemplate, open_template
from datasetbuild.stages.render.tokenizer import TokenizerSpec, fingerprint, load_spec, resolve, save_spec

__all__ = [
    "OURS",
    "PARITIES",
    "ChatTemplate",
    "Parity",
    "TokenizerSpec",
    "assistant_masks",
    "fingerprint",
    "labels",
    "load_spec",
    "loss_weights",
    "open_template",
    "parity_counts",
    "render",
    "render_schema",
    "resolve",
    "save_spec",
    "truncate",
]


def render_schema() -> dict[str, Any]:
    """Columns of rendered rows.

    row: as in the records. turn: the turn that the row was made for, with `expansion: per_turn`, else null; row_weight:
    1 / rows of its record then, else null. tokens, trained_tokens: counts. spans: start and end (exclusive) of each run
    of trained tokens, flat. parity: number of a class (`PARITIES`) for each span, 255 for a turn's second one.
    loss_weights: one per token, null where trained tokens have 1 and all others 0.
    """
    return {
        "row": pl.UInt32,
        "turn": pl.UInt32,
        "row_weight": pl.Float32,
        "tokens": pl.UInt32,
        "trained_tokens": pl.UInt32,
        "input_ids": pl.List(pl.Int32),
        "spans": pl.List(pl.UInt32),
        "parity": pl.List(pl.UInt8),
        "loss_weights": pl.List(pl.Float32),
    }


def render(
    records: pl.DataFrame,
    *,
    spec: TokenizerSpec,
    params: dict[str, Any],
    template: ChatTemplate,
    warnings: list[str] | None = None,
    tally: dict[str, int] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rendered rows and the quarantine of a shard's records (`record.record_schema`).

    params: the template section, filled. warnings: gets a sentence when the fast tokenizer could not be used. tally:
    gets `control_token_rows` and `control_tokens`, what of them came from content."""
    jobs: list[Job] = []
    turns: list[int | None] = []
    rows: list[int] = []
    faults: dict[int, RecordError] = {}
    held = control.rows_with_control_tokens(records, template)
    tally = {} if tally is None else tally
    tally |= {"control_token_rows": len(held), "control_tokens": 0}
    for row, (messages, tools) in enumerate(_conversations(records)):
        try:
            if row in held:
                tally["control_tokens"] += control.count(messages, tools, template)
                if params.get("control_tokens") != "allow":
                    raise RecordError(Reason.CONTROL_TOKEN, control.where(messages, tools, template))
            for turn, job in make_jobs(messages, tools, template, params):
                jobs.append(job)
                turns.append(turn)
                rows.append(row)
        except RecordError as error:
            faults[row] = error
        except Exception as error:  # a failing record is not a lost record, nor the end of its shard
            faults[row] = RecordError(Reason.OPERATOR_ERROR, f"{type(error).__name__}: {error}")
    if warnings is not None:
        warnings += _about(template)
    loaded = encoder(spec)
    encoded, aligned = _tokens(jobs, loaded, warnings)
    for place, sentence in aligned.faults.items():
        faults.setdefault(rows[place], RecordError(Reason.MASK_UNPROVED, sentence))
    frame = _frame(records["row"].gather(rows), turns, jobs, encoded, aligned, loaded, params)
    bad = np.isin(np.array(rows, np.int64), np.array([rows[place] for place in aligned.faults], np.int64))
    return frame.filter(pl.Series(~bad, dtype=pl.Boolean)), _quarantine(records, faults)


def parity_counts(rendered: pl.DataFrame) -> dict[str, int]:
    """Trained turns by parity class, those of no row left out."""
    codes = dict(rendered["parity"].explode(empty_as_null=False).value_counts().iter_rows())
    return {str(parity): codes[number] for number, parity in enumerate(PARITIES) if number in codes}


def _about(template: ChatTemplate) -> list[str]:
    """What a person should know of the template."""
    lines = []
    if template.strangers:
        strangers = ", ".join(template.strangers)
        lines.append(f"{template.name} writes {strangers}, which the tokenizer spells in several tokens")
    if template.known.get("dated"):
        lines.append(f"{template.name} writes today's date; every row has {template.date} (template.date)")
    return lines


def _conversations(records: pl.DataFrame) -> Iterator[tuple[list[Message], str | None]]:
    """Messages and tools of each record, few at a time: dicts of 100k rows cost the garbage collector 10 us a row."""
    for part in records.select("messages", "tools").iter_slices(512):
        yield from zip(part["messages"].to_list(), part["tools"].to_list(), strict=True)


def _tokens(jobs: list[Job], encoder: Encoder, warnings: list[str] | None) -> tuple[Encoded, Aligned]:
    """Ids and trained spans. When fast ids turn out wrong while a row is proved, the oracle does the batch."""
    texts = [job.text for job in jobs]
    data = [text.encode() for text in texts]
    encoded = encoder.encode(texts)
    aligned = align_rows(jobs, data, encoded, encoder)
    warning = encoded.warning
    if aligned is None:
        warning = "fastokens and tokenizers differ on a text of this batch; it was encoded by tokenizers"
        encoded = encoder.encode(texts, exact=True)
        aligned = align_rows(jobs, data, encoded, encoder)
    if warning and warnings is not None and warning not in warnings:
        warnings.append(warning)
    assert aligned is not None, "the oracle agrees with itself"
    return encoded, aligned


def _frame(
    rows: pl.Series,
    turns: list[int | None],
    jobs: list[Job],
    encoded: Encoded,
    aligned: Aligned,
    loaded: Encoder,
    params: dict[str, Any],
) -> pl.DataFrame:
    per_row = np.bincount(aligned.spans[:, 0], minlength=len(rows))
    spans = lists(aligned.spans[:, 1:3].reshape(-1).astype(np.uint32), sums((2 * per_row).tolist()), "spans")
    alone = None in turns or not turns
    shares = (
        pl.Series([None], dtype=pl.Float32) if alone else 1 / rows.to_frame("row").select(pl.len().over("row"))["len"]
    )
    columns = {
        "row": rows,
        "turn": pl.Series(turns, dtype=pl.UInt32),
        "row_weight": shares.cast(pl.Float32) if not alone else pl.Series([None] * len(rows), dtype=pl.Float32),
        "tokens": np.diff(encoded.bounds).astype(np.uint32),
        "trained_tokens": span_tokens(spans),
        "input_ids": lists(encoded.ids, encoded.bounds, "input_ids"),
        "spans": spans,
        "parity": lists(parities(jobs, aligned.spans, encoded, loaded), sums(per_row.tolist()), "parity"),
        "loss_weights": _loss_weights(jobs, encoded, aligned, params.get("prompt_weight") or 0.0),
    }
    return pl.DataFrame(columns, schema=render_schema())


def _loss_weights(jobs: list[Job], encoded: Encoded, aligned: Aligned, prompt_weight: float) -> pl.Series:
    """A weight per token for the rows that need it: where one is neither 0 nor 1, or the prompt has one."""
    needed = [bool(prompt_weight) or (job.weights is not None and any(0 < w != 1 for w in job.weights)) for job in jobs]
    if not any(needed):
        return pl.Series("loss_weights", [None] * len(jobs), dtype=pl.List(pl.Float32))
    values = np.full(len(encoded.ids), prompt_weight, np.float32)
    for spans, weights in ((aligned.spans, aligned.weights), (aligned.silent, np.zeros(len(aligned.silent)))):
        for (row, first, after, _), weight in zip(spans.tolist(), weights.tolist(), strict=True):
            values[encoded.bounds[row] + first : encoded.bounds[row] + after] = weight
    every = lists(values, encoded.bounds, "loss_weights").to_frame()
    return every.select(pl.when(pl.Series(needed)).then("loss_weights"))["loss_weights"]


def _quarantine(records: pl.DataFrame, faults: dict[int, RecordError]) -> pl.DataFrame:
    order = sorted(faults)
    raw = [canonical_json(_without_empty(messages)).decode() for messages in records["messages"].gather(order)]
    columns = {
        "row": records["row"].gather(order),
        "line": records["line"].gather(order),
        "stage": [str(Stage.ANNOTATE)] * len(order),
        "reason": [str(faults[row].reason) for row in order],
        "detail": [faults[row].detail for row in order],
        "raw": raw,
    }
    return pl.DataFrame(columns, schema=quarantine_schema())


def _without_empty(messages: list[Message]) -> list[dict[str, Any]]:
    return [{key: value for key, value in message.items() if value is not None} for message in messages]
