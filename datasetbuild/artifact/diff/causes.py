"""Why each row differs: one cause for every row, from the two ledgers and the two manifests.

A row is followed down the river to the first place where its two ways part. There its own entries decide: its facts
against the old and the new bound, the twin that it lost to, the mix done once more with the old weights. What nothing
explains is counted as `unknown`, never given to the nearest change.
"""

from __future__ import annotations

from enum import StrEnum
from functools import cached_property

import polars as pl

from datasetbuild.artifact.diff.bounds import filter_causes
from datasetbuild.artifact.diff.changes import Change, Changes
from datasetbuild.artifact.diff.mixed import replayed
from datasetbuild.artifact.diff.rows import Book, Compared, Kind
from datasetbuild.record import Fate, Reason, Stage
from datasetbuild.stages.dedup.cut import LABEL


class RowCause(StrEnum):
    """Why a row differs: a closed list, a sentence each in `ROW_CAUSES`."""

    ROW_ADDED = "row_added"
    ROW_REMOVED = "row_removed"
    ROW_EDITED = "row_edited"
    INPUT_ADDED = "input_added"
    INPUT_REMOVED = "input_removed"
    RECIPE_CHANGED = "recipe_changed"
    CODE_CHANGED = "code_changed"
    TWIN_CAME = "twin_came"
    TWIN_WENT = "twin_went"
    BOUND_MOVED = "bound_moved"
    UNIT_CHANGED = "unit_changed"
    MIX_SHIFTED = "mix_shifted"
    LIMIT_SHIFTED = "limit_shifted"
    CHOICE_SHIFTED = "choice_shifted"
    CUT_SHIFTED = "cut_shifted"
    CONTRADICTION_MOVED = "contradiction_moved"
    UNKNOWN = "unknown"


ROW_CAUSES: dict[RowCause, str] = {
    RowCause.ROW_ADDED: "the row is new in its file",
    RowCause.ROW_REMOVED: "the row is gone from its file",
    RowCause.ROW_EDITED: "the row was edited in its file",
    RowCause.INPUT_ADDED: "its file or source is new",
    RowCause.INPUT_REMOVED: "its file or source is gone",
    RowCause.RECIPE_CHANGED: "the recipe says something else",
    RowCause.CODE_CHANGED: "an operator, a plugin or a package has another version",
    RowCause.TWIN_CAME: "another row came that it repeats",
    RowCause.TWIN_WENT: "the row that stayed in its place went",
    RowCause.BOUND_MOVED: "a bound that is a quantile moved with the other rows",
    RowCause.UNIT_CHANGED: "rows came or went that share its split",
    RowCause.MIX_SHIFTED: "other rows came or went, and the mix shares out anew",
    RowCause.LIMIT_SHIFTED: "other rows came or went before its source's limit",
    RowCause.CHOICE_SHIFTED: "other rows came or went, and `select` chooses anew",
    RowCause.CUT_SHIFTED: "other rows came or went that share words with it, and others are cut",
    RowCause.CONTRADICTION_MOVED: "a row that contradicts it came or went",
    RowCause.UNKNOWN: "nothing in ledgers and manifests explains it",
}
assert len(ROW_CAUSES) == len(RowCause)

KEPT_AT = 99
RECORD_PLANE = (Stage.READ, Stage.NORMALIZE, Stage.CLEAN, Stage.ANNOTATE, Stage.RENDER, Stage.WRITE)
"""Stages whose losses come before every global decision, wherever they stand in the river."""

SECTIONS = {
    "exact": Reason.EXACT_DUPLICATE,
    "near": Reason.NEAR_DUPLICATE,
    "semantic": Reason.SEMANTIC_DUPLICATE,
    "substring": Reason.SHARED_WORDS,
}
"""The parts of `dedup`, and the reason that each gives."""

ORDER = {stage.value: 10 + place for place, stage in enumerate(Stage)}
WORK = ("cut", "prepare")


