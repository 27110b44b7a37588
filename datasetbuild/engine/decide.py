"""Decide every record's fate on the key plane: the global choices, in the order of the stages, ending in the ledger.

Nothing here reads a text: facts, hashes and verified pairs are enough. So a changed bound costs a scan of columns.

A stage is a function `(plan, plane, fates, ...) -> None` and one line in `decide`. It looks at the columns of `plane.rows`
and at `fates.undecided`, and says whom it ends, once: `fates.end(rows, Stage.X, Reason.Y, duplicate_of=others)`. What was
ended before stays as it is. Rows are numbers of rows of the plane; they become ids in the ledger. What else a stage has
to say of rows it says with `fates.note(column, rows, values)`, and names the column in `record.LEDGER_LAST`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine import curate
from datasetbuild.engine.evidence import Evidence
from datasetbuild.engine.fates import CODES, NOBODY, Fates
from datasetbuild.engine.gather import KeyPlane
from datasetbuild.errors import Fault, RecipeError
from datasetbuild.hashing import record_hash
from datasetbuild.plan.steps import Plan
from datasetbuild.record import ID_ORDER, LEFT_OUT, Fate, Reason, Stage
from datasetbuild.stages.dedup.near import clusters
from datasetbuild.stages.dedup.survivor import survivors
from datasetbuild.stages.filter import BROKEN, Rule, judge
from datasetbuild.stages.mix import Mixture, mix_train
from datasetbuild.stages.split import assign_splits, nested, unit_keys, unit_labels

TRAIN, MAX_TOKENS = "train", "template.max_tokens"


@dataclass
class Decision:
    """rows: the key plane with every row's fate. bounds: the rules with quantiles looked up. mixture: what mix did.
    plane: the key plane with the dear facts, and with the records on which one of them failed in its quarantine.
    largest: of the records that no split parts, how many the largest group has, and the row of one of them."""

    rows: pl.DataFrame
    plane: KeyPlane
    bounds: dict[str, dict[str, Any]]
    mixture: Mixture | None
    pairs: int
    largest: tuple[int, int]


def decide(plan: Plan, plane: KeyPlane, evidence: Evidence, *, counted: bool = False) -> Decision:
    """Every row's fate. What a stage needs of `evidence` is looked up when the recipe has that stage. counted: of the fates
    only the columns by which rows are counted (`Fates.counted`), which take a third of the time."""
    _told_apart(plan, plane)
    fates = Fates(len(plane.rows), [*plan.bounds, MAX_TOKENS], list(plan.fractions))
    _limit(plan, plane, fates)
    _quarantined(plane, fates)
    dear = {step.name for step in plan.dear}
    bounds = _filter(plan, plane, fates, [name for name in plan.bounds if name not in dear])
    _too_long(plan, plane, fates)
    if dear:
        plane = evidence.with_dear(np.flatnonzero(fates.undecided))
        _quarantined(plane, fates)
        bounds |= _filter(plan, plane, fates, [name for name in plan.bounds if name in dear])
    reached = fates.undecided.copy()
    curate.cut(plan, plane, fates, evidence)
    _exact(plan, plane, fates)
    verified = _near(plan, plane, fates, evidence)
    curate.substring(plan, plane, fates, evidence)
    curate.semantic(plan, plane, fates, evidence)
    curate.contradictions(plan, plane, fates, evidence, reached)
    curate.decontaminate(plan, plane, fates)
    curate.topics(plan, fates, evidence)
    curate.select(plan, plane, fates, evidence)
    units, largest = _split(plan, plane, fates)
    mixture = _mix(plan, plane, fates)
    _subsets(plan, fates, *units)
    _generated(plan, plane, fates)
    fates.keep()
    told = fates.counted() if counted else fates.frame()
    return Decision(pl.concat([plane.rows, told], how="horizontal"), plane, bounds, mixture, verified, largest)


def _told_apart(plan: Plan, plane: KeyPlane) -> None:
    """Raise `RecipeError` for a fact of each turn where records are to be told apart: it has two values for each."""
    places = [("split.stratify", name) for name in plan.split["stratify"]]
    places += [("mix.caps", name) for name in (plan.mix or {}).get("caps", ())]
    dear = {step.name for step in plan.dear}
    places = [(path, name) for path, name in places if name not in dear]
    places += [(f"filters.{rule}.by", bounds["by"]) for rule, bounds in plan.bounds.items() if "by" in bounds]
    twofold = "the fact {!r} has a smallest and a largest value in each record, so it cannot tell records apart"
    late = "the fact {!r} is measured when the rules have been judged, so no rule can go by it"
    faults = [
        Fault(path, (late if name in dear else twofold).format(name)) for path, name in places if name not in plane.rows.columns
    ]
    if faults:
        raise RecipeError(faults)


def _generated(plan: Plan, plane: KeyPlane, fates: Fates) -> None:
    """The model that wrote each record's answers, where a source says so."""
    models = {name: params["generated_by"]["model"] for name, params in plan.sources.items() if params.get("generated_by")}
    if models:
        named = plane.rows["source"].cast(pl.String).replace_strict(models, default=None, return_dtype=pl.String)
        fates.note("generated_by", np.arange(len(fates)), named)


