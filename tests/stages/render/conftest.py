"""Small tokenizers and record frames for the tests of the render stage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasetbuild.hashing import record_hash
from datasetbuild.record import MESSAGE_FIELDS, record_schema
from datasetbuild.stages.render.tokenizer import TokenizerSpec

HERE = Path(__file__).parent
SPECIALS = """<|endoftext|> <|im_start|> <|im_end|> <s> </s> <|user|> <|assistant|> <|system|> <|end|>
<|start_header_id|> <|end_header_id|> <|eot_id|> <|begin_of_text|> <start_of_turn> <end_of_turn> <bos>""".split()  # noqa: SIM905
WORDS = "the answer to this question is a method of training small models, and here are more words.\n" * 50


@pytest.fixture(scope="session")
def byte_level() -> TokenizerSpec:
    """A byte-level BPE of 600 tokens: spells every text, byte for byte."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=600, special_tokens=SPECIALS, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator([WORDS], trainer)
    special = {
        "bos_token": "<s>",
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "unk_token": "<|endoftext|>",
    }
    return TokenizerSpec("tiny", tokenizer.to_str(), special=special)


@pytest.fixture(scope="session")
def words() -> TokenizerSpec:
    """Words and marks apart, as in the masking example: white space is lost, so the slow proof by decoding is taken."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    vocabulary = {token: n for n, token in enumerate(["[UNK]", "What", "is", "LoRA", "?", "a", "method", "."])}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["<s>", "</s>", "[INST]", "[/INST]"])
    return TokenizerSpec(
        "words", tokenizer.to_str(), special={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "[UNK]"}
    )


@pytest.fixture(scope="session")
def sentence_piece() -> TokenizerSpec:
    """A tokenizer in the manner of SentencePiece: blanks as U+2581, one before the text, bytes where there is no token;
    its turn tokens swallow the white space after them, as those of Phi-3 do."""
    from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

    vocabulary = {"<unk>": 0} | {f"<0x{byte:02X}>": byte + 1 for byte in range(256)}
    for character in "\u2581abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.,?!":
        vocabulary[character] = len(vocabulary)
    for merged in ("th", "he", "\u2581t", "\u2581th"):
        vocabulary[merged] = len(vocabulary)
    model = models.BPE(
        vocabulary, [("t", "h"), ("h", "e"), ("\u2581", "t"), ("\u2581", "th")], unk_token="<unk>", byte_fallback=True
    )
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer.add_special_tokens(
        ["<s>", "</s>", *(AddedToken(f"<|{name}|>", rstrip=True) for name in ("user", "assistant", "end"))]
    )
    return TokenizerSpec(
        "pieces", tokenizer.to_str(), special={"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}
    )


@pytest.fixture(scope="session")
def records() -> Callable[..., pl.DataFrame]:
    """Conversations, as lists of (role, content) or of messages, as a frame of records."""

    def build(conversations: list[list[Any]], tools: list[str | None] | None = None) -> pl.DataFrame:
        schema = record_schema()
        columns: dict[str, Any] = {name: [None] * len(conversations) for name in schema}
        columns["row"] = columns["line"] = list(range(len(conversations)))
        columns["base"] = [record_hash("talk", b"%d" % n) for n in range(len(conversations))]
        columns["messages"] = [[full(turn) for turn in turns] for turns in conversations]
        if tools is not None:
            columns["tools"] = tools
        return pl.DataFrame({name: pl.Series(name, values, schema[name]) for name, values in columns.items()})

    return build


def full(turn: Any) -> dict[str, Any]:
    message = turn if isinstance(turn, dict) else {"role": turn[0], "content": turn[1]}
    return {field: message.get(field) for field in MESSAGE_FIELDS}


@pytest.fixture(scope="session")
def weather_call() -> str:
    """One tool call, as records keep it: JSON text of OpenAI's list."""
    return json.dumps(
        [{"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Köln"}'}}]
    )


@pytest.fixture(scope="session")
def family() -> Callable[[str], str]:
    """A chat template in the manner of a family in use, without generation marks: `families/<name>.jinja`."""
    return lambda name: (HERE / "families" / f"{name}.jinja").read_text()
