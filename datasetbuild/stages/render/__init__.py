"""Render: conversations to text, tokens and the mask of what is trained, each mask proved.

One text per conversation, one encoding of the batch, and proofs on arrays: 100k two-turn conversations cost about
1 CPU s with a template of ours, 4 with another. What cannot be proved goes into quarantine, one record at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import lists, sums
from datasetbuild.errors import RecordError
from datasetbuild.hashing import canonical_json
from datasetbuild.record import Message, Reason, Stage, no_quarantine, quarantine_schema
from datasetbuild.stages.render import control
from datasetbuild.stages.render.align import Aligned, align_rows
from datasetbuild.stages.render.batch import WHOLE, Batch, Fragments, assemble
from datasetbuild.stages.render.columns import assistant_masks, labels, loss_weights, trained, truncate
from datasetbuild.stages.render.encode import Encoded, Encoder, encoder
from datasetbuild.stages.render.jobs import Job, compare_every, draws, group_jobs, make_jobs
from datasetbuild.stages.render.joined import compare_joined, conversations, join_plain, texts_of
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
    "texts_of",
    "trained",
    "truncate",
]


def render_schema() -> dict[str, Any]:
    """Columns of rendered rows.

    row: as in the records. turn: the turn that the row was made for, with `expansion: per_turn`, else null; row_weight:
    1 / rows of its record then, else null. tokens, trained_tokens: counts. spans: start and end (exclusive) of each run
    of trained tokens, flat. parity: number of a class (`PARITIES`) for each span, 255 for a turn's second one.
    loss_weights: one per token, null where trained tokens have 1 and all others 0. text: what was tokenized.
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
        "text": pl.String,
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
    faults: dict[int, RecordError] = {}
    numbers = draws(records)
    batch = _batch(records, numbers % compare_every(template) == 0, template, params, faults, {} if tally is None else tally)
    if warnings is not None:
        warnings += _about(template)
    loaded = encoder(spec)
    encoded, aligned = _tokens(batch, numbers[batch.records], loaded, warnings)
    for row, sentence in aligned.faults.items():
        faults.setdefault(int(batch.records[row]), RecordError(Reason.MASK_UNPROVED, sentence))
    frame = _frame(records["row"].gather(batch.records), batch, encoded, aligned, loaded, params)
    if faults:
        frame = frame.filter(pl.Series(~np.isin(batch.records, np.array(sorted(faults), np.int64)), dtype=pl.Boolean))
    return frame, _quarantine(records, faults)


def _batch(
    records: pl.DataFrame,
    compared: NDArray[np.bool_],
    template: ChatTemplate,
    params: dict[str, Any],
    faults: dict[int, RecordError],
    tally: dict[str, int],
) -> Batch:
    """All rows to be tokenized, with their texts. Records that cannot be rendered go to `faults`. compared: which records are
    rendered by Jinja too, where it could do without."""
    fragments = Fragments()
    held = control.rows_with_control_tokens(records, template)
    tally |= {"control_token_rows": len(held), "control_tokens": 0}
    groups, joined = join_plain(records, template, params, fragments, held)
    jobs: list[Job] = []
    others = np.flatnonzero(~joined)
    for row, (messages, tools) in zip(others.tolist(), conversations(records[others]), strict=True):
        try:
            if row in held:
                tally["control_tokens"] += control.count(messages, tools, template)
                if params.get("control_tokens") != "allow":
                    raise RecordError(Reason.CONTROL_TOKEN, control.where(messages, tools, template))
            jobs += make_jobs(row, messages, tools, template, params, compare=bool(compared[row]))
        except RecordError as error:
            faults[row] = error
        except Exception as error:  # a failing record is not a lost record, nor the end of its shard
            faults[row] = RecordError(Reason.OPERATOR_ERROR, f"{type(error).__name__}: {error}")
    batch = assemble([*groups, *group_jobs(jobs, fragments)], fragments)
    for row, fault in compare_joined(batch, len(groups), records, compared, template):
        faults.setdefault(row, fault)
    return batch


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


