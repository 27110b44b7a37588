"""The mask matrix: each family's template on each shape, with its outcome as one word, and as the table of the docs."""

from __future__ import annotations

import re
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import polars as pl
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from datasetbuild.record import MESSAGE_FIELDS, record_schema
from datasetbuild.stages.render import OURS, PARITIES, ChatTemplate, TokenizerSpec, open_template, render
from tests.masks.shapes import DECLARED, SHAPES

HERE = Path(__file__).parent
FAMILIES = {path.stem: path.read_text("utf-8") for path in sorted((HERE / "templates").glob("*.jinja"))}
BOS = {"llama3": "<|begin_of_text|>"}
EOS = {"falcon3": "<|endoftext|>", "phi3": "<|endoftext|>", "chatml": "<|im_end|>"}
STOPS: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("llama3", "llama3_1"), ("<|eot_id|>",)),
    **dict.fromkeys(("gemma", "gemma2", "gemma3"), ("<end_of_turn>",)),
    **dict.fromkeys(("phi3",), ("<|end|>",)),
    **dict.fromkeys(("deepseek_v3", "deepseek_r1"), ("<｜end▁of▁sentence｜>",)),
    "command_r": ("<|END_OF_TURN_TOKEN|>",),
    "falcon3": ("<|endoftext|>",),
    "granite": ("<|end_of_text|>",),
    "glm4": ("<|user|>", "<|observation|>"),
    "gpt_oss": ("<|return|>", "<|end|>"),
    **dict.fromkeys(
        (
            "chatml",
            "qwen2_5",
            "qwen3",
            "qwen3_5",
            "phi4",
            "smollm3",
            "yi",
            "internlm2",
            "hermes_tools",
            "header_marked",
        ),
        ("<|im_end|>",),
    ),
}
TURNS = ("endoftext", "user", "assistant", "system", "observation", "return")
CONTROL = re.compile(
    r"<\|[^|<>\s]+\|>|<｜[^｜]+｜>|<(?:start|end)_of_turn>|\[/?[A-Z_]{4,}\]|</?s>|<bos>|<BOS_TOKEN>|\[gMASK\]|<sop>"
)
MARKS = {"proved": "●", "template_error": "T", "mask_unproved": "M", "control_token": "C"}


@lru_cache
def tokenizer_json(more: tuple[str, ...] = ()) -> str:
    """A byte-level BPE of about 700 tokens with every family's control tokens, and `more`."""
    sources = [*FAMILIES.values(), *(open_template(name, EMPTY, HERE).text for name in OURS)]
    written = {token for source in sources for token in CONTROL.findall(source)}
    tokens = sorted(written | {f"<|{name}|>" for name in TURNS} | set(more))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=700 + len(more),
        special_tokens=tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(
        ["Because it is. Why so? The first answer and the second one of many turns.\n\n" * 40], trainer
    )
    return tokenizer.to_str()


EMPTY = TokenizerSpec("empty", '{"added_tokens": [], "model": {"vocab": {}}}')


@cache
def opened(family: str) -> tuple[ChatTemplate, TokenizerSpec]:
    """A family's template with the tokenizer of the matrix; `ours/NAME` for one of ours."""
    name = family.removeprefix("ours/")
    special = {"bos_token": BOS.get(name, "<s>"), "eos_token": EOS.get(name, "</s>"), "pad_token": "<|endoftext|>"}
    spec = TokenizerSpec("matrix", tokenizer_json(), special=special)
    if family.startswith("ours/"):
        return open_template(name, spec, HERE), spec
    return ChatTemplate(FAMILIES[family], spec, name=family), spec


def records(messages: list[dict[str, Any]], tools: str | None) -> pl.DataFrame:
    schema = record_schema()
    columns: dict[str, Any] = {name: [None] for name in schema} | {"row": [0], "line": [0], "tools": [tools]}
    columns["messages"] = [[{field: message.get(field) for field in MESSAGE_FIELDS} for message in messages]]
    return pl.DataFrame({name: pl.Series(name, values, schema[name]) for name, values in columns.items()})


@cache
def cell(template: ChatTemplate, spec: TokenizerSpec, shape: str) -> tuple[str, str, list[dict[str, Any]]]:
    """(outcome, parity classes or the detail of the refusal, rendered rows) of a shape."""
    rendered, held = render(records(SHAPES[shape], DECLARED.get(shape)), spec=spec, params={}, template=template)
    if len(held):
        return held["reason"][0], held["detail"][0], []
    codes = sorted({code for codes in rendered["parity"] for code in codes})
    return "proved", ", ".join(str(list(PARITIES)[code]) for code in codes if code < len(PARITIES)), rendered.to_dicts()


def families() -> list[str]:
    return [*(f"ours/{name}" for name in OURS), *FAMILIES]


def stops(family: str) -> tuple[str, ...]:
    return STOPS.get(family.removeprefix("ours/"), ("</s>",))


def table() -> str:
    """The outcome of every cell as a Markdown table."""
    lines = ["| template | " + " | ".join(SHAPES) + " | parity |", "|---" * (len(SHAPES) + 2) + "|"]
    proved = 0
    for family in families():
        template, spec = opened(family)
        cells = [cell(template, spec, shape) for shape in SHAPES]
        proved += sum(outcome == "proved" for outcome, _, _ in cells)
        classes = sorted({name for outcome, said, _ in cells if outcome == "proved" for name in said.split(", ")})
        lines.append(
            f"| {family} | " + " | ".join(MARKS[outcome] for outcome, _, _ in cells) + f" | {', '.join(classes)} |"
        )
    total = len(families()) * len(SHAPES)
    return "\n".join(
        [
            *lines,
            "",
            f"{len(families())} templates x {len(SHAPES)} shapes: {proved} of {total} cells proved, "
            f"{total - proved} refused.",
            "",
        ]
    )


BEGIN, END = "<!-- the table: python -m tests.masks.matrix -->", "<!-- end of the table -->"


def write_table(path: Path) -> None:
    """Put the table where the docs have it."""
    text = path.read_text("utf-8")
    head, rest = text.split(BEGIN)
    path.write_text(f"{head}{BEGIN}\n{table()}{END}{rest.split(END)[1]}", "utf-8")


if __name__ == "__main__":
    write_table(HERE.parents[1] / "docs" / "reference" / "masks.md")
