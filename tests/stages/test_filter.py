"""Filter: bounds, quantiles and attribution."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.errors import RecipeError
from datasetbuild.stages.bounds import quantile, rank
from datasetbuild.stages.filter import BROKEN, Judged, Rule, judge

FACTS = pl.DataFrame(
    {
        "n": [1, 5, 9, None],
        "r.min": [0.1, 0.5, 0.9, 0.5],
        "r.max": [0.2, 0.9, 0.9, 0.6],
        "lang": ["en", "de", "no", "en"],
        "flag": [True, False, False, True],
    }
)


def told(judged: Judged, rules: list[Rule]) -> list[tuple[str | None, str | None, list[str] | None]]:
    """For each record the reason, the rule that gives it, and the names of further rules that fail."""
    lines: list[tuple[str | None, str | None, list[str] | None]] = []
    for column, rule in zip(judged.reason.T, judged.rule, strict=True):
        failed = [one.name for one, reason in zip(rules, column, strict=True) if reason]
        first = BROKEN[column[rule - 1] - 1].value if rule else None
        assert not failed or failed[0] == rules[rule - 1].name
        lines.append((first, failed[0] if failed else None, failed[1:] if failed else None))
    return lines


def reasons(name: str, low: str, high: str, bounds: dict[str, Any]) -> list[str | None]:
    rules = [Rule(name, low, high, bounds)]
    return [reason for reason, _, _ in told(judge(FACTS, rules), rules)]


@pytest.mark.parametrize(
    ("column", "bounds", "expected"),
    [
        ("n", {"min": 5}, ["below_min", None, None, "unmeasured"]),
        ("n", {"max": 5}, [None, None, "above_max", "unmeasured"]),
        ("n", {"min": 2, "max": 8}, ["below_min", None, "above_max", "unmeasured"]),
        ("n", {}, [None] * 4),
        ("n", {"min": None, "max": None}, [None] * 4),
        ("lang", {"allow": ["en", "de"]}, [None, None, "not_allowed", None]),
        ("lang", {"deny": ["no"]}, [None, None, "denied", None]),
        ("lang", {"allow": []}, ["not_allowed"] * 4),
        ("flag", {"deny": [True]}, ["denied", None, None, "denied"]),
        ("flag", {"allow": [True]}, [None, "not_allowed", "not_allowed", None]),
    ],
)
def test_every_bound_has_its_reason(column: str, bounds: dict[str, Any], expected: list[str | None]) -> None:
    """min, max, allow and deny each drop for a reason of their own; a fact without a value never passes a bound in silence,
    and where nothing is bounded nothing is dropped."""
    assert reasons("rule", column, column, bounds) == expected


def test_a_fact_per_turn_is_bounded_at_both_ends() -> None:
    """`min` looks at the smallest turn and `max` at the largest."""
    assert reasons("r", "r.min", "r.max", {"min": 0.3, "max": 0.8}) == ["below_min", "above_max", "above_max", None]


def test_the_first_rule_in_order_gives_the_reason_and_the_others_are_named() -> None:
    """Attribution follows the recipe's order, and hides nothing."""
    rules = [Rule("a", "n", "n", {"max": 8}), Rule("b", "lang", "lang", {"deny": ["no"]}), Rule("c", "flag", "flag", {"allow": [True]})]
    lines = told(judge(FACTS, rules), rules)
    assert lines[2] == ("above_max", "a", ["b", "c"])
    assert lines[1] == ("not_allowed", "c", [])
    assert lines[0] == (None, None, None)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.floats(0, 1))
def test_a_quantile_is_one_of_the_values(values: list[float], q: float) -> None:
    """At least a share q of the values does not exceed it, and fewer do not exceed any smaller one."""
    found = quantile(pl.Series(values), q)
    assert found is not None
    assert found in values
    least = Fraction(repr(q)) * len(values)
    assert sum(value <= found for value in values) >= least
    assert sum(value < found for value in values) < max(least, 1)


def test_a_quantile_is_exact() -> None:
    """Every hundredth of a hundred values is the value of that number: in floats, 0.07 of 100 is more than 7."""
    assert [rank(n / 100, 100) for n in range(1, 101)] == [*range(100)]


def test_quantiles_are_looked_up() -> None:
    """`q0.5` is the median of the fact, and the report says which number it was."""
    rules = [Rule("n", "n", "n", {"min": "q0.5"})]
    judged = judge(FACTS, rules)
    assert judged.bounds == {"n": {"min": 5.0}}
    assert [reason for reason, _, _ in told(judged, rules)] == ["below_min", None, None, "unmeasured"]


def test_no_rule_no_verdict() -> None:
    """Without rules every record passes."""
    judged = judge(FACTS, [])
    assert judged.rule.tolist() == [0] * 4
    assert judged.bounds == {}


@pytest.mark.parametrize(
    ("column", "bounds", "sentence"),
    [
        ("flag", {"min": 1}, "this fact is true or false"),
        ("lang", {"max": 3}, "this fact is a word"),
        ("n", {"allow": ["one"]}, "'one' is no value of this fact, which is a number"),
        ("flag", {"deny": ["yes"]}, "'yes' is no value of this fact, which is true or false"),
        ("lang", {"deny": [1]}, "1 is no value of this fact, which is a word"),
    ],
)
def test_a_bound_that_cannot_fit_is_a_fault(column: str, bounds: dict[str, Any], sentence: str) -> None:
    """A bound of the wrong kind would drop everything or nothing: it is refused."""
    with pytest.raises(RecipeError, match=sentence):
        reasons("rule", column, column, bounds)