def _tokens(
    batch: Batch, numbers: NDArray[np.uint32], encoder: Encoder, warnings: list[str] | None
) -> tuple[Encoded, Aligned]:
    """Ids and trained spans. numbers: of each text, its record's draw. When fast ids turn out wrong while a row is proved, the oracle does the batch."""
    encoded = encoder.encode_rows(batch.data, batch.bounds, numbers) or encoder.encode(batch.texts, numbers=numbers)
    aligned = align_rows(batch, encoded, encoder)
    warning = encoded.warning
    if aligned is None:
        warning = "fastokens and tokenizers differ on a text of this batch; it was encoded by tokenizers"
        encoded = encoder.encode(batch.texts, exact=True)
        aligned = align_rows(batch, encoded, encoder)
    if warning and warnings is not None and warning not in warnings:
        warnings.append(warning)
    assert aligned is not None, "the oracle agrees with itself"
    return encoded, aligned


def _frame(
    rows: pl.Series, batch: Batch, encoded: Encoded, aligned: Aligned, loaded: Encoder, params: dict[str, Any]
) -> pl.DataFrame:
    per_row = np.bincount(aligned.spans[:, 0], minlength=len(rows))
    spans = lists("spans", aligned.spans[:, 1:3].reshape(-1).astype(np.uint32), sums(2 * per_row))
    columns = {
        "row": rows,
        **_expanded(rows, batch.turns),
        "tokens": np.diff(encoded.bounds).astype(np.uint32),
        "trained_tokens": np.diff(sums(aligned.spans[:, 2] - aligned.spans[:, 1])[sums(per_row)]).astype(np.uint32),
        "input_ids": lists("input_ids", encoded.ids, encoded.bounds),
        "spans": spans,
        "parity": lists("parity", parities(batch, aligned.spans, encoded, loaded), sums(per_row)),
        "loss_weights": _loss_weights(batch, encoded, aligned, params.get("prompt_weight") or 0.0),
        "text": batch.series,
    }
    return pl.DataFrame(columns, schema=render_schema())


def _expanded(rows: pl.Series, turns: NDArray[np.int64]) -> dict[str, pl.Series | None]:
    """`turn` and `row_weight` of the rows that were made for a turn; None where none was."""
    expanded = turns != WHOLE
    if not expanded.any():
        return {"turn": None, "row_weight": None}
    made = pl.when(pl.Series(expanded))
    both = rows.to_frame("row").select(turn=made.then(pl.Series(turns)), row_weight=made.then(1 / pl.len().over("row")))
    return {"turn": both["turn"], "row_weight": both["row_weight"].cast(pl.Float32)}


def _loss_weights(batch: Batch, encoded: Encoded, aligned: Aligned, prompt_weight: float) -> pl.Series:
    """A weight per token for the rows that need it: where one is neither 0 nor 1, or the prompt has one."""
    weighed = [
        bool(prompt_weight) or any(0 < weight != 1 for weight in group.weights or ()) for group, _ in batch.groups
    ]
    needed = np.array(weighed, bool)[batch.group]
    if not needed.any():
        return pl.repeat(None, len(batch), dtype=pl.List(pl.Float32), eager=True)
    values = np.full(len(encoded.ids), prompt_weight, np.float32)
    for spans, weights in ((aligned.spans, aligned.weights), (aligned.silent, np.zeros(len(aligned.silent)))):
        for (row, first, after, _), weight in zip(spans.tolist(), weights.tolist(), strict=True):
            values[encoded.bounds[row] + first : encoded.bounds[row] + after] = weight
    every = lists("loss_weights", values, encoded.bounds).to_frame()
    return every.select(pl.when(pl.Series(needed)).then("loss_weights"))["loss_weights"]


def _quarantine(records: pl.DataFrame, faults: dict[int, RecordError]) -> pl.DataFrame:
    if not faults:
        return no_quarantine()
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
