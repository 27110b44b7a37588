"""Sweeps: every point is what a build of it would give, and all of them cost one measurement."""

from __future__ import annotations

import csv
import io
from typing import Any

import pytest

from datasetbuild.engine import measure, near_pairs
from tests.conftest import Project
from tests.laws.conversations import numbered

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages}
  b: {path: b.jsonl, format: messages}
filters: {response_chars: {min: 10}, words: {min: 1}}
dedup: {near: {threshold: 0.8, ngram: 3}}
split: {train: 0.8, validation: 0.2}
"""
GRID = ("filters.response_chars.min=20,130,150", "dedup.near.threshold=0.7,0.8,0.95")


@pytest.fixture
def filled(project: Project) -> Project:
    rows = numbered(90)
    return project.write({"a.jsonl": rows[:60], "b.jsonl": rows[60:], "recipes/small.yaml": RECIPE})


def test_every_point_is_what_its_build_gives(filled: Project) -> None:
    """The counts of a point are those of a build with its overrides."""
    points = filled.run("-m", "recipe=small", *GRID, "--json").json["points"]
    assert len(points) == 9
    base = filled.run("recipe=small", "--json").json["manifest"]["counts"]["kept"]
    for point in points:
        built = filled.run("recipe=small", *point["overrides"], "--json").json["manifest"]
        assert point["kept"] == built["counts"]["kept"]
        assert point["splits"] == {name: split["records"] for name, split in built["splits"].items()}
        assert point["delta"] == point["kept"] - base
    assert len({point["kept"] for point in points}) > 3, "the grid makes a difference"


def test_a_sweep_measures_once(filled: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine points over two bounds measure each shard once, and find and verify their pairs once."""
    ran: list[str] = []
    once, find = measure._ShardWork._once, near_pairs._find

    def counting(self: Any, step: str, key: str, make: Any) -> Any:
        def made() -> Any:
            ran.append(f"{self.plan.source} {step}")
            return make()

        return once(self, step, key, made)

    def finding(*args: Any) -> Any:
        ran.append("pairs")
        return find(*args)

    monkeypatch.setattr(measure._ShardWork, "_once", counting)
    monkeypatch.setattr(near_pairs, "_find", finding)
    assert filled.run("-m", "recipe=small", *GRID).code == 0
    assert ran
    assert len(ran) == len(set(ran))
    assert ran.count("pairs") == 1


def test_the_table_as_csv(filled: Project) -> None:
    """`--csv` has a row a point: what was swept, kept, delta, per source and split."""
    out = filled.run("-m", "recipe=small", GRID[0], "seed=17", "--csv").out
    table = list(csv.DictReader(io.StringIO(out)))
    assert [row["filters.response_chars.min"] for row in table] == ["20", "130", "150"]
    assert set(table[0]) == {"filters.response_chars.min", "kept", "delta", "a", "b", "train records", "validation records"}
    assert all(int(row["a"]) + int(row["b"]) == int(row["kept"]) for row in table)


def test_points_are_told_apart_on_the_terminal(filled: Project) -> None:
    """The table shows each point's values, also lists, which a terminal's markup would swallow, and one that is given twice."""
    out = filled.run("-m", "recipe=small", "split.group=[group],[first_user]").out
    assert "[group]" in out
    assert "[first_user]" in out
    twice = filled.run("-m", "recipe=small", "filters.response_chars.min=20,20", "--csv").out
    assert [row["filters.response_chars.min"] for row in csv.DictReader(io.StringIO(twice))] == ["20", "20"]
    assert filled.run("-m", "recipe=small", GRID[0], "--csv", "--json").code == 2


def test_the_rows_of_a_mix_stand_beside_the_records(filled: Project) -> None:
    """Where a mix repeats records, a point says how many rows come of them; elsewhere they are the records."""
    out = filled.run("-m", "recipe=small", "mix.weights={a: 0.2, b: 0.8},{a: 0.8, b: 0.2}", "+mix.max_repeat=4", "--csv").out
    table = list(csv.DictReader(io.StringIO(out)))
    assert len(table) == 2
    for row in table:
        assert int(row["rows"]) > int(row["kept"]) > 0


def test_nothing_is_written_unless_asked(filled: Project) -> None:
    """A sweep leaves no artifact and no variant; `--write` builds a variant a point."""
    assert filled.run("-m", "recipe=small", GRID[0]).code == 0
    assert not (filled.folder / "build").exists()
    assert not (filled.folder / ".dsbuild" / "variants").exists()
    assert filled.run("-m", "recipe=small", GRID[0], "--write").code == 0
    assert len(list((filled.folder / ".dsbuild" / "variants").iterdir())) == 3
    assert not (filled.folder / "build").exists()


def test_the_curve_is_one_page_of_its_own(filled: Project) -> None:
    """`--plot` writes HTML with an SVG, without script and without any address."""
    page = filled.folder / "curve.html"
    assert filled.run("-m", "recipe=small", *GRID, "--plot", str(page)).code == 0
    text = page.read_text(encoding="utf-8")
    assert text.count("<polyline") == 3
    assert text.count("<circle") == 9
    assert "<script" not in text
    assert "http" not in text


@pytest.mark.parametrize("flag", ["--csv", "--write"])
def test_sweep_flags_need_a_sweep(filled: Project, flag: str) -> None:
    """Flags of a sweep without -m are a usage error that says what to add."""
    ran = filled.run("recipe=small", flag)
    assert ran.code == 2
    assert "add -m" in ran.err


def test_several_values_without_m_are_refused(filled: Project) -> None:
    """A sweep is never started by accident."""
    ran = filled.run("recipe=small", GRID[0])
    assert ran.code in (2, 3)
    assert "-m" in ran.err
