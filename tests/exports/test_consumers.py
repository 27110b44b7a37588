"""The consumers themselves as judges, each where it is installed: their own readers take our rows and lose nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest

from tests.conftest import ROOT
from tests.exports.conftest import ROWS, TOOLED, rows_of

pytestmark = pytest.mark.usefixtures("no_network")


def loaded(kind: str, files: Any, cache: Path) -> Any:
    """Rows as `datasets` gives them to a trainer."""
    from datasets import load_dataset

    return load_dataset(kind, data_files={"train": files}, cache_dir=str(cache), split="train")


def labelled(folder: Path) -> list[tuple[list[int], list[int]]]:
    """Our own tokens and labels, in order."""
    frame = pl.read_parquet(folder / "train-*.parquet")
    return list(zip(frame["input_ids"].to_list(), frame["labels"].to_list(), strict=True))


def test_together_takes_the_files(exported: Callable[[str], Path]) -> None:
    """Together's client finds nothing wrong with the file, weights included."""
    pytest.importorskip("together", reason="together is not installed")
    place = "together.lib.utils.files" if find_spec("together.lib") else "together.utils.files"  # from 2 on, and before
    report = import_module(place).check_file(exported("together") / "train.jsonl")
    assert report["is_check_passed"], report
    assert report["num_samples"] == len(rows_of(exported("together")))


def test_mistral_takes_every_row(exported: Callable[[str], Path]) -> None:
    """mistral-common's validator for fine-tuning takes every conversation, with its ids of nine characters."""
    pytest.importorskip("mistral_common", reason="mistral-common is not installed")
    from mistral_common.protocol.instruct.messages import (
        FinetuningAssistantMessage,
        SystemMessage,
        ToolMessage,
        UserMessage,
    )
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.protocol.instruct.tool_calls import Tool
    from mistral_common.protocol.instruct.validator import MistralRequestValidatorV3, ValidationMode

    kinds = {"system": SystemMessage, "user": UserMessage, "assistant": FinetuningAssistantMessage, "tool": ToolMessage}
    validator = MistralRequestValidatorV3(mode=ValidationMode.finetuning)
    rows = rows_of(exported("mistral"))
    assert len(rows) == len(TOOLED)
    for row in rows:
        turns = [kinds[one["role"]](**one) for one in row["messages"]]
        tools = [Tool(**tool) for tool in row.get("tools", [])] or None
        validator.validate_request(ChatCompletionRequest(messages=turns, tools=tools))


def test_oumi_reads_the_same_conversations(exported: Callable[[str], Path]) -> None:
    """Oumi's Conversation has our id, metadata and every turn."""
    pytest.importorskip("oumi", reason="oumi is not installed")
    from oumi.core.types.conversation import Conversation

    for row in rows_of(exported("oumi")):
        read = Conversation.from_dict(row)
        assert read.conversation_id == row["conversation_id"] and read.metadata == row["metadata"]
        assert [(one.role.value, one.content or "") for one in read.messages] == [
            (one["role"], one["content"]) for one in row["messages"]
        ]


def test_oumi_finds_what_to_train(exported: Callable[[str], Path], tmp_path: Path) -> None:
    """Its config takes ours, and the target stands where its collator looks for it."""
    configs = pytest.importorskip("oumi.core.configs", reason="oumi is not installed", exc_type=ImportError)
    whole = tmp_path / "oumi.yaml"
    whole.write_text((exported("oumi") / "oumi.yaml").read_text() + "model: {model_name: none}\n")
    config = configs.TrainingConfig.from_yaml(str(whole))
    assert config.data.train.train_target.value == "all_assistant_turns"


def test_torchtune_reads_the_same_messages(exported: Callable[[str], Path]) -> None:
    """torchtune's OpenAI reader and its validator take every row, and train the assistant's turns alone."""
    data = pytest.importorskip("torchtune.data", reason="torchtune is not installed", exc_type=ImportError)
    for row in rows_of(exported("torchtune")):
        messages = data.OpenAIToMessages()(row)["messages"]
        data.validate_messages(messages)
        assert [(one.role, one.text_content, one.masked) for one in messages] == [
            (one["role"], one["content"], one["role"] != "assistant") for one in row["messages"]
        ]


