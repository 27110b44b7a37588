"""Shards: small files of a source are measured together, and every row keeps its own file, row and line."""

from __future__ import annotations

import csv
import gzip
import io
import json
import random
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.engine import inputs
from datasetbuild.engine.inputs import InputFile
from datasetbuild.engine.shards import SMALL, Shard, shards_of
from datasetbuild.stages.read import RawShard, cut
from tests.conftest import Project
from tests.laws.conversations import numbered

BYTES, ROWS = 1000, 50
FILE = st.lists(st.tuples(st.integers(1, ROWS), st.integers(1, BYTES)), max_size=3)
FILES = st.lists(st.tuples(st.sampled_from("ab"), FILE), max_size=60)


def joined(files: list[tuple[str, list[tuple[int, int]]]]) -> list[Shard]:
    """The shards of files, each a source and the (rows, bytes) of the parts that it was cut into."""
    named = [InputFile(source, f"{n}.jsonl", Path(f"{n}.jsonl"), "", 0) for n, (source, _) in enumerate(files)]
    cut = [
        [RawShard(file.name, rows, 0, 1, size, xxhash.xxh3_128_hexdigest(f"{source} {rows} {size} {at}".encode())) for at, (rows, size) in enumerate(parts)]
        for file, (source, parts) in zip(named, files, strict=True)
    ]
    plan: Any = SimpleNamespace(engine={"shard_bytes": BYTES, "shard_rows": ROWS})
    return shards_of(plan, named, cut)


def fill(part: RawShard) -> float:
    return max(part.rows / ROWS, part.bytes / BYTES)


@given(FILES)
def test_every_part_stands_in_one_shard_in_its_order(files: list[tuple[str, list[tuple[int, int]]]]) -> None:
    """Nothing is lost, sources are never mixed, only small files are joined, and never to more than two shards' worth."""
    found = joined(files)
    assert [(name, part.rows, part.bytes) for shard in found for name, part in zip(shard.files, shard.parts, strict=True)] == [
        (f"{n}.jsonl", rows, size) for n, (_, parts) in enumerate(files) for rows, size in parts
    ]
    for shard in found:
        assert {files[int(name.removesuffix(".jsonl"))][0] for name in shard.files} == {shard.source}
        if len(shard.parts) > 1:
            assert all(len(files[int(name.removesuffix(".jsonl"))][1]) == 1 for name in shard.files)
            assert max(map(fill, shard.parts)) < 1 / SMALL
            assert sum(map(fill, shard.parts)) <= 2.01
        else:
            assert shard.digest == shard.parts[0].digest


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 200)), min_size=1, max_size=200, unique=True), st.data())
def test_shards_before_a_new_file_stay(sizes: list[tuple[int, int]], data: st.DataObject) -> None:
    """Where shards end depends on the files so far: those that are complete before a new file are the same."""
    files = [("a", [size]) for size in sizes]
    place = data.draw(st.integers(0, len(files)))
    before, after = joined(files), joined([*files[:place], ("a", [(5, 123)]), *files[place:]])
    ends = [sum(len(shard.parts) for shard in before[: n + 1]) for n in range(len(before))]
    complete = [shard for shard, end in zip(before, ends, strict=True) if end < place]
    assert [shard.digest for shard in after[: len(complete)]] == [shard.digest for shard in complete]


def test_a_new_file_changes_a_shard_or_two() -> None:
    """And behind it shards soon end where they did: of eighty shards, one or two are new, wherever the file comes."""
    drawn = random.Random(7)
    files = [("a", [(drawn.randint(1, 9), drawn.randint(1, 200))]) for _ in range(1000)]
    before = {shard.digest for shard in joined(files)}
    assert len(before) > 80
    new = []
    for place in range(0, 1000, 50):
        after = joined([*files[:place], ("a", [(5, 123)]), *files[place:]])
        new.append(len({shard.digest for shard in after} - before))
    assert sum(new) / len(new) < 3, new


def test_a_file_without_rows_parts_no_neighbours() -> None:
    """Empty files among small ones cost nothing: they are measured together all the same."""
    full: list[tuple[str, list[tuple[int, int]]]] = [("a", [(1, size)]) for size in range(1, 41)]
    empty: tuple[str, list[tuple[int, int]]] = ("a", [])
    among = [file for one in full for file in (one, empty)]
    assert [shard.digest for shard in joined(among)] == [shard.digest for shard in joined(full)] != [], "the digest is of content alone"
    assert len(joined(among)) < 10


def test_the_digest_tells_order_and_content() -> None:
    """Two shards of the same parts in another order, or with their rows dealt out otherwise, are two shards."""
    one, other = joined([("a", [(1, 10)]), ("a", [(2, 20)])]), joined([("a", [(2, 20)]), ("a", [(1, 10)])])
    assert len(one) == len(other) == 1
    assert one[0].digest != other[0].digest
    assert replace(one[0], files=("x", "y")).digest == one[0].digest, "names are none of it"