def _limit(plan: Plan, plane: KeyPlane, fates: Fates) -> None:
    limits = {name: params["limit"] for name, params in plan.sources.items() if params.get("limit")}
    for source, limit in limits.items():
        mine = np.flatnonzero(plane.rows["source"] == source)
        fates.end(mine[limit:], Stage.READ, Reason.OVER_LIMIT)


def _quarantined(plane: KeyPlane, fates: Fates) -> None:
    if not len(plane.quarantine):
        return
    positions = plane.rows.select("place", "shard_row").with_row_index("at")
    bad = plane.quarantine.select("place", "shard_row", "stage", "reason")
    found = bad.join(positions, on=["place", "shard_row"], how="inner", maintain_order="left")
    stage, reason = (_codes(found[name], kind) for name, kind in (("stage", Stage), ("reason", Reason)))
    left_out = np.isin(reason, [CODES[Reason][wanted_out] for wanted_out in LEFT_OUT])
    for mine, fate in ((left_out, Fate.DROPPED), (~left_out, Fate.QUARANTINED)):
        fates.end(found["at"].to_numpy()[mine], stage[mine], reason[mine], fate=fate)


def _codes(words: pl.Series, kind: type[Stage] | type[Reason]) -> NDArray[np.uint8]:
    return words.replace_strict(CODES[kind], return_dtype=pl.UInt8).to_numpy()


def _filter(plan: Plan, plane: KeyPlane, fates: Fates, names: list[str]) -> dict[str, dict[str, Any]]:
    """These rules on every record that got here. Quantiles are of those, so that a bad source does not shift them."""
    rules = [Rule(name, *_columns(plane.rows, name), plan.bounds[name]) for name in names]
    if not rules:
        return {}
    reached = np.flatnonzero(fates.undecided)
    looked_at = [column for rule in rules for column in (rule.low, rule.high, rule.bounds.get("by")) if column]
    facts = plane.rows.select(list(dict.fromkeys(looked_at)))
    judged = judge(facts if len(reached) == len(fates) else facts[reached], rules)
    failing = np.flatnonzero(judged.reason.any(axis=0))
    judged = judged.of(failing)
    rule, reasons = judged.rule, judged.reason
    first = reasons[rule - 1, np.arange(len(failing))]
    place = np.array([fates.rules.index(name) for name in names])
    failed = np.zeros((len(fates.rules), len(failing)), bool)
    failed[place] = reasons > 0
    failed[place[rule - 1], np.arange(len(failing))] = False
    codes = np.array([CODES[Reason][reason] for reason in BROKEN], np.uint8)
    fates.end(reached[failing], Stage.FILTER, codes[first - 1], rule=place[rule - 1] + 1, also=fates.also_codes(failed))
    return judged.bounds


def _columns(rows: pl.DataFrame, name: str) -> tuple[str, str]:
    return (name, name) if name in rows.columns else (f"{name}.min", f"{name}.max")


def _too_long(plan: Plan, plane: KeyPlane, fates: Fates) -> None:
    """`template.max_tokens` as one more rule: its count is a fact like any other."""
    rule, rows = len(fates.rules), plane.rows
    if plan.template and plan.template.get("max_tokens") and plan.template.get("overflow") == "drop":
        long = (rows["tokens"] > plan.template["max_tokens"]).fill_null(False).to_numpy()
        fates.end(long, Stage.FILTER, Reason.TOO_LONG, rule=rule)
    if "cut" in rows.columns:
        nothing = (rows["cut"].is_not_null() & (rows["trained_tokens"] == 0)).fill_null(False).to_numpy()
        fates.end(nothing, Stage.FILTER, Reason.CUT_AWAY, rule=rule)


