"""The key plane's small numbers: a fate is given once, ids order as their numbers do, equal hashes get one number."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.engine.fates import Fates
from datasetbuild.engine.gather import code
from datasetbuild.engine.ids import id_numbers, id_texts, ids_of
from datasetbuild.hashing import record_hash
from datasetbuild.record import ID_ORDER, Reason, Stage


@given(st.lists(st.lists(st.integers(0, 9), unique=True), max_size=5))
def test_the_first_stage_that_ends_a_row_has_the_say(ends: list[list[int]]) -> None:
    """A row that was ended keeps its stage, reason and twin, whatever later stages say of it; the others are kept."""
    stages = (Stage.READ, Stage.NORMALIZE, Stage.FILTER, Stage.DEDUP, Stage.MIX)
    reasons = (Reason.OVER_LIMIT, Reason.BAD_ROW, Reason.BELOW_MIN, Reason.NEAR_DUPLICATE, Reason.NOT_SAMPLED)
    fates, first = Fates(10, [], ["train"]), {}
    for number, rows in enumerate(ends):
        mine = np.array(rows, np.int64)
        new = fates.end(mine, stages[number], reasons[number], twin=mine[::-1].copy())
        assert new.tolist() == [row for row in rows if row not in first]
        first |= {row: (number, other) for row, other in zip(rows, reversed(rows), strict=True) if row not in first}
    fates.keep()
    for row, line in enumerate(fates.frame().iter_rows(named=True)):
        if row not in first:
            assert (line["fate"], line["stage"], line["twin"]) == ("kept", None, None)
            continue
        number, other = first[row]
        told = (line["fate"], line["stage"], line["reason"], line["twin"])
        assert told == ("dropped", stages[number], reasons[number], other)


def test_sets_of_rules_are_named() -> None:
    """`also` has the names of the rules whose place is set: none for a row that only one rule fails."""
    fates = Fates(3, [f"r{n}" for n in range(11)], [])
    failed = np.zeros((11, 2), bool)
    failed[[0, 9], 1] = True
    fates.end(np.array([0, 2]), Stage.FILTER, Reason.BELOW_MIN, rule=1, also=fates.also_codes(failed))
    assert fates.frame()["also"].to_list() == [[], None, ["r0", "r9"]]


def test_notes_stand_beside_the_fates() -> None:
    """A column of a stage's own has its values at the rows that it was told of, and null elsewhere."""
    fates = Fates(4, [], [])
    fates.note("overlap", np.array([3, 1]), pl.Series([0.5, 0.25]))
    assert fates.frame()["overlap"].to_list() == [None, 0.25, None, 0.5]


@given(st.lists(st.integers(0, 2**32), min_size=1, unique=True))
def test_ids_order_as_their_numbers_do(numbers: list[int]) -> None:
    """An id is its two numbers and back, and sorting by the numbers sorts the ids."""
    texts = pl.Series("id", [record_hash("s", b"%d" % n) for n in numbers])
    rows = texts.to_frame().select(id_numbers("id"))
    assert id_texts(rows).to_list() == texts.to_list()
    assert id_texts(rows.sort(ID_ORDER)).to_list() == sorted(texts.to_list())
    some = pl.Series("twin", [None, 0, None, len(numbers) - 1], dtype=pl.UInt32)
    assert ids_of(rows, some).to_list() == [None, texts[0], None, texts[-1]]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 2), st.booleans())))
def test_equal_hashes_are_equal_numbers(hashes: list[tuple[int, int, bool]]) -> None:
    """Numbers are dense, from 0 in the order of the hashes, also where only the second halves differ; -1 for none."""
    high, low, some = (np.array([one[n] for one in hashes], kind) for n, kind in enumerate((np.uint64, np.uint64, bool)))
    known = sorted({one[:2] for one in hashes if one[2]})
    wanted = [known.index((a, b)) if there else -1 for a, b, there in hashes]
    assert code(high, low, some).tolist() == wanted
