"""The example recipe from end to end: what is written can be loaded, is what its manifest says, and trains what it should."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasetbuild.hashing import file_digest
from tests.conftest import ROOT

RECIPES = ("support_bot", "support_bot_llama2")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A project with the repository's recipes and examples, both built."""
    from datasetbuild.cli import main

    folder = tmp_path_factory.mktemp("examples")
    for name in ("recipes", "examples"):
        shutil.copytree(ROOT / name, folder / name)
    for recipe in RECIPES:
        assert main([f"recipe={recipe}", "-q", "-C", str(folder)]) == 0
    yield folder / "build"


def manifest(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "manifest.json").read_bytes()))


@pytest.mark.parametrize("recipe", RECIPES)
def test_datasets_loads_the_folder(built: Path, recipe: str, tmp_path: Path) -> None:
    """`load_dataset` finds the splits of the manifest with their rows, and the columns that trainers read."""
    from datasets import load_dataset

    found = load_dataset(str(built / recipe), cache_dir=str(tmp_path))
    said = manifest(built / recipe)["splits"]
    assert {name: len(found[name]) for name in found} == {name: split["rows"] for name, split in said.items()}
    features = found["train"].features
    assert {"id", "messages", "source", "file", "row", "license", "input_ids", "labels", "assistant_masks"} <= set(features)
    assert set(features["messages"].feature) == {"role", "content"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_file_is_what_the_manifest_says(built: Path, recipe: str) -> None:
    """Each file has the digest and size of the manifest, and nothing else lies there but the books."""
    folder = built / recipe
    files = manifest(folder)["files"]
    for name, said in files.items():
        assert file_digest(folder / name) == said["sha256"], name
        assert (folder / name).stat().st_size == said["bytes"]
    there = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    mixed = {"plots/mix.json"} if manifest(folder)["mix"] else set()
    assert there - set(files) == {"manifest.json", "metrics.json", "plots/rows.json", "plots/tokens.json", *mixed}


@pytest.mark.parametrize("recipe", RECIPES)
def test_the_histogram_of_tokens_counts_every_row_once(built: Path, recipe: str) -> None:
    """`plots/tokens.json` holds each row of the splits at the first limit that is not below its tokens."""
    lengths = pl.concat([pl.read_parquet(file, columns=["tokens"]) for file in (built / recipe / "data").glob("*.parquet")])
    charted = json.loads((built / recipe / "plots" / "tokens.json").read_bytes())
    low = 0
    for bar in charted:
        assert bar["rows"] == len(lengths.filter((pl.col("tokens") > low) & (pl.col("tokens") <= bar["tokens"])))
        low = bar["tokens"]
    assert sum(bar["rows"] for bar in charted) == len(lengths)


@pytest.mark.parametrize(("recipe", "end"), [("support_bot", "<|im_end|>"), ("support_bot_llama2", " </s>")])
def test_what_is_trained_are_the_answers(built: Path, recipe: str, end: str) -> None:
    """The trained tokens of each row decode to its answers with their end tokens, and to nothing else."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(str(ROOT / "examples" / "tokenizer"))
    rows = pl.read_parquet(built / recipe / "data" / "*.parquet")
    assert len(rows) > 100
    for row in rows.iter_rows(named=True):
        kept = [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label != -100]
        answers = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
        decoded = tokenizer.decode(kept)
        if recipe == "support_bot":
            assert decoded == "".join(answer + end for answer in answers)
        else:
            assert [part.strip() for part in decoded.split(end)[:-1]] == [answer.strip() for answer in answers]
        assert row["assistant_masks"] == [int(label != -100) for label in row["labels"]]
        assert all(label in (-100, token) for token, label in zip(row["input_ids"], row["labels"], strict=True))
        assert (row["tokens"], row["trained_tokens"]) == (len(row["input_ids"]), len(kept))


@pytest.mark.parametrize("recipe", RECIPES)
def test_messages_are_the_same_rows(built: Path, recipe: str) -> None:
    """The JSON Lines hold the messages of the parquet files, in the same order."""
    for split in manifest(built / recipe)["splits"]:
        lines = (built / recipe / "export" / "messages" / f"{split}.jsonl").read_text(encoding="utf-8").splitlines()
        parquet = pl.read_parquet(built / recipe / "data" / f"{split}-*.parquet")["messages"].to_list()
        assert [json.loads(line)["messages"] for line in lines] == parquet


def test_the_ledger_accounts_for_the_sources(built: Path) -> None:
    """As many ledger rows per source as its files hold, counted by the standard library."""
    import csv
    import gzip

    counts = {"faq": 0, "tickets": 0, "chat": 0, "golden": 0}
    counts["faq"] = sum(line.startswith("### ") for line in (ROOT / "examples/support/faq.md").read_text("utf-8").splitlines())
    for path in sorted((ROOT / "examples/support").glob("*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
            counts["tickets"] += sum(1 for _ in csv.DictReader(file))
    counts["chat"] = len((ROOT / "examples/chat/chats.jsonl").read_text("utf-8").splitlines())
    counts["golden"] = len((ROOT / "examples/golden/golden.jsonl").read_text("utf-8").splitlines())
    ledger = pl.read_parquet(built / "support_bot" / "ledger.parquet")
    assert dict(ledger.group_by("source").len().iter_rows()) == counts


def test_the_mix_is_what_was_asked_for(built: Path) -> None:
    """Requested and achieved shares agree to one row."""
    mix = manifest(built / "support_bot")["mix"]
    for share in mix["shares"]:
        assert share["achieved"] == pytest.approx(share["requested"], abs=1)
    train = pl.read_parquet(built / "support_bot" / "data" / "train-*.parquet")
    assert dict(train.group_by("source").len().iter_rows()) == {share["source"]: share["achieved"] for share in mix["shares"]}


def test_a_prefix_is_a_fair_sample(built: Path) -> None:
    """The first half of train holds every source in about its share: the order is a draw, not the order of the input."""
    train = pl.read_parquet(built / "support_bot" / "data" / "train-*.parquet")
    half = train.head(len(train) // 2)
    for source, share in train["source"].value_counts(normalize=True).iter_rows():
        assert (half["source"] == source).mean() == pytest.approx(share, abs=0.06)
