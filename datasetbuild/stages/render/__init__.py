"""Render: conversations to text, tokens and the mask of what is trained, each mask proved.

One render of the template per conversation, one encoding of the batch, and proofs on arrays: 100k two-turn ChatML
conversations cost about 4 CPU s. What cannot be proved goes into quarantine, one record at a time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import polars as pl

from datasetbuild.errors import RecordError
from datasetbuild.hashing import canonical_json
from datasetbuild.record import Message, Reason, Stage, quarantine_schema
from datasetbuild.stages.render.align import Aligned, Job, align_rows, sums
from datasetbuild.stages.render.columns import assistant_masks, labels, lists, span_tokens, truncate
from datasetbuild.stages.render.encode import Encoded, Encoder, encoder
from datasetbuild.stages.render.mask import lay_out
from datasetbuild.stages.render.template import ChatTemplate, as_template_sees, open_template
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
    """Columns of rendered rows. row: as in the records. tokens, trained_tokens: counts. spans: start and end
    (exclusive) of each run of trained tokens, flat."""
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
    held = _control_tokens(records, template)
    jobs: list[Job] = []
    rows: list[int] = []
    faults: dict[int, RecordError] = {}
    for row, (messages, tools) in enumerate(_conversations(records)):
        try:
            if row in held:
                raise RecordError(Reason.CONTROL_TOKEN, _where(messages, tools, template))
            jobs.append(_job(messages, tools, template, train_on))
            rows.append(row)
        except RecordError as error:
            faults[row] = error
        except Exception as error:  # a failing record is not a lost record, nor the end of its shard
            faults[row] = RecordError(Reason.OPERATOR_ERROR, f"{type(error).__name__}: {error}")
    if warnings is not None and template.strangers:
        warnings.append(
            f"{template.name} writes {', '.join(template.strangers)}, which the tokenizer spells in several tokens"
        )
    encoded, aligned = _tokens(jobs, encoder(spec), warnings)
    frame = _frame(records["row"].gather(rows), encoded, aligned)
    for place, sentence in aligned.faults.items():
        faults[rows[place]] = RecordError(Reason.MASK_UNPROVED, sentence)
    bad = np.zeros(len(jobs), bool)
    bad[list(aligned.faults)] = True
    return frame.filter(pl.Series(~bad)), _quarantine(records, faults)


def _conversations(records: pl.DataFrame) -> Iterator[tuple[list[Message], str | None]]:
    """Messages and tools of each record, few at a time: dicts of 100k rows cost the garbage collector 10 us a row."""
    for part in records.select("messages", "tools").iter_slices(512):
        yield from zip(part["messages"].to_list(), part["tools"].to_list(), strict=True)


def _job(messages: list[Message], tools: str | None, template: ChatTemplate, train_on: str) -> Job:
    """A conversation's text, and what of it is to be trained."""
    tools = None if tools in ("", "[]", "null") else tools
    if tools or any(message.get("tool_calls") for message in messages):
        _refuse_escaped(messages, tools, template)
    text, marks = template.draw(messages, tools)
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise RecordError(Reason.TEMPLATE_ERROR, "the rendered text holds half of a character (a lone surrogate)")
    if train_on == "all":
        return Job(text, None)
    assistants = [turn for turn, message in enumerate(messages) if message["role"] == "assistant"]
    chosen = assistants[-1:] if train_on == "last_assistant" else assistants
    laid = lay_out(template, messages, tools, text, marks)
    return Job(text, laid, tuple(turn for turn in chosen if messages[turn].get("weight") != 0))


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


def _frame(rows: pl.Series, encoded: Encoded, aligned: Aligned) -> pl.DataFrame:
    pairs = aligned.spans[:, 1:].reshape(-1).astype(np.uint32)
    bounds = sums((2 * np.bincount(aligned.spans[:, 0], minlength=len(rows))).tolist())
    spans = lists(pairs, bounds, "spans")
    columns = {
        "row": rows,
        "tokens": np.diff(encoded.bounds).astype(np.uint32),
        "trained_tokens": span_tokens(spans),
        "input_ids": lists(encoded.ids, encoded.bounds, "input_ids"),
        "spans": spans,
    }
    return pl.DataFrame(columns, schema=render_schema())


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


def _refuse_escaped(messages: list[Message], tools: str | None, template: ChatTemplate) -> None:
    """Control strings that JSON escapes hide: templates see tool calls and tools parsed."""
    calls = [as_template_sees(message).get("tool_calls") for message in messages]
    seen = json.dumps([calls, json.loads(tools) if tools else None], ensure_ascii=False)
    for token in template.control:
        if token in seen:
            raise RecordError(Reason.CONTROL_TOKEN, f"a tool call or the tools hold the control token {token!r}")


def _where(messages: list[Message], tools: str | None, template: ChatTemplate) -> str:
    """Which control string a conversation holds, and in which turn."""
    for turn, message in enumerate(messages, 1):
        for name in TEXTS:
            for token in template.control:
                if token in str(message.get(name) or ""):
                    return f"turn {turn} ({message['role']}): its {name} holds the control token {token!r}"
    return f"the tools hold the control token {next(token for token in template.control if token in (tools or ''))!r}"