def _exact(plan: Plan, plane: KeyPlane, fates: Fates) -> None:
    """Of records with equal texts the most wanted stays."""
    if plan.exact is None:
        return
    rows, texts = plane.repeated("@exact")
    here = fates.undecided[rows]
    rows, texts = rows[here], texts[here]
    survivor = survivors(rows, texts, plane.rows, list(plan.keep))
    lost = survivor != rows
    similarity = 1.0 if plan.exact["on"] == "conversation" else np.nan
    twin = survivor[lost]
    fates.end(rows[lost], Stage.DEDUP, Reason.EXACT_DUPLICATE, duplicate_of=twin, twin=twin, similarity=similarity)


def _near(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence) -> int:
    """Of each cluster the most wanted stays; with `drop_near` false all stay, and the split keeps them together."""
    if plan.near is None:
        return 0
    node = plane.codes("@words")
    verified = evidence.near().filter(pl.col("similarity") >= plan.near["threshold"])
    members, cluster = clusters(node, verified, plane.repeated("@words")[0], fates.undecided)
    survivor = survivors(members, cluster, plane.rows, list(plan.keep))
    fates.cluster[members] = survivor
    if plan.drop_near:
        lost = survivor != members
        twin, similarity = _twins(members[lost], survivor[lost], members, node, verified, plane.rows)
        fates.end(
            members[lost], Stage.DEDUP, Reason.NEAR_DUPLICATE, duplicate_of=survivor[lost], twin=twin, similarity=similarity
        )
    return len(verified)