def with_causes(found: Compared, changes: Changes) -> pl.DataFrame:
    """The rows that differ, each with `cause`, `detail` (recipe key, file, rule) and `by` (the other row's id)."""
    return _Attribution(found, changes).run()


class _Attribution:
    """The rows that differ, and the causes found so far: what has one keeps it."""

    def __init__(self, found: Compared, changes: Changes) -> None:
        self.found, self.changes = found, changes
        text = [pl.lit(None, dtype=pl.String).alias(name) for name in ("cause", "detail", "by")]
        places = [_position(end).alias(f"at_{end}") for end in "ab"]
        self.rows = found.rows.with_columns(*text, *places).with_columns(at=pl.min_horizontal("at_a", "at_b"))

    def run(self) -> pl.DataFrame:
        self._came_or_went()
        if len(self.rows):
            self.rows = filter_causes(self.found, self.changes, self.rows)
            self._bounds()
            self.blame(pl.col("at") == ORDER["filter"], self.changes.first("order.filters"))
            self._edits()
            self._reading()
            self._changed()
            self._limit()
            self._plane()
            self._dedup()
            self._split()
            self._mix()
            self._others()
        self.give(pl.lit(True), RowCause.UNKNOWN)
        return self.rows

    def give(
        self, where: pl.Expr, cause: RowCause | pl.Expr, detail: str | pl.Expr | None = None, by: str | None = None
    ) -> None:
        """A cause for the rows that have none yet and for which `where` holds. by: a column of ids."""
        mask = pl.col("cause").is_null() & where.fill_null(False)
        values = {
            "cause": cause if isinstance(cause, pl.Expr) else pl.lit(cause.value),
            "detail": detail if isinstance(detail, pl.Expr) else pl.lit(detail, dtype=pl.String),
            "by": pl.col(by) if by else pl.lit(None, dtype=pl.String),
        }
        self.rows = self.rows.with_columns(
            pl.when(mask).then(value).otherwise(pl.col(name)).alias(name) for name, value in values.items()
        )

    def blame(self, where: pl.Expr, change: Change | None) -> None:
        """The same with a change of the recipe or of what carries it out; nothing when there is none."""
        if change is not None:
            self.give(where, RowCause.CODE_CHANGED if change.code else RowCause.RECIPE_CHANGED, change.path)

    def sources(self) -> list[str]:
        return [*dict.fromkeys([*self.found.b.manifest["sources"], *self.found.a.manifest["sources"]])]

    def _came_or_went(self) -> None:
        """Rows that stand on one side only."""
        for end, other, cause, whole in (
            ("b", self.found.a, RowCause.ROW_ADDED, RowCause.INPUT_ADDED),
            ("a", self.found.b, RowCause.ROW_REMOVED, RowCause.INPUT_REMOVED),
        ):
            alone = pl.col("a" if end == "b" else "b").is_null()
            source, file = pl.col(f"source_{end}"), pl.col(f"file_{end}")
            self.give(alone & ~source.is_in(list(other.manifest["sources"])), whole, pl.format("sources.{}", source))
            there, same = self._files(end, other)
            self.give(alone & ~there, whole, file)
            for name in other.manifest["sources"]:  # the same bytes, cut into other rows
                self.blame(alone & same & (source == name), self.changes.first(f"sources.{name}") or self.changes.package(*WORK))
            self.give(alone & ~same, cause, file)

    def _files(self, end: str, other: Book) -> tuple[pl.Expr, pl.Expr]:
        """Whether the file of each row of side `end` is on the other side, and whether its bytes are the same there."""
        mine = self.found.b if end == "b" else self.found.a
        files = mine.files().join(other.files(), on=["source", "file"], how="left", suffix="_other").unique(["source", "file"])
        rows = self.rows.select(source=f"source_{end}", file=f"file_{end}")
        found = rows.join(files, on=["source", "file"], how="left", maintain_order="left")
        there, same = found["sha256_other"].is_not_null(), found["sha256"] == found["sha256_other"]
        return pl.lit(there), pl.lit(same.fill_null(False))

    def _bounds(self) -> None:
        """Rows that a rule drops on one side: the bound, where it is needed and, for an edited row, enough."""
        decided = pl.col("rule_cause").is_not_null() & pl.col("bound_matters")
        self.give(
            decided & (pl.col("bound_suffices") | ~(pl.col("edited") | pl.col("text"))),
            pl.col("rule_cause"),
            pl.col("rule_detail"),
        )

    def _edits(self) -> None:
        clean = self.changes.first("clean")
        repaired = pl.col("cleaned_a").ne_missing(pl.col("cleaned_b")) & (pl.col("id_a") == pl.col("id_b"))
        again = repaired if clean else pl.lit(False)
        self.give(pl.col("edited") & ~again & ~self._recut() & (pl.col("at") != ORDER["mix"]), RowCause.ROW_EDITED, pl.col("file_b"))

    def _recut(self) -> pl.Expr:
        """Rows of another text since other words of theirs stand in another record; with a `key`, and in another file, only where
        one side is cut."""
        cut = [pl.col(f"cleaned_{end}").list.contains(LABEL).fill_null(False) for end in "ab"]
        keyed = pl.col("source_b").is_in(list(self.found.a.keyed() | self.found.b.keyed())) & pl.col("edited")
        return pl.col("text") & (pl.col("id_a") == pl.col("id_b")) & ((cut[0] != cut[1]) | (cut[0] & cut[1] & ~keyed))

    def _reading(self) -> None:
        """Rows whose text or labels differ though their file does not: read, repaired or completed in another way."""
        text, labels = pl.col("text"), pl.col("labels")
        self.blame(self._recut(), self.changes.first("dedup.substring"))
        for name in dict.fromkeys(one.path.split(".")[1] for one in self.changes.all if one.path.startswith("clean.")):
            before, after = (pl.col(f"cleaned_{end}").list.contains(name).fill_null(False) for end in "ab")
            self.blame(text & (before != after), self.changes.first(f"clean.{name}"))
        for source in self.sources():
            mine = pl.col("source_b") == source
            for label in ("group", "category", "date", "license"):
                differs = pl.col(f"{label}_a").ne_missing(pl.col(f"{label}_b"))
                self.blame(labels & ~text & mine & differs, self.changes.first(f"sources.{source}.{label}"))
            self.blame((text | labels) & mine, self.changes.first(f"sources.{source}"))
        ranked = [f"sources.{source}.{name}" for source in self.sources() for name in ("priority", "limit")]
        self.blame(self._recut(), self.changes.first(*ranked))
        self.blame(text, self.changes.first("clean", "template.system", "plugins") or self.changes.package(*WORK))
        for end, other, cause in (("b", "a", RowCause.TWIN_CAME), ("a", "b", RowCause.TWIN_WENT)):
            self._state(end, other, "repeats")
            self.give(self._recut() & pl.col(f"repeats_{end}").is_not_null() & ~pl.col("repeats_same"), cause, by=f"repeats_{end}")
        self.give(self._recut(), RowCause.CUT_SHIFTED)
        self.blame(labels, self.changes.package(*WORK))

    def _changed(self) -> None:
        """Rows in both whose tokens alone differ."""
        rendered = self.changes.first("template") or self.changes.package("render")
        self.blame((pl.col("kind") == Kind.CHANGED.value) & pl.col("counts"), rendered)

    def _limit(self) -> None:
        limited = pl.col("at") == 0
        for source in self.sources():
            self.blame(limited & (pl.col("source_b") == source), self.changes.exact(f"sources.{source}.limit"))
        self.give(limited, RowCause.LIMIT_SHIFTED, pl.format("sources.{}.limit", pl.col("source_b")))

    def _plane(self) -> None:
        """Rows that could not be used on one side: by the stage at which they were lost."""
        lost = pl.col("at") == 1
        stage = pl.when(pl.col("at_a") == 1).then("stage_a").otherwise("stage_b")
        for name, paths in (
            ("clean", ("clean", "template.system")),
            ("annotate", ("filters",)),
            ("render", ("template",)),
        ):
            self.blame(lost & (stage == name), self.changes.first(*paths))
        for source in self.sources():
            self.blame(lost & (pl.col("source_b") == source), self.changes.first(f"sources.{source}"))
        self.blame(
            lost,
            self.changes.first("clean", "template", "plugins")
            or self.changes.package("cut", "prepare", "fact", "render"),
        )

    def _dedup(self) -> None:
        """Rows that a twin replaces on one side: the recipe where it is what differs between the two, else the twin."""
        for end, other in (("b", "a"), ("a", "b")):
            lost = (pl.col(f"stage_{end}") == Stage.DEDUP.value) & (pl.col("at") == ORDER["dedup"])
            self._state(end, other, "duplicate_of", "twin")
            came = RowCause.TWIN_CAME if end == "b" else RowCause.TWIN_WENT
            parts = [(name, lost & (pl.col(f"reason_{end}") == reason.value)) for name, reason in SECTIONS.items()]
            for name, mine in parts:
                self.blame(mine, self.changes.exact(f"dedup.{name}"))
            for twin in ("duplicate_of", "twin"):
                there = pl.col(f"{twin}_{end}").is_not_null()
                self.give(lost & there & ~pl.col(f"{twin}_same"), came, by=f"{twin}_{end}")
            for name, mine in parts:
                bound = self.changes.exact(f"dedup.{name}.threshold")
                if bound is None:
                    self.blame(mine, self.changes.first(f"dedup.{name}"))
                else:
                    self.blame(mine & (pl.col(f"similarity_{end}") < (bound.old if end == "b" else bound.new)), bound)
            self.blame(lost, self._preference())
            sections = [f"dedup.{name}" for name in reversed(SECTIONS)]
            self.blame(lost, self.changes.first(*sections, "embeddings") or self.changes.package("dedup"))
            self.give(lost & pl.lit(self._rows_came_or_went()), came, by=f"duplicate_of_{end}")

    def _preference(self) -> Change | None:
        """What changed in the choice of the one that stays."""
        keep = [str(name).removeprefix("-") for name in self.found.b.manifest["parts"]["dedup"].get("keep") or ()]
        ranks = [f"sources.{source}.priority" for source in self.sources()] if "priority" in keep else []
        return self.changes.first("dedup.keep", *ranks, *(f"filters.{name}" for name in keep if name != "priority"))

    def _state(self, end: str, other: str, *names: str) -> None:
        """`NAME_same`: whether the row that side `end` names in this column stood there, alive and with the same text, on the other
        side too."""
        book = self.found.a if other == "a" else self.found.b
        alive = book.rows.select("id", at=_position("", book=True)).filter(pl.col("at") >= ORDER["dedup"])
        wanted = pl.concat([self.rows[f"{name}_{end}"] for name in names]).drop_nulls().unique()
        edited = self.rows.filter((pl.col("edited") | pl.col("text")) & pl.col("id_a").is_not_null())[f"id_{other}"]
        there = pl.col("id").is_in(wanted.implode()) & ~pl.col("id").is_in(edited.implode())
        same = alive.filter(there)["id"].implode()
        self.rows = self.rows.with_columns(
            pl.col(f"{name}_{end}").is_in(same).fill_null(False).alias(f"{name}_same") for name in names
        )

    def _split(self) -> None:
        ends = [
            pl.when(pl.col(f"at_{end}") == ORDER["mix"]).then(pl.lit("train")).otherwise(f"split_{end}") for end in "ab"
        ]
        past = (pl.col("at_a") >= ORDER["mix"]) & (pl.col("at_b") >= ORDER["mix"])
        parted = past & (ends[0] != ends[1])
        stage = parted | (pl.col("at") == ORDER["split"])
        ties = self.found.b.manifest["parts"]["split"].get("params", {}).get("group") or ()
        near = ("dedup.near",) if "near_duplicates" in ties else ()
        self.blame(stage, self.changes.exact("seed"))
        for name in self.found.b.manifest["splits"]:
            self.blame(stage & (ends[1] == name), self.changes.exact(f"split.{name}"))
        self.blame(stage, self.changes.first("split", "order.split"))
        labelled = [f"sources.{source}.group" for source in self.sources()]
        self.blame(stage & pl.col("labels"), self.changes.first(*labelled))
        self.give(stage & pl.col("edited"), RowCause.ROW_EDITED, pl.col("file_b"))
        self.blame(stage, self.changes.first(*near))
        self.give(stage & pl.lit(self._rows_came_or_went()), RowCause.UNIT_CHANGED)
        self.blame(stage, self.changes.first("dedup", "filters", "clean", "sources"))
        if self.changes.recipe:  # other rows were dropped or let in, and an exact split ranks them all
            self.give(stage, RowCause.UNIT_CHANGED)

    def _mix(self) -> None:
        """Rows whose copies differ: the mix is done again on the new rows with the old settings. When that gives what
        the row had, the settings made the difference; when it gives what it has, the other rows did."""
        mixed = (pl.col("at") >= ORDER["mix"]) & pl.col("at").is_not_null()
        self.blame(mixed, self.changes.exact("mix"))
        for source in self.sources():
            here = mixed & (pl.col("source_b") == source)
            own = self.changes.exact(f"mix.weights.{source}")
            change = own or self.changes.first("mix.unit", "mix.total", "mix.max_repeat", "mix.caps", "mix", "seed")
            if change is None:
                continue
            again = self.replayed if change.path != "seed" else None
            if again is not None:
                copies = self.rows.select("id_b").join(
                    again, left_on="id_b", right_on="id", how="left", maintain_order="left"
                )
                unmoved = copies["again"].cast(pl.Int64) == self.rows["copies_b"].cast(pl.Int64)
                here = here & ~pl.lit(unmoved).fill_null(False)
            self.blame(here, change)
        self.give(mixed & pl.col("edited"), RowCause.ROW_EDITED, pl.col("file_b"))
        self.give(mixed & pl.lit(bool(self.found.b.manifest["mix"]) and len(self.rows) > 0), RowCause.MIX_SHIFTED)

    @cached_property
    def replayed(self) -> pl.DataFrame | None:
        """The mix of the new rows with the old settings, done when it is first asked for."""
        return replayed(self.found)

    def _others(self) -> None:
        """Stages that say nothing special of themselves: a change of their own section, or of their facts."""
        stage = pl.when(pl.col("at_a") <= pl.col("at_b")).then("stage_a").otherwise("stage_b")
        for name in Stage:
            self.blame(stage == name.value, self.changes.first(name.value))
        others = pl.lit(self._rows_came_or_went())
        for name, cause in (
            (Stage.SELECT, RowCause.CHOICE_SHIFTED),
            (Stage.CONTRADICTIONS, RowCause.CONTRADICTION_MOVED),
        ):
            self.give((stage == name.value) & others, cause)
            self.blame(stage == name.value, self.changes.first("filters", "topics", "embeddings"))
        self.give(pl.col("edited"), RowCause.ROW_EDITED, pl.col("file_b"))

    def _rows_came_or_went(self) -> bool:
        """Whether any row stands differently before this stage: without, no other row can be the cause."""
        return bool(len(self.rows.filter(pl.col("cause").is_not_null())))


def _position(end: str, *, book: bool = False) -> pl.Expr:
    """How far down the river a row came: 0 beyond its source's limit, 1 unusable, then by stage, `KEPT_AT` when kept."""
    tail = "" if book else f"_{end}"
    stage, reason, fate = (pl.col(f"{name}{tail}") for name in ("stage", "reason", "fate"))
    early = (fate == Fate.QUARANTINED.value) | (stage.is_in([one.value for one in RECORD_PLANE]))
    return (
        pl.when(fate == Fate.KEPT.value).then(KEPT_AT)
        .when(reason == Reason.OVER_LIMIT.value).then(0)
        .when(early).then(1)
        .otherwise(stage.replace_strict(ORDER, default=KEPT_AT, return_dtype=pl.Int32))
    )  # fmt: skip
