"""Laws of cutting and loading."""

from __future__ import annotations

import gzip
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.errors import MismatchError
from datasetbuild.stages.read import Blobs, RawShard, cut, load

texts = st.text(st.characters(codec="utf-8"), max_size=30)
numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)
rows_lists = st.lists(st.dictionaries(texts, values, max_size=4) | st.lists(values, max_size=3), max_size=60)
caps = st.tuples(st.sampled_from([50, 400, 8 << 20]), st.sampled_from([2, 10, 16384]))


def loaded(path: Path, shards: list[RawShard]) -> list[tuple[int, int, bytes]]:
    """(row, line, raw) of all rows, as positions in the file."""
    found = []
    for shard in shards:
        rows = load([shard], path.parent)
        assert len(rows) == shard.rows
        assert not any(rows.faults)
        found += [
            (shard.first_row + index, shard.first_line + line, raw)
            for index, (line, raw) in enumerate(zip(rows.lines, rows.raws, strict=True))
        ]
    return found


@settings(max_examples=60, deadline=None)
@given(rows_lists, caps, st.sampled_from(["jsonl", "jsonl-crlf", "jsonl-gaps", "json", "json-pretty", "gz"]))
def test_rows_come_back_exactly(rows: list[Any], cap: tuple[int, int], shape: str) -> None:
    """Any rows, written in any shape and cut into shards of any size, are loaded again in order, each with its line."""
    import gzip

    lines = [orjson.dumps(row) for row in rows]
    content, name = {
        "jsonl": (b"\n".join(lines), "x.jsonl"),
        "jsonl-crlf": (b"".join(line + b"\r\n" for line in lines), "x.jsonl"),
        "jsonl-gaps": (b"\n  \n" + b"".join(line + b"\n\n" for line in lines), "x.jsonl"),
        "json": (b"[" + b",\n".join(lines) + b"]", "x.json"),
        "json-pretty": (orjson.dumps(rows, option=orjson.OPT_INDENT_2), "x.json"),
        "gz": (gzip.compress(b"\n".join(lines)), "x.jsonl.gz"),
    }[shape]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        found = loaded(
            path, cut(path, project=path.parent, folder=path.parent / "b", shard_bytes=cap[0], shard_rows=cap[1])
        )
    assert [row for row, _, _ in found] == list(range(len(rows)))
    assert [orjson.loads(raw) for _, _, raw in found] == [orjson.loads(line) for line in lines]
    if shape in ("jsonl", "jsonl-crlf", "json", "gz"):
        assert [line for _, line, _ in found] == list(range(1, len(rows) + 1))
    if shape == "jsonl-gaps":
        assert [line for _, line, _ in found] == [3 + 2 * index for index in range(len(rows))]


def write_rows(path: Path, numbers: list[int]) -> Path:
    path.write_text("".join(json.dumps({"n": n, "text": "x" * (n * 7919 % 90)}) + "\n" for n in numbers))
    return path


def test_an_inserted_row_leaves_the_other_shards_as_they_are(tmp_path: Path) -> None:
    """Digests are free of position: after an insertion at the top nearly all shards are known by their digest."""
    options: dict[str, Any] = {"project": tmp_path, "folder": tmp_path / "b", "shard_bytes": 30000, "shard_rows": 500}
    before = cut(write_rows(tmp_path / "x.jsonl", list(range(9000))), **options)
    after = cut(write_rows(tmp_path / "x.jsonl", [-5, *range(9000)]), **options)
    assert len({shard.digest for shard in after} - {shard.digest for shard in before}) <= 2
    assert len(before) > 15
    assert after[-1].first_row == before[-1].first_row + 1
    assert after[-1].first_line == before[-1].first_line + 1


