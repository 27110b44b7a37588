"""The learnt score: it ranks as the raters did, has the same bytes each time, and says what it cannot learn from."""

from __future__ import annotations

import json
import random
from pathlib import Path

import polars as pl
import pytest

from datasetbuild.errors import SourceError
from datasetbuild.stages.annotate import quality
from tests.conftest import Project

pytest.importorskip("sklearn", reason="scikit-learn (the extra `quality`) is not installed")

GOOD = ["open", "choose", "settings", "menu", "then", "click", "step", "first", "second", "because", "example", "shows"]
BAD = ["whatever", "dunno", "maybe", "stuff", "things", "anyway", "lol", "etc", "nope", "sorry", "guess"]
PLAIN = ["the", "a", "of", "to", "account", "photo", "file", "device", "backup", "plan", "is", "in", "on", "with", "it"]


def texts(words: list[str], count: int, seed: int) -> list[str]:
    rng = random.Random(seed)
    return [" ".join(rng.choices(words, k=4) + rng.choices(PLAIN, k=8)) for _ in range(count)]


def rated(tmp_path: Path, good: int = 60, bad: int = 60) -> str:
    rows = [{"text": t, "rating": 5} for t in texts(GOOD, good, 1)] + [{"text": t, "rating": "bad"} for t in texts(BAD, bad, 2)]
    path = tmp_path / "ratings.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return str(path)


def learn(path: str, **more: object) -> tuple[bytes, dict[str, object]]:
    return quality.learn(**{"ratings": path, "text": "text", "rating": "rating", "good": 3, **more})  # type: ignore[arg-type]


def test_it_ranks_as_the_raters_did(tmp_path: Path) -> None:
    """Unseen texts like the good ones score above those like the bad ones, and the report says how sure that is."""
    data, report = learn(rated(tmp_path))
    assert report["auc"] > 0.95
    assert (report["rated"], report["good"]) == (120, 60)
    (tmp_path / "model").write_bytes(data)
    frame = pl.DataFrame({"assistant": [[text] for text in texts(GOOD, 30, 3) + texts(BAD, 30, 4)] + [[""], []]}, schema={"assistant": pl.List(pl.String)})
    score = quality.quality(tmp_path / "model", ratings="")(frame)
    assert score[:30].min() > score[30:60].max()
    assert score.is_between(0, 1).all()


def test_the_model_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    """The digest of a model stands in keys; learning again gives the same one."""
    assert learn(rated(tmp_path)) == learn(rated(tmp_path))


def test_length_alone_says_nothing(tmp_path: Path) -> None:
    """A text said twice scores as the text: only which words there are counts."""
    data, _ = learn(rated(tmp_path))
    (tmp_path / "model").write_bytes(data)
    once = texts(GOOD, 1, 7)[0]
    measure = quality.quality(tmp_path / "model", ratings="")
    one, two = measure(pl.DataFrame({"assistant": [[once], [f"{once} {once}"]]}))
    assert abs(one - two) < 0.1


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "a"}, "r.jsonl:1: there is no field 'rating'"),
        ({"text": "a", "rating": "fine"}, "r.jsonl:1: rating: 'fine' is no rating"),
        ({"text": "a", "rating": 5}, "r.jsonl: 1 rated texts are good and 0 are not: 20 of each are needed"),
    ],
)
def test_ratings_that_cannot_be_learnt_from(tmp_path: Path, row: dict[str, object], message: str) -> None:
    """The error names the line and what is wrong with it."""
    (tmp_path / "r.jsonl").write_text(json.dumps(row) + "\n")
    with pytest.raises(SourceError, match=message):
        learn(str(tmp_path / "r.jsonl"))


def test_a_recipe_bounds_the_score(project: Project, tmp_path: Path) -> None:
    """The score is a fact: bounded, in the ledger, its model's figures in the manifest."""
    rows = [
        {"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": text}]}
        for n, text in enumerate(texts(GOOD, 5, 8) + texts(BAD, 5, 9))
    ]
    recipe = 'name: q\nsources: {a: {path: a.jsonl, format: messages}}\nfilters: {quality: {ratings: ratings.jsonl, good: 3, min: 0.5}}\n'
    project.write({"a.jsonl": rows, "recipes/q.yaml": recipe, "ratings.jsonl": Path(rated(tmp_path)).read_text()})
    ran = project.run("recipe=q")
    assert ran.code == 0, ran.err
    ledger = pl.read_parquet(project.folder / "build/q/ledger.parquet")
    assert ledger["fate"].to_list() == ["kept"] * 5 + ["dropped"] * 5
    assert json.loads((project.folder / "build/q/manifest.json").read_text())["prepared"]["quality"]["auc"] > 0.95
    assert "AUC" not in ran.out
    rows = [{"text": text, "rating": n % 5 + 1} for n, text in enumerate(texts(PLAIN, 200, 5))]
    project.write({"ratings.jsonl": rows})
    assert "warning: filter 'quality': the score tells good from bad with an AUC of 0." in project.run("recipe=q").out
