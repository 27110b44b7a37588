"""Exports as part of a build: the same bytes whoever writes them, accounted for in the manifest, refused as a whole."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
import yaml

from tests.conftest import Project

RECIPE = """\
name: small
sources: {{rows: {{path: rows.jsonl, format: messages}}}}
split: {{train: 0.8, validation: 0.2}}
template: {{tokenizer: {tokenizer}}}
export: [{exports}]
"""

EVERYTHING = (
    "messages, {profile: tokens, files: [parquet, disk]}, {profile: trl, shards: 3, compression: zstd}, {profile: trl, folder: packed, rows: tokens}, "
    "{profile: prompt_completion, on_answers: each, compression: gzip, columns: [id, source]}, alpaca, sharegpt, text, axolotl, llama_factory, "
    "openai, {profile: together, on_turns: drop_row}, fireworks, mistral, torchtune, unsloth, oumi"
)


def rows(count: int = 40) -> list[dict[str, Any]]:
    made = []
    for n in range(count):
        turns = [
            {"role": "user", "content": f"question {n}"},
            {"role": "assistant", "content": f"answer {n} " * (n % 5 + 1)},
        ]
        more = (
            [{"role": "user", "content": "and?"}, {"role": "assistant", "content": f"more of {n}"}]
            if n % 7 == 0
            else []
        )
        made.append({"messages": turns + more})
    return made


def project(new: Project, tokenizer: str, exports: str, data: list[dict[str, Any]] | None = None) -> Project:
    return new.write(
        {"rows.jsonl": data or rows(), "recipes/small.yaml": RECIPE.format(tokenizer=tokenizer, exports=exports)}
    )


@pytest.mark.slow
def test_every_profile_is_the_same_bytes_whoever_writes_it(new_project: Callable[[], Project], tokenizer: str) -> None:
    """Another folder, smaller shards and two processes change no byte of any export."""
    made = []
    for words in (["-j", "1"], ["-j", "2", "engine.shard_rows=7"]):
        one = project(new_project(), tokenizer, EVERYTHING)
        ran = one.run("recipe=small", *words)
        assert ran.code == 0, ran.err
        made.append(one.bytes())
    assert made[0] == made[1]
    assert {name.split("/")[1] for name in made[0] if name.startswith("export/")} >= {"trl", "packed", "oumi", "text"}


def test_files_are_in_the_manifest_and_in_the_order_of_data(project_of: Callable[..., Project]) -> None:
    """Every file has its digest, every export its account, and rows stand in the order of `data/`."""
    one = project_of(
        "messages, {profile: trl, shards: 3}, {profile: prompt_completion, on_answers: each, compression: gzip, columns: [id]}"
    )
    manifest = one.manifest()
    found = {name for name in one.bytes() if name.startswith("export/")}
    assert found == {name for name in manifest["files"] if name.startswith("export/")}
    assert {f"export/trl/train-{n:05d}-of-00003.jsonl" for n in range(3)} <= found
    shards = b"".join(data for name, data in sorted(one.bytes().items()) if name.startswith("export/trl/train-"))
    data = one.rows()
    said = [json.loads(line)["messages"] for line in shards.splitlines()]
    assert [[turn["content"] for turn in row] for row in said] == [
        [turn["content"] for turn in row] for row in data["messages"].to_list()
    ]
    pairs = [
        json.loads(line)
        for line in gzip.decompress(one.bytes()["export/prompt_completion/train.jsonl.gz"]).splitlines()
    ]
    assert list(dict.fromkeys(row["id"] for row in pairs)) == data["id"].to_list() and len(pairs) > len(data)
    account = manifest["exports"]["prompt_completion"]
    longer = data["messages"].list.len().gt(2).sum() + one.rows("validation")["messages"].list.len().gt(2).sum()
    assert account["lowered"] == {"on_answers.each": longer} and account["rows"]["train"] == len(pairs)
    assert "`export/prompt_completion` | prompt_completion (version 1)" in (one.artifact() / "README.md").read_text()


@pytest.fixture
def project_of(new_project: Callable[[], Project], tokenizer: str) -> Callable[..., Project]:
    """Builds a project with exports."""

    def made(exports: str, data: list[dict[str, Any]] | None = None) -> Project:
        one = project(new_project(), tokenizer, exports, data)
        ran = one.run("recipe=small")
        assert ran.code == 0, ran.err
        return one

    return made


def test_a_refusal_names_rows_and_rules_and_publishes_nothing(
    new_project: Callable[[], Project], tokenizer: str
) -> None:
    """All exports that cannot hold a record say so at once, with file and line and the rule to write; no folder appears."""
    data = rows()
    data[3]["messages"][1]["weight"] = 0.5
    one = project(new_project(), tokenizer, "messages, openai, {profile: trl, rows: tokens}", data)
    ran = one.run("recipe=small")
    assert ran.code == 1
    assert (
        "export 'openai': 1 record holds what openai cannot carry\n  rows.jsonl:4: turn 2 (assistant) has weight 0.5"
        in ran.err
    )
    assert "export 'trl': 1 record holds" in ran.err and "{profile: openai, on_weight: round | drop_row}" in ran.err
    assert not one.artifact().exists()
    lowered = one.run("recipe=small", "export=[{profile: openai, on_weight: round}]", "--json")
    assert lowered.json["manifest"]["exports"]["openai"]["lowered"] == {"on_weight.round": 1}


def test_a_refused_record_is_named_once(new_project: Callable[[], Project], tokenizer: str) -> None:
    """However many rows are made of it, one for each turn and each copied by the mix."""
    data = rows(12)
    data[7]["messages"][3]["weight"] = 0.5
    one = project(new_project(), tokenizer, "{profile: trl, rows: tokens}, openai", data)
    ran = one.run("recipe=small", "template.expansion=per_turn", "+mix={weights: {rows: 1}, total: 60, max_repeat: 9}", "split={train: 1, validation: null}")
    assert ran.code == 1
    assert ran.err.count("rows.jsonl:8: ") == ran.err.count("1 record holds") >= 1, ran.err
    assert "more\n" not in ran.err and "records hold" not in ran.err


def test_limits_of_a_consumer_stop_the_build(new_project: Callable[[], Project], tokenizer: str) -> None:
    """OpenAI takes 10 rows or more."""
    ran = project(new_project(), tokenizer, "openai", rows(6)).run("recipe=small")
    assert ran.code == 1 and "openai takes 10 or more" in ran.err


def test_configs_beside_the_rows(new_project: Callable[[], Project], tokenizer: str) -> None:
    """Axolotl stops at rows beyond the longest, or cuts whole messages where the recipe cuts tokens; LLaMA-Factory and Oumi
    find the keys that they ask for; and nothing is a YAML alias."""
    one = project(
        new_project(),
        tokenizer,
        "axolotl, {profile: axolotl, folder: cut, rows: tokens}, {profile: llama_factory, rows: tokens}, oumi, trl",
    )
    for overflow, longest, strategy, told in (
        ("drop", 999, "raise", "the longest row"),
        ("truncate", 30, "truncate", "longer rows are cut"),
    ):
        recipe = (one.folder / "recipes/small.yaml").read_text()
        limits = f", max_tokens: {longest}, overflow: {overflow}}}"
        one.write({"recipes/limited.yaml": recipe.replace("name: small", "name: limited").replace(f"{tokenizer}}}", tokenizer + limits)})
        assert (ran := one.run("recipe=limited")).code == 0, ran.err
        export = one.artifact("limited") / "export"
        texts = {path.relative_to(export).as_posix(): path.read_text() for path in export.rglob("*.yaml")}
        assert not [name for name, text in texts.items() if "&id" in text]
        read = {name: yaml.safe_load(text) for name, text in texts.items()}
        assert read["axolotl/axolotl.yaml"]["excess_length_strategy"] == strategy
        assert read["cut/axolotl.yaml"]["excess_length_strategy"] == "raise"
        size = read["axolotl/axolotl.yaml"]["sequence_len"]
        assert size <= longest and f"max_length={size},  # {told}" in (export / "trl/train.py").read_text()
        assert read["llama_factory/llama_factory.yaml"] == {
            "tokenized_path": "tokenized",
            "dataset": "limited",
            "eval_dataset": "limited_validation",
        }
        assert read["oumi/oumi.yaml"]["data"]["train"]["train_target"] == "ALL_ASSISTANT_TURNS"


def test_token_columns_stand_in_data_only_where_tokens_are_exported(project_of: Callable[..., Project]) -> None:
    """`tokens` puts its columns into data/ and, where files are asked for, into export/tokens, the same in both; others do not."""
    both = project_of("{profile: tokens, files: [parquet]}")
    columns = ["input_ids", "labels", "assistant_masks"]
    assert pl.read_parquet(both.artifact() / "export/tokens/train-*.parquet").equals(both.rows().select(columns))
    assert "input_ids" not in project_of("messages").rows().columns


@pytest.mark.parametrize(
    ("exports", "words"),
    [
        ("mesages", "export.0: there is no profile 'mesages'"),
        ("{profile: trl, shrads: 2}", "export.0.shrads: there is no key 'shrads'"),
        ("{profile: trl, shards: 0}", "export.0.shards: must be a whole number from 1, not 0"),
        ("trl, {profile: trl, rows: tokens}", "two exports go to export/trl"),
        ("{shards: 2}", "an export names its `profile`"),
        ("{profile: openai, on_weight: strip}", "must be 'error', 'round' or 'drop_row', not the text 'strip'"),
    ],
)
def test_faults_of_an_export_have_their_place(
    new_project: Callable[[], Project], tokenizer: str, exports: str, words: str
) -> None:
    """An unknown profile, parameter or value is a fault of the recipe, with its line."""
    ran = project(new_project(), tokenizer, exports).run("recipe=small")
    assert ran.code == 3 and words in ran.err and "recipes/small.yaml:5" in ran.err


def test_what_is_rendered_needs_a_template(new_project: Callable[[], Project]) -> None:
    """Text, and tokens of a trainer, cannot be without a template; `tokens` by itself is left out."""
    recipe = "name: small\nsources: {rows: {path: rows.jsonl, format: messages}}\n"
    one = new_project().write({"rows.jsonl": rows(), "recipes/small.yaml": recipe})
    for entry in ("text", "{profile: trl, rows: tokens}"):
        ran = one.run("recipe=small", f"export=[{entry}]")
        assert ran.code == 3 and "has no `template` to render" in ran.err
    assert one.run("recipe=small").code == 0
    assert not (one.artifact() / "export" / "tokens").exists()
