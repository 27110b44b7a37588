"""The checks of a recipe, run over a finished dataset: what each found, as the manifest holds it, and the rows at fault."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from datasetbuild.errors import BuildError, UsageError
from datasetbuild.op import find
from datasetbuild.plan.steps import CheckStep, Plan
from datasetbuild.recipe import Recipe
from datasetbuild.stages.check.subject import Finding, MissingColumn, Subject, said

PLACE = ("id", "source", "file", "row", "line", "split")
"""What names a failing row, before the columns that say why."""


@dataclass(frozen=True)
class Checked:
    """A check and what it found."""

    step: CheckStep
    finding: Finding

    @property
    def status(self) -> str:
        """`passed`, `warned` or `failed`."""
        return "passed" if self.finding.passed else "warned" if self.step.severity == "warn" else "failed"

    @property
    def measured(self) -> str:
        """The measures in words: those that failed, else the one that there is, else how many there are."""
        measures = self.finding.measures
        bad = [one for one in measures if not one.passed]
        if not bad:
            return _said(measures[0], self.finding) if len(measures) == 1 else f"all of {len(measures)}"
        more = f" and {len(bad) - SHOWN} more" if len(bad) > SHOWN else ""
        return ", ".join(_said(one, self.finding) for one in bad[:SHOWN]) + more


SHOWN = 3
"""Failing measures that are named in one line."""


def _said(measure: Any, finding: Finding) -> str:
    return " ".join(part for part in (measure.of, said(measure.value, finding.unit)) if part)


def run_checks(
    steps: Sequence[CheckStep], ledger: pl.DataFrame, folder: Path, template: dict[str, Any] | None
) -> list[Checked]:
    """Run checks over a ledger and the `data/` of a folder, in the order of their names."""
    subject = Subject(ledger, folder, (template or {}).get("max_tokens"))
    return [Checked(step, _found(step, subject)) for step in sorted(steps, key=lambda step: step.name)]


def _found(step: CheckStep, subject: Subject) -> Finding:
    op = find("check", step.check)
    try:
        finding = op.function(subject, **op.fill(step.params))
    except MissingColumn as missing:
        error = BuildError(
            f"check {step.name!r} looks at {missing.args[0]!r}, which the ledger does not have",
            hint=missing.hint or "build once more: what a check looks at is measured then",
        )
    except (Exception, SystemExit) as raised:  # a plugin's check may raise anything; ours do not
        error = BuildError(f"check {step.name!r} raised {type(raised).__name__}: {raised}", hint=f"look at the check {step.check!r}")
    else:
        if isinstance(finding, Finding):
            return finding
        error = BuildError(f"check {step.name!r} gave a {type(finding).__name__} and no Finding", hint=f"look at the check {step.check!r}")
    error.path = f"checks.{step.name}"
    raise error


def failed(checks: Sequence[Checked]) -> bool:
    """Whether a check of severity `error` failed."""
    return any(check.status == "failed" for check in checks)


def summary(checks: Sequence[Checked]) -> dict[str, Any]:
    """The checks as the manifest holds them."""
    return {
        check.step.name: {
            "check": check.step.check,
            "severity": check.step.severity,
            "status": check.status,
            "wanted": check.finding.wanted,
            "measured": check.measured,
            "unit": check.finding.unit,
            "measures": [{"of": m.of, "value": m.value, "passed": m.passed} for m in check.finding.measures],
            "worst": _worst(check.finding),
            "failing_rows": len(set(check.finding.failing)),
        }
        for check in checks
    }


def _worst(finding: Finding) -> float | int | None:
    """The number that a metrics file follows: the first that failed, else the first; None where there is none."""
    values = [one for one in finding.measures if one.value is not None]
    return next((one.value for one in sorted(values, key=lambda one: one.passed)), None)


def write_failing(checks: Sequence[Checked], ledger: pl.DataFrame, path: Path) -> int:
    """`checks.jsonl`: the rows at fault of each check that did not pass, check by check: where each row is from, and the
    columns that say why. Empty when all passed. Returns the number of rows."""
    written = 0
    with open(path, "wb") as file:
        for check in checks:
            if check.finding.passed or not check.finding.failing:
                continue
            names = [name for name in dict.fromkeys([*PLACE, *check.finding.columns]) if name in ledger.columns]
            rows = ledger.filter(pl.col("id").is_in(list(set(check.finding.failing)))).select(names)
            for row in rows.iter_rows(named=True):
                file.write(orjson.dumps({"check": check.step.name, **row}) + b"\n")
            written += len(rows)
    return written


def recheck(recipe: Recipe, plan: Plan, folder: Path) -> tuple[dict[str, Any], Path]:
    """Run the checks of a recipe on the artifact in a folder, and write the rows at fault to `.dsbuild/checks/NAME.jsonl`.

    Returns the checks as the manifest holds them, and that file. `UsageError` when the recipe has no checks.
    """
    if not plan.checks:
        raise UsageError(
            f"the recipe {recipe.choice!r} has no checks", hint="write `checks:`, or choose some: checks=standard"
        )
    ledger = pl.read_parquet(folder / "ledger.parquet", glob=False)
    checks = run_checks(plan.checks, ledger, folder, plan.template)
    target = recipe.project / ".dsbuild" / "checks" / f"{recipe.name}.jsonl"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_failing(checks, ledger, target)
    return summary(checks), target
