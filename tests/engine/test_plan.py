"""Plan and explain: what would be done and why, from a closed list of reasons, before anything is done."""

from __future__ import annotations

import pytest

from datasetbuild.plan.explain import CAUSES, Cause, differences
from tests.conftest import Project
from tests.laws.conversations import numbered

RECIPE = """\
name: small
sources:
  a: {path: "a*.jsonl", format: messages}
filters: {response_chars: {min: 10}}
dedup: {near: {threshold: 0.8, ngram: 3}}
"""


@pytest.fixture
def filled(project: Project) -> Project:
    return project.write({"a.jsonl": numbered(40), "recipes/small.yaml": RECIPE})


def steps(project: Project, *words: str) -> dict[str, tuple[int, int | None]]:
    """Rows to do and shards reused, of every step that would run."""
    found = project.run("plan", "recipe=small", *words, "--json").json
    return {step["step"]: (step["rows"], step["reused"]) for step in found["steps"] if step["cause"]}


def test_first_everything_runs_then_nothing(filled: Project) -> None:
    """Before the first build every step runs; after it the artifact is up to date."""
    first = filled.run("plan", "recipe=small", "--json").json
    assert (first["status"], first["cause"]) == ("would build", "never_built")
    assert {"read", "prepare", "fact response_chars", "dedup.near", "decide and write"} <= set(steps(filled))
    assert filled.run("recipe=small").code == 0
    assert filled.run("plan", "recipe=small").out == "build/small: up to date\n"


def test_check_exits_with_ten_only_when_something_would_change(filled: Project) -> None:
    """`--check` is for CI: 10 when a build would change something, else 0; without it always 0."""
    assert filled.run("plan", "recipe=small").code == 0
    assert filled.run("plan", "recipe=small", "--check").code == 10
    assert filled.run("recipe=small").code == 0
    assert filled.run("plan", "recipe=small", "--check").code == 0


def test_a_changed_bound_measures_nothing(filled: Project) -> None:
    """A changed bound runs no step on any shard; another parameter of a fact runs that fact alone."""
    assert filled.run("recipe=small").code == 0
    assert set(steps(filled, "filters.response_chars.min=20", "dedup.near.threshold=0.9")) == {"decide and write"}
    assert set(steps(filled, "filters.words.min=3")) == {"fact words", "decide and write"}
    assert set(steps(filled, "dedup.near.ngram=4")) == {"dedup.near", "decide and write"}
    assert "prepare" in steps(filled, "clean.unicode=keep")


def test_what_records_are_compared_by_is_foreseen(filled: Project) -> None:
    """Shared runs of words, vectors and prompts are steps of their own: run once, and again only where what they are made of changes."""
    more = "dedup: {near: null, substring: {words: 20}, semantic: {threshold: 0.95}}\ncontradictions: {}\n"
    filled.write({"recipes/small.yaml": RECIPE.replace("dedup: {near: {threshold: 0.8, ngram: 3}}\n", more)})
    assert {"dedup.substring", "embed", "contradictions"} <= set(steps(filled))
    assert filled.run("recipe=small").code == 0
    assert set(steps(filled, "dedup.semantic.threshold=0.9", "contradictions.overlap=0.2")) == {"decide and write"}
    assert set(steps(filled, "dedup.substring.words=30")) == {"dedup.substring", "decide and write"}
    assert set(steps(filled, "contradictions.min_words=9")) == {"contradictions", "decide and write"}
    assert {"embed", "dedup.substring", "contradictions"} <= set(steps(filled, "clean.unicode=keep"))


def test_an_edited_file_is_measured_where_it_changed(filled: Project) -> None:
    """A new file is read; the one that is as it was comes from the cache."""
    assert filled.run("recipe=small").code == 0
    filled.write({"a-2.jsonl": numbered(10)})
    found = steps(filled)
    assert found["read"][0] < 40
    assert found["read"][1] == 1


def test_an_edited_row_costs_its_shard(filled: Project) -> None:
    """Of a file of many shards in which one row is edited, the plan names the shards that are new, and these run."""
    rows = numbered(400)
    filled.write({"a.jsonl": rows, "recipes/small.yaml": RECIPE + "engine: {shard_rows: 40}\n"})
    assert filled.run("recipe=small").code == 0
    rows[200]["messages"][1]["content"] += " And one more thing."
    filled.write({"a.jsonl": rows})
    found = filled.run("plan", "recipe=small", "--json").json["steps"]
    prepare = next(step for step in found if step["step"] == "prepare")
    assert prepare["shards"] > 5
    assert (prepare["shards"] - prepare["reused"], prepare["cause"]) == (1, "input_changed")
    assert 0 < prepare["rows"] < 100
    expected = sum(step["shards"] - step["reused"] for step in found if step["cause"] and step["step"] not in ("read", "decide and write"))
    assert filled.run("recipe=small", "--json").json["steps"]["ran"] == expected


def test_the_forecast_is_what_happens(filled: Project) -> None:
    """The steps that a plan says will run are those that do."""
    assert filled.run("recipe=small").code == 0
    for words in (["filters.response_chars.min=20"], ["filters.words.min=3"], ["dedup.near.ngram=4"], ["seed=1"]):
        expected = sum(1 for step in steps(filled, *words) if step != "decide and write")
        assert filled.run("recipe=small", *words, "--json").json["steps"]["ran"] == expected, words


