"""Decontaminate: what stands in a benchmark is found, verbatim and edited, and nothing else is."""

from __future__ import annotations

import gzip
import json
import random
from pathlib import Path

import polars as pl
import pytest

from datasetbuild.errors import SourceError
from datasetbuild.record import record_schema
from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.decontaminate import contamination, index

ITEMS = [
    "A baker sells twelve loaves before noon and half as many after it. How many loaves does she sell on such a day?",
    "Write a function that returns the two largest numbers of a list without sorting it, and explain how long it takes.",
    "Which of the four seas named below has no coast at all, and what separates it from the waters around it?",
]
OTHERS = [
    "My printer says that it is out of paper, but the tray is full. What can I do about it before the meeting starts?",
    "A baker asked me for a name of her new shop, and I would like it to sound friendly, short and easy to spell.",
    "x = 3\nfor i in range(2, n): if n % i == 0: return False; return True",
]


def prepared(tmp_path: Path, items: list[str], *, fields: list[str] | None = None, ngram: int | None = 13) -> Path:
    path = tmp_path / "items.jsonl"
    path.write_text("".join(json.dumps({"question": item, "id": "q-1"}) + "\n" for item in items))
    benchmark = {"path": str(path)} | ({"fields": fields} if fields else {})
    data, _ = index(against={"exam": benchmark}, ngram=ngram)
    (tmp_path / "index").write_bytes(data)
    return tmp_path / "index"


def found(tmp_path: Path, items: list[str], texts: list[str], *, ngram: int | None = 13, fields: list[str] | None = None) -> pl.DataFrame:
    frame = pl.DataFrame({"conversation": [["Hello.", text, "The answer is five."] for text in texts]})
    return contamination(frame, prepared(tmp_path, items, fields=fields, ngram=ngram), ngram=ngram)


def test_a_verbatim_item_is_found_with_its_line_and_words(tmp_path: Path) -> None:
    """The evidence names the benchmark, the item's line, and the words that both have."""
    rows = found(tmp_path, ITEMS, [f"Please help: {ITEMS[1].upper()} Thanks!"]).to_dicts()
    assert rows[0] | {"span": ""} == {"benchmark": "exam", "line": 2, "overlap": 1.0, "run": True, "span": ""}
    assert rows[0]["span"] == ITEMS[1].upper().rstrip(".")


@pytest.mark.parametrize(
    ("item", "text", "span"),
    [
        (ITEMS[0], f"Zwölf Fragen! {ITEMS[0]}", ITEMS[0].rstrip("?")),
        ("Ein Bäcker verkauft zwölf Laibe, und danach halb so viele: Wie viele verkauft er bis zum Abend?", "BITTE: {}", None),
        ("小明有十二个苹果，他给了小红三个，又从商店买了五个。请问他现在一共有多少个苹果？", "请帮帮我：{}谢谢！", None),
        ("एक बेकर दोपहर से पहले बारह रोटियाँ बेचता है और उसके बाद आधी। वह ऐसे दिन में कितनी रोटियाँ बेचता है?", "कृपया: {}", None),
    ],
    ids=["one letter", "German", "Chinese", "Hindi"],
)
def test_the_evidence_is_the_records_own_text(item: str, text: str, span: str | None, tmp_path: Path) -> None:
    """Letter case, marks and punctuation are those of the record, in any script; and scripts without blanks are compared."""
    (row,) = found(tmp_path, [item, ITEMS[1]], [text.format(item)]).to_dicts()
    assert (row["benchmark"], row["line"], row["run"]) == ("exam", 1, True)
    assert row["span"] == (span or item.rstrip("?？"))


def test_an_item_in_the_arguments_of_a_call_is_found(tmp_path: Path) -> None:
    """What the assistant passes to a tool is text that is trained on."""
    item = "how many apples are left when seven of nineteen are eaten"
    call = json.dumps([{"id": "1", "type": "function", "function": {"name": "solve", "arguments": json.dumps({"question": item})}}])
    turns = [{"role": "user", "content": "go on"}, {"role": "assistant", "content": "", "tool_calls": call}]
    records = pl.DataFrame({"messages": [turns]}, schema={"messages": record_schema()["messages"]})
    told = contamination(annotate_frame(records), prepared(tmp_path, [item]), ngram=13).to_dicts()[0]
    assert (told["benchmark"], told["overlap"]) == ("exam", 1.0)


