"""Curate: the stages of a decision that compare what records say: shared words, meaning, benchmarks, and the budget.

Each is a stage of `decide`, of the shape that is described there.
"""

from __future__ import annotations

from contextlib import nullcontext

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.evidence import Evidence
from datasetbuild.engine.fates import Fates
from datasetbuild.engine.gather import KeyPlane
from datasetbuild.engine.opposed import Opposed
from datasetbuild.plan.steps import Plan
from datasetbuild.record import ID_ORDER, Reason, Stage
from datasetbuild.stages.dedup.cut import united
from datasetbuild.stages.dedup.near import clusters
from datasetbuild.stages.dedup.substring import repeated
from datasetbuild.stages.dedup.survivor import ordered, survivors
from datasetbuild.stages.select import choose


def cut(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence) -> None:
    """Records that were cut name the one that keeps most of those words; what was not, since a turn would be empty, goes."""
    if plan.cut is None:
        return
    spans = evidence.cuts()
    words = united(spans).group_by("row", maintain_order=True).agg(pl.col("words").sum())
    homes = spans.group_by("row", "other").agg(pl.col("words").sum()).join(plane.rows.select(ID_ORDER).with_row_index("other").cast({"other": pl.Int64}), on="other")
    most = homes.sort("words", *ID_ORDER, descending=[True, False, False]).group_by("row", maintain_order=True).first()
    found = words.join(most.select("row", "other"), on="row").sort("row")
    rows, other = found["row"].to_numpy(), found["other"].to_numpy()
    fates.note("repeats", rows, found["other"].cast(pl.UInt32))
    fates.note("repeated_words", rows, found["words"].cast(pl.UInt32))
    whole = found["row"].is_in(spans.filter("whole")["row"].unique().implode()).to_numpy()
    fates.end(rows[whole], Stage.DEDUP, Reason.SHARED_WORDS, duplicate_of=other[whole], twin=other[whole])


def substring(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence) -> None:
    """Records that share a long run of words with a more wanted one are dropped, or named."""
    if plan.substring is None or plan.cut:
        return
    runs = evidence.runs()
    runs = runs.filter(pl.Series(fates.undecided).gather(runs["row"]))
    rank = np.empty(len(fates), np.int64)
    rank[ordered(plane.rows, list(plan.keep))] = np.arange(len(fates))
    found = repeated(runs, rank, plan.substring["words"])
    rows, other = found["row"].to_numpy(), found["other"].to_numpy()
    fates.note("repeats", rows, found["other"].cast(pl.UInt32))
    fates.note("repeated_words", rows, found["words"].cast(pl.UInt32))
    if plan.substring["action"] == "drop":
        fates.end(rows, Stage.DEDUP, Reason.SHARED_WORDS, duplicate_of=other, twin=other)


def semantic(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence) -> None:
    """Of each cluster of records that say much the same the most wanted stays."""
    if plan.semantic is None:
        return
    pairs = evidence.semantic()
    node = np.where(plane.rows["pos"].is_not_null().to_numpy(), np.arange(len(fates)), -1)
    members, cluster = clusters(node, pairs, np.empty(0, np.int64), fates.undecided)
    survivor = survivors(members, cluster, plane.rows, list(plan.keep))
    members, survivor = members[survivor != members], survivor[survivor != members]
    twin, similarity = _nearest(members, survivor, pairs)
    fates.end(
        members, Stage.DEDUP, Reason.SEMANTIC_DUPLICATE, duplicate_of=survivor, twin=twin, similarity=similarity
    )


