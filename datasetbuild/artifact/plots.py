"""Charts for `dvc plots`: what the report draws of a whole build, as rows that DVC can lay over those of another version.

All of it is in the manifest, so the charts of a version can be made again, and checked, without its data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from datasetbuild.record import Stage

Row = dict[str, str | int | float]


@dataclass(frozen=True)
class Chart:
    """A file of `plots/`, as DVC draws it. template, x, y, title: DVC's own words (https://dvc.org/doc/user-guide/experiment-management/visualizing-plots).
    rows: of a manifest."""

    rows: Callable[[Mapping[str, Any]], list[Row]]
    template: str
    x: str
    y: str
    title: str

    @property
    def options(self) -> dict[str, str]:
        """As `dvc.yaml` says them."""
        return {"template": self.template, "x": self.x, "y": self.y, "title": self.title}


def _rows(manifest: Mapping[str, Any]) -> list[Row]:
    """Where the rows of each source ended: kept, or the stage that took them out."""
    outcomes = ["kept", *(stage.value for stage in Stage)]
    return [
        {"source": line["source"], "outcome": outcome, "rows": line.get(outcome, 0)}
        for line in manifest["counts"]["sources"][:-1]
        for outcome in outcomes
        if line.get(outcome) or outcome == "kept"
    ]


def _tokens(manifest: Mapping[str, Any]) -> list[Row]:
    """How many rows have up to so many tokens, and more than the line before."""
    return [{"tokens": limit, "rows": rows} for limit, rows in manifest["token_histogram"] or ()]


def _mix(manifest: Mapping[str, Any]) -> list[Row]:
    """The share of train that each source was to have, and has."""
    shares = manifest["mix"]["shares"] if manifest["mix"] else ()
    return [{"source": one["source"], "achieved": one["achieved_share"], "requested": one["requested_share"]} for one in shares]


CHARTS = {
    "plots/rows.json": Chart(_rows, "bar_horizontal", "rows", "outcome", "where the rows ended"),
    "plots/tokens.json": Chart(_tokens, "simple", "tokens", "rows", "tokens of a row"),
    "plots/mix.json": Chart(_mix, "bar_horizontal", "achieved", "source", "mix of train"),
}


def charts_of(template: Any, mix: Any) -> tuple[str, ...]:
    """The files of a build, by what a plan, or the `parts` of a manifest, has for the two: null where it renders or mixes nothing."""
    there = {"plots/rows.json": True, "plots/tokens.json": template is not None, "plots/mix.json": mix is not None}
    return tuple(name for name in CHARTS if there[name])


def make_plots(manifest: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The rows of every chart of a build."""
    parts = manifest["parts"]
    return {name: CHARTS[name].rows(manifest) for name in charts_of(parts["template"], parts["mix"])}