EDITS = [
    ("seed: 5\n", {}, Cause.SEED_CHANGED, "seed: 17 -> 5"),
    ("", {"min: 10": "min: 30"}, Cause.PARAMS_CHANGED, "filters.response_chars.min: 10 -> 30"),
    ("", {"ngram: 3": "ngram: 4"}, Cause.PARAMS_CHANGED, "dedup.near.ngram: 3 -> 4"),
    ("split: {train: 0.5, test: 0.5}\n", {}, Cause.PARAMS_CHANGED, "split.train: 1.0 -> 0.5"),
]


@pytest.mark.parametrize(("more", "swap", "cause", "said"), EDITS)
def test_explain_names_the_part_and_its_place(
    filled: Project, more: str, swap: dict[str, str], cause: Cause, said: str
) -> None:
    """An edited recipe is explained by old and new value, and the file and line that set the new one."""
    assert filled.run("recipe=small").code == 0
    text = RECIPE + more
    for old, new in swap.items():
        text = text.replace(old, new)
    filled.write({"recipes/small.yaml": text})
    out = filled.run("explain", "recipe=small").out
    line = next(line for line in out.splitlines() if said in line)
    assert line.strip().startswith(cause.value)
    assert "recipes/small.yaml:" in line


def test_explain_names_the_override(filled: Project) -> None:
    """A value from the command line is said to be from there."""
    assert filled.run("recipe=small").code == 0
    out = filled.run("explain", "recipe=small", "filters.response_chars.min=33").out
    assert "10 -> 33  (command line: filters.response_chars.min=33)" in out


def test_explain_names_files(filled: Project) -> None:
    """Changed, new and missing source files are named."""
    assert filled.run("recipe=small").code == 0
    filled.write({"a.jsonl": numbered(41), "a-new.jsonl": numbered(3)})
    out = filled.run("explain", "recipe=small").out
    assert "input_changed: sources.a: a.jsonl: " in out
    assert "input_added: sources.a: a-new.jsonl: nothing -> " in out
    assert filled.run("recipe=small").code == 0
    (filled.folder / "a-new.jsonl").unlink()
    assert "input_removed: sources.a: a-new.jsonl" in filled.run("explain", "recipe=small").out


def test_a_file_that_a_fact_is_given_is_an_input(filled: Project) -> None:
    """A reference file with other words is another input, while a file more in the list is another recipe."""
    rule = "  copied: {fact: verbatim_words, references: [book.txt], max: 20}\n"
    text = RECIPE.replace("filters: {response_chars: {min: 10}}\n", f"filters:\n{rule}")
    filled.write({"book.txt": "some words of a book", "more.txt": "more", "recipes/small.yaml": text})
    assert filled.run("recipe=small").code == 0
    filled.write({"book.txt": "other words of a book"})
    out = filled.run("explain", "recipe=small").out
    assert "input_changed: facts.copied.references" in out
    assert "params_changed" not in out
    filled.write({"recipes/small.yaml": text.replace("[book.txt]", "[book.txt, more.txt]")})
    assert "params_changed: facts.copied.references" in filled.run("explain", "recipe=small").out


def test_a_damaged_artifact_is_built_again(filled: Project) -> None:
    """A file of the artifact that was changed or removed is a reason of its own."""
    assert filled.run("recipe=small").code == 0
    (filled.artifact() / "ledger.parquet").write_bytes(b"not what it was")
    assert filled.run("plan", "recipe=small", "--json").json["cause"] == "output_damaged"
    assert filled.run("recipe=small", "--json").json["status"] == "built"
    assert filled.run("plan", "recipe=small").out == "build/small: up to date\n"


def test_other_causes_from_the_parts_of_a_key() -> None:
    """Packages, operator versions, plugin code and templates are told apart."""
    old = {"packages": {"polars": "1"}, "facts": {"a": {"version": 1, "code": "x"}}, "template": {"tokenizer_digest": "1"}}
    new = {"packages": {"polars": "2"}, "facts": {"a": {"version": 2, "code": "y"}}, "template": {"tokenizer_digest": "2"}}
    causes = [one.cause for one in differences(old, new)]
    assert causes == [Cause.PACKAGE_CHANGED, Cause.CODE_CHANGED, Cause.CODE_CHANGED, Cause.TEMPLATE_CHANGED]
    assert set(CAUSES) == set(Cause)


def test_explain_without_an_artifact_says_how_to_make_one(filled: Project) -> None:
    """Nothing to compare with is a usage error with the next command."""
    ran = filled.run("explain", "recipe=small")
    assert ran.code == 2
    assert "dsbuild recipe=small builds it" in ran.err


def test_an_order_that_decides_is_in_the_key(filled: Project) -> None:
    """Splits in another order cut other ranges, and the first rule that fails gives the reason: both are another build."""
    recipe = filled.folder / "recipes" / "small.yaml"
    text = recipe.read_text() + "split: {train: 0.5, test: 0.5}\n"
    recipe.write_text(text)
    assert filled.run("recipe=small").code == 0
    recipe.write_text(text.replace("{train: 0.5, test: 0.5}", "{test: 0.5, train: 0.5}"))
    assert 'params_changed: order.split: ["train", "test"] -> ["test", "train"]' in filled.run("explain", "recipe=small").out
    recipe.write_text(text.replace("test: 0.5}", "test: 0.4, dev: 0.1}"))
    assert "order.split" not in filled.run("explain", "recipe=small").out, "a new split is one change, not two"