RECIPE = """\
name: small
on_bad_row: {max: 99}
sources:
  a: {path: "a/*", format: table, messages: [{role: user, content: "{{ q }}"}, {role: assistant, content: "{{ a }}"}]}
  b: {path: "b/*", format: messages}
filters: {response_chars: {min: 10}, words: {min: 2}}
dedup: {near: {threshold: 0.8, ngram: 3}}
"""


@pytest.fixture
def filled(project: Project) -> Project:
    """Forty small files of three kinds, every fifth with a row that cannot be read behind a blank line."""
    rows = numbered(200)
    for n in range(40):
        mine = [(row["messages"][0]["content"], row["messages"][1]["content"]) for row in rows[n * 5 : n * 5 + 5]]
        if n % 3 == 0:
            table = io.StringIO()
            csv.writer(table).writerows([("q", "a"), *mine])
            project.write({f"a/{n:02}.csv": table.getvalue()})
            continue
        lines = [json.dumps({"messages": [{"role": "user", "content": q}, {"role": "assistant", "content": a}]}) for q, a in mine]
        lines = [lines[0], "", "no JSON", *lines[1:]] if n % 5 == 0 else lines
        data = "\n".join(lines).encode()
        project.write({f"b/{n:02}.jsonl": data} if n % 3 == 1 else {f"b/{n:02}.jsonl.gz": gzip.compress(data)})
    return project.write({"recipes/small.yaml": RECIPE})


def test_rows_of_small_files_keep_their_places(filled: Project) -> None:
    """File, row and line of every row are its own, and small files cost one shard: the bytes are those of a shard for each."""
    ran = filled.run("recipe=small", "--json").json
    assert ran["steps"]["ran"] + ran["steps"]["reused"] < 20, "two shards, not forty"
    ledger = filled.ledger()
    at = {(row["file"], row["row"]): row["line"] for row in ledger.iter_rows(named=True)}
    assert len(at) == len(ledger) == 200 + sum(n % 5 == 0 for n in range(40) if n % 3)
    for (file, row), line in at.items():
        number = int(file[2:4])
        if file.startswith("a"):
            assert line == row + 2, "behind the header"
        else:
            assert line == row + 1 + (number % 5 == 0 and row > 0), (file, row)
    alone = filled.run("recipe=small", "engine.shard_rows=4", "--force")
    assert alone.code == 0
    joined = filled.bytes()
    assert filled.run("recipe=small", "engine.shard_rows=1000", "--force").code == 0
    assert filled.bytes() == joined


def test_an_unusable_row_of_a_small_file_is_found_there(filled: Project) -> None:
    """Quarantine and `why` name the file and the line of a row that stands in a shard with thirty others."""
    assert filled.run("recipe=small").code == 0
    lost = [json.loads(line) for line in (filled.artifact() / "quarantine.jsonl").read_text().splitlines()]
    assert [(row["file"], row["line"], row["raw"]) for row in lost] == [
        (f"b/{n:02}.jsonl{'' if n % 3 == 1 else '.gz'}", 3, "no JSON") for n in range(0, 40, 5) if n % 3
    ]
    told = filled.run("why", "recipe=small", "b/10.jsonl:3")
    assert "no JSON" in told.out
    answered = filled.run("why", "recipe=small", "b/10.jsonl:4")
    assert json.loads((filled.folder / "b/10.jsonl").read_text().splitlines()[3])["messages"][0]["content"] in answered.out


def test_an_edited_small_file_costs_its_shard(filled: Project) -> None:
    """The other files are not read again, and the result is that of a build from nothing."""
    assert filled.run("recipe=small").code == 0
    (filled.folder / "b/10.jsonl").write_text(json.dumps(numbered(300)[-1]) + "\n")
    steps = {(one["source"], one["step"]): one for one in filled.run("plan", "recipe=small", "--json").json["steps"]}
    assert (steps["b", "read"]["rows"], steps["b", "read"]["cause"]) == (1, "input_changed")
    assert steps["a", "prepare"]["cause"] is None
    assert filled.run("recipe=small").code == 0
    found = filled.bytes()
    assert filled.run("recipe=small", "--force").code == 0
    assert filled.bytes() == found