def test_what_is_no_item_is_not_found(tmp_path: Path) -> None:
    """Texts on the same matters share no item; neither do thirteen words of everyday code."""
    code = f"{ITEMS[1]} Do not use this: for i in range(2, n): if n % i == 0: return False; return True. {ITEMS[2]}"
    rows = found(tmp_path, [ITEMS[0], code], OTHERS)
    assert rows["benchmark"].to_list() == [None, None, None]


def test_one_word_in_ten_edited(tmp_path: Path) -> None:
    """An item with one word in ten changed keeps more than half of its word triples."""
    rng = random.Random(3)
    edited = []
    for item in ITEMS * 20:
        words = item.split()
        for place in rng.sample(range(len(words)), len(words) // 10):
            words[place] = "something"
        edited.append(" ".join(words))
    rows = found(tmp_path, ITEMS, edited)
    assert rows["overlap"].min() >= 0.5
    assert rows["line"].to_list() == [1, 2, 3] * 20


def test_a_short_item_counts_only_as_a_whole_turn(tmp_path: Path) -> None:
    """Three words prove nothing inside a text; as a turn of their own they do, when the recipe names the field."""
    texts = ["Name three rivers.", "Name three rivers and three hills of your own country, please."]
    assert found(tmp_path, ["Name three rivers"], texts, fields=["question"])["benchmark"].to_list() == ["exam", None]


def test_wording_that_every_item_has_is_no_evidence(tmp_path: Path) -> None:
    """A run of words that stands in more than ten items is the benchmark's instruction."""
    instruction = "Choose the one best answer to the following question and reply with its letter only, nothing else, please."
    items = [f"{instruction} {'x' * n}a {'y' * n}b {'z' * n}c why is the number {n} {n * 7} {n * 11} so much larger?" for n in range(2, 40)]
    rows = found(tmp_path, items, [f"{instruction} What is the capital of my neighbour's neighbour, seen from the moon, in winter or spring?"])
    assert rows["run"].to_list() == [None] or rows["run"].to_list() == [False]


def test_files_of_every_kind_and_what_is_wrong_with_them(tmp_path: Path) -> None:
    """A packed CSV is read; a file without such a field says which fields it has; a broken row names its line."""
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(f'question,answer\n"{ITEMS[0]}",six\n'.encode()))
    data, report = index(against={"a": {"path": str(tmp_path / "a.csv.gz"), "fields": ["question"]}})
    assert report == {"a": {"items": 1}}
    assert data
    with pytest.raises(SourceError, match="benchmark a has no text in 'frage'") as error:
        index(against={"a": {"path": str(tmp_path / "a.csv.gz"), "fields": ["frage"]}})
    assert error.value.hint == "its fields are answer, question"
    (tmp_path / "b.jsonl").write_text('{"question": "well"}\n{broken\n')
    with pytest.raises(SourceError, match="benchmark b:2: not valid JSON"):
        index(against={"b": {"path": str(tmp_path / "b.jsonl")}})


def test_the_index_has_the_same_bytes_each_time(tmp_path: Path) -> None:
    """An index is known by its digest, so it must not depend on when or how it was made."""
    first = prepared(tmp_path, ITEMS).read_bytes()
    assert prepared(tmp_path, ITEMS).read_bytes() == first


@pytest.mark.parametrize("text", ["", "\0" * 500, "a" * 1_000_000, "ab " * 300_000, "é\u0301" * 10_000, "\u202e" + ITEMS[0]])
def test_odd_texts_neither_hang_nor_break(tmp_path: Path, text: str) -> None:
    """Empty, huge and odd texts are compared like any other."""
    assert len(found(tmp_path, ITEMS, [text, ITEMS[0]])) == 2
