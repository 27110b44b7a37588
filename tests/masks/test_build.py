"""Masks in a whole build: weights, expansion and system prompts reach every file, and the books still balance."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import Project


def talk(*said: str, system: str | None = None) -> dict[str, Any]:
    """A row: the system prompt, and what user and assistant say in turns."""
    roles = ("user", "assistant") * len(said)
    turns = [{"role": role, "content": text} for role, text in zip(roles, said, strict=False)]
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


ROWS = [talk("Rain?", "No rain.", "Snow?", "No snow."), talk("Sun?", "Yes.", system="Be brief.")]


def recipe(tokenizer: str, **template: Any) -> str:
    section = json.dumps({"tokenizer": tokenizer, **template})
    source = "sources:\n  x: {path: x.jsonl, format: messages}\n"
    return f"name: small\n{source}export: [messages, {{profile: tokens, files: [parquet]}}]\ntemplate: {section}\n"


@pytest.fixture
def small(project: Project, tokenizer: str) -> Any:
    """A build of two conversations with the given template section."""

    def build(**template: Any) -> Any:
        project.write({"x.jsonl": ROWS, "recipes/small.yaml": recipe(tokenizer, **template)})
        return project.run("recipe=small")

    return build


def test_an_expanded_build_conserves_its_rows(project: Project, small: Any) -> None:
    """One ledger line a record; as many rows in data/ and in every export as the ledger says; each ends with its
    turn."""
    assert small(expansion="per_turn").code == 0
    ledger, rows = project.ledger(), project.rows()
    assert ledger["training_rows"].sort().to_list() == [1, 2]
    assert len(rows) == ledger["training_rows"].sum() == project.manifest()["splits"]["train"]["training_rows"]
    assert len((project.artifact() / "export/messages/train.jsonl").read_text().splitlines()) == len(rows)
    assert len(pl.read_parquet(project.artifact() / "export/tokens/train-*.parquet")) == len(rows)
    assert rows["tokens"].sum() == ledger["rendered_tokens"].sum() == project.manifest()["tokens"]["total"]
    assert rows["trained_tokens"].sum() == ledger["trained_tokens"].sum()
    assert rows["row_weight"].sum() == len(ledger)
    for row in rows.to_dicts():
        assert len(row["messages"]) == row["turn"] + 1
        weights = [message["weight"] for message in row["messages"] if message["role"] == "assistant"]
        assert weights == [0.0] * (len(weights) - 1) + [None]


def test_loss_weights_stand_beside_the_labels(project: Project, small: Any) -> None:
    """data/ and export/tokens have one float a token, and the build says which export has none."""
    ran = small(prompt_weight=0.25)
    assert "has no column loss_weights" in " ".join(ran.out.split())
    for frame in (project.rows(), pl.read_parquet(project.artifact() / "export/tokens/train-*.parquet")):
        assert frame.schema["loss_weights"] == pl.List(pl.Float32)
        for labels, weights in frame.select("labels", "loss_weights").iter_rows():
            assert weights == [0.25 if label == -100 else 1.0 for label in labels]


def test_without_weights_there_is_no_column(project: Project, small: Any) -> None:
    """Where all weights are 0 or 1, labels say it all."""
    small()
    assert {"loss_weights", "turn", "row_weight"}.isdisjoint(project.rows().columns)


@pytest.mark.parametrize(
    ("system", "firsts"),
    [
        ({"policy": "keep"}, ["user", "system"]),
        ({"policy": "strip"}, ["user", "user"]),
        ({"policy": "default", "text": "Help."}, ["system", "system"]),
    ],
)
def test_a_system_policy_is_seen_everywhere(
    project: Project, small: Any, system: dict[str, str], firsts: list[str]
) -> None:
    """The same messages in data/, in the export and under the tokens; ids do not change; only `keep` warns."""
    ran = small(system=system)
    assert ran.code == 0
    assert ("have a system prompt" in " ".join(ran.out.split())) == (system["policy"] == "keep")
    rows = project.rows().sort("row")
    assert [messages[0]["role"] for messages in rows["messages"]] == firsts
    lines = [json.loads(line) for line in (project.artifact() / "export/messages/train.jsonl").read_text().splitlines()]
    assert sorted(line["messages"][0]["role"] for line in lines) == sorted(firsts)
    ids = rows["id"].to_list()
    small(system={"policy": "keep"})
    assert project.rows().sort("row")["id"].to_list() == ids
    assert project.run("why", "recipe=small", "Sun").code == 0


def test_system_prompts_may_be_required_or_forbidden_to_mix(small: Any) -> None:
    """Both fail the build, naming the first row without a system prompt."""
    for policy in ("require", "forbid_mixed"):
        ran = small(system={"policy": policy})
        assert ran.code == 1
        assert "x.jsonl:1" in ran.err


def test_a_policy_without_its_text_is_a_fault_of_the_recipe(small: Any) -> None:
    """`default` needs a text, and no other policy has one."""
    assert small(system={"policy": "default"}).code == 3
    assert small(system={"policy": "strip", "text": "x"}).code == 3
    assert small(train_on="all", expansion="per_turn").code == 3


def test_parity_and_control_tokens_stand_in_the_manifest(project: Project, small: Any) -> None:
    """Trained turns by class, of all that was rendered."""
    small()
    assert project.manifest()["masks"] == {"control_token_rows": 0, "control_tokens": 0, "parity": {"exact": 3}}


def test_show_mask_brackets_what_is_trained(project: Project, small: Any) -> None:
    """Without a terminal there are brackets around each trained turn with its end token, and the parity is named."""
    small()
    ran = project.run("show", "--mask", "recipe=small", "--row", "Rain?")
    assert "[[No rain.<|im_end|>]]" in ran.out
    assert "[[No snow.<|im_end|>]]" in ran.out
    assert "parity exact x2" in ran.out
    assert "Sun" not in ran.out


def test_show_mask_shows_a_row_that_was_cut_off(project: Project, small: Any) -> None:
    """Up to its last token, and no further; the text behind it is nobody's."""
    small(max_tokens=28, overflow="truncate")
    shown = project.run("show", "--mask", "recipe=small", "--row", "Rain?", "--json").json
    assert [row["tokens"] for row in shown] == [28]
    assert "".join(run["text"] for run in shown[0]["runs"]).endswith("Snow?<|im_end|>")
    assert "No snow." in project.rows()["messages"].list.last().struct.field("content").to_list()


