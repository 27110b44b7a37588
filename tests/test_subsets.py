"""Nested subsets of train: each holds the smaller ones, whatever else is in the recipe, and a trainer can load each."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.stages.split import nested
from tests.conftest import Project

RECIPE = """\
name: small
sources:
  a: {path: a.jsonl, format: messages, group: customer}
  b: {path: b.jsonl, format: messages, group: customer}
split: {train: 0.9, validation: 0.1, stratify: [source]}
mix: {weights: {a: 0.5, b: 0.5}, max_repeat: 3}
subsets: [0.5, 0.1, 0.25, 1.0]
export: [messages]
"""


def rows(name: str, count: int) -> list[Any]:
    return [
        {
            "messages": [{"role": "user", "content": f"Question {n} of {name}?"}, {"role": "assistant", "content": f"Answer {n}."}],
            "customer": f"{name}{n // 2}",
        }
        for n in range(count)
    ]


def built(project: Project, a: int, b: int, recipe: str = RECIPE) -> Project:
    project.write({"a.jsonl": rows("a", a), "b.jsonl": rows("b", b), "recipes/small.yaml": recipe})
    ran = project.run("recipe=small", "-q")
    assert ran.code == 0, ran.err
    return project


def subset(project: Project, share: str) -> pl.DataFrame:
    """The rows of a subset, read as the manifest says."""
    files = project.manifest()["subsets"][share]["files"]
    return pl.concat(pl.read_parquet(project.artifact() / "data" / file) for file in files)


@given(
    st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=80),
    st.sets(st.sampled_from([0.01, 0.1, 0.25, 0.5, 0.9])),
    st.sampled_from(["stable", "exact"]),
)
def test_each_holds_the_smaller_ones(keys: list[int], shares: Iterable[float], assign: str) -> None:
    """A record has one smallest subset; a share more or less in the recipe moves no record that it does not name; equal
    keys, which belong together, are in the same subsets."""
    numbers = np.array(keys, np.uint64)
    strata = pl.Series([""] * len(keys))
    wanted = tuple(sorted(shares))
    found = nested(numbers, strata, wanted, seed=3, assign=assign)
    assert set(found) <= {*wanted, 1.0}
    for share in wanted:
        alone = nested(numbers, strata, (share,), seed=3, assign=assign) <= share
        assert (found <= share).to_list() == alone.to_list()
    assert len({(key, value) for key, value in zip(keys, found, strict=True)}) == len(set(keys))


def test_subsets_of_a_build(project: Project) -> None:
    """The files of a subset are the first of train; ledger, manifest, card and lines agree on what is in it."""
    built(project, 300, 120)
    train, ledger, manifest = project.rows(), project.ledger(), project.manifest()
    lines = (project.artifact() / "export" / "messages" / "train.jsonl").read_text().splitlines()
    assert list(manifest["subsets"]) == ["0.1", "0.25", "0.5"]
    before: set[str] = set()
    for share, said in manifest["subsets"].items():
        mine = subset(project, share)
        ids = set(mine["id"])
        assert before < ids
        before = ids
        assert mine["id"].to_list() == train["id"].head(len(mine)).to_list()
        assert (len(mine), len(ids)) == (said["rows"], said["records"])
        assert said["sources"] == dict(mine.group_by("source").len().iter_rows())
        assert ids == set(ledger.filter(pl.col("subset") <= float(share))["id"])
        assert said["exports"] == {"messages": said["rows"]}
        assert [json.loads(line)["messages"] for line in lines[: said["rows"]]] == mine["messages"].to_list()
        assert said["rows"] / len(train) == pytest.approx(float(share), abs=0.12)
    assert ledger.filter(pl.col("subset").is_not_null())["split"].unique().to_list() == ["train"]
    customers = ledger.filter(pl.col("split") == "train").group_by("group").agg(pl.col("subset").n_unique())
    assert customers["subset"].max() == 1, "what belongs together is in the same subsets"


def test_a_trainer_loads_each(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """`load_dataset(folder, "subset-0.25")` has the rows of the subset, and the whole of the other splits."""
    from datasets import load_dataset

    built(project, 80, 60)
    cache = str(tmp_path_factory.mktemp("hf"))
    for share, said in project.manifest()["subsets"].items():
        found = load_dataset(str(project.artifact()), f"subset-{share}", cache_dir=cache)
        assert len(found["train"]) == said["rows"]
        assert len(found["validation"]) == project.manifest()["splits"]["validation"]["rows"]
    assert len(load_dataset(str(project.artifact()), cache_dir=cache)["train"]) == len(project.rows())


def test_rows_that_come_move_no_others(new_project: Callable[[], Project]) -> None:
    """With `assign: stable` a record keeps its subset when others are added."""
    plain = RECIPE.replace("mix: {weights: {a: 0.5, b: 0.5}, max_repeat: 3}\n", "")
    before = built(new_project(), 100, 60, plain).ledger().select("id", "subset")
    after = built(new_project(), 140, 60, plain).ledger().select("id", "subset")
    both = before.join(after, on="id")
    assert len(both) == 160
    assert both["subset"].to_list() == both["subset_right"].to_list()


def test_exact_shares_of_every_stratum(project: Project) -> None:
    """With `assign: exact` each source is in a subset by its share, to the nearest unit of two."""
    exact = RECIPE.replace("stratify: [source]", "stratify: [source], assign: exact").replace("mix: {weights: {a: 0.5, b: 0.5}, max_repeat: 3}\n", "")
    built(project, 400, 100, exact)
    ledger = project.ledger().filter(pl.col("split") == "train")
    for share in (0.1, 0.25, 0.5):
        for source, count in ledger.group_by("source").len().iter_rows():
            mine = ledger.filter((pl.col("subset") <= share) & (pl.col("source") == source))
            assert len(mine) == pytest.approx(share * count, abs=2)


def test_many_parts(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Subsets of several parts each: the files are in the order of the subsets, and all of train is there once."""
    from datasetbuild.engine import parts

    monkeypatch.setattr(parts, "PART_ROWS", 16)
    built(project, 300, 120)
    train = project.rows()
    assert len(subset(project, "0.5")) == project.manifest()["subsets"]["0.5"]["rows"]
    assert len(project.manifest()["subsets"]["0.5"]["files"]) > 3
    assert train["id"].head(len(subset(project, "0.5"))).to_list() == subset(project, "0.5")["id"].to_list()
    assert int(project.ledger()["copies"].sum()) == len(train) + len(project.rows("validation"))


def test_none_without_asking(project: Project) -> None:
    """A recipe without subsets has no such column and no such configuration."""
    built(project, 30, 30, RECIPE.replace("subsets: [0.5, 0.1, 0.25, 1.0]\n", ""))
    assert "subset" not in project.ledger().columns
    assert project.manifest()["subsets"] == {}
    header = yaml.safe_load((project.artifact() / "README.md").read_text().split("---")[1])
    assert [config["config_name"] for config in header["configs"]] == ["default"]
    assert Path(project.artifact() / "report.html").is_file()
