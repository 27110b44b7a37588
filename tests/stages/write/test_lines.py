"""JSON Lines: the cheap way and the definition give the same bytes."""

from __future__ import annotations

import gzip
import string
from pathlib import Path
from typing import Any

import orjson
import polars as pl
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import operators
from datasetbuild.record import MESSAGE_FIELDS, messages_dtype
from datasetbuild.stages.write.carry import Lines
from datasetbuild.stages.write.lines import encode, plain_rows
from datasetbuild.stages.write.seal import SealTask, deal, seal, shard_names

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
PLAIN = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=3)

PROFILES = [op.name for op in operators("profile") if isinstance(op.function(**op.fill({})).form, Lines)]


def frame(conversations: list[list[dict[str, Any]]], tools: list[str | None] | None = None) -> pl.DataFrame:
    full = [[{name: one.get(name) for name in MESSAGE_FIELDS} for one in messages] for messages in conversations]
    columns = {
        "messages": pl.Series(full, dtype=messages_dtype()),
        "tools": pl.Series(tools or [None] * len(full), dtype=pl.String),
        "id": pl.Series([f"{n:024x}" for n in range(len(full))], dtype=pl.String),
        "text": pl.Series(["".join(one["content"] for one in messages) for messages in conversations], dtype=pl.String),
    }
    return pl.DataFrame(columns)


def chat(*pairs: tuple[str, str]) -> list[dict[str, Any]]:
    return [
        {"role": role, "content": text}
        for pair in pairs
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("fields", [frozenset(), frozenset({"tools", "messages.weight"})])
@settings(max_examples=15, deadline=None)
@given(conversations=st.lists(PLAIN, max_size=4))
def test_both_ways_give_the_same_bytes(name: str, fields: frozenset[str], conversations: list[Any]) -> None:
    """For every profile, plain records come out of polars as they come out of the profile's own row."""
    (op,) = [op for op in operators("profile") if op.name == name]
    form = op.function(**op.fill({})).form
    some = frame([chat(*(pairs[-1:] if name == "prompt_completion" else pairs)) for pairs in conversations])
    by_rows = Lines(form.row, None, text=form.text, needs=form.needs)
    assert encode(some, form, fields) == encode(some, by_rows, fields)


def test_every_character_is_written_alike() -> None:
    """Control characters, quotes, separators and the last code points are escaped by polars as by orjson."""
    text = "".join(map(chr, range(0x300))) + "\u2028\u2029\ufeff\uffff\U0001f600\U0010ffff"
    form = operators("profile")[0].function().form
    assert orjson.loads(encode(frame([chat((text, text))]), form, frozenset()))["output"] == text
    messages = next(op for op in operators("profile") if op.name == "messages").function().form
    assert (
        encode(frame([chat((text, text))]), messages, frozenset())
        == orjson.dumps({"messages": chat((text, text))}) + b"\n"
    )


def test_records_with_more_are_told_from_plain_ones() -> None:
    """A weight, a name, a call, thinking or tools make a record one that is not plain; order is kept."""
    rows = [chat(("a", "b")) for _ in range(4)]
    rows[1][1]["weight"] = 0.5
    rows[2][0]["name"] = "Ann"
    some = frame(rows, [None, None, None, "[]"])
    assert plain_rows(some).to_list() == [True, False, False, False]
    form = next(op for op in operators("profile") if op.name == "messages").function().form
    lines = [orjson.loads(line) for line in bytes(encode(some, form, frozenset())).splitlines()]
    assert [len(line["messages"][1]) for line in lines] == [2, 3, 2, 2]


@settings(max_examples=40, deadline=None)
@given(parts=st.lists(st.integers(0, 7), min_size=1, max_size=4), shards=st.integers(1, 5))
def test_shards_hold_every_line_once_and_in_order(
    tmp_path_factory: pytest.TempPathFactory, parts: list[int], shards: int
) -> None:
    """Cut into any number of shards, the lines of all parts come in the same order, and shards differ by one at most."""
    folder = tmp_path_factory.mktemp("parts")
    lines = [f'{{"n":{n}}}\n'.encode() for n in range(sum(parts))]
    placed, start = [], 0
    for number, count in enumerate(parts):
        (folder / str(number)).write_bytes(b"".join(lines[start : start + count]))
        placed.append((folder / str(number), count))
        start += count
    found = []
    for name, strips in zip(shard_names("train", shards, None), deal(placed, shards), strict=True):
        seal(SealTask(strips, folder / name, None, 0))
        found.append((folder / name).read_bytes())
    assert b"".join(found) == b"".join(lines)
    sizes = [data.count(b"\n") for data in found]
    assert max(sizes) - min(sizes) <= 1


@pytest.mark.parametrize(
    ("compression", "opened"), [("gzip", gzip.decompress), ("zstd", zstandard.ZstdDecompressor().decompressobj)]
)
def test_compressed_files_are_the_same_bytes_at_any_time(tmp_path: Path, compression: str, opened: Any) -> None:
    """No time and no name is in a compressed file; what comes out is what went in."""
    text = (string.printable * 1000).encode()
    (tmp_path / "part").write_bytes(text)
    strips = deal([(tmp_path / "part", text.count(b"\n"))], 1)[0]
    made = []
    for name in ("a", "other"):
        seal(SealTask(strips, tmp_path / name, compression, 0))  # type: ignore[arg-type]
        made.append((tmp_path / name).read_bytes())
    assert made[0] == made[1]
    if compression == "gzip":
        assert made[0][4:8] == b"\0\0\0\0" and gzip.decompress(made[0]) == text
    else:
        assert opened().decompress(made[0]) == text
