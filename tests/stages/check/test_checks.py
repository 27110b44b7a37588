"""Checks by golden values on a small ledger, and the laws of what they compare with."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.op import find
from datasetbuild.stages.check.subject import Finding, MissingColumn, Subject, bounds, mean, measure, quantile, share

LEDGER = pl.DataFrame(
    {
        "id": list("abcdefgh"),
        "source": ["faq"] * 4 + ["web"] * 4,
        "fate": ["kept"] * 6 + ["dropped"] * 2,
        "stage": [None] * 6 + ["filter", "dedup"],
        "reason": [None] * 6 + ["below_min", "exact_duplicate"],
        "rule": [None] * 6 + ["words", None],
        "split": ["train"] * 4 + ["validation"] * 2 + [None] * 2,
        "copies": pl.Series([2, 1, 1, 1, 1, 1, 0, 0], dtype=pl.UInt32),
        "category": ["x", "x", "x", "y", "y", None, "y", "y"],
        "group": ["1", "2", None, "3", "3", None, None, None],
        "cluster": [None, "b", None, None, "b", None, None, None],
        "license": ["CC0-1.0"] * 4 + ["MIT", None, None, None],
        "words.min": [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0],
        "words.max": [10.0, 20.0, 30.0, 40.0, None, 60.0, 70.0, 80.0],
        "pii": [0, 1, 0, 0, 0, 2, 5, 5],
        "contradicts": ["b", "a", "g", None, None, None, "c", None],  # g is not kept: c contradicts nobody who is
        "loop": [False, False, True, None, False, False, True, True],
        "tokens": pl.Series([100, 10, 20, 30, 40, 50, 0, 0], dtype=pl.UInt32),
    }
)


def run(name: str, folder: Path = Path("nowhere"), ledger: pl.DataFrame = LEDGER, **params: Any) -> Finding:
    op = find("check", name)
    found = op.function(Subject(ledger, folder, max_tokens=64), **op.fill(params))
    assert isinstance(found, Finding)
    return found


def values(found: Finding) -> dict[str, Any]:
    return {one.of: one.value for one in found.measures}


GOLDEN: list[tuple[str, dict[str, Any], dict[str, Any], bool, str]] = [
    ("fact_mean", {"fact": "words", "max": 32}, {"": 32.0}, True, ""),
    ("fact_mean", {"fact": "words", "side": "min", "min": 4}, {"": 3.5}, False, ""),
    ("fact_mean", {"fact": "words", "per": "source", "max": 30}, {"faq": 25.0, "web": 60.0}, False, ""),
    ("fact_quantile", {"fact": "words", "q": 0.5, "max": 30}, {"": 30.0}, True, ""),
    ("fact_quantile", {"fact": "words", "q": 0.8, "split": "train", "max": 30}, {"train": 40.0}, False, ""),
    ("fact_share", {"fact": "words", "above": 20, "max": 0.5}, {"": 0.5}, True, ""),
    ("fact_share", {"fact": "words", "above": 10, "max": 0.5}, {"": 0.666667}, False, "bcdf"),
    ("fact_share", {"fact": "words", "below": 15, "per": "source", "min": 0.2}, {"faq": 0.25, "web": 0.0}, False, "ef"),
    ("fact_share", {"fact": "loop", "values": [True], "max": 0.1}, {"": 0.166667}, False, "c"),
    ("flagged_rows", {"facts": ["pii", "loop"]}, {"": 3}, False, "bcf"),
    ("flagged_rows", {"facts": ["pii"], "max": 2}, {"": 2}, True, "bf"),
    ("contradictions", {}, {"": 2}, False, "ab"),
    ("contradictions", {"max": 2}, {"": 2}, True, "ab"),
    ("top_share", {"max": 0.8}, {"train: x": 0.8}, True, ""),
    ("top_share", {"count": "records", "max": 0.7}, {"train: x": 0.75}, False, "abc"),
    ("top_share", {"column": "group", "split": "validation"}, {"validation: 3": 1.0}, False, "e"),
    ("entropy", {"column": "source", "split": None, "min": 0.8}, {"": 0.863121}, True, ""),
    ("entropy", {"split": "validation"}, {"validation": 0.0}, False, ""),
    ("required", {"values": {"x": 3, "z": 1}}, {"x": 3, "z": 0}, False, ""),
    ("row_count", {"min": 4}, {"train": 4}, True, ""),
    ("row_count", {"count": "rows", "per": "category", "split": None, "min": 2}, {"none": 1, "x": 4, "y": 2}, False, ""),
    ("split_share", {}, {"validation": 0.333333}, False, ""),
    ("split_share", {"split": "test"}, {"test": 0.0}, False, ""),
    ("split_overlap", {"by": ["group", "near_duplicates"]}, {"": 2}, False, "be"),
    ("lost_share", {"max": 0.5}, {"faq": 0.0, "web": 0.5}, True, ""),
    ("lost_share", {"per": None, "reason": "below_min", "max": 0.1}, {"": 0.125}, False, "g"),
    ("tokens_quantile", {"q": 0.5}, {"": 40}, True, ""),
    ("tokens_quantile", {}, {"": 100}, False, "a"),
    ("truncated_share", {}, {"": 0}, True, ""),
    ("licenses", {}, {"not stated": 1}, False, "f"),
    ("licenses", {"allow": ["cc0-1.0"], "unknown": "pass"}, {"MIT": 1}, False, "e"),
    ("licenses", {"deny": ["GPL-3.0"], "unknown": "pass"}, {"": 0}, True, ""),
]


@pytest.mark.parametrize(("name", "params", "measured", "passed", "failing"), GOLDEN, ids=lambda one: str(one)[:40])
def test_golden(name: str, params: dict[str, Any], measured: dict[str, Any], passed: bool, failing: str) -> None:
    """Each check measures what its manual says, and names the rows at fault. Rows that are not kept count for none."""
    if name == "split_overlap":  # its rows of `data/` are none here
        params = params | {"by": params["by"]}
    found = run(name, **params)
    assert values(found) == pytest.approx(measured)
    assert found.passed is passed
    assert "".join(sorted(found.failing)) == failing


def test_rows_above_the_limit_of_a_source_are_not_lost() -> None:
    """Nobody asked for them: they are neither lost nor among the rows that something can be lost of."""
    cut = LEDGER.with_columns(pl.when(pl.col("id") == "g").then(pl.lit("over_limit")).otherwise("reason").alias("reason"))
    assert values(run("lost_share", ledger=cut, per=None, max=0.2)) == {"": 0.142857}


def test_every_check_has_a_golden_value() -> None:
    """No check is without a test, `system_prompt` and `first_user` have theirs below."""
    from datasetbuild.op import operators

    assert {op.name for op in operators("check")} == {name for name, *_ in GOLDEN} | {"system_prompt"}


def data(folder: Path, rows: dict[str, list[tuple[str, str | None, str]]]) -> Path:
    """An artifact's `data/` of (id, system, user) per split."""
    (folder / "data").mkdir()
    for split, of in rows.items():
        turns = [
            [{"role": "system", "content": system}] * (system is not None)
            + [{"role": "user", "content": user}, {"role": "assistant", "content": "Yes."}]
            for _, system, user in of
        ]
        frame = pl.DataFrame({"id": [one for one, _, _ in of], "copy": [0] * len(of), "messages": turns})
        frame.write_parquet(folder / "data" / f"{split}-00000-of-00001.parquet")
    return folder