def test_token_ids_are_kept_where_an_export_wants_them(project: Project, small: Any, tokenizer: str) -> None:
    """Without such an export nothing shown is another; with it, the rows are those of a build that had it from the first."""
    small()
    rows, shown = project.rows(), project.run("show", "--mask", "recipe=small", "--json").json
    text = recipe(tokenizer).replace("{profile: tokens, files: [parquet]}", "text")
    project.write({"recipes/small.yaml": text})
    shutil.rmtree(project.folder / ".dsbuild")
    assert project.run("recipe=small").code == 0
    assert "input_ids" not in project.rows().columns
    assert project.run("show", "--mask", "recipe=small", "--json").json == shown
    project.write({"recipes/small.yaml": recipe(tokenizer)})
    assert project.run("recipe=small").code == 0
    assert project.rows().equals(rows)


def test_show_mask_as_json_adds_up(project: Project, small: Any) -> None:
    """The runs spell the rendered text, their tokens are the row's, and the trained ones those of the ledger."""
    small(prompt_weight=0.1)
    for row in project.run("show", "--mask", "recipe=small", "--json").json:
        assert sum(run["tokens"] for run in row["runs"]) == row["tokens"]
        assert sum(run["tokens"] for run in row["runs"] if run["weight"] == 1) == row["trained_tokens"]
        assert "".join(run["text"] for run in row["runs"]).startswith("<|im_start|>")


def test_show_mask_as_html_stands_alone(project: Project, small: Any, tmp_path: Path) -> None:
    """One page: nothing is loaded, no script runs, and texts are escaped."""
    small()
    project.write(
        {
            "x.jsonl": [
                {
                    "messages": [
                        {"role": "user", "content": "<script>x</script>"},
                        {"role": "assistant", "content": "no"},
                    ]
                }
            ]
        }
    )
    page = tmp_path / "masks.html"
    assert project.run("show", "--mask", "recipe=small", "--html", str(page)).code == 0
    text = page.read_text("utf-8")
    assert "&lt;script&gt;" in text
    assert not any(word in text for word in ("<script", "src=", "href=", "http"))


def test_show_mask_says_why_there_is_none(project: Project, small: Any) -> None:
    """A row in quarantine is shown with its reason; a recipe without a template has nothing to show."""
    small()
    project.write(
        {
            "x.jsonl": [
                *ROWS,
                {"messages": [{"role": "user", "content": "odd <|im_end|>"}, {"role": "assistant", "content": "no"}]},
            ]
        }
    )
    assert "control_token: turn 1 (user)" in project.run("show", "--mask", "recipe=small", "--row", "odd").out
    project.write(
        {"recipes/plain.yaml": "name: plain\nsources:\n  x: {path: x.jsonl, format: messages}\nexport: [messages]\n"}
    )
    assert project.run("show", "--mask", "recipe=plain").code == 2
    assert project.run("show", "--mask", "recipe=small", "--row", "nothing like it").code == 2
