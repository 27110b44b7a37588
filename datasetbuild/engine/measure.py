"""Measure one shard: everything that is said of its records alone. This is the function that every engine maps.

A shard is read, normalized and cleaned once (`records`); facts, dedup keys, shingles and rendered tokens are each
an action of their own, keyed by the digest of those records: a changed pattern measures one fact anew and nothing else,
and a changed bound nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import polars as pl

from datasetbuild.engine.cache import Cache, CorruptObject
from datasetbuild.engine.resolve import at_hand, local_clean
from datasetbuild.engine.shards import Shard
from datasetbuild.engine.templates import cut_off, render_records, rendered_fields, texts_again, token_counts
from datasetbuild.errors import BuildError, MismatchError, RecipeError
from datasetbuild.hashing import record_hash
from datasetbuild.op import load_plugins
from datasetbuild.plan import keys
from datasetbuild.plan.steps import FactStep, SectionStep, ShardPlan
from datasetbuild.record import KEY_COLUMNS, WITHHELD, Reason, content_digests, quarantine_schema
from datasetbuild.stages import annotate
from datasetbuild.stages.clean import clean
from datasetbuild.stages.decontaminate import contamination
from datasetbuild.stages.dedup.cut import without_spans
from datasetbuild.stages.dedup.exact import exact_keys
from datasetbuild.stages.dedup.near import sketch
from datasetbuild.stages.normalize import normalize
from datasetbuild.stages.read import RawRows, load
from datasetbuild.stages.render.system import apply_system, has_system
from datasetbuild.stages.where import with_words

T = TypeVar("T")


@dataclass(frozen=True)
class ShardTask:
    """One shard to be measured. cache, project: folders, the same for every worker of a build. spans: digest of what is to be
    cut out of its records."""

    cache: Path
    project: Path
    plan: ShardPlan
    shard: Shard
    spans: str | None = None


@dataclass(frozen=True)
class Prepared:
    """A shard's records as they are before words that others share are cut out. records: their digest. count: how many.
    fresh: as in `Measured`."""

    records: str
    count: int
    fresh: tuple[str, ...]


@dataclass(frozen=True)
class Measured:
    """What is known of a shard: digests of the objects that hold it, and how much of it was measured now.

    records, keys, quarantine, first_user: frames of the shard. facts: name -> frame. exact, near, rendered, counts,
    texts: as the recipe asks for them. tally: what rendering counted. fresh: names of the steps that ran, of as many as `steps`; the others
    came from the cache.
    """

    records: str
    keys: str
    quarantine: tuple[str, ...]
    first_user: str
    facts: dict[str, str]
    exact: str | None
    near: str | None
    rendered: str | None
    counts: str | None
    texts: str | None
    fields: tuple[str, ...]
    contamination: str | None = None
    tally: dict[str, int] = field(default_factory=dict)
    fresh: tuple[str, ...] = field(default=(), compare=False)
    steps: int = field(default=0, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)


def measure_shard(task: ShardTask) -> Measured:
    """Everything about one shard, from the cache where it is known. A corrupt object is measured anew."""
    return _worked(task, _ShardWork.run)


def prepare_shard(task: ShardTask) -> Prepared:
    """One shard read, normalized and cleaned, and nothing measured."""
    return _worked(task, _ShardWork.prepare)


def _worked(task: ShardTask, work: Callable[[_ShardWork], T]) -> T:
    import datasetbuild.builtin  # noqa: F401  (a spawned worker registers the operators first)

    load_plugins(task.project, task.plan.plugins, task.plan.code)
    for _ in range(2):
        try:
            return work(_ShardWork(task))
        except CorruptObject:
            continue  # the object is gone now, so the next round makes it anew
    return work(_ShardWork(task))


class _ShardWork:
    """The steps of one shard, each made only when something asks for it."""

    def __init__(self, task: ShardTask) -> None:
        self.task = task
        self.plan = task.plan
        self.cache = Cache(task.cache)
        self.fresh: list[str] = []
        self.steps: set[str] = set()
        self.warnings: list[str] = []
        self.drawn: pl.DataFrame | None = None  # `row` and `text` of what was rendered now

    def run(self) -> Measured:
        prepared = self.prepared["objects"]
        first_user = self._exact("first_user", keys.FIRST_USER)
        facts = {step.name: self._fact(step) for step in self.plan.facts}
        exact = self._exact("dedup.exact", self.plan.exact) if self.plan.exact else None
        near = self._near(self.plan.near) if self.plan.near else None
        contamination = self._contamination(self.plan.decontaminate) if self.plan.decontaminate else None
        rendered = self.rendered["objects"] if self.rendered else {}
        quarantine = [prepared["quarantine"], *(fact["quarantine"] for fact in facts.values() if "quarantine" in fact)]
        return Measured(
            records=prepared["records"],
            keys=prepared["keys"],
            quarantine=tuple([*quarantine, *([rendered["quarantine"]] if "quarantine" in rendered else [])]),
            first_user=first_user,
            facts={name: fact["values"] for name, fact in facts.items()},
            exact=exact,
            near=near,
            contamination=contamination,
            rendered=rendered.get("rendered"),
            counts=rendered.get("counts"),
            texts=self._texts() if self.plan.texts else None,
            fields=tuple([*self.prepared["fields"], *(self.rendered or {}).get("fields", [])]),
            tally=(self.rendered or {}).get("tally", {}),
            fresh=tuple(self.fresh),
            steps=len(self.steps),
            warnings=tuple([*self.warnings, *((self.rendered or {}).get("warnings", []))]),
        )

    def prepare(self) -> Prepared:
        records = self.cleaned["objects"]["records"]
        return Prepared(records, len(self.cache.frame(records, ["row"])), tuple(self.fresh))

    @cached_property
    def cleaned(self) -> dict[str, Any]:
        return self._once("prepare", keys.prepare_key(self.plan, self.task.shard.digest), self._prepare)

    @cached_property
    def prepared(self) -> dict[str, Any]:
        """The shard's records as they are measured and written: cleaned, and cut."""
        if self.task.spans is None:
            return self.cleaned
        found = self._once("dedup.substring", keys.cut_key(self.cleaned["objects"], self.task.spans), self._cut)
        self.__dict__.pop("records", None)  # those at hand are not cut
        return found

    @cached_property
    def rendered(self) -> dict[str, Any] | None:
        if self.plan.template is None:
            return None
        key = keys.render_key(self.plan.template, self.prepared["objects"]["records"], ids=self.plan.ids)
        return self._once("render", key, self._render)

    @cached_property
    def records(self) -> pl.DataFrame:
        return self.cache.frame(self.prepared["objects"]["records"])

    @cached_property
    def frame(self) -> pl.DataFrame:
        if self.rendered is None:
            return self.plain_frame
        return annotate.with_counts(self.plain_frame, self.cache.frame(self.rendered["objects"]["counts"]))

    @cached_property
    def plain_frame(self) -> pl.DataFrame:
        return annotate.annotate_frame(self.records)

    @cached_property
    def worded_frame(self) -> pl.DataFrame:
        """With the words of all turns, hashed once for whoever asks."""
        return with_words(self.plain_frame)

    def _once(self, step: str, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        def made() -> dict[str, Any]:
            self.fresh.append(step)
            return make()

        self.steps.add(step)
        return self.cache.once(key, made)

    def _prepare(self) -> dict[str, Any]:
        rows = self._loaded()
        records, unusable = self._normalized(rows)
        had_system = records.select("row", _system("had_system")) if keys.changing(self.plan.system) else None
        if self.plan.clean is not None:
            repairs, pii = local_clean(self.cache, self.plan.clean)
            records, unfit = clean(records, pii, **repairs)
            unusable = _joined(unusable, unfit, rows)
        if system := keys.changing(self.plan.system):
            records, refused = apply_system(records, system)
            unusable = _joined(unusable, refused, rows)
        unusable = _identified(unusable, rows, self.plan.source)
        narrow = records.with_columns(_system("@system"), _bytes("@bytes"))
        narrow = narrow.with_columns(_content(narrow, had_system, keyed=bool(self.plan.params.get("key")))).select(KEY_COLUMNS)
        self.records = records  # the steps that follow need not read again what is at hand
        return {
            "objects": {
                "records": self.cache.store_frame(records),
                "keys": self.cache.store_frame(narrow),
                "quarantine": self.cache.store_frame(unusable),
            },
            "fields": _fields_in_use(records),
            "volatile": _operator_failed(unusable),
        }

    def _cut(self) -> dict[str, Any]:
        before, spans = self.cleaned["objects"], self.cache.frame(str(self.task.spans))
        records = without_spans(self.cache.frame(before["records"]), spans)
        rows = spans["pos"].unique().sort()
        content = content_digests(records["messages"].gather(rows), records["tools"].gather(rows))
        narrow = self.cache.frame(before["keys"])
        counted = records.select("cleaned", _bytes("@bytes"))
        narrow = narrow.with_columns(*counted, content=narrow["content"].scatter(rows, content)).select(KEY_COLUMNS)
        objects = {**before, "records": self.cache.store_frame(records), "keys": self.cache.store_frame(narrow)}
        return {"objects": objects, "fields": self.cleaned["fields"]}

    def _loaded(self) -> RawRows:
        try:
            return load(self.task.shard.parts, self.task.project)
        except MismatchError:
            gone = [part.digest for part in self.task.shard.parts if part.blob and not (self.task.project / part.blob).exists()]
            if not gone:
                raise
            raise CorruptObject(gone[0]) from None  # a blob can be cut again

    def _normalized(self, rows: RawRows) -> tuple[pl.DataFrame, pl.DataFrame]:
        try:
            return normalize(rows, name=self.plan.source, source=self.plan.params)
        except RecipeError as error:  # the format refuses its parameters: say where in the recipe they stand
            named = f"sources.{self.plan.source}"
            raise RecipeError([replace(fault, path=f"{named}.{fault.path}") for fault in error.faults]) from error

    def _fact(self, step: FactStep) -> dict[str, str]:
        rendered = keys.template_identity(self.plan.template) if step.needs_render and self.plan.template else None
        key = keys.fact_key(step, self.prepared["objects"]["records"], rendered)

        def make() -> dict[str, Any]:
            try:
                values, failed = annotate.measure(self._frame_for(step), step.fact, *at_hand(self.cache, step))
            except BuildError as error:  # the fact refuses its parameters: say where in the recipe they stand
                error.path = error.path or f"filters.{step.name}"
                raise
            objects = {"values": self.cache.store_frame(values)}
            if len(failed):
                objects["quarantine"] = self.cache.store_frame(failed.with_columns(base=pl.lit(None, dtype=pl.String)))
            return {"objects": objects, "volatile": _operator_failed(failed)}

        return self._once(f"fact {step.name}", key, make)["objects"]

    def _frame_for(self, step: FactStep) -> pl.DataFrame:
        if step.needs == "render":
            return self.frame
        return self.worded_frame if step.needs == "words" else self.plain_frame

    def _exact(self, step: str, params: dict[str, Any]) -> str:
        key = keys.exact_key(params, self.prepared["objects"]["records"])
        return self._column(step, key, lambda: exact_keys(self.plain_frame, params["on"]).to_frame("key"))

    def _near(self, params: dict[str, Any]) -> str:
        key = keys.near_key(params, self.prepared["objects"]["records"])
        return self._column("dedup.near", key, lambda: sketch(self.worded_frame, on=params["on"], ngram=params["ngram"]))

    def _contamination(self, step: SectionStep) -> str:
        key = keys.contamination_key(step, self.prepared["objects"]["records"])
        index = self.cache.object(step.prepared or "")
        return self._column("decontaminate", key, lambda: contamination(self.worded_frame, index, ngram=step.params["ngram"]))

    def _column(self, step: str, key: str, make: Callable[[], pl.DataFrame]) -> str:
        """Digest of a frame with what dedup needs of this shard."""
        result = self._once(step, key, lambda: {"objects": {"column": self.cache.store_frame(make())}})
        return str(result["objects"]["column"])

    def _render(self) -> dict[str, Any]:
        assert self.plan.template is not None and self.plan.spec is not None
        spec = self.cache.object(self.plan.spec)
        rendered, failed, warnings, tally = render_records(self.records, self.plan.template, spec, self.task.project)
        rendered = cut_off(rendered, self.plan.template)
        self.drawn = rendered.select("row", "text")
        known = ("text", "tokens", "trained_tokens", "cut", *(() if self.plan.ids else ("input_ids",)))
        objects = {
            "rendered": self.cache.store_frame(rendered.drop(known, strict=False)),
            "counts": self.cache.store_frame(token_counts(rendered, self.plan.template)),
        }
        if len(failed):
            objects["quarantine"] = self.cache.store_frame(failed.with_columns(base=pl.lit(None, dtype=pl.String)))
        fields = rendered_fields(rendered, self.plan.template)
        volatile = _operator_failed(failed)
        return {"objects": objects, "warnings": warnings, "tally": tally, "fields": fields, "volatile": volatile}

    def _texts(self) -> str:
        """Digest of a frame with `row` and `text` of each rendered row."""
        assert self.plan.template is not None and self.plan.spec is not None and self.rendered is not None
        rendered, records = self.rendered["objects"]["rendered"], self.prepared["objects"]["records"]

        def make() -> dict[str, Any]:
            drawn = self.drawn
            if drawn is None:
                spec, rows = self.cache.object(str(self.plan.spec)), self.cache.frame(rendered, ["row", "turn"])
                texts = texts_again(self.records, rows, dict(self.plan.template or {}), spec, self.task.project)
                drawn = rows.select("row", texts.alias("text"))
            return {"objects": {"texts": self.cache.store_frame(drawn)}}

        key = keys.texts_key(self.plan.template, records, rendered)
        return str(self.cache.once(key, make)["objects"]["texts"])


def _system(name: str) -> pl.Expr:
    return has_system(pl.col("messages")).alias(name)


def _bytes(name: str) -> pl.Expr:
    return pl.col("messages").list.eval(pl.element().struct.field("content").str.len_bytes()).list.sum().alias(name)


def _content(records: pl.DataFrame, read: pl.DataFrame | None, *, keyed: bool) -> pl.Series:
    """Digest of each record's text as it stands now, null where its id is of that very text: read without a `key`, and
    nothing repaired. So two builds tell what they changed without their texts. read: `row`, `had_system` before."""
    touched = (records["cleaned"].list.len() > 0) | keyed
    if read is not None:
        before = records.select("row").join(read, on="row", how="left", maintain_order="left")["had_system"]
        touched |= before != records["@system"]
    digests = content_digests(records["messages"].filter(touched), records["tools"].filter(touched))
    return pl.Series("content", [None] * len(records), dtype=pl.UInt64).scatter(touched.arg_true(), digests)


def _operator_failed(quarantine: pl.DataFrame) -> bool:
    """Whether an operator broke on a record: such a result is not kept, since the next try may meet a mended machine."""
    return len(quarantine) > 0 and Reason.OPERATOR_ERROR.value in quarantine["reason"]


def _joined(unusable: pl.DataFrame, more: pl.DataFrame, rows: RawRows) -> pl.DataFrame:
    """Quarantined rows, and more of them: with the raw rows themselves instead of what cleaning was given; not those with personal
    data, which no report may show."""
    if more.is_empty():
        return unusable
    raw = [rows.raws[row].decode("utf-8", "backslashreplace") for row in more["row"]]
    withheld = pl.when(pl.col("reason") == Reason.PII.value).then(pl.lit(WITHHELD)).otherwise(pl.Series("raw", raw, dtype=pl.String))
    return pl.concat([unusable, more.with_columns(withheld.alias("raw"))]).sort("row")


def _identified(quarantine: pl.DataFrame, rows: RawRows, source: str) -> pl.DataFrame:
    """Quarantined rows get an id too: of their raw bytes, since they have no content that could be read."""
    base = [record_hash(source, b"raw\0" + rows.raws[row]) for row in quarantine["row"]]
    return quarantine.with_columns(pl.Series("base", base, dtype=pl.String)).select(*quarantine_schema(), "base")


def _fields_in_use(records: pl.DataFrame) -> list[str]:
    """The optional message fields and columns that any record of the shard fills: the others are not written."""
    struct = records["messages"].explode(empty_as_null=False).struct.unnest()
    fields = [f"messages.{name}" for name in struct.columns if struct[name].null_count() < len(struct)]
    return fields + [name for name in ("tools", "group", "category", "date", "meta") if records[name].null_count() < len(records)]
