"""Builds of real data, dirt included, held against counts and texts that the standard library gives."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path

import polars as pl
import pytest

from tests.conftest import ROOT
from tests.real.catalog import SOURCES, files
from tests.real.conftest import NGRAM, THRESHOLD, Built

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("real")]
SAMPLE = 1500


def shingles(conversation: list[dict[str, str]]) -> frozenset[tuple[str, ...]]:
    """Word n-grams of a conversation's turns; a short text is one shingle."""
    words = re.findall(r"\w+", "\n".join(turn["content"] for turn in conversation).lower())
    return frozenset(tuple(words[i : i + NGRAM]) for i in range(max(len(words) - NGRAM + 1, 1))) if words else frozenset()


def jaccard(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def test_every_row_of_every_file_has_one_fate(built: Built) -> None:
    """Conservation: the ledger holds each row of each file once, as many as the standard library counts, with one fate."""
    found = {(source, file): rows for source, file, rows in built.ledger.group_by("source", "file").agg("row").iter_rows()}
    expected = {
        (name, str(file)): list(range(sum(1 for _ in source.rows(file))))
        for name, source in SOURCES.items()
        for file in files(source, built.data)
    }
    assert {key: len(rows) for key, rows in found.items()} == {key: len(rows) for key, rows in expected.items()}
    assert {key: sorted(rows) for key, rows in found.items()} == expected
    counts = built.manifest["counts"]
    assert counts["kept"] + counts["dropped"] + counts["quarantined"] == sum(map(len, expected.values()))
    for line in counts["sources"][:-1]:
        assert line["in"] == sum(len(rows) for (name, _), rows in expected.items() if name == line["source"])


def test_kept_texts_are_the_texts_of_the_files(built: Built) -> None:
    """Without cleaning, each kept conversation is, turn for turn, what the standard library reads at that place of its file."""
    places = [(row["source"], row["file"], row["row"], row["messages"]) for row in built.rows.iter_rows(named=True)]
    read = {
        (name, str(file)): list(source.rows(file)) for name, source in SOURCES.items() for file in files(source, built.data)
    }
    checked: Counter[str] = Counter()
    for source, file, row, messages in places:
        if turns := read[source, file][row]:
            assert [(turn["role"], turn["content"] or "") for turn in messages] == turns, (source, row)
            checked[source] += 1
    assert set(checked) == {name for name, source in SOURCES.items() if next(source.rows(files(source, built.data)[0]))}


def test_quarantined_rows_are_those_without_text(built: Built) -> None:
    """Only rows that cannot be used are set aside: those whose question or answer is empty, and no others."""
    set_aside = built.ledger.filter(pl.col("fate") == "quarantined")
    for name, source in SOURCES.items():
        for file in files(source, built.data):
            empty = {row for row, turns in enumerate(source.rows(file)) if any(not text.strip() for role, text in turns if role == "user")}
            empty |= {row for row, turns in enumerate(source.rows(file)) if name != "glaive" and any(not text.strip() for _, text in turns)}
            mine = set_aside.filter((pl.col("source") == name) & (pl.col("file") == str(file)) & (pl.col("stage") != "render"))
            assert set(mine["row"]) == empty, name


def test_hashes_of_the_manifest_match(built: Built) -> None:
    """Every file that the manifest names, source or result, has the SHA-256 that it says; no file is unnamed."""
    manifest = built.manifest
    for name, file in manifest["files"].items():
        assert hashlib.sha256((built.folder / name).read_bytes()).hexdigest() == file["sha256"]
    for source in manifest["sources"].values():
        for file in source["files"]:
            assert hashlib.sha256(Path(file["file"]).read_bytes()).hexdigest() == file["sha256"]
    there = {path.relative_to(built.folder).as_posix() for path in built.folder.rglob("*") if path.is_file()}
    assert there == set(manifest["files"]) | {"manifest.json", "metrics.json"}


def test_load_dataset_loads_it(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` opens the folder by its card: the splits, the rows and the texts that the manifest tells of."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is a dependency of the core")
    loaded = datasets.load_dataset(str(built.folder), cache_dir=str(tmp_path))
    assert {name: len(split) for name, split in loaded.items()} == {name: split["rows"] for name, split in built.manifest["splits"].items()}
    first = loaded["train"][0]
    assert first["messages"] == built.project.rows("train", built.name).row(0, named=True)["messages"]


def test_no_kept_pair_is_above_the_threshold(built: Built) -> None:
    """Near dedup leaves no two records alike: exact Jaccard over every pair of a sample that shares a shingle."""
    kept = built.rows.filter(pl.col("copy") == 0) if "copy" in built.rows.columns else built.rows
    sample = kept.sort(pl.col("id").hash(7)).head(SAMPLE).select("id", "source", "messages").rows()
    grams = [shingles(messages) for _, _, messages in sample]
    holders: dict[tuple[str, ...], list[int]] = {}
    for place, gram in enumerate(grams):
        for one in gram:
            holders.setdefault(one, []).append(place)
    shared: Counter[tuple[int, int]] = Counter()
    for places in holders.values():
        shared.update((a, b) for i, a in enumerate(places) for b in places[i + 1 :])
    worst = max((count / (len(grams[a]) + len(grams[b]) - count), sample[a][0], sample[b][0]) for (a, b), count in shared.items())
    assert worst[0] < THRESHOLD, worst


def test_near_duplicates_name_a_twin_that_is_as_alike_as_they_say(built: Built) -> None:
    """What was dropped as a near-duplicate was one: its similarity to its twin is the exact Jaccard of the two texts."""
    texts = {
        (name, str(file), row): [{"content": text} for _, text in turns]
        for name, source in SOURCES.items()
        for file in files(source, built.data)
        for row, turns in enumerate(source.rows(file))
        if turns and name != "glaive"
    }
    ledger = built.ledger
    place = {one: (source, file, row) for one, source, file, row in ledger.select("id", "source", "file", "row").iter_rows()}
    dropped = ledger.filter(pl.col("reason") == "near_duplicate").select("id", "twin", "similarity").rows()
    known = [(place[one], place[twin], said) for one, twin, said in dropped if place[one] in texts and place[twin] in texts]
    assert len(known) >= 50
    for one, twin, said in known:
        assert said >= THRESHOLD
        assert said == pytest.approx(jaccard(shingles(texts[one]), shingles(texts[twin])), abs=1e-6)


@pytest.mark.parametrize(("tokenizer", "template"), [("examples", "chatml"), ("phi-3-mini", "tokenizer"), ("minimind", "tokenizer")])
def test_trained_spans_decode_to_the_answers(build: Callable[..., Built], data: Path, tokenizer: str, template: str) -> None:
    """What is trained is what the assistant says, with its end-of-turn token: decoded by the tokenizer itself, turn for turn."""
    from transformers import AutoTokenizer

    folder = ROOT / "examples" / "tokenizer" if tokenizer == "examples" else data / "tokenizers" / tokenizer
    built = build("real" if tokenizer == "examples" else f"real_{tokenizer.replace('-', '_')}", folder, template)
    codec = AutoTokenizer.from_pretrained(str(folder))
    chosen = built.rows.filter(pl.col("source") != "glaive").sort(pl.col("id").hash(11)).head(SAMPLE)
    assert chosen["source"].n_unique() >= 12
    for row in chosen.iter_rows(named=True):
        said = [turn["content"] for turn in row["messages"] if turn["role"] == "assistant"]
        runs = [[token for token, _ in run] for trained, run in groupby(zip(row["input_ids"], row["labels"], strict=True), key=lambda pair: pair[1] != -100) if trained]
        spoken = [codec.decode(run, skip_special_tokens=True, clean_up_tokenization_spaces=False) for run in runs]
        assert len(spoken) == len(said), row["id"]
        for text, answer in zip(spoken, said, strict=True):
            assert answer.strip() in text, row["id"]
            assert text.replace("<think>\n\n</think>", "").strip() == answer.strip(), row["id"]
        assert sum(row["assistant_masks"]) == sum(map(len, runs)) == row["trained_tokens"]
