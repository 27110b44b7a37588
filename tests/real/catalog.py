"""The real sources of these tests: what a recipe says of each, and the same rows read with the standard library only.

Nothing of datasetbuild is imported here, so that what the tests expect is counted by other code than what they test.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Turns = list[tuple[str, str]]
"""(role, content) of each turn."""

SHAREGPT = {"human": "user", "gpt": "assistant", "observation": "tool", "function_call": "assistant"}


@dataclass(frozen=True)
class Source:
    """path: relative to the data folder, perhaps a glob. rows: the turns of every row of a file, in order."""

    path: str
    recipe: dict[str, Any]
    rows: Callable[[Path], Iterator[Turns]]


def pair(question: Any, answer: Any) -> Turns:
    return [("user", question or ""), ("assistant", answer or "")]


def objects(path: Path) -> list[Any]:
    """The objects of a JSON array, or of JSON Lines, perhaps packed with gzip."""
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode()
    if text.lstrip().startswith("["):
        return list(json.loads(text))
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def pairs(question: str, answer: str) -> Callable[[Path], Iterator[Turns]]:
    return lambda path: (pair(row[question], row[answer]) for row in objects(path))


def alpaca(answer: str) -> Callable[[Path], Iterator[Turns]]:
    def rows(path: Path) -> Iterator[Turns]:
        for row in objects(path):
            beside = row.get("input") or ""
            yield pair(f"{row['instruction']}\n\n{beside}" if beside.strip() else row["instruction"], row[answer])

    return rows


def sharegpt(path: Path) -> Iterator[Turns]:
    """A function call is a turn of the assistant without text."""
    for row in objects(path):
        turns = [(turn["from"], turn["value"]) for turn in row["conversations"]]
        yield [(SHAREGPT[name], "" if name == "function_call" else value) for name, value in turns]


def messages(path: Path) -> Iterator[Turns]:
    for row in objects(path):
        yield [(turn["role"], turn["content"]) for turn in row["messages"]]


def table(question: str, answer: str, delimiter: str = ",") -> Callable[[Path], Iterator[Turns]]:
    def rows(path: Path) -> Iterator[Turns]:
        with open(path, encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file, delimiter=delimiter):
                yield pair(row[question], row[answer])

    return rows


def faq(path: Path) -> Iterator[Turns]:
    """Second-level headings and what stands between them; the page has no headings of this level in code."""
    parts = re.split(r"^## (.*)$", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for question, answer in zip(parts[1::2], parts[2::2], strict=True):
        yield pair(question.strip(), answer.strip("\n").rstrip())


def counted(pattern: str) -> Callable[[Path], Iterator[Turns]]:
    """Rows that the standard library cannot read, only count: one for each match. Their turns are not known."""
    return lambda path: iter([[]] * len(re.findall(pattern, path.read_text(encoding="utf-8"), flags=re.MULTILINE)))


def by_turns(question: str, answer: str) -> list[dict[str, str]]:
    return [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]


SOURCES: dict[str, Source] = {
    "gsm8k": Source(
        "gsm8k/grade_school_math/data/test.jsonl",
        {"format": "prompt_completion", "columns": {"prompt": "question", "completion": "answer"}},
        pairs("question", "answer"),
    ),
    "octopack": Source(
        "octopack/dataset/oasst/oasstcommitpackftmanual.jsonl",
        {"format": "prompt_completion"},
        pairs("prompt", "completion"),
    ),
    "human_eval": Source(
        "human-eval/data/HumanEval.jsonl.gz",
        {"format": "prompt_completion", "columns": {"completion": "canonical_solution"}, "key": "task_id"},
        pairs("prompt", "canonical_solution"),
    ),
    "qasc": Source("alpaca-cot/data/formatted_cot_data/qasc_train.json", {"format": "alpaca"}, alpaca("output")),
    "roleplay": Source(
        "gpteacher/Roleplay/roleplay-simple-deduped-roleplay-instruct.json",
        {"format": "alpaca", "columns": {"output": "response"}, "priority": 1},
        alpaca("response"),
    ),
    "roleplay_yaml": Source(
        "gpteacher/Roleplay/roleplay-simple-deduped-roleplay-instruct.yaml",
        {"format": "alpaca", "columns": {"output": "response"}},
        counted(r"^- instruction:"),
    ),
    "toolformer": Source(
        "gpteacher/Toolformer/toolformer-similarity-0.6-dataset.json",
        {"format": "alpaca", "columns": {"output": "response"}},
        alpaca("response"),
    ),
    "driverless": Source("h2ogpt/data/dai_faq.json", {"format": "alpaca"}, alpaca("output")),
    "vicuna": Source("fastchat/data/dummy_conversation.json", {"format": "sharegpt", "key": "id"}, sharegpt),
    "glaive": Source(  # tool calls, which the templates of older models cannot write
        "llama-factory/data/glaive_toolcall_en_demo.json", {"format": "sharegpt", "on_bad_row": {"max": 0.99}}, sharegpt
    ),
    "support": Source(
        "customer-support-llm/frontend/src/data/training_threads.json", {"format": "messages", "key": "id"}, messages
    ),
    "covid": Source(
        "covid-qa/data/faqs/faq_covidbert.csv",
        {
            "format": "table",
            "messages": by_turns("{{ question }}", "{{ answer }}"),
            "category": "source",
            "group": "link",
        },
        table("question", "answer"),
    ),
    "covid_many": Source(
        "covid-qa/data/faqs/faq_200327.tsv",
        {"format": "table", "messages": by_turns("{{ question }}", "{{ answer }}"), "category": "lang"},
        table("question", "answer", "\t"),
    ),
    "banking": Source(
        "banking77-polyai/banking_data/test.csv",
        {"format": "table", "messages": by_turns("{{ text }}", "{{ category }}"), "category": "category"},
        table("text", "category"),
    ),
    "small_talk": Source(
        "songys-ko/ChatbotData.csv",
        {"format": "table", "messages": by_turns("{{ Q }}", "{{ A }}"), "limit": 2000},
        table("Q", "A"),
    ),
    "infinity": Source(
        "oxen-parquet/data/test/parquet/sft 100.parquet", {"format": "alpaca"}, lambda path: iter([[]] * 100)
    ),
    "homebrew": Source("homebrew-faq/docs/FAQ.md", {"format": "faq_markdown"}, faq),
    "taxonomy": Source(
        "instructlab-taxonomy/foundational_skills/**/qna.yaml",
        {
            "format": "prompt_completion",
            "records": "seed_examples",
            "columns": {"prompt": "question", "completion": "answer"},
        },
        counted(r"^ *(?:- )?answer:"),
    ),
}


def read(data: Path) -> dict[tuple[str, str], list[Turns]]:
    """(source, file) -> the turns of each of its rows; a row whose turns are not known has none."""
    return {
        (name, str(file)): list(source.rows(file))
        for name, source in SOURCES.items()
        for file in sorted(data.glob(source.path))
    }
