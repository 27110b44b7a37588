"""Cut: a run of words that records share stays in one of them, whole words are taken out of the others, and nothing else is."""

from __future__ import annotations

import random
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.dedup import cut
from tests.stages.annotate.conversations import frame_of

WORDS = st.lists(st.sampled_from("abc"), max_size=30).map(" ".join)
ROWS = st.lists(st.lists(WORDS, min_size=1, max_size=2), min_size=1, max_size=6)


def records(answers: list[list[str]]) -> pl.DataFrame:
    frame = frame_of([[("user", "?"), *(("assistant", text) for text in row)] for row in answers])
    return frame.with_columns(cleaned=pl.Series([[]] * len(frame), dtype=pl.List(pl.String)))


def spans_of(answers: list[list[str]], words: int, rank: list[int] | None = None) -> tuple[pl.DataFrame, list[int]]:
    found = cut.turn_runs(records(answers), on="assistant", words=words).rename({"at": "row"}).cast({"row": pl.Int64})
    spans, whole = cut.shared_spans(found, np.array(rank or range(len(answers))), words)
    return spans, whole.to_list()


def after(answers: list[list[str]], words: int, rank: list[int] | None = None) -> list[list[str]]:
    spans, whole = spans_of(answers, words, rank)
    mine = cut.united(spans.filter(~pl.col("row").is_in(whole))).rename({"row": "pos"})
    said = cut.without_spans(records(answers), mine)["messages"].to_list()
    return [[turn["content"] for turn in row[1:]] for row in said]


def runs(text: str, words: int) -> set[tuple[str, ...]]:
    one = text.split()
    return {tuple(one[i : i + words]) for i in range(len(one) - words + 1)}


@settings(max_examples=60)
@given(ROWS, st.sampled_from([2, 3, 5]), st.randoms(use_true_random=False))
def test_every_shared_run_has_one_home(answers: list[list[str]], words: int, rng: random.Random) -> None:
    """A run of the texts as they were stands, among the records that stay, in its home alone; each word that is cut stands at
    the told place of a better record, and what is not told stays as it was."""
    rank = rng.sample(range(len(answers)), len(answers))
    spans, whole = spans_of(answers, words, rank)
    gone: dict[tuple[int, int], set[int]] = {}
    for one in spans.iter_rows(named=True):
        mine = answers[one["row"]][one["turn"] - 1].split()[one["word"] :][: one["words"]]
        there = answers[one["other"]][one["other_turn"] - 1].split()[one["other_word"] :][: one["words"]]
        assert mine == there
        assert len(mine) == one["words"] >= words
        assert rank[one["other"]] < rank[one["row"]]
        assert one["other"] not in whole
        gone.setdefault((one["row"], one["turn"]), set()).update(range(one["word"], one["word"] + one["words"]))
    said = after(answers, words, rank)
    homes: dict[tuple[str, ...], int] = {}
    for row, turns in enumerate(answers):
        for n, text in enumerate(turns, 1):
            cut_here = gone.get((row, n), set()) if row not in whole else set()
            assert said[row][n - 1].split() == [word for at, word in enumerate(text.split()) if at not in cut_here]
            if row not in whole:
                for at in range(len(text.split()) - words + 1):
                    if not cut_here & set(range(at, at + words)):
                        assert homes.setdefault(tuple(text.split()[at : at + words]), row) == row
    for row in whole:
        assert any(gone[row, n] == set(range(len(text.split()))) for n, text in enumerate(answers[row], 1) if (row, n) in gone)


@settings(max_examples=60)
@given(ROWS, st.sampled_from([2, 3, 5, 8]))
def test_every_shared_run_leaves_a_shared_fingerprint(answers: list[list[str]], words: int) -> None:
    """Two records with a run of that many words in a turn share a fingerprint; runs across turns are none."""
    prints = cut.turn_prints(records(answers), on="assistant", words=words)
    of = {pos: set(group["print"]) for (pos,), group in prints.group_by("pos")}
    every = [set().union(*(runs(text, words) for text in row)) for row in answers]
    for i in range(len(answers)):
        for j in range(i):
            if every[i] & every[j]:
                assert of[i] & of[j]
    told = cut.turn_runs(records(answers), on="assistant", words=words)
    assert len(told) == sum(max(len(text.split()) - words + 1, 0) for row in answers for text in row)