@pytest.fixture
def cut_now(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Small files are cut in groups of about eight. The names of those that are cut, as they are."""
    found: list[str] = []
    monkeypatch.setattr(inputs, "TOGETHER", 8)
    monkeypatch.setattr(inputs, "cut", lambda path, **options: (found.append(path.name), cut(path, **options))[1])
    return found


PAGES = "name: small\nsources: {{a: {{path: 'p/*.{0}', format: {1}}}}}\nfilters: {{words: {{min: 2}}}}\n"


def pages(project: Project, kind: str, count: int) -> None:
    """Small files, each with a row or two."""
    for n, row in enumerate(numbered(count)):
        question, answer = (turn["content"] for turn in row["messages"])
        text = f"# {question}?\n\n{answer}\n" if kind == "md" else "\n".join([json.dumps(row)] * (1 + n % 2))
        project.write({f"p/{n:03}.{kind}": gzip.compress(text.encode()) if kind.endswith("gz") else text})
    project.write({"recipes/small.yaml": PAGES.format(kind, "faq_markdown" if kind == "md" else "messages")})


@pytest.mark.parametrize("kind", ["md", "jsonl", "jsonl.gz"])
def test_an_edit_reads_one_file(project: Project, cut_now: list[str], kind: str) -> None:
    """Of eighty files that were cut together one is edited, one is gone, one is new: that one is read, and `plan` knows which."""
    pages(project, kind, 80)
    assert project.run("recipe=small").code == 0
    assert len(cut_now) == 80
    kept = [path for path in (project.folder / ".dsbuild/cache").rglob("*") if path.is_file()]
    assert len(kept) < 80, "no file for each of theirs"
    other = (project.folder / f"p/070.{kind}").read_bytes()
    for name, change in {"025": "edited", "035": "gone", "0505": "new"}.items():
        path = project.folder / f"p/{name}.{kind}"
        path.unlink() if change == "gone" else path.write_bytes(other)
        del cut_now[:]
        told = {one["step"]: one for one in project.run("plan", "recipe=small", "--json").json["steps"]}
        foreseen, cut_now[:] = len(cut_now), []
        assert project.run("recipe=small").code == 0
        assert cut_now == ([] if change == "gone" else [path.name])
        assert told["read"]["cause"] == (None if change == "gone" else "input_changed")
        assert foreseen == (len(cut_now) if kind == "jsonl" else 0), "plan does not read a file whole"
    found = project.bytes()
    shutil.rmtree(project.folder / ".dsbuild")
    assert project.run("recipe=small", "--force").code == 0
    assert project.bytes() == found


def test_what_was_cut_once_is_known(project: Project, cut_now: list[str]) -> None:
    """A file that is as it was before its last edit is not read again, nor is one in a project that has moved; the fifth edit forgets the first."""
    pages(project, "jsonl.gz", 9)
    texts = [gzip.compress(json.dumps(row).encode() + b"\n" * n) for n, row in enumerate(numbered(40)[30:])]
    path = project.folder / "p/003.jsonl.gz"
    before = path.read_bytes()
    for text in [before, *texts[:3], before, texts[1]]:
        path.write_bytes(text)
        assert project.run("recipe=small").code == 0
    assert len(cut_now) == 9 + 3
    moved = project.folder.with_name("moved")
    shutil.copytree(project.folder, moved)
    assert Project(moved, project._capture).run("recipe=small", "--force").code == 0
    assert len(cut_now) == 9 + 3
    for text in [*texts[3:7], before]:
        path.write_bytes(text)
        assert project.run("recipe=small").code == 0
    assert len(cut_now) == 9 + 3 + 5


def test_groups_that_hold_the_same(project: Project, cut_now: list[str]) -> None:
    """Two groups of files with equal rows share a blob, and each file still has its own rows."""
    pages(project, "jsonl.gz", 1)
    for n in range(1, 90):
        shutil.copy(project.folder / "p/000.jsonl.gz", project.folder / f"p/{n:03}.jsonl.gz")
    assert project.run("recipe=small").code == 0
    assert len(project.ledger()) == 90
    assert len([*(project.folder / ".dsbuild/cache/blake3/raw").glob("*.arrow")]) < 10


def test_a_file_that_unpacks_to_much_fills_no_memory(project: Project, cut_now: list[str]) -> None:
    """Small files whose rows are many are kept in blobs of a shard's size, not in one for all."""
    pages(project, "jsonl.gz", 40)
    assert project.run("recipe=small", "engine.shard_rows=6").code == 0
    blobs = [pl.read_ipc(path.read_bytes()).height for path in (project.folder / ".dsbuild/cache/blake3/raw").glob("*.arrow")]
    assert sum(blobs) == 60
    assert max(blobs) <= 6 + 2


def test_a_damaged_piece_of_a_shard_is_cut_again(filled: Project) -> None:
    """A flipped byte in the cached rows of one small file is found when its shard is measured, and mended."""
    assert filled.run("recipe=small").code == 0
    expected = filled.bytes()
    for place in (filled.folder / ".dsbuild/cache/actions").glob("*/*"):
        if b'"prepare"' in place.read_bytes() or b'"records"' in place.read_bytes():
            place.unlink()
    for blob in list((filled.folder / ".dsbuild/cache/blake3/raw").glob("*.arrow"))[:3]:
        data = bytearray(blob.read_bytes())
        data[len(data) // 2] ^= 1
        blob.write_bytes(data)
    ran = filled.run("recipe=small", "--force")
    assert ran.code == 0, ran.err
    assert filled.bytes() == expected
