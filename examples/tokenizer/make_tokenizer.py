"""Train the small byte-level BPE tokenizer of the examples on the example texts, the same bytes on every run."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers

HERE = Path(__file__).resolve().parent
EXAMPLES = HERE.parent
VOCAB_SIZE = 4096
SPECIAL = ["<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"]
CONFIG = {
    "tokenizer_class": "PreTrainedTokenizerFast",
    "bos_token": "<s>",
    "eos_token": "</s>",
    "pad_token": "<pad>",
    "additional_special_tokens": SPECIAL[3:],
    "model_max_length": 4096,
    "clean_up_tokenization_spaces": False,
}


def texts() -> Iterator[str]:
    """Yield every text of the examples in a fixed order."""
    yield (EXAMPLES / "support" / "faq.md").read_text(encoding="utf-8")
    for path in sorted((EXAMPLES / "support").glob("tickets-*.csv.gz")):
        with gzip.open(path, "rt", encoding="utf-8", newline="") as rows:
            for row in csv.DictReader(rows):
                yield from (row["subject"], row["body"], row["reply"])
    for path, key, text in (
        ("chat/chats.jsonl", "conversations", "value"),
        ("golden/golden.jsonl", "messages", "content"),
    ):
        for line in (EXAMPLES / path).read_text(encoding="utf-8").splitlines():
            yield from (turn[text] for turn in json.loads(line)[key])


def train() -> Tokenizer:
    """Train the tokenizer; it adds no token by itself when it encodes."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts(), trainer)
    return tokenizer


def main() -> None:
    """Write tokenizer.json and tokenizer_config.json beside this script."""
    tokenizer = train()
    (HERE / "tokenizer.json").write_text(tokenizer.to_str(pretty=False) + "\n", encoding="utf-8", newline="\n")
    config = json.dumps(CONFIG, indent=2) + "\n"
    (HERE / "tokenizer_config.json").write_text(config, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main()