FOOTER = "this footer stands below every letter that we send"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Dear you. {FOOTER}. Yours.", "Dear you. Yours."),
        (f"Dear you.\n\n- {FOOTER.capitalize()}!\n- Yours.", "Dear you.\n\n- Yours."),
        (f"Dear you.\n\n{FOOTER}", "Dear you."),
        (f"{FOOTER}\n\nDear you.", "Dear you."),
        (f'He said "{FOOTER}" and left.', "He said and left."),
        (f"He said {FOOTER}. And left.", "He said. And left."),
        (f"A **{FOOTER}** b", "A b"),
        (f"Say - {FOOTER}. - Yours - mine", "Say. - Yours - mine"),
        (f"- {FOOTER}    - Yours", "- Yours"),
        (f"One. **{FOOTER}.** Two.", "One. Two."),
        (f'He said "{FOOTER}," and left.', "He said and left."),
        (f"He said ({FOOTER}. And left.)", "He said (And left.)"),
        (f'He said "so" {FOOTER}. And left.', 'He said "so". And left.'),
        (f"| {FOOTER}. | b |", "| | b |"),
        (f"> {FOOTER}\n\nDear you.", "Dear you."),
        (f"Dear\u00a0you,  {FOOTER},\tand me.", "Dear\u00a0you,  and me."),
        (f"Dear you. {FOOTER}\u0301 Yours.", None),
        (f"```\n{FOOTER}\n```", None),
        (f"Type `{FOOTER}` now.", None),
        (f"Oh ❤\ufe0f {FOOTER} \N{WOMAN}\u200d\N{PERSONAL COMPUTER}", "Oh ❤\ufe0f \N{WOMAN}\u200d\N{PERSONAL COMPUTER}"),
        (f"Über die Straße: {FOOTER.upper()}. Grüße!", "Über die Straße: Grüße!"),
        (f"One. {FOOTER}. Two. {FOOTER}. Three.", "One. Two. Three."),
        (f"Before ```x {FOOTER}\n~~~\ncode\n~~~\n{FOOTER}. After.", "Before ```x\n~~~\ncode\n~~~\nAfter."),
    ],
)
def test_what_is_left_reads_well(text: str, left: str | None) -> None:
    """Whole words go with the marks and ends that were theirs; code, graphemes and the other words stay as they are."""
    said = after([[f"Home keeps it: {FOOTER}, for ever."], [text]], 9)
    assert said[0] == [f"Home keeps it: {FOOTER}, for ever."]
    assert said[1] == [text if left is None else left]


def test_a_home_keeps_what_it_says_twice() -> None:
    """A record does not repeat itself; in the others every copy goes."""
    twice = f"{FOOTER} one {FOOTER} two"
    assert after([[twice], [f"x {FOOTER} y"], [f"{FOOTER} z {FOOTER} w"]], 9) == [[twice], ["x y"], ["z w"]]


def test_a_record_without_a_word_of_its_own_goes_and_keeps_nothing() -> None:
    """A turn is never left empty: the record is dropped, and a run that only it and a third have stays in the third."""
    other = "quite other words that only two of these three records hold"
    answers = [[f"First. {FOOTER}."], [FOOTER, f"{other} here"], [f"Third: {other}."]]
    spans, whole = spans_of(answers, 9)
    assert whole == [1]
    assert spans["other"].to_list() == [0]
    assert after(answers, 9) == answers


@pytest.mark.parametrize(("on", "role"), [("assistant", "assistant"), ("conversation", "user"), ("first_user", "user"), ("conversation", "assistant")])
def test_whose_turns(on: str, role: str) -> None:
    """System messages and tools are never compared; `on` names the others."""
    said = [[("system", FOOTER), ("user", f"{FOOTER} u"), ("assistant", f"{FOOTER} a"), ("tool", FOOTER)] for _ in range(2)]
    found = cut.turn_runs(frame_of(said), on=on, words=9)  # type: ignore[arg-type]
    assert {said[0][turn][0] for turn in found["turn"]} >= {role}
    assert {said[0][turn][0] for turn in found["turn"]} <= {"user", "assistant"}


def test_long_and_odd_texts() -> None:
    """A megabyte of one word, marks alone and no text at all neither fail nor take long."""
    odd = ["", "\u0301" * 10_000, "x " * 200_000, "q" * 1_000_000, "\u202e" + FOOTER, "`" * 5000]
    said = after([[text] for text in odd] * 2, 50)
    assert [row[0] for row in said[: len(odd)]] == odd
    assert re.sub(r"\s", "", said[0][0]) == ""
