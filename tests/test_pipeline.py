"""dvc.yaml is edited, not rewritten: our stages become what the recipes need, and every other line stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.artifact.pipeline import stage, stage_name, synced
from datasetbuild.artifact.plots import charts_of
from datasetbuild.cli.dvc import wanted
from datasetbuild.errors import UsageError
from tests.conftest import ROOT, Project

ROWS = [{"messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "So."}]}]
RECIPE = (
    "name: small\nsources:\n  a: {path: 'data/*.jsonl', format: messages}\n  b: {path: b.jsonl, format: messages}\n"
)
PLOTS = charts_of({}, {})
FAQ = stage("faq", "faq", ["data/faq.md", "recipes/faq.yaml"], [], plots=PLOTS, exports=True)
CHAT = stage("chat", "chat", ["data/chat.jsonl"], ["recipes.chat.sources.web.files"], plots=PLOTS[:1], exports=False)

MINE = """\
# A comment of mine.
vars:
  - params.yaml   # kept

stages:
  fetch:          # my own stage
    cmd: python fetch.py
    deps: [fetch.py]
    outs:
    - raw


  # before ours
  faq:
    cmd: dsbuild recipe=faq --quiet
    desc: "what it is for"   # my words
    deps:
      - data/old.md
      # a comment in a list that is replaced
      - recipes/faq.yaml
    frozen: true

  # the last of mine
  train:
    cmd: >-
      python train.py
      --data build/faq/data
    deps:
      - build/faq/data
plots:
  - loss.csv
"""


def test_an_empty_file_gets_a_stage_for_each_recipe() -> None:
    """From nothing: a header and the stages, sorted."""
    made = synced("", {"faq": FAQ, "chat": CHAT})
    assert yaml.safe_load(made.text) == {"stages": {"chat": CHAT, "faq": FAQ}}
    assert made.text.startswith("# ")
    assert [(sign, name) for sign, name, _ in made.changes] == [("+", "chat"), ("+", "faq")]
    again = synced(made.text, {"faq": FAQ, "chat": CHAT})
    assert (again.text, again.changes) == (made.text, [])


def test_what_is_not_ours_stays_to_the_byte() -> None:
    """Every line of the user's is there afterwards, in its order; of our stage only what was wrong has changed."""
    made = synced(MINE, {"faq": FAQ, "chat": CHAT})
    before = [line for line in MINE.splitlines() if "data/old.md" not in line and "list that is replaced" not in line]
    after = iter(made.text.splitlines())
    assert all(line in after for line in before)
    found = yaml.safe_load(made.text)
    assert found["stages"]["faq"] == {**FAQ, "desc": "what it is for", "frozen": True}
    assert found["stages"]["chat"] == CHAT
    assert list(found) == ["vars", "stages", "plots"]
    assert {name: found["stages"][name] for name in ("fetch", "train")} == {
        name: yaml.safe_load(MINE)["stages"][name] for name in ("fetch", "train")
    }
    assert ("~", "faq", "deps: -data/old.md +data/faq.md") in made.changes
    assert synced(made.text, {"faq": FAQ, "chat": CHAT}).changes == []


def test_a_stage_of_a_recipe_that_is_gone_goes() -> None:
    """And so does one for several recipes at once, which the exact ones take the place of."""
    matrix = (
        "stages:\n  build:\n    matrix:\n      recipe: [faq, chat]\n    cmd: dsbuild recipe=${item.recipe} --quiet\n"
    )
    old = "  old:\n    cmd: dsbuild recipe=old\n  mine:\n    cmd: dsbuild recipe=old seed=3\n"
    made = synced(matrix + old, {"faq": FAQ})
    assert list(yaml.safe_load(made.text)["stages"]) == ["mine", "faq"]
    assert synced("stages:\n  old:\n    cmd: dsbuild recipe=old\n", {}).text == "stages: {}\n"


def test_a_stage_keeps_the_name_that_it_was_given() -> None:
    """A stage of ours under another name is that recipe's."""
    made = synced("stages:\n  my-name:\n    cmd: dsbuild build recipe=faq -q\n", {"faq": FAQ})
    assert list(yaml.safe_load(made.text)["stages"]) == ["my-name"]