def _nearest(
    lost: NDArray[np.int64], survivor: NDArray[np.int64], pairs: pl.DataFrame
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """For each lost row the row that it is like: the survivor where the two are a pair, else the nearest of all."""
    both = pl.concat([pairs, pairs.select(a="b", b="a", similarity="similarity")])
    mine = pl.DataFrame({"a": lost, "survivor": survivor})
    best = (
        mine.join(both, on="a", how="inner")
        .with_columns(direct=pl.col("b") == pl.col("survivor"))
        .sort("a", "direct", "similarity", "b", descending=[False, True, True, False])
        .group_by("a", maintain_order=True)
        .first()
    )
    found = mine.select("a").join(best, on="a", how="left", maintain_order="left")
    return found["b"].to_numpy(), found["similarity"].to_numpy()


def contradictions(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence, reached: NDArray[np.bool_]) -> None:
    """Records whose prompt another record answers otherwise, or whose system prompt has opposite rules elsewhere, are named
    with it, and dropped if the recipe says so. reached: the rows that reached dedup: all are told, whoever is gone since."""
    if plan.contradictions is None:
        return
    answers, styles = (_against(plan, plane, fates, reached, one) for one in evidence.opposed())
    told = pl.concat([answers, styles.join(answers, on="row", how="anti")]).sort("row")
    fates.note("contradicts", told["row"].to_numpy(), told["opponent"].cast(pl.UInt32))
    fates.note("contradiction", told["row"].to_numpy(), told["kind"])
    for found, drop in ((answers, "drop"), (styles, "drop_style")):
        standing = found.filter("standing")
        older = standing.filter((pl.col("date") < pl.col("newest")).fill_null(False))
        lost = {"none": standing.clear(), "older": older, "both": standing}[plan.contradictions[drop]]
        fates.end(lost["row"].to_numpy(), Stage.CONTRADICTIONS, Reason.CONTRADICTED)


def _against(plan: Plan, plane: KeyPlane, fates: Fates, reached: NDArray[np.bool_], opposed: Opposed) -> pl.DataFrame:
    """The rows that disagree with another one, sorted: `row`, `opponent` (the most wanted, those that still stand first),
    `kind`, `date`, `newest` (date of an opponent that stands) and `standing` (whether the row and an opponent do)."""
    said = opposed.said
    rows = np.flatnonzero(reached & (said >= 0))
    rank = pl.DataFrame({"row": ordered(plane.rows, list(plan.keep))}).with_row_index("rank")
    mine = pl.DataFrame({"row": rows, "said": said[rows], "alive": fates.undecided[rows]}).join(rank.cast({"row": pl.Int64}), on="row")
    mine = mine.with_columns(date=plane.rows["date"].cast(pl.String).gather(mine["row"]))
    together = mine.sort("alive", "rank", descending=[True, False]).group_by("said", maintain_order=True)
    groups = together.agg(pl.col("row", "rank", "alive").first(), newest=pl.col("date").filter("alive").max())
    both = pl.concat([opposed.pairs, opposed.pairs.select(a="b", b="a", kind="kind")])
    both = both.select(pl.Series("said", said[both["a"]]), pl.Series("other", said[both["b"]]), "kind").unique()
    both = both.join(groups.select(other="said", opponent="row", order="rank", stands="alive", newest="newest"), on="other")
    best = both.sort("said", "stands", "order", "kind", descending=[False, True, False, False]).group_by("said", maintain_order=True)
    found = mine.join(best.agg(pl.col("opponent", "kind").first(), pl.col("newest").max(), pl.col("stands").any()), on="said").sort("row")
    return found.select("row", "opponent", "kind", "date", "newest", standing=pl.col("alive") & pl.col("stands"))


def decontaminate(plan: Plan, plane: KeyPlane, fates: Fates) -> None:
    """Records that hold an item of a benchmark are dropped."""
    if plan.decontaminate is None:
        return
    bound = plan.decontaminate.params["overlap"]
    over = pl.lit(False) if bound is None else (pl.col("contamination") >= bound).fill_null(False)
    held = plane.rows.select(held=over | pl.col("@run").fill_null(False))["held"]
    fates.end(held.to_numpy(), Stage.DECONTAMINATE, Reason.CONTAMINATED)


def topics(plan: Plan, fates: Fates, evidence: Evidence) -> None:
    """Every record is told its topic."""
    if plan.topics is not None:
        fates.note("topic", evidence.recorded, evidence.topics())


def select(plan: Plan, plane: KeyPlane, fates: Fates, evidence: Evidence) -> None:
    """The best of what is left, within the budget."""
    if plan.select is None:
        return
    rows = np.flatnonzero(fates.undecided)
    best = rows[ordered(plane.rows[rows], plan.select["by"])]
    wanted = plan.select["n"], plan.select["max_similarity"]
    with evidence.vectors(best) if plan.select["diverse"] else nullcontext() as vectors:
        picked = choose(vectors, len(best), *wanted)
    left_out = np.ones(len(best), bool)
    left_out[picked] = False
    fates.end(np.sort(best[left_out]), Stage.SELECT, Reason.NOT_CHOSEN)
