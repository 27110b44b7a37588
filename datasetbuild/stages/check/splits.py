"""Checks of the splits: how large each is, that nothing stands in two of them, and how much was lost on the way."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl

from datasetbuild.op import Bound, check
from datasetbuild.record import Reason
from datasetbuild.stages.check.subject import Finding, Subject, bounds, measure, share

Share = Annotated[float, Bound(ge=0, le=1)]
Tie = Literal["id", "first_user", "group", "near_duplicates"]


@check(version=2)
def split_share(
    subject: Subject, /, *, split: str = "validation", min: Share | None = 0.1, max: Share | None = 0.2
) -> Finding:
    """The share of the kept records that one split holds.

    Records are counted, each once however often the mix repeats it, and only those that the mix left in: a mix that needs half of
    train doubles the share of validation.

    split: the split.
    min: the smallest share that passes.
    max: the largest share that passes.
    """
    found = measure(split, share(len(subject.rows(split)), len(subject.kept)), min, max)
    return Finding(f"{bounds(min, max, '%')} of distinct records", (found,), unit="%")


@check(version=1)
def split_overlap(
    subject: Subject,
    /,
    *,
    by: list[Tie] = ["id", "first_user", "group", "near_duplicates"],  # noqa: B006  (read, never changed)
    max: Annotated[int, Bound(ge=0)] = 0,
) -> Finding:
    """Records that stand in one split while something that belongs to them stands in another.

    The first user messages are read from `data/` and compared once more, whatever the split promised.

    by: what belongs together: the same `id`, the same `first_user` message (blanks and letter case aside), the same
        `group` of a source, and `near_duplicates`, which are those that share a cluster.
    max: the largest number of such records that passes.
    """
    opened = subject.openings
    plain = opened.select("id", "split", user=pl.col("user").str.to_lowercase().str.replace_all(r"\s+", " ").str.strip_chars())
    rows = subject.kept
    tied = {
        "id": lambda: _astride(opened.select("id", "split"), ["id"]),
        "first_user": lambda: _astride(plain, ["user"]),
        "group": lambda: _astride(rows, ["source", "group"]),
        "near_duplicates": lambda: _astride(rows, ["cluster"]),
    }
    failing = sorted({one for name in by for one in tied[name]()})
    columns = ("split", "group", "cluster")
    return Finding(bounds(None, max), (measure("", len(failing), None, max),), tuple(failing), columns)


def _astride(rows: pl.DataFrame, keys: list[str]) -> list[str]:
    """Ids of the rows whose key is in more than one split; keys with a null are none."""
    known = rows.drop_nulls(keys)
    return known.filter(pl.col("split").n_unique().over(keys) > 1)["id"].to_list()


@check(version=2)
def lost_share(
    subject: Subject,
    /,
    *,
    per: str | None = "source",
    stage: str | None = None,
    reason: str | None = None,
    max: Share = 0.5,
) -> Finding:
    """The share of the rows that are not in the dataset: a source that loses most of its rows is seldom meant to.

    Rows above the `limit` of a source are not among them, since nobody asked for those.

    per: a column such as `source` or `category`: each of its values is measured by itself; null: all as one.
    stage: count only what was lost at this stage.
    reason: count only what was lost for this reason.
    max: the largest share that passes.
    """
    lost = pl.col("fate") != "kept"
    for name, wanted in (("stage", stage), ("reason", reason)):
        lost = lost & (pl.col(name).cast(pl.String) == wanted) if wanted else lost
    of = pl.col(subject.column(per)).cast(pl.String) if per else pl.lit("")
    asked_for = (pl.col("reason").cast(pl.String) != Reason.OVER_LIMIT.value).fill_null(True)
    rows = subject.ledger.filter(asked_for).select("id", lost.fill_null(False).alias("lost"), of=of)
    measures, failing = [], []
    for (of,), group in sorted(rows.group_by("of"), key=lambda pair: str(pair[0][0])):
        found = measure("none" if of is None else str(of), share(int(group["lost"].sum()), len(group)), None, max)
        measures.append(found)
        failing += [] if found.passed else group.filter("lost")["id"].to_list()
    return Finding(bounds(None, max, "%"), tuple(measures), tuple(failing), ("fate", "stage", "reason", "rule"), unit="%")