@pytest.mark.parametrize("text", ["", "stages:\n", "stages: {}\n", "# nothing yet\n", "vars: [a.yaml]\n"])
def test_files_without_stages(text: str) -> None:
    """Whatever stands there, the stage is added once and the rest kept."""
    made = synced(text, {"faq": FAQ})
    assert yaml.safe_load(made.text) == {**(yaml.safe_load(text) or {}), "stages": {"faq": FAQ}}
    assert synced(made.text, {"faq": FAQ}).changes == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("stages:\n  faq: [\n", "dvc.yaml:3 cannot be read"),
        ("- a\n", "no mapping"),
        ("stages: {faq: {cmd: x}}\n", "does not stand in lines of its own"),
        ("stages:\n  faq:\n    cmd: python other.py\n", "a stage 'faq' that is not ours"),
    ],
)
def test_what_cannot_be_edited_is_told_of(text: str, said: str) -> None:
    """A file that is broken, or that holds another stage of that name."""
    with pytest.raises(UsageError, match=said):
        synced(text, {"faq": FAQ})


names = st.lists(st.sampled_from(["a", "b", "c", "d/e"]), unique=True)
paths = st.lists(st.sampled_from(["x.csv", "data", "é ü.csv", "a: b", "#c", "${d}"]), unique=True)


@settings(max_examples=40)
@given(names, names, paths, paths)
def test_sync_is_a_function_of_the_recipes(first: list[str], then: list[str], old: list[str], new: list[str]) -> None:
    """Whatever recipes there were, the stages are those of now, and a second sync changes nothing."""
    text = synced(MINE, {name: stage(name, name, old, [], plots=PLOTS, exports=True) for name in first}).text
    wanted = {name: stage(name, name, new, [], plots=PLOTS[:1], exports=False) for name in then}
    made = synced(text, wanted)
    stages = yaml.safe_load(made.text)["stages"]
    assert set(stages) == {"fetch", "train", *map(stage_name, then)}
    for name in then:
        got = stages[stage_name(name)]
        assert sorted(got["deps"]) == sorted(new)
        assert got["cmd"] == f"dsbuild recipe={name} --quiet"
    again = synced(made.text, wanted)
    assert (again.text, again.changes) == (made.text, [])


def test_this_repository_is_in_step() -> None:
    """The repository's own dvc.yaml has a stage for each of its recipes: `dsbuild dvc sync` writes it."""
    assert wanted(ROOT).changes == []


def deps(project: Project) -> list[str]:
    return list(yaml.safe_load((project.folder / "dvc.yaml").read_text())["stages"]["small"]["deps"])


def test_a_stage_depends_on_what_its_recipe_reads(project: Project, tmp_path: Path) -> None:
    """Recipe and its parents, sources (a glob by its folder), plugins, conf: nothing more, so that another recipe's
    edit runs nothing."""
    plugin = 'from datasetbuild import fact\nimport polars as pl\n\n@fact(version=1)\ndef f() -> pl.Expr:\n    """One."""\n    return pl.lit(1)\n'
    child = "defaults: [_parent, _self_]\nname: small\nplugins: [f.py]\n"
    project.write({"recipes/_parent.yaml": RECIPE, "recipes/small.yaml": child, "f.py": plugin})
    project.write({"data/a.jsonl": ROWS, "b.jsonl": ROWS, "unused.jsonl": ROWS})
    assert project.run("dvc", "sync", "--check").code == 10
    assert not (project.folder / "dvc.yaml").exists()
    assert project.run("dvc", "sync").code == 0
    assert deps(project) == ["b.jsonl", "data", "f.py", "recipes/_parent.yaml", "recipes/small.yaml"]
    assert project.run("dvc", "sync", "--check").code == 0
    project.write({"recipes/small.yaml": child + "sources: {c: {path: '*.jsonl', format: messages}}\n"})
    (project.folder / "conf").mkdir()
    changed = project.run("dvc", "sync")
    assert "~ small  deps: +conf +unused.jsonl" in changed.out
    assert deps(project) == [
        "b.jsonl",
        "conf",
        "data",
        "f.py",
        "recipes/_parent.yaml",
        "recipes/small.yaml",
        "unused.jsonl",
    ]


def test_a_pin_of_an_upstream_is_a_parameter(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is fetched is no file of the project: its pin in the lock is what the stage depends on."""
    source = "name: small\nsources:\n  web: {path: 'https://example.org/rows.jsonl', format: messages}\n"
    lock = "version: 1\nrecipes:\n  small:\n    sources:\n      web: {pinned: x, from: {path: 'https://example.org/rows.jsonl'}, files: []}\n"
    project.write({"recipes/small.yaml": source, "dsbuild.lock": lock})
    assert project.run("dvc", "sync").code == 0
    found = yaml.safe_load((project.folder / "dvc.yaml").read_text())["stages"]["small"]
    assert found["params"] == [{"dsbuild.lock": ["recipes.small.sources.web.files"]}]
