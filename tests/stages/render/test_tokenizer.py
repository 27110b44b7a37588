"""Tokenizers: resolved once, kept as a file, and the fast one never believed without the slow one."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.arrow import sums
from datasetbuild.errors import BuildError, DatasetBuildError, RecipeError
from datasetbuild.hashing import checksums
from datasetbuild.stages.render import TokenizerSpec, encode, fingerprint, load_spec, resolve, save_spec, tokenizer
from datasetbuild.stages.render.encode import SAMPLE_LEAST, Encoder, encoder, forget_fast, sample
from tests.conftest import ROOT


@pytest.fixture
def folder(byte_level: TokenizerSpec, tmp_path: Path) -> Path:
    """A tokenizer's folder, as save_pretrained writes it, with truncation set."""
    content = json.loads(byte_level.json)
    content["truncation"] = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    (tmp_path / "tok").mkdir()
    (tmp_path / "tok" / "tokenizer.json").write_text(json.dumps(content))
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "chat_template": "{{ messages[0].content }}",
        **byte_level.special,
    }
    (tmp_path / "tok" / "tokenizer_config.json").write_text(json.dumps(config))
    return tmp_path


def test_a_folder_is_resolved_and_kept(folder: Path) -> None:
    """Template, special tokens and vocabulary come along, truncation does not; the kept file gives the same spec."""
    spec = resolve("tok", None, folder)
    assert spec.chat_template == "{{ messages[0].content }}"
    assert spec.eos == "<|im_end|>"
    assert json.loads(spec.json)["truncation"] is None
    save_spec(spec, folder / "cache" / "spec.json")
    kept = load_spec(folder / "cache" / "spec.json")
    assert kept == spec
    assert kept.digest == spec.digest
    assert pickle.loads(pickle.dumps(spec)) == spec


def test_the_fingerprint_follows_content_alone(folder: Path) -> None:
    """Another file beside them changes nothing; a byte of a tokenizer file does."""
    before = fingerprint("tok", None, folder)
    (folder / "tok" / "model.safetensors").write_bytes(b"weights")
    assert fingerprint("tok", None, folder) == before
    (folder / "tok" / "chat_template.jinja").write_text("{{ 1 }}")
    assert fingerprint("tok", None, folder) != before
    assert fingerprint("org/model", "abc", folder) == "org/model@abc"


def test_the_digest_follows_template_and_special_tokens(byte_level: TokenizerSpec) -> None:
    """What can change a text or a token changes the digest; the name does not."""
    other = TokenizerSpec("elsewhere", byte_level.json, special=byte_level.special)
    assert other.digest == byte_level.digest
    assert TokenizerSpec("tiny", byte_level.json, "{{ 1 }}", special=byte_level.special).digest != byte_level.digest
    assert TokenizerSpec("tiny", byte_level.json, special={}).digest != byte_level.digest


def test_a_hub_id_needs_a_revision(tmp_path: Path) -> None:
    """The fault names the key and shows how to find the commit."""
    with pytest.raises(RecipeError, match=r"template\.revision(.|\n)*model_info\('org/model'\)"):
        resolve("org/model", None, tmp_path)


@pytest.mark.parametrize("name", ["./none", "/none/such", "~nobody/x/y", "a/b/c"])
def test_a_missing_folder(name: str, tmp_path: Path) -> None:
    """What looks like a path and is none is said to be missing."""
    with pytest.raises(DatasetBuildError, match="no folder"):
        resolve(name, None, tmp_path)


def test_a_folder_without_a_tokenizer(tmp_path: Path) -> None:
    """The message says which file is wanted."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetBuildError, match=r"tokenizer\.json"):
        resolve("empty", None, tmp_path)


def test_an_unreachable_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the Hub becomes ours, with a next step."""
    import transformers

    def fail(*_: Any, **__: Any) -> None:
        raise OSError("We couldn't connect to 'https://huggingface.co'\nmore")

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", fail)
    with pytest.raises(BuildError, match=r"org/model@abc(.|\n)*couldn't connect(.|\n)*HF_TOKEN"):
        resolve("org/model", "abc", tmp_path)


