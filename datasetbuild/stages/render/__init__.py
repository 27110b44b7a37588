"""Render: conversations to text, tokens and the mask of what is trained, each mask proved.

One render of the template per conversation, one encoding of the batch, and proofs on arrays: 100k two-turn ChatML
conversations cost about 4 CPU s. What cannot be proved goes into quarantine, one record at a time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from datasetbuild.errors import RecordError
from datasetbuild.hashing import canonical_json
from datasetbuild.record import Message, Reason, Stage, quarantine_schema
from datasetbuild.stages.render.align import Aligned, Job, align
from datasetbuild.stages.render.columns import assistant_masks, labels, lists, span_tokens, truncate
from datasetbuild.stages.render.encode import Encoded, Encoder, encoder
from datasetbuild.stages.render.template import ChatTemplate, open_template
from datasetbuild.stages.render.tokenizer import TokenizerSpec, fingerprint, load_spec, resolve, save_spec

__all__ = [
    "ChatTemplate",
    "TokenizerSpec",
    "assistant_masks",
    "fingerprint",
    "labels",
    "load_spec",
    "open_template",
    "render",
    "render_schema",
    "resolve",
    "save_spec",
    "truncate",
]


def render_schema() -> dict[str, Any]:
    """Columns of rendered rows. row: as in the records. tokens, trained_tokens: counts. spans: start and end (exclusive)
    of each run of trained tokens, flat."""
    return {
        "row": pl.UInt32,
        "tokens": pl.UInt32,
        "trained_tokens": pl.UInt32,
        "input_ids": pl.List(pl.Int32),
        "spans": pl.List(pl.UInt32),
    }


def render(
    records: pl.DataFrame,
    *,
    spec: TokenizerSpec,
    params: dict[str, Any],
    template: ChatTemplate,
    warnings: list[str] | None = None,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rendered rows and the quarantine of a shard's records (`record.record_schema`).

    params: the template section, filled. warnings: gets a sentence when the fast tokenizer could not be used.
    """
    train_on = params.get("train_on") or "assistant"
    conversations: list[list[Message]] = records["messages"].to_list()
    tools = records["tools"].to_list()
    held = _control_tokens(records, template)
    jobs, data, rows, faults = [], [], [], {}
    for row, messages in enumerate(conversations):
        try:
            if row in held:
                raise RecordError(Reason.CONTROL_TOKEN, _where(messages, tools[row], template))
            job = _job(messages, tools[row] or None, template, train_on)
            data.append(_utf8(job.text))
            jobs.append(job)
            rows.append(row)
        except RecordError as error:
            faults[row] = error
    encoded, aligned = _tokens(jobs, data, encoder(spec), warnings)
    frame = _frame(records["row"].gather(rows), encoded, aligned)
    for place, sentence in aligned.faults.items():
        faults[rows[place]] = RecordError(Reason.MASK_UNPROVED, sentence)
    bad = np.zeros(len(jobs), bool)
    bad[list(aligned.faults)] = True
    return frame.filter(pl.Series(~bad)), _quarantine(records, conversations, faults)


def _job(messages: list[Message], tools: str | None, template: ChatTemplate, train_on: str) -> Job:
    """A conversation's text, and what of it is to be trained."""
    from datasetbuild.stages.render.mask import lay_out

    tools = None if tools in ("[]", "null") else tools
    text, marks = template.draw(messages, tools)
    if train_on == "all":
        return Job(text, None)
    assistants = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    chosen = assistants[-1:] if train_on == "last_assistant" else assistants
    trained = frozenset(turn for turn in chosen if messages[turn].get("weight") != 0)
    return Job(text, lay_out(template, messages, tools, text, marks), trained)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise RecordError(Reason.TEMPLATE_ERROR, f"the rendered text is not valid Unicode: {error.reason} at {error.start}") from error


def _tokens(jobs: list[Job], data: list[bytes], encoder: Encoder, warnings: list[str] | None) -> tuple[Encoded, Aligned]:
    """Ids and trained spans. When the fast ids of a row turn out wrong while it is proved, the oracle does the batch."""
    texts = [job.text for job in jobs]
    encoded = encoder.encode(texts)
    aligned = align(jobs, data, encoded, encoder)
    warning = encoded.warning
    if aligned is None:
        warning = "fastokens and tokenizers differ on a text of this batch; it was encoded by tokenizers"
        encoded = encoder.encode(texts, exact=True)
        aligned = align(jobs, data, encoded, encoder)
    if warning and warnings is not None and warning not in warnings:
        warnings.append(warning)
    assert aligned is not None, "the oracle agrees with itself"
    return encoded, aligned


def _frame(rows: pl.Series, encoded: Encoded, aligned: Aligned) -> pl.DataFrame:
    pairs = np.stack([aligned.starts, aligned.ends], axis=1).reshape(-1).astype(np.uint32)
    bounds = np.zeros(len(rows) + 1, np.int64)
    np.cumsum(2 * np.bincount(aligned.rows, minlength=len(rows)), out=bounds[1:])
    spans = lists(pairs, bounds, "spans")
    columns = {
        "row": rows,
        "tokens": np.diff(encoded.bounds).astype(np.uint32),
        "trained_tokens": span_tokens(spans),
        "input_ids": lists(encoded.ids, encoded.bounds, "input_ids"),
        "spans": spans,
    }
    return pl.DataFrame(columns, schema=render_schema())


def _quarantine(records: pl.DataFrame, conversations: list[list[Message]], faults: dict[int, RecordError]) -> pl.DataFrame:
    order = sorted(faults)
    raw = [canonical_json(_without_empty(conversations[row])).decode() for row in order]
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


TEXTS = ("content", "reasoning_content", "tool_calls", "name")


def _control_tokens(records: pl.DataFrame, template: ChatTemplate) -> set[int]:
    """Rows whose messages or tools hold a control string; one pass of Aho-Corasick over all texts."""
    patterns = list(template.control)
    if not patterns or not len(records):
        return set()
    turns = records.select(
        pl.int_range(pl.len(), dtype=pl.UInt32).alias("place"), pl.col("messages"), pl.col("tools").alias("declared")
    )
    found = turns.filter(pl.col("declared").str.contains_any(patterns))["place"].to_list()
    exploded = turns.select("place", "messages").explode("messages")
    hit = pl.any_horizontal(pl.col("messages").struct.field(name).str.contains_any(patterns) for name in TEXTS)
    return {*found, *exploded.filter(hit)["place"].to_list()}


def _where(messages: list[Message], tools: str | None, template: ChatTemplate) -> str:
    """Which control string a conversation holds, and in which turn."""
    for turn, message in enumerate(messages, 1):
        for name in TEXTS:
            for token in template.control:
                if token in (message.get(name) or ""):
                    return f"turn {turn} ({message['role']}): its {name} holds the control token {token!r}"
    return f"the tools hold the control token {next(token for token in template.control if token in (tools or ''))!r}"