def test_the_size_of_read_blocks_is_nowhere_in_the_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of 7 bytes and of 4 MiB give the same shards, oversize rows among them."""
    from datasetbuild.stages.read import container

    path = write_rows(tmp_path / "x.jsonl", list(range(300)))
    options: dict[str, Any] = {
        "project": tmp_path,
        "folder": tmp_path / "b",
        "shard_bytes": 800,
        "shard_rows": 20,
        "max_row_bytes": 95,
    }
    whole = cut(path, **options)
    monkeypatch.setattr(container, "BLOCK", 7)
    assert cut(path, **options) == whole
    assert any(shard.blob for shard in whole)
    assert any(shard.span for shard in whole)


def test_a_file_that_changed_meanwhile_is_a_mismatch(tmp_path: Path) -> None:
    """A shard is verified when it is loaded: other bytes are never taken for its rows."""
    path = write_rows(tmp_path / "x.jsonl", list(range(100)))
    (shard,) = cut(path, project=tmp_path, folder=tmp_path / "b")
    write_rows(path, list(range(1, 101)))
    with pytest.raises(MismatchError, match=r"x\.jsonl changed while the build was reading it"):
        load([shard], tmp_path)
    path.unlink()
    with pytest.raises(MismatchError):
        load([shard], tmp_path)


def test_a_lost_or_damaged_blob_is_a_mismatch(tmp_path: Path) -> None:
    """What the cache lost is said so, with the next step."""
    path = tmp_path / "x.csv"
    path.write_text("a\n1\n")
    (shard,) = cut(path, project=tmp_path, folder=tmp_path / "b")
    assert shard.blob is not None and shard.blob.startswith("b/")
    (tmp_path / shard.blob).write_bytes(b"junk")
    with pytest.raises(MismatchError, match="gone or damaged"):
        load([shard], tmp_path)


def test_any_flipped_bit_of_a_blob_is_met(tmp_path: Path) -> None:
    """Wherever a bit is flipped, in offsets, texts or Arrow's own words: nobody is given such rows, nor is Arrow."""
    path = tmp_path / "x.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"q": "\xc3\xa9"}\n\n' + b"x" * 300 + b'\n{"q": 2}\n'))
    (shard,) = cut(path, project=tmp_path, folder=tmp_path / "b", max_row_bytes=200)
    blob = tmp_path / str(shard.blob)
    data = blob.read_bytes()
    assert load([shard], tmp_path).faults.count(None) == 2, "one row is too large"
    met = 0
    for place in range(len(data)):
        blob.write_bytes(data[:place] + bytes([data[place] ^ 1 << place % 8]) + data[place + 1 :])
        try:
            load([shard], tmp_path)
        except MismatchError:
            met += 1
    assert met == len(data)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.lists(st.text(max_size=40), max_size=6), min_size=1, max_size=12), caps, st.data())
def test_small_files_share_a_blob(files: list[list[str]], cap: tuple[int, int], data: st.DataObject) -> None:
    """Files cut together are the shards that they are alone, row by row, whatever neighbours are loaded at once."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        blobs = Blobs(project / "b", project, cap)
        options: dict[str, Any] = {"project": project, "shard_bytes": cap[0], "shard_rows": cap[1]}
        alone, together = [], []
        for n, rows in enumerate(files):
            path = project / f"{n}.json"
            path.write_bytes(orjson.dumps([{"text": row} for row in rows], option=orjson.OPT_INDENT_2))
            alone += cut(path, folder=project / "a", **options)
            together += cut(path, folder=project / "b", blobs=blobs, **options)
        together = blobs.named(together)
        assert [replace(shard, blob=None, at=0) for shard in together] == [replace(shard, blob=None) for shard in alone]
        first = data.draw(st.integers(0, len(alone)))
        some = slice(first, data.draw(st.integers(first, len(alone))))
        if alone[some]:
            assert load(together[some], project) == load(alone[some], project)
        assert len([*(project / "b").glob("*")]) <= len([*(project / "a").glob("*")])


def test_blobs_leave_no_drafts(tmp_path: Path) -> None:
    """A blob appears by one rename under its digest; the same content is the same blob."""
    for name in ("x.csv", "y.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
    shards = [cut(tmp_path / name, project=tmp_path, folder=tmp_path / "b")[0] for name in ("x.csv", "y.csv")]
    assert shards[0].digest == shards[1].digest
    assert [file.name for file in (tmp_path / "b").iterdir()] == [Path(str(shards[0].blob)).name]


def test_an_empty_file_has_no_shards(tmp_path: Path) -> None:
    """Nothing in, nothing out, and no error: whether a build may be empty is not the reader's to say."""
    for name in ("x.jsonl", "x.json", "x.csv", "x.txt", "x.yaml"):
        (tmp_path / name).write_bytes(b"")
        assert cut(tmp_path / name, project=tmp_path, folder=tmp_path / "b") == []


def test_a_row_above_the_limit_is_a_fault_with_its_head(tmp_path: Path) -> None:
    """A huge row costs its head only and its neighbours nothing, in every kind of file."""
    (tmp_path / "x.jsonl").write_bytes(b'{"n":1}\n{"n":"' + b"x" * 300_000 + b'"}\n{"n":3}\n')
    (tmp_path / "x.csv").write_text("n\n1\n" + "x" * 300_000 + "\n3\n")
    for name in ("x.jsonl", "x.csv"):
        shards = cut(tmp_path / name, project=tmp_path, folder=tmp_path / "b", max_row_bytes=200_000)
        rows = [
            (raw, fault)
            for shard in shards
            for raw, fault in zip(load([shard], tmp_path).raws, load([shard], tmp_path).faults, strict=True)
        ]
        assert len(rows) == 3
        assert [fault and fault[0] for _, fault in rows] == [None, "too_large", None]
        assert len(rows[1][0]) == 65536