def test_llama_factory_skips_no_row(exported: Callable[[str], Path], tmp_path: Path) -> None:
    """Its parser reads our dataset_info.json, and its converter gives every row a prompt, a response, system and tools."""
    pytest.importorskip("llamafactory", reason="llamafactory is not installed")
    converter = pytest.importorskip("llamafactory.data.converter", exc_type=ImportError)
    from llamafactory.data.parser import get_dataset_list

    folder = exported("llama_factory")
    (attributes,) = get_dataset_list(["tools"], str(folder))
    convert = converter.get_dataset_converter(attributes.formatting, attributes, SimpleNamespace(media_dir=""))
    rows = rows_of(folder)
    assert len(rows) == len(TOOLED)
    for row, example in zip(rows, loaded("json", str(folder / attributes.dataset_name), tmp_path), strict=True):
        read = convert(example)
        system = [one["content"] for one in row["messages"] if one["role"] == "system"]
        said = [one["content"] for one in row["messages"] if one["role"] != "system"]
        assert [one["content"] for one in read["_prompt"] + read["_response"]] == said
        assert (read["_system"] or "") == "".join(system)
        assert (read["_tools"] or "") == row["tools"]
        if row["tools"]:
            assert [one["role"] for one in read["_prompt"]] == ["user", "function", "observation"]
            assert json.loads(read["_prompt"][1]["content"])["name"] == "weather"


def test_llama_factory_opens_the_tokens(exported: Callable[[str], Path]) -> None:
    """`tokenized_path` is a folder for `load_from_disk` with the splits and columns that it wants, and our labels."""
    from datasets import load_from_disk

    data = load_from_disk(str(exported("llama_factory_tokens") / "tokenized"))
    assert set(data) == {"train", "validation"}
    assert data["train"].column_names == ["input_ids", "attention_mask", "labels"]
    assert list(zip(data["train"]["input_ids"], data["train"]["labels"], strict=True)) == labelled(exported("tokens"))


@pytest.mark.parametrize("export", ["llama_factory", "llama_factory_tokens"])
def test_llama_factory_takes_the_config(exported: Callable[[str], Path], tmp_path: Path, export: str) -> None:
    """Its own parser takes our YAML with a model, a template and a place for the result: no name is missing."""
    pytest.importorskip("llamafactory", reason="llamafactory is not installed")
    hparams = pytest.importorskip("llamafactory.hparams", exc_type=ImportError)
    import yaml

    config = yaml.safe_load((exported(export) / "llama_factory.yaml").read_text())
    rest = {"model_name_or_path": "none", "template": "chatml", "stage": "sft", "do_train": True, "use_cpu": True}
    data = hparams.get_train_args({**config, **rest, "output_dir": str(tmp_path)})[1]
    assert data.dataset == ["tools" if export == "llama_factory" else "plain"]
    assert data.tokenized_path == config.get("tokenized_path")


def test_axolotl_trains_what_we_would(exported: Callable[[str], Path], tmp_path: Path) -> None:
    """Its chat_template strategy, set up as our YAML says, gives every row our tokens and our labels, weights included."""
    pytest.importorskip("axolotl", reason="axolotl is not installed")
    strategies = pytest.importorskip("axolotl.prompt_strategies.chat_template", exc_type=ImportError)
    import yaml
    from axolotl.utils.dict import DictDefault
    from transformers import AutoTokenizer

    folder = exported("axolotl")
    config = yaml.safe_load((folder / "axolotl.yaml").read_text())
    template = (folder / config["chat_template_jinja"]).read_text()
    tokenizer = AutoTokenizer.from_pretrained(str(ROOT / "examples" / "tokenizer"))
    cfg = DictDefault(
        {**config, "chat_template_jinja": template, "sequence_len": config["sequence_len"], "train_on_inputs": False}
    )
    strategy = strategies.load(tokenizer, cfg, ds_cfg=DictDefault(config["datasets"][0]))
    rows = loaded("json", str(folder / config["datasets"][0]["path"]), tmp_path)
    expected = by_conversation(exported)
    compared = 0
    for row in rows:
        key = tuple(one["content"] for one in row["messages"])
        if key in expected:
            read = strategy.tokenize_prompt(row)
            assert list(read["input_ids"]) == expected[key][0]
            assert list(read["labels"]) == expected[key][1]
            compared += 1
    assert compared


def by_conversation(exported: Callable[[str], Path]) -> dict[tuple[str, ...], tuple[list[int], list[int]]]:
    """Our tokens and labels by what is said, of the build without tools."""
    folder = exported("tokens").parents[1] / "data"
    frame = pl.concat(pl.read_parquet(path) for path in sorted(folder.glob("*.parquet")))
    said = [tuple(one["content"] for one in messages) for messages in frame["messages"].to_list()]
    assert len(said) == len(ROWS)
    return dict(zip(said, zip(frame["input_ids"].to_list(), frame["labels"].to_list(), strict=True), strict=True))
