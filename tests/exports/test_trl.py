"""TRL as the judge: the batches that its SFTTrainer builds of our exports have exactly our labels.

Needs torch and trl (`pip install datasetbuild[trainers]`, or any TRL from 0.20 on); skipped where they are missing.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, Project

pytest.importorskip("torch", reason="torch is not installed: pip install 'datasetbuild[trainers]'")
pytest.importorskip("trl", reason="trl is not installed: pip install 'datasetbuild[trainers]'")

RECIPE = """\
name: small
sources:
  rows: {{path: rows.jsonl, format: messages}}
template: {{tokenizer: {tokenizer}, chat_template: chatml}}
export: [tokens, {exports}]
"""

Sequence = tuple[tuple[int, ...], tuple[int, ...]]


def turns(*texts: str, system: str | None = None, weights: tuple[float | None, ...] = ()) -> dict[str, Any]:
    roles = ["user", "assistant"] * len(texts)
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in zip(roles, texts, strict=False)]
    answers = [one for one in messages if one["role"] == "assistant"]
    for one, weight in zip(answers, weights, strict=False):
        one |= {} if weight is None else {"weight": weight}
    return {"messages": [{"role": "system", "content": system}, *messages] if system else messages}


ROWS = [
    turns("Where is my order?", "It left our house this morning."),
    turns("Hi", "Hello!", "And bye", "See you", system="Answer briefly."),
    turns("Repeat yes", "yes", "Repeat yes", "yes", "Repeat yes", "yes"),
    turns("Grüße, 日本 and 🙂", "Ja – 日本語もできます 🙂"),
    turns("  white space  ", "\n around \n"),
    *[turns(f"question number {n}", f"the answer is {n * n}, " * (n + 1)) for n in range(12)],
]
WEIGHED = [turns("First?", "not trained", "Second?", "trained", weights=(0.0, 1.0)), *ROWS]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Project]:
    """Builds rows with an export beside `tokens`."""
    from datasetbuild.cli import main

    def made(rows: list[dict[str, Any]], exports: str) -> Project:
        folder = tmp_path_factory.mktemp("project")
        recipe = RECIPE.format(tokenizer=ROOT / "examples" / "tokenizer", exports=exports)
        project = Project(folder, lambda: None).write({"rows.jsonl": rows, "recipes/small.yaml": recipe})
        assert main(["recipe=small", "-q", "-C", str(folder)]) == 0
        return project

    return made


@pytest.fixture(scope="module")
def plain(build: Callable[..., Project]) -> Project:
    return build(ROWS, "trl")


@pytest.fixture(scope="module")
def weighed(build: Callable[..., Project]) -> Project:
    return build(WEIGHED, "{profile: trl, rows: tokens}")


def ours(project: Project) -> list[Sequence]:
    """The rows as the build has proved them."""
    frame = project.rows()
    return sorted(zip(map(tuple, frame["input_ids"].to_list()), map(tuple, frame["labels"].to_list()), strict=True))


def tokenizer() -> Any:
    from transformers import AutoTokenizer

    loaded = AutoTokenizer.from_pretrained(str(ROOT / "examples" / "tokenizer"))
    loaded.pad_token = loaded.pad_token or loaded.eos_token
    return loaded


def seen(dataset: Any, known: list[Sequence], folder: Path, **settings: Any) -> list[Sequence]:
    """What the trainer's own batches hold, sequence by sequence."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    torch.manual_seed(0)
    tokens = tokenizer()
    sizes = {"hidden_size": 32, "intermediate_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokens), **sizes))
    common = {
        "output_dir": str(folder),
        "report_to": [],
        "use_cpu": True,
        "bf16": False,
        "per_device_train_batch_size": 4,
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        config = SFTConfig(**common, max_steps=1, save_strategy="no", dataset_num_proc=None, **settings)
        trainer = SFTTrainer(model, args=config, train_dataset=dataset, processing_class=tokens)
        found = [one for batch in trainer.get_train_dataloader() for one in sequences(batch, known)]
        trainer.train()
    return sorted(found)


def sequences(batch: dict[str, Any], known: list[Sequence]) -> Iterator[Sequence]:
    """The sequences of a batch: padding taken away, packed rows taken apart where positions start anew.

    TRL before 0.24 hands packed rows over without positions, unless flash attention is there: these are taken apart by
    the tokens of the rows that we know.
    """
    for number in range(len(batch["input_ids"])):
        ids, labels = batch["input_ids"][number].tolist(), batch["labels"][number].tolist()
        if "position_ids" in batch:
            starts = [place for place, position in enumerate(batch["position_ids"][number].tolist()) if position == 0]
        else:
            length = int(batch["attention_mask"][number].sum())
            ids, labels = ids[:length], labels[:length]
            starts = list(boundaries(ids, known))
        for start, end in zip(starts, [*starts[1:], len(ids)], strict=True):
            yield tuple(ids[start:end]), tuple(labels[start:end])


def boundaries(ids: list[int], known: list[Sequence]) -> Iterator[int]:
    """Where known rows start in joined ones: the longest that fits comes first."""
    place = 0
    while place < len(ids):
        yield place
        fits = [len(row) for row, _ in known if tuple(ids[place : place + len(row)]) == row]
        place += max(fits, default=len(ids))


@pytest.mark.slow
@pytest.mark.parametrize("packing", [False, True])
def test_tokens_are_trained_as_they_were_proved(weighed: Project, tmp_path: Path, packing: bool) -> None:
    """Our tokens export, read with `datasets`: every token and every label, a turn of weight 0 included, packed or not."""
    from datasets import load_dataset

    files = sorted(map(str, (weighed.artifact() / "export" / "trl").glob("train-*.parquet")))
    dataset = load_dataset("parquet", data_files={"train": files}, cache_dir=str(tmp_path / "hf"))["train"]
    assert dataset.column_names == ["input_ids", "labels", "assistant_masks"]
    expected = ours(weighed)
    got = seen(dataset, expected, tmp_path / "out", packing=packing, max_length=512 if packing else None)
    assert got == expected
    assert any(label != -100 for _, labels in got for label in labels)


@pytest.mark.slow
@pytest.mark.parametrize("packing", [False, True])
def test_messages_are_masked_as_the_build_does(plain: Project, tmp_path: Path, packing: bool) -> None:
    """Our messages with the template of the export: TRL renders, tokenizes and masks them into the very same labels."""
    from datasets import load_dataset

    folder = plain.artifact() / "export" / "trl"
    dataset = load_dataset("json", data_files={"train": str(folder / "train.jsonl")}, cache_dir=str(tmp_path / "hf"))[
        "train"
    ]
    expected = ours(plain)
    settings = {"assistant_only_loss": True, "chat_template_path": str(folder / "chat_template.jinja")}
    got = seen(dataset, expected, tmp_path / "out", packing=packing, max_length=512, **settings)
    assert got == expected
