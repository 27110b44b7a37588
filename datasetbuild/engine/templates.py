"""The template of a build, known by content: tokenizer and chat template are resolved once and kept in the cache.

Loading a tokenizer through transformers takes 0.7 s of imports; a kept one takes 5 ms, so that re-runs and workers never
import transformers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.engine.cache import Cache, CorruptObject
from datasetbuild.errors import BuildError, MismatchError
from datasetbuild.hashing import bytes_digest
from datasetbuild.plan import keys
from datasetbuild.plan.steps import Plan
from datasetbuild.record import flatten_turns, fold_turns
from datasetbuild.stages.render import (
    ChatTemplate,
    TokenizerSpec,
    fingerprint,
    load_spec,
    open_template,
    parity_counts,
    render,
    resolve,
    save_spec,
    texts_of,
)
from datasetbuild.stages.render.columns import span_tokens, truncate


def resolve_template(plan: Plan, cache: Cache, project: Path) -> Plan:
    """The plan with its template known by content: `tokenizer_digest`, `template_digest` and `spec`, the kept tokenizer."""
    section = plan.template
    if section is None:
        return plan
    with _about("template.tokenizer"):
        mark = fingerprint(section["tokenizer"], section["revision"], project)
    key = keys.action_key("render", tokenizer=mark, load="spec")

    def make() -> dict[str, Any]:
        with cache.workspace() as folder:
            save_spec(resolve(section["tokenizer"], section["revision"], project), folder / "spec.json")
            return {"objects": {"spec": cache.store((folder / "spec.json").read_bytes())}}

    with _about("template.tokenizer"):
        result = cache.once(key, make)
    try:
        path = cache.object(result["objects"]["spec"])
    except CorruptObject:
        path = cache.object(cache.once(key, make)["objects"]["spec"])
    spec = load_spec(path)
    with _about("template.chat_template"):
        chat = open_template(section["chat_template"], spec, project, section["date"])
    known = {"tokenizer_digest": spec.digest, "template_digest": bytes_digest(chat.text.encode())}
    return replace(plan, template={**section, **known}, spec=result["objects"]["spec"])


@contextmanager
def _about(path: str) -> Iterator[None]:
    """Errors of the block are about a key of the recipe."""
    try:
        yield
    except BuildError as error:
        error.path = path
        raise


def render_records(
    records: pl.DataFrame, section: dict[str, Any], spec: Path, project: Path
) -> tuple[pl.DataFrame, pl.DataFrame, list[str], dict[str, int]]:
    """Rendered rows with their `text`, the quarantine of those that cannot be, warnings, and what was counted: trained turns by parity
    class (`parity.exact`), control tokens that came from content."""
    opened, chat = _opened(spec, section["chat_template"], section["template_digest"], project, section["date"])
    warnings: list[str] = []
    tally: dict[str, int] = {}
    rendered, failed = render(records, spec=opened, params=section, template=chat, warnings=warnings, tally=tally)
    tally |= {f"parity.{name}": count for name, count in parity_counts(rendered).items()}
    return rendered, failed, warnings, tally


def texts_again(records: pl.DataFrame, rows: pl.DataFrame, section: dict[str, Any], spec: Path, project: Path) -> pl.Series:
    """The texts of rows (`row`, `turn`) that were rendered of these records before."""
    _, chat = opened_template(spec, section, project)
    said = records.select("row", "messages", "tools")
    return texts_of(expand_messages(rows.join(said, on="row", how="left", maintain_order="left")), chat)


CUT = frozenset({"cut"})
"""The column that only a template which cuts off has."""


def cut_off(rendered: pl.DataFrame, section: dict[str, Any]) -> pl.DataFrame:
    """Rendered rows cut off at `max_tokens` where the template says so, with `cut`, the trained tokens lost (null: none)."""
    if section["overflow"] != "truncate" or not section["max_tokens"]:
        return rendered
    ids, spans = truncate(rendered["input_ids"], rendered["spans"], section["max_tokens"])
    left = span_tokens(spans)
    long = rendered["tokens"] > section["max_tokens"]
    lost = pl.DataFrame({"long": long, "lost": rendered["trained_tokens"] - left})
    return rendered.with_columns(
        ids.alias("input_ids"),
        spans.alias("spans"),
        ids.list.len().cast(pl.UInt32).alias("tokens"),
        left.alias("trained_tokens"),
        lost.select(pl.when("long").then("lost").alias("cut"))["cut"],
    )


def token_counts(rendered: pl.DataFrame, section: dict[str, Any]) -> pl.DataFrame:
    """What the key plane knows of rendered records: row, tokens, trained_tokens. An expanded record counts the tokens of
    its longest row, which is what limits are for, and all that are trained; `rendered_tokens` are those of all its `training_rows`."""
    if section["expansion"] == "none":
        return rendered.select("row", "tokens", "trained_tokens", *CUT.intersection(rendered.columns))
    summed = pl.col("trained_tokens", "tokens").sum()
    return rendered.group_by("row", maintain_order=True).agg(
        summed.name.map(lambda name: {"tokens": "rendered_tokens"}.get(name, name)),
        pl.col("tokens").max(),
        pl.len().cast(pl.UInt32).alias("training_rows"),
        *(pl.col(name).sum() for name in CUT.intersection(rendered.columns)),
    ).select(
        *("row", "tokens", "trained_tokens", "rendered_tokens", "training_rows"), *CUT.intersection(rendered.columns)
    )


def rendered_fields(rendered: pl.DataFrame, section: dict[str, Any]) -> list[str]:
    """The optional columns that these rows fill."""
    fields = ["loss_weights"] if rendered["loss_weights"].null_count() < len(rendered) else []
    return fields + (["turn", "row_weight", "messages.weight"] if section["expansion"] == "per_turn" else [])


def expand_messages(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows with a `turn` get the messages up to it, earlier turns of the assistant with weight 0: what the row trains."""
    if "turn" not in frame.columns or frame["turn"].null_count() == len(frame):
        return frame
    lengths, turns = flatten_turns(frame["messages"])
    position = lengths.to_frame("n").select(pl.int_ranges("n").alias("at")).explode("at", empty_as_null=False)["at"]
    last = frame["turn"].fill_null(pl.lit(2**31)).repeat_by(lengths).explode(empty_as_null=False)
    stays = position <= last
    weight = pl.when((pl.col("role") == "assistant") & pl.Series(position < last)).then(0.0).otherwise(pl.col("weight"))
    cut = turns.with_columns(weight.cast(pl.Float32).alias("weight")).filter(stays)
    kept = pl.DataFrame({"n": lengths, "turn": frame["turn"]}).select(pl.min_horizontal("n", pl.col("turn") + 1).cast(pl.UInt32))
    return frame.with_columns(fold_turns(kept.to_series(), cut))


def opened_template(spec: Path, section: dict[str, Any], project: Path) -> tuple[TokenizerSpec, ChatTemplate]:
    """The tokenizer and the template of a resolved section."""
    return _opened(spec, section["chat_template"], section["template_digest"], project, section["date"])


@lru_cache
def _opened(
    spec: Path, chat_template: str, template_digest: str, project: Path, date: str
) -> tuple[TokenizerSpec, ChatTemplate]:
    """The tokenizer and the template, which must still be the one that the plan was made with."""
    opened = load_spec(spec)
    chat = open_template(chat_template, opened, project, date)
    if bytes_digest(chat.text.encode()) != template_digest:
        raise MismatchError(f"{chat_template} changed while the build was reading it", hint="run again")
    return opened, chat
