"""Checks of what a trainer and a lawyer will ask: token limits, truncation, system prompts, licences."""

from __future__ import annotations

from typing import Annotated, Literal

import polars as pl

from datasetbuild.op import Bound, check
from datasetbuild.stages.check.subject import Finding, Measure, Subject, bounds, measure, quantile, share

Share = Annotated[float, Bound(ge=0, le=1)]


@check(version=1, needs="render")
def tokens_quantile(
    subject: Subject,
    /,
    *,
    q: Share = 0.95,
    max: Annotated[int, Bound(ge=1)] | None = None,
    per: str | None = None,
    split: str | None = None,
) -> Finding:
    """Tokens of a quantile of the rows, which a trainer's `max_seq_length` must hold.

    q: the share of the rows that it is about.
    max: the largest number of tokens that passes; null: `template.max_tokens`.
    per: a column such as `source` or `split`: each of its values is measured by itself.
    split: look at this split alone.
    """
    limit = max if max is not None else subject.max_tokens
    measures, failing = [], []
    for of, rows in subject.groups(per, split):
        # Row by row as a trainer meets them: what the mix repeats counts as often as it stands there.
        repeated = rows.select(pl.col("tokens").repeat_by("copies").explode(empty_as_null=False)).to_series()
        value = quantile(repeated, q)
        found = measure(of, None if value is None else int(value), None, limit)
        measures.append(found)
        failing += [] if found.passed or limit is None else rows.filter(pl.col("tokens") > limit)["id"].to_list()
    return Finding(bounds(None, limit), tuple(measures), tuple(failing), ("tokens",))


@check(version=1, needs="render")
def truncated_share(subject: Subject, /, *, per: str | None = None, max: Share = 0.01) -> Finding:
    """The share of the kept records that `template.overflow: truncate` has cut.

    per: a column such as `source` or `split`: each of its values is measured by itself.
    max: the largest share that passes.
    """
    if "cut" not in subject.ledger.columns:  # nothing is ever cut with another `overflow`
        return Finding(bounds(None, max, "%"), (Measure("", 0, True),), unit="%")
    measures, failing = [], []
    for of, rows in subject.groups(per):
        cut = rows.filter(pl.col("cut").is_not_null())
        found = measure(of, share(len(cut), len(rows)), None, max)
        measures.append(found)
        failing += [] if found.passed else cut["id"].to_list()
    return Finding(bounds(None, max, "%"), tuple(measures), tuple(failing), ("tokens", "cut"), unit="%")


@check(version=1)
def system_prompt(
    subject: Subject,
    /,
    *,
    convention: Literal["consistent", "always", "never"] = "consistent",
    max: Share = 0.0,
) -> Finding:
    """Whether records have a system prompt as one convention has it: a model trained on a mixture learns neither.

    convention: `always` every record has one, `never` none has; `consistent` all have or none has, whichever more do.
    max: the largest share of records against the convention that passes.
    """
    opened = subject.openings.with_columns(has=pl.col("system").fill_null("") != "")
    with_one = int(opened["has"].sum())
    usual = convention == "always" or (convention == "consistent" and 2 * with_one > len(opened))
    against = opened.filter(pl.col("has") != usual)
    found = measure("without one" if usual else "with one", share(len(against), len(opened)), None, max)
    failing = [] if found.passed else against["id"].to_list()
    wanted = {"always": "in every record", "never": "in no record", "consistent": "in all records or in none"}[convention]
    return Finding(wanted, (found,), tuple(failing), ("source",), unit="%")


@check(version=1)
def licenses(
    subject: Subject,
    /,
    *,
    allow: list[str] | None = None,
    deny: list[str] = [],  # noqa: B006  (read, never changed)
    unknown: Literal["fail", "pass"] = "fail",
) -> Finding:
    """Kept records whose licence is not one that the recipe accepts.

    allow: licences that pass, as the sources name them (`CC0-1.0`, letter case aside); null: all but those of `deny`.
    deny: licences that do not pass.
    unknown: what becomes of records whose source states no licence.
    """
    named = pl.col("license").cast(pl.String).str.to_lowercase()
    bad = named.is_in([name.lower() for name in deny])
    bad = bad | ~named.is_in([name.lower() for name in allow]) if allow is not None else bad
    rows = subject.kept.filter(bad.fill_null(unknown == "fail"))
    counts = rows.group_by(pl.col("license").cast(pl.String).fill_null("not stated")).len().sort("license").iter_rows()
    measures = tuple(Measure(str(name), int(number), False) for name, number in counts)
    parts = [f"only {', '.join(allow)}"] if allow is not None else []
    parts += [f"not {', '.join(deny)}"] if deny else []
    parts += ["every one stated"] if unknown == "fail" else []
    found = measures or (Measure("", 0, True),)
    return Finding("; ".join(parts) or "any", found, tuple(rows["id"].to_list()), ("license",))
