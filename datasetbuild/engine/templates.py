"""The template of a build, known by content: tokenizer and chat template are resolved once and kept in the cache.

Loading a tokenizer through transformers takes 0.7 s of imports; a kept one takes 5 ms, so that re-runs and workers never
import transformers.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.engine.cache import Cache, CorruptObject
from datasetbuild.hashing import bytes_digest
from datasetbuild.plan import keys
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.render import ChatTemplate, TokenizerSpec, fingerprint, load_spec, open_template, render, resolve, save_spec


def resolve_template(plan: Plan, cache: Cache, project: Path) -> Plan:
    """The plan with its template known by content: `tokenizer_digest`, `template_digest` and `spec`, the kept tokenizer."""
    section = plan.template
    if section is None:
        return plan
    mark = fingerprint(section["tokenizer"], section["revision"], project)
    key = keys.action_key("render", tokenizer=mark, load="spec")

    def make() -> dict[str, Any]:
        with cache.workspace() as folder:
            save_spec(resolve(section["tokenizer"], section["revision"], project), folder / "spec.json")
            return {"objects": {"spec": cache.store((folder / "spec.json").read_bytes())}}

    result = cache.once(key, make)
    try:
        path = cache.object(result["objects"]["spec"])
    except CorruptObject:
        path = cache.object(cache.once(key, make)["objects"]["spec"])
    spec = load_spec(path)
    chat = open_template(section["chat_template"], spec, project, section["date"])
    known = {"tokenizer_digest": spec.digest, "template_digest": bytes_digest(chat.text.encode())}
    return replace(plan, template={**section, **known}, spec=result["objects"]["spec"])


def render_records(
    records: pl.DataFrame, section: dict[str, Any], spec: Path, project: Path
) -> tuple[pl.DataFrame, pl.DataFrame, list[str]]:
    """Rendered rows, the quarantine of those that cannot be, and warnings."""
    opened, chat = _opened(spec, section["chat_template"], project, section["date"])
    warnings: list[str] = []
    rendered, failed = render(records, spec=opened, params=section, template=chat, warnings=warnings)
    return rendered, failed, warnings


@lru_cache
def _opened(spec: Path, chat_template: str, project: Path, date: str) -> tuple[TokenizerSpec, ChatTemplate]:
    opened = load_spec(spec)
    return opened, open_template(chat_template, opened, project, date)