def _twins(
    lost: NDArray[np.int64],
    survivor: NDArray[np.int64],
    members: NDArray[np.int64],
    node: NDArray[np.int64],
    verified: pl.DataFrame,
    rows: pl.DataFrame,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each lost row the one that it was verified against, and how similar they are: the survivor, or else the nearest
    in the cluster. members: all rows of clusters. node: the text of each row. rows: for the order of ids."""
    a, b, similarity = (verified[name].to_numpy() for name in ("a", "b", "similarity"))
    edges = (b << 32) | a  # they are in this order
    mine, other = node[lost], node[survivor]
    wanted = (np.maximum(mine, other) << 32) | np.minimum(mine, other)
    place = np.searchsorted(edges, wanted)
    direct = np.flatnonzero(np.append(edges, -1)[place] == wanted)
    found = np.full(len(lost), np.nan)
    found[direct] = similarity[place[direct]]
    found[mine == other] = 1.0
    twin = survivor.copy()
    chained = np.flatnonzero(np.isnan(found))
    if len(chained):
        best = _nearest(lost[chained], members, node, verified, rows)
        twin[chained], found[chained] = best["other"].to_numpy(), best["similarity"].to_numpy()
    return twin, found


def _nearest(
    lost: NDArray[np.int64], members: NDArray[np.int64], node: NDArray[np.int64], verified: pl.DataFrame, rows: pl.DataFrame
) -> pl.DataFrame:
    """The nearest other member for each lost row, by similarity and id: `other` and `similarity`, in the order of `lost`."""
    both = pl.concat([verified, verified.select(a="b", b="a", similarity="similarity")])
    mine = pl.DataFrame({"row": lost, "node": node[lost]})
    same = mine.select(a="node", b="node").unique().with_columns(similarity=pl.lit(1.0))
    near = pl.concat([both.join(mine.select(a="node").unique(), on="a", how="semi"), same])
    others = pl.DataFrame({"other": members, "b": node[members]}).with_columns(rows.select(ID_ORDER)[members])
    return (
        mine.join(near, left_on="node", right_on="a")
        .join(others, on="b")
        .filter(pl.col("row") != pl.col("other"))
        .sort("row", "similarity", *ID_ORDER, descending=[False, True, False, False])
        .group_by("row", maintain_order=True)
        .first()
    )


Units = tuple[NDArray[np.int64], NDArray[np.uint64], pl.Series]
"""Rows, the key of each one's unit, and its stratum."""


def _split(plan: Plan, plane: KeyPlane, fates: Fates) -> tuple[Units, tuple[int, int]]:
    """Splits for the rows still undecided; what belongs together is decided among all of them at once. With `Decision.largest`."""
    kept = np.flatnonzero(fates.undecided)
    wanted, stratify = set(plan.split["group"]), plan.split["stratify"]
    if not plane.rows["group"].count():
        wanted.discard("group")
    columns = {"@first_user", "@first_user_key"} if "first_user" in wanted else {"key"}
    columns |= {"group", "source"} if "group" in wanted else set()
    rows = plane.rows.select(sorted(columns | set(stratify)))[kept]
    ties = []
    if "group" in wanted:
        ties.append(rows.select(_numbered("group", "source")).to_series().to_numpy())
    if "first_user" in wanted:
        ties.append(rows["@first_user"].to_numpy().astype(np.int64))
    if "near_duplicates" in wanted:
        cluster = fates.cluster[kept].astype(np.int64)
        ties.append(np.where(cluster == NOBODY, -1, cluster))
    labels = unit_labels(len(kept), ties)
    own = unit_keys(labels, _own_keys(rows, wanted))
    named = [pl.col(column).cast(pl.String).fill_null("") for column in stratify]
    strata = rows.select(pl.concat_str(named, separator="\x1f") if named else pl.repeat("", pl.len())).to_series()
    chosen = assign_splits(own, strata, plan.fractions, seed=plan.seed, assign=plan.split["assign"])
    fates.split[kept] = chosen.to_physical().to_numpy() + 1  # both name them in the order of the fractions
    sizes = np.bincount(labels, minlength=1)
    first = int(sizes.argmax())
    return (kept, own, strata), (int(sizes[first]), int(kept[first]) if len(kept) else 0)


def _subsets(plan: Plan, fates: Fates, rows: NDArray[np.int64], keys: NDArray[np.uint64], strata: pl.Series) -> None:
    """The smallest nested subset of train that each of its rows is in; units stay together here too."""
    if not plan.subsets:
        return
    train = fates.undecided[rows] & (fates.split[rows] == list(plan.fractions).index(TRAIN) + 1)
    values = nested(
        keys[train], strata.filter(pl.Series(train)), plan.subsets, seed=plan.seed, assign=plan.split["assign"]
    )
    fates.note("subset", rows[train], values)


def _numbered(first: str, *more: str) -> pl.Expr:
    """Equal values as equal numbers from 0, and -1 where there is none. A group key is its source's own."""
    value = pl.struct(first, *more)
    return pl.when(pl.col(first).is_not_null()).then(value.rank("dense").cast(pl.Int64) - 1).otherwise(-1)


def _own_keys(kept: pl.DataFrame, wanted: set[str]) -> NDArray[np.uint64]:
    """What a record brings to its unit's key: its group key, else its first user message, else its own id."""
    own = kept["@first_user_key" if "first_user" in wanted else "key"]
    if "group" not in wanted:
        return own.to_numpy()
    groups = kept.select("source", "group").drop_nulls().unique()
    hashed = [int(record_hash(source, group.encode())[:16], 16) for source, group in groups.iter_rows()]
    groups = groups.with_columns(pl.Series("own_group", hashed, dtype=pl.UInt64))
    joined = kept.select("source", "group").join(groups, on=["source", "group"], how="left", maintain_order="left")
    return joined.select(pl.coalesce("own_group", own).alias("own"))["own"].to_numpy()


def _mix(plan: Plan, plane: KeyPlane, fates: Fates) -> Mixture | None:
    """Copies of each row; what train has no place for is dropped, and stands in no split."""
    fates.copies[fates.undecided] = 1
    if plan.mix is None:
        return None
    train = fates.undecided & (fates.split == fates.splits.index(TRAIN) + 1 if TRAIN in fates.splits else False)
    size = pl.lit(1) if plan.mix["unit"] == "rows" else pl.col(plan.mix["unit"]).fill_null(0)
    capped = [column for column in plan.mix["caps"] if column not in ("source", *ID_ORDER)]
    places = np.flatnonzero(train)
    pool = plane.rows.select("source", *ID_ORDER, *capped, size=size.cast(pl.Int64))[places]
    mixture = mix_train(pool, seed=plan.seed, **plan.mix)
    fates.copies[places] = mixture.copies.to_numpy()
    reason = mixture.reason.replace_strict(CODES[Reason], default=0, return_dtype=pl.UInt8).fill_null(0).to_numpy()
    left_out = reason > 0
    fates.split[fates.end(places[left_out], Stage.MIX, reason[left_out])] = 0
    return mixture
