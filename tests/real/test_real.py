"""Builds of real data, dirt included, held against counts and texts that the standard library gives."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from datasetbuild.artifact.plots import make_plots
from tests.conftest import ROOT
from tests.real.conftest import NGRAM, THRESHOLD, Built

pytestmark = [pytest.mark.real, pytest.mark.slow, pytest.mark.xdist_group("real")]
SAMPLE = 1500


def shingles(conversation: list[dict[str, str]]) -> frozenset[tuple[str, ...]]:
    """Word n-grams of a conversation's turns; a short text is one shingle."""
    words = re.findall(r"\w+", "\n".join(turn["content"] for turn in conversation).lower())
    starts = range(max(len(words) - NGRAM + 1, 1)) if words else range(0)
    return frozenset(tuple(words[i : i + NGRAM]) for i in starts)


def jaccard(a: frozenset[tuple[str, ...]], b: frozenset[tuple[str, ...]]) -> float:
    return len(a & b) / len(a | b) if a | b else 0.0


def test_every_row_of_every_file_has_one_fate(built: Built) -> None:
    """Conservation: the ledger holds each row of each file once, as many as the standard library counts."""
    rows = built.ledger.group_by("source", "file").agg("row").rows()
    assert {(source, file): sorted(found) for source, file, found in rows} == {
        place: list(range(len(turns))) for place, turns in built.files.items()
    }
    counts = built.manifest["counts"]
    assert counts["kept"] + counts["dropped"] + counts["quarantined"] == sum(map(len, built.files.values()))
    for line in counts["sources"][:-1]:
        assert line["in"] == sum(len(turns) for (name, _), turns in built.files.items() if name == line["source"])


def test_kept_texts_are_the_texts_of_the_files(built: Built) -> None:
    """Without cleaning, each kept conversation is, turn for turn, what the standard library reads at that place."""
    checked = set()
    for source, file, row, messages in built.rows.select("source", "file", "row", "messages").iter_rows():
        if turns := built.files[source, file][row]:
            assert [(turn["role"], turn["content"] or "") for turn in messages] == turns, (source, row)
            checked.add(source)
    assert checked == {name for (name, _), turns in built.files.items() if turns[0]}


def test_quarantined_rows_are_those_without_text(built: Built) -> None:
    """Only rows that cannot be used are set aside: those with an empty question or answer, and no others."""
    unread = built.ledger.filter((pl.col("fate") == "quarantined") & (pl.col("stage") != "render"))
    found = {(source, file, row) for source, file, row in unread.select("source", "file", "row").iter_rows()}
    assert found == {
        (*place, row)
        for place, rows in built.files.items()
        for row, turns in enumerate(rows)
        # An assistant that calls a tool says nothing, and does not have to.
        if any(not text.strip() for role, text in turns if role == "user" or place[0] != "glaive")
    }


def test_hashes_of_the_manifest_match(built: Built) -> None:
    """Every file that the manifest names, source or result, has the SHA-256 that it says; no file is unnamed."""
    manifest = built.manifest
    for name, file in manifest["files"].items():
        assert hashlib.sha256((built.folder / name).read_bytes()).hexdigest() == file["sha256"]
    for source in manifest["sources"].values():
        for file in source["files"]:
            assert hashlib.sha256(Path(file["file"]).read_bytes()).hexdigest() == file["sha256"]
    there = {path.relative_to(built.folder).as_posix() for path in built.folder.rglob("*") if path.is_file()}
    assert there == set(manifest["files"]) | {"manifest.json", "metrics.json", *make_plots(manifest)}


def test_load_dataset_loads_it(built: Built, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`datasets` opens the folder by its card: the splits, the rows and the texts that the manifest tells of."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="datasets is a dependency of the core")
    loaded = datasets.load_dataset(str(built.folder), cache_dir=str(tmp_path))
    told = {name: split["rows"] for name, split in built.manifest["splits"].items()}
    assert {name: len(split) for name, split in loaded.items()} == told
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
    worst, pair = max((jaccard(grams[a], grams[b]), (a, b)) for a, b in shared)
    assert worst < THRESHOLD, [sample[place] for place in pair]


def test_near_duplicates_name_a_twin_that_is_as_alike_as_they_say(built: Built) -> None:
    """What was dropped as a near-duplicate was one: its similarity is the exact Jaccard of its text and its twin's."""
    ledger = built.ledger
    rows = ledger.select("id", "source", "file", "row").iter_rows()
    turns = {id: built.files[source, file][row] for id, source, file, row in rows if source != "glaive"}
    text = {id: [{"content": content} for _, content in said] for id, said in turns.items() if said}
    dropped = ledger.filter(pl.col("reason") == "near_duplicate").select("id", "twin", "similarity").rows()
    known = [(id, twin, similarity) for id, twin, similarity in dropped if id in text and twin in text]
    assert len(known) >= 50
    for id, twin, similarity in known:
        assert similarity >= THRESHOLD
        assert similarity == pytest.approx(jaccard(shingles(text[id]), shingles(text[twin])), abs=1e-6)


def trained_runs(row: dict[str, Any]) -> list[list[int]]:
    """The runs of tokens that a row trains."""
    tokens = zip(row["input_ids"], row["labels"], strict=True)
    return [[token for token, _ in run] for trained, run in groupby(tokens, lambda pair: pair[1] != -100) if trained]


@pytest.mark.parametrize(
    ("tokenizer", "template"), [("examples", "chatml"), ("phi-3-mini", "tokenizer"), ("minimind", "tokenizer")]
)
def test_trained_spans_decode_to_the_answers(
    build: Callable[..., Built], data: Path, tokenizer: str, template: str
) -> None:
    """What is trained is what the assistant says, and nothing else: decoded by the tokenizer itself, turn for turn."""
    from transformers import AutoTokenizer

    folder = ROOT / "examples" / "tokenizer" if tokenizer == "examples" else data / "tokenizers" / tokenizer
    built = build("real" if tokenizer == "examples" else f"real_{tokenizer.replace('-', '_')}", folder, template)
    codec = AutoTokenizer.from_pretrained(str(folder))
    chosen = built.rows.filter(pl.col("source") != "glaive").sort(pl.col("id").hash(11)).head(SAMPLE)
    assert chosen["source"].n_unique() >= 12
    for row in chosen.iter_rows(named=True):
        said = [turn["content"].strip() for turn in row["messages"] if turn["role"] == "assistant"]
        runs = trained_runs(row)
        spoken = [codec.decode(run, skip_special_tokens=True, clean_up_tokenization_spaces=False) for run in runs]
        # minimind's template puts empty thoughts before an answer that has none.
        assert [text.replace("<think>\n\n</think>", "").strip() for text in spoken] == said, row["id"]
        assert sum(row["assistant_masks"]) == sum(map(len, runs)) == row["trained_tokens"]