def test_a_slow_tokenizer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer without tokenizer.json cannot prove masks, and says how to convert it."""
    import transformers

    monkeypatch.setattr(transformers.AutoTokenizer, "from_pretrained", lambda *_, **__: object())
    monkeypatch.setattr(tokenizer, "_plain", lambda name, folder: None)
    with pytest.raises(BuildError, match=r"slow(.|\n)*save_pretrained"):
        resolve("tok", None, folder)


def test_a_spoilt_kept_file(tmp_path: Path) -> None:
    """The message says to delete it."""
    (tmp_path / "spec.json").write_text("{")
    with pytest.raises(BuildError, match="rm "):
        load_spec(tmp_path / "spec.json")


TEXTS = [f"the answer {n} <|im_end|>\nÜber {chr(0x4E00 + n)}" for n in range(300)]


def test_fast_ids_are_those_of_the_oracle(byte_level: TokenizerSpec) -> None:
    """fastokens and tokenizers give the same ids for the batch."""
    encoder = Encoder(byte_level)
    assert encoder.fast is not None
    fast, slow = encoder.encode(TEXTS), encoder.encode(TEXTS, exact=True)
    assert fast.warning is None
    assert np.array_equal(fast.ids, slow.ids)
    assert np.array_equal(fast.bounds, slow.bounds)


@pytest.fixture(scope="module")
def greedy() -> Encoder:
    """A tokenizer whose added tokens reach for what is around them, each in its own way; `<|s|>` alone does not."""
    from tokenizers import AddedToken, Tokenizer, models, normalizers, pre_tokenizers

    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made = Tokenizer(models.BPE({letter: n for n, letter in enumerate(sorted(alphabet))}, []))
    made.normalizer = normalizers.NFC()
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.add_special_tokens(["<|s|>", "<<", "n<|", "<|s|>n<|s", "end"])
    flags: list[dict[str, bool]] = [{"rstrip": True}, {"lstrip": True}, {"single_word": True}, {"normalized": True}]
    made.add_special_tokens([AddedToken(f"<{n}>", **{"normalized": False} | flag) for n, flag in enumerate(flags)])
    return Encoder(TokenizerSpec("greedy", made.to_str()))


PIECES = ["<|s|>", "<|s|", "<|s", "<", "s|>", "|s|>", "n", "en", "d", " ", "\n", "a", "é", "e\u0301", "漢", "\U0001f600", "<0>", "<1>", "<2>", "<3>"]


@settings(max_examples=300, deadline=None)
@given(texts=st.lists(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), min_size=1, max_size=20), apart=st.booleans())
def test_texts_encoded_together_have_the_ids_that_each_has_alone(texts: list[str], apart: bool, greedy: Encoder) -> None:
    """Whatever an added token takes of its neighbours: a text that another one reaches into is encoded alone. No sample helps."""
    assert greedy.fast is not None
    texts = ["<|s|>" + text if apart else text for text in texts]
    data = "".join(texts).encode()
    bounds = sums(np.array([len(text.encode()) for text in texts]))
    greedy.together = True
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "sample", lambda numbers: [])
        given = greedy.encode_rows(memoryview(data), bounds, np.ones(len(texts), np.uint32))
    alone = greedy.encode(texts, exact=True)
    if given is not None:
        assert np.array_equal(given.ids, alone.ids) and np.array_equal(given.bounds, alone.bounds)
        assert given.places is not None and given.places[given.bounds].tolist() == bounds.tolist()
    plain = apart and all(set(text.removeprefix("<|s|>")) <= set("aé漢 \n") for text in texts)
    assert given is not None or not plain


def test_a_forgotten_tokenizer_is_loaded_again(byte_level: TokenizerSpec) -> None:
    """What fastokens holds can go between two batches, and no id is another."""
    encoder = Encoder(byte_level)
    before, fast = encoder.encode(TEXTS), encoder.fast
    forget_fast()
    assert "fast" not in encoder.__dict__
    after = encoder.encode(TEXTS)
    assert np.array_equal(before.ids, after.ids) and after.warning is None
    assert encoder.fast is not fast


class Wrong:
    """A fast tokenizer that gives another id for every token."""

    def __init__(self, fast: Any) -> None:
        self.fast = fast

    def encode_batch_flat(self, texts: list[str]) -> tuple[bytes, bytes]:
        ids, bounds = self.fast.encode_batch_flat(texts)
        return (np.frombuffer(ids, np.uint32) + 1).tobytes(), bounds


def test_a_fast_tokenizer_that_differs_is_not_used(byte_level: TokenizerSpec) -> None:
    """One difference on the sample: the whole batch comes from the oracle, and a warning is returned."""
    encoder = Encoder(byte_level)
    right = encoder.encode(TEXTS, exact=True)
    encoder.fast = Wrong(encoder.fast)
    given = encoder.encode(TEXTS)
    assert "differ" in (given.warning or "")
    assert np.array_equal(given.ids, right.ids)


def test_the_sample_depends_on_the_texts_alone() -> None:
    """At least 8 texts of a batch, all of a small one, the same in any order."""
    numbers = np.array(checksums(TEXTS), np.uint64)
    assert sample(numbers[:3]) == [0, 1, 2]
    assert len(sample(numbers)) >= SAMPLE_LEAST
    assert {TEXTS[i] for i in sample(numbers)} == {TEXTS[::-1][i] for i in sample(numbers[::-1])}


def test_what_fastokens_refuses_goes_to_the_oracle(words: TokenizerSpec) -> None:
    """A tokenizer that fastokens cannot load is used all the same, with a warning."""
    encoder = Encoder(words)
    assert encoder.fast is None
    assert "refuses" in (encoder.encode(["What is LoRA?"]).warning or "")


def test_a_plain_folder_is_read_as_transformers_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder with nothing but a fast tokenizer is read without transformers, and gives the same tokens and template."""
    folder = ROOT / "examples" / "tokenizer"
    plain = resolve(str(folder), None, ROOT)
    monkeypatch.setattr(tokenizer, "_plain", lambda name, folder: None)
    whole = resolve(str(folder), None, ROOT)
    assert (plain.chat_template, plain.special, plain.added, plain.control) == (
        whole.chat_template,
        whole.special,
        whole.added,
        whole.control,
    )
    texts = ["Hello, Wörld! 日本語 👩‍🚀", "<|im_start|>user\nHi<|im_end|>\n", "", "a  b\tc\n\n", "<s>[INST] x [/INST]</s>"]
    assert encoder(plain).encode(texts).ids.tolist() == encoder(whole).encode(texts).ids.tolist()


@pytest.mark.parametrize(
    ("config", "more"),
    [
        ({"tokenizer_class": "LlamaTokenizerFast"}, {}),
        ({"auto_map": {"AutoTokenizer": ["x.Y", None]}}, {}),
        ({"add_bos_token": True}, {}),
        ({"eos_token": {"content": "</s>"}}, {}),
        ({"eos_token": "<not in the vocabulary>"}, {}),
        ({}, {"special_tokens_map.json": "{}"}),
        ({}, {"added_tokens.json": "{}"}),
    ],
)
def test_anything_else_is_left_to_transformers(tmp_path: Path, config: dict[str, object], more: dict[str, str]) -> None:
    """Another class, code, options, tokens that are objects or unknown, or further files: not a plain folder."""
    import shutil

    folder = shutil.copytree(ROOT / "examples" / "tokenizer", tmp_path / "tokenizer")
    assert tokenizer._plain("x", folder) is not None
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    for name, text in more.items():
        (folder / name).write_text(text)
    assert tokenizer._plain("x", folder) is None
