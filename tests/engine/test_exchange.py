"""The exchange: what goes in by shards comes out by parts, whatever the records hold and however shards are grouped."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.engine.cache import Cache, CorruptObject
from datasetbuild.engine.exchange import ORIGIN, RECORD_COLUMNS, Held, ScatterTask, collect, scatter, write_batches
from datasetbuild.engine.ids import id_numbers
from datasetbuild.record import ID_ORDER, MESSAGE_FIELDS, messages_dtype

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20) | st.sampled_from(["", "\x00", "e\u0301", "漢字" * 40])
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT}).flatmap(
    lambda turn: st.builds(lambda extra: turn | extra, st.dictionaries(st.sampled_from(MESSAGE_FIELDS[3:]), TEXT, max_size=2))
)
RECORD = st.builds(
    lambda messages, more: {"messages": messages, **more},
    st.lists(TURN, max_size=4),
    st.dictionaries(st.sampled_from(RECORD_COLUMNS), TEXT, max_size=2),
)
SHARDS = st.lists(st.lists(RECORD, min_size=1, max_size=6), min_size=1, max_size=5)


def records(shard: list[dict[str, Any]]) -> pl.DataFrame:
    """A shard's records as the cache has them: all fields, null where there is nothing."""
    turns = [[{name: turn.get(name) for name in MESSAGE_FIELDS} for turn in one["messages"]] for one in shard]
    columns = {name: pl.Series([one.get(name) for one in shard], dtype=pl.String) for name in RECORD_COLUMNS}
    return pl.DataFrame({"messages": pl.Series(turns, dtype=messages_dtype()), **columns})


def in_use(shards: list[list[dict[str, Any]]]) -> frozenset[str]:
    found = {name for shard in shards for one in shard for name in one if name != "messages"}
    turns = {f"messages.{name}" for shard in shards for one in shard for turn in one["messages"] for name in turn}
    return frozenset(found | turns)


def passed(folder: Path, shards: list[list[dict[str, Any]]], groups: list[list[int]], parts: int, seed: int) -> list[dict[str, Any]]:
    """All rows of all parts. Every second record of a shard, counted from its place, is wanted, at a drawn place."""
    cache = Cache(folder / "cache")
    wanted = [(place, pos) for place, shard in enumerate(shards) for pos in range(place % 2, len(shard), 2)]
    at = random.Random(seed).sample(range(1000), len(wanted))
    ids = pl.DataFrame({"id": [f"{n:024x}" for n in at]}, schema={"id": pl.String}).select(id_numbers("id"))
    order = pl.DataFrame(
        {
            "place": pl.Series([place for place, _ in wanted], dtype=pl.UInt32),
            "pos": pl.Series([pos for _, pos in wanted], dtype=pl.UInt32),
            "shard_row": pl.Series([pos + 7 for _, pos in wanted], dtype=pl.UInt32),
            "at": pl.Series(at, dtype=pl.UInt32),
            "part": pl.Series([n % parts for n in at], dtype=pl.UInt32),
        }
    )
    license = pl.when(pl.col("place") % 2 == 0).then("place").alias("license")
    order = order.with_columns(*ids.get_columns(), license, source="place", file="place")
    told = write_batches(order.sort("part", "at").select("part", "at", *ID_ORDER, *ORIGIN), parts, folder / "order")
    files = []
    for number, group in enumerate(groups):
        held = []
        for place in group:
            said = pl.DataFrame({"row": [pos + 7 for pos in range(len(shards[place]))]}, schema={"row": pl.UInt32})
            said = said.with_columns(text=pl.format("{}/{}", pl.lit(place), "row"))
            held.append(Held(place, cache.store_frame(records(shards[place])), None, cache.store_frame(said)))
        mine = order.filter(pl.col("place").is_in(group))
        if not len(mine):
            continue
        mine.write_ipc(folder / f"{number}.order")
        target = folder / f"{number}.arrow"
        files.append(scatter(ScatterTask(cache.root, folder / f"{number}.order", tuple(held), in_use(shards), (), parts, target)))
    if not files:
        return []
    words = {name: [f"{name[0]}{place}" for place in range(len(shards))] for name in ORIGIN}
    return [row for part in range(parts) for row in collect([batches[part] for batches in files], told[part], words).iter_rows(named=True)]


@settings(max_examples=40, deadline=None)
@given(SHARDS, st.integers(1, 3), st.integers(1, 4), st.integers(0, 9))
def test_every_part_gets_its_rows_in_order_with_all_they_hold(
    shards: list[list[dict[str, Any]]], size: int, parts: int, seed: int
) -> None:
    """The rows are those of the records, with every field and column, whether it travelled or not; groups change nothing."""
    places = list(range(len(shards)))
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        found = passed(Path(one), shards, [places[n : n + size] for n in range(0, len(places), size)], parts, seed)
        assert found == passed(Path(other), shards, [places], parts, seed)
    assert [(row["at"] % parts, row["at"]) for row in found] == sorted((row["at"] % parts, row["at"]) for row in found)
    assert len(found) == sum(len(range(place % 2, len(shard), 2)) for place, shard in enumerate(shards))
    for row in found:
        assert row["id"] == f"{row['at']:024x}"
        place, number = map(int, row["text"].split("/"))
        expected = records([shards[place][number - 7]]).row(0, named=True)
        assert {name: row[name] for name in expected} == expected
        assert (row["source"], row["file"], row["license"]) == (f"s{place}", f"f{place}", None if place % 2 else f"l{place}")


def test_a_damaged_shard_is_met_before_its_rows_are_used(tmp_path: Path) -> None:
    """A flipped byte of a mapped object is found when it is opened, as in every other read."""
    cache = Cache(tmp_path / "cache")
    digest = cache.store_frame(records([{"messages": [{"role": "user", "content": "hello"}]}]))
    path = cache.object(digest)
    data = bytearray(path.read_bytes())
    data[data.index(b"hello")] ^= 1
    path.write_bytes(bytes(data))
    with pytest.raises(CorruptObject):
        cache.rows(digest, pl.Series([0]), ["messages"])
