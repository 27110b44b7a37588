"""Toxicity by a model: a tiny one that the test itself makes, loaded and run as a real one would be."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.conftest import Project

WORDS = ("you", "are", "kind", "awful", "the", "weather", "is", "fine", "hate", "love", "question")


def model(folder: Path, labels: tuple[str, ...] = ("toxic", "insult"), problem: str | None = "multi_label_classification", seed: int = 1) -> Path:
    """A BERT of two layers with random weights and a tokenizer of eleven words, saved as transformers saves any model."""
    torch = pytest.importorskip("torch", reason="torch (the extra `toxicity`) is not installed")
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForSequenceClassification, PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate(("[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    named = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, model_max_length=32, **named).save_pretrained(folder)
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary), hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64,
        max_position_embeddings=32, id2label=dict(enumerate(labels)), problem_type=problem, initializer_range=0.5,
    )  # fmt: skip
    BertForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return model(tmp_path_factory.mktemp("models") / "tiny")


TEXTS = ("you are kind", "you are awful", "i hate the weather", "the weather is fine", "love is the question", "you are awful " * 60)


def values(folder: Path, texts: tuple[str, ...] = TEXTS, **params: Any) -> list[float]:
    from datasetbuild.op import find

    frame = pl.DataFrame({"conversation": [[text] for text in texts]})
    return find("fact", "toxicity").function(model=str(folder), **({"labels": ["toxic"]} | params))(frame).to_list()


def test_it_is_the_probability_that_transformers_gives(tiny: Path, tmp_path: Path) -> None:
    """A label's own probability where each has one, the share among all where they exclude each other; as its pipeline says."""
    from transformers import pipeline

    short = TEXTS[:5]
    said = pipeline("text-classification", model=str(tiny), top_k=None, device="cpu")(list(short))
    expected = [{one["label"]: one["score"] for one in each} for each in said]
    assert values(tiny, short) == pytest.approx([one["toxic"] for one in expected], abs=1e-4)
    assert values(tiny, short, labels=["toxic", "insult"]) == pytest.approx([max(one.values()) for one in expected], abs=1e-4)
    other = model(tmp_path / "other", ("neutral", "rude", "vile"), None)
    said = pipeline("text-classification", model=str(other), top_k=None, device="cpu")(list(short))
    expected = [{one["label"]: one["score"] for one in each} for each in said]
    wanted = [one["rude"] + one["vile"] for one in expected]
    assert values(other, short, labels=["rude", "vile"]) == pytest.approx(wanted, abs=2e-4)
    assert len(set(wanted)) > 1


def test_company_changes_nothing(tiny: Path) -> None:
    """A text has the value that it has alone, whatever stands beside it: nothing is padded."""
    together = values(tiny)
    assert together == [values(tiny, (text,))[0] for text in TEXTS]
    assert all(value == round(value, 4) for value in together)


def test_the_worst_window_of_a_long_text_counts(tiny: Path) -> None:
    """What stands beyond the model's 32 tokens is read too, and a record is as toxic as its worst turn."""
    from datasetbuild.op import find

    calm, awful = "the weather is fine " * 20, "hate hate hate hate hate hate"
    alone, long, cut = values(tiny, (calm, calm + awful, calm + awful)), values(tiny, (calm + awful,)), values(tiny, (calm + awful,), max_chars=len(calm))
    assert cut[0] == alone[0]
    assert long[0] >= alone[0]
    frame = pl.DataFrame({"conversation": [["you are kind", "", "you are awful"], []]})
    found = find("fact", "toxicity").function(model=str(tiny), labels=["toxic"])(frame).to_list()
    assert found == [max(values(tiny, ("you are kind", "you are awful"))), 0.0]


ROWS = [{"messages": [{"role": "user", "content": f"question {n}"}, {"role": "assistant", "content": text}]} for n, text in enumerate(TEXTS)]


def recipe(**rule: Any) -> str:
    filters = {"toxicity": {"model": "models/tiny", "labels": ["toxic"], "max": 1.0, **rule}}
    return json.dumps({"name": "small", "sources": {"a": {"path": "a.jsonl", "format": "messages"}}, "filters": filters, "split": {"train": 1.0, "validation": None}})


def test_a_build_with_a_model(project: Project, tiny: Path) -> None:
    """The model is known by its content: another place changes nothing, other weights measure anew, and the lock pins it."""
    shutil.copytree(tiny, project.folder / "models/tiny")
    project.write({"a.jsonl": ROWS, "recipes/small.yaml": recipe()})
    assert project.run("lock").code == 0
    ran = project.run("recipe=small")
    assert ran.code == 0, ran.err
    before = project.bytes()
    found = project.ledger()["toxicity"].to_list()
    (project.folder / "models/tiny").rename(project.folder / "models/moved")
    project.write({"recipes/small.yaml": recipe(model="models/moved"), "models/moved/README.md": "words"})
    assert "up to date" in project.run("plan", "recipe=small").out
    assert project.run("recipe=small", "--force").code == 0
    assert {**project.bytes(), "manifest.json": b""} == {**before, "manifest.json": b""}  # which names the recipe's file by content
    assert "models/moved" in project.run("lock", "--check").out
    assert str(project.folder).encode() not in b"".join(before.values())
    model(project.folder / "models/moved", seed=2)
    assert project.run("recipe=small").code == 0
    assert project.ledger()["toxicity"].to_list() != found


def test_a_label_that_the_model_does_not_have(project: Project, tiny: Path) -> None:
    """The error names the labels that there are, and the line of the recipe."""
    shutil.copytree(tiny, project.folder / "models/tiny")
    project.write({"a.jsonl": ROWS, "recipes/small.yaml": recipe(labels=["toxicity"])})
    ran = project.run("recipe=small")
    assert ran.code == 1
    assert "the model has no label 'toxicity'" in ran.err
    assert "did you mean 'toxic'?" in ran.err
    assert "recipes/small.yaml:1" in ran.err