def test_what_opens_a_conversation(tmp_path: Path) -> None:
    """`system_prompt` and the first user messages of `split_overlap` are read from `data/`, not from what the split promised."""
    rows = {"train": [("a", "Be kind.", "How?"), ("b", None, "Why?")], "validation": [("c", "Be kind.", " why? ")]}
    folder = data(tmp_path, rows)
    against = run("system_prompt", folder, max=0.4)
    assert (against.passed, values(against)) == (True, {"without one": pytest.approx(1 / 3, abs=1e-6)})
    assert run("system_prompt", folder, convention="never").failing == ("a", "c")
    assert run("system_prompt", folder, convention="always").failing == ("b",)
    assert run("split_overlap", folder, by=["first_user"]).failing == ("b", "c")
    assert run("split_overlap", folder, by=["id"]).passed


def test_what_is_not_there_cannot_pass() -> None:
    """Nothing to measure fails; a column that the ledger does not have is an error."""
    assert not run("fact_mean", ledger=LEDGER.clear(), fact="words").passed
    assert not run("fact_quantile", fact="words", split="test", max=5).passed
    with pytest.raises(MissingColumn):
        run("fact_mean", fact="sunflowers")


@given(st.integers(0, 200), st.integers(1, 200))
def test_a_share_equal_to_its_bound_passes(part: int, whole: int) -> None:
    """Shares are compared as whole numbers: k of n is neither above nor below k/n written as a decimal."""
    exact = Fraction(part, whole)
    bound = float(exact)
    if Fraction(repr(bound)) == exact:
        assert measure("", share(part, whole), bound, bound).passed
    assert not measure("", share(part, whole), bound + 1e-9, None).passed
    assert not measure("", share(part, whole), None, bound - 1e-9).passed


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=40), st.randoms())
def test_order_changes_no_measure(numbers: list[float], random: Any) -> None:
    """Means and quantiles are the same to the last bit in whatever order the rows stand."""
    mixed = list(numbers)
    random.shuffle(mixed)
    assert mean(pl.Series(numbers)) == mean(pl.Series(mixed))
    for q in (0.0, 0.05, 0.5, 0.95, 1.0):
        assert quantile(pl.Series(numbers), q) == quantile(pl.Series(mixed), q) in numbers


def test_bounds_in_words() -> None:
    """Bounds as a person reads them."""
    assert bounds(0.1, 0.2, "%") == "10 % to 20 %"
    assert (bounds(None, 2048), bounds(5, None), bounds(3, 3), bounds(None, None)) == ("at most 2,048", "at least 5", "3", "no bound")
