"""Substring dedup: the same words in a row in two records, however different the rest, found in time linear in the words.

Two passes. First *winnowing* (Schleimer, Wilkerson and Aiken 2003): of each window of runs of half the length the smallest
hash is kept, one word in fourteen at 50 words, and two texts that share a long enough run share such a fingerprint. Then,
of the records with a shared fingerprint alone, every run of `words` words: what stands in two places is shared, and
nothing else is.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.op import Bound, section
from datasetbuild.stages.dedup.sketch import shingles
from datasetbuild.stages.where import On, words_on
from datasetbuild.stages.words import Hashes, Ints

NONE = np.uint64(np.iinfo(np.uint64).max)


@section("dedup.substring", version=7)
def substring(
    *, words: Annotated[int, Bound(ge=8, le=1000)] = 50, on: On = "assistant", action: Literal["drop", "flag", "cut"] = "drop"
) -> None:
    """Records that have `words` words in a row in common repeat one another, whatever stands around them.

    words: length of a run of words that two records may not share; letter case and punctuation do not count.
    on: `assistant` compares the answers, `conversation` all turns, `first_user` the first user message.
    action: `drop` keeps the most wanted record that has a run and drops the others; `flag` keeps all and names the places
        in the ledger (`repeats`, `repeated_words`); `cut` takes the run out of all but one, before anything is measured:
        the record of the highest `priority` of its source keeps it, then the one of the smallest id. Code, system messages
        and tools are never cut; a record that has a turn of nothing else is dropped.
    """


def fingerprints(frame: pl.DataFrame, *, on: On, words: int) -> pl.DataFrame:
    """Fingerprints of the annotate frame's records: `pos` (u32) and `print` (u64), some for each run of `words` words."""
    grams, text = chosen_prints(*words_on(frame, on), words)
    some = grams != NONE
    return pl.DataFrame({"pos": text[some].astype(np.uint32), "print": grams[some]}).unique(maintain_order=True)


def chosen_prints(hashes: Hashes, counts: Ints, words: int) -> tuple[Hashes, Ints]:
    """The fingerprint that begins at each word, `NONE` at most of them, and the text of each word. hashes, counts: of n texts."""
    half = max(words // 2, 1)
    grams, text = run_hashes(hashes, counts, half)
    grams[~_winnowed(grams, words - half + 1)] = NONE
    return grams, text


def runs(frame: pl.DataFrame, *, on: On, words: int) -> pl.DataFrame:
    """Every run of `words` words of the annotate frame's records: `at` (u32, position in the frame), `word` (u32, where it
    begins) and `run` (u64, its hash)."""
    hashes, counts = words_on(frame, on)
    grams, text = run_hashes(hashes, counts, words)
    some = grams != NONE
    word = np.arange(len(grams)) - (np.cumsum(counts) - counts)[text]
    return pl.DataFrame({"at": text[some].astype(np.uint32), "word": word[some].astype(np.uint32), "run": grams[some]})


def run_hashes(hashes: Hashes, counts: Ints, words: int) -> tuple[Hashes, Ints]:
    """The hash of the run that begins at each word, `NONE` where its text ends before, and the text of each word."""
    text = np.repeat(np.arange(len(counts)), counts)
    grams = shingles(hashes, counts, words)
    left = np.repeat(np.cumsum(counts), counts) - np.arange(len(hashes))
    out = np.full(len(hashes), NONE)
    whole = np.repeat(counts >= words, np.diff(grams.offsets))
    out[left >= words] = grams.values[whole]
    return out, text


def _winnowed(grams: Hashes, window: int) -> NDArray[np.bool_]:
    """Whether each hash is the smallest of some window of that many. By doubling: log2(window) passes over the array.

    A window that reaches into another text adds fingerprints and takes none away: each window inside a text is there."""
    if len(grams) < window:
        return np.zeros(len(grams), bool)
    smallest = _rolling(np.minimum, grams, window)
    padded = np.concatenate([np.zeros(window - 1, np.uint64), smallest, np.zeros(window - 1, np.uint64)])
    return _rolling(np.maximum, padded, window) == grams


def _rolling(best: np.ufunc, values: Hashes, window: int) -> Hashes:
    """The smallest or largest of each `window` values in a row; length n - window + 1."""
    width, out = 1, values
    while 2 * width <= window:
        out = best(out[:-width], out[width:])
        width *= 2
    rest = window - width
    return best(out[: len(out) - rest], out[rest:]) if rest else out


def repeated(found: pl.DataFrame, rank: NDArray[np.int64], words: int) -> pl.DataFrame:
    """Which rows repeat which. found: `row`, `word`, `run` of all rows that may share a run. rank: of each row, 0 the best.

    In the order of the ranks a row stays when none of its runs stands in one that stays. Returns, for each that does not:
    `row`, `other` (the row that stays and has most of its runs), `words` (how many of its words those cover), `word` and
    `other_word` (where the first of them begins in the two), sorted by row.
    """
    table = found.with_columns(rank=pl.Series(rank[found["row"].to_numpy()])).sort("rank", "row", "word")
    code = table.select(pl.col("run").rank("dense").cast(pl.Int64) - 1)["run"].to_numpy()
    row, word = table["row"].to_numpy().astype(np.int64), table["word"].to_numpy().astype(np.int64)
    owner, place = (np.full(int(code.max(initial=-1)) + 1, -1) for _ in range(2))
    ends = np.flatnonzero(row[1:] != row[:-1]) + 1
    lost = []
    for start, stop in pairwise([0, *ends, len(row)] if len(row) else []):
        mine, at = code[start:stop], word[start:stop]
        taken = owner[mine] >= 0
        if not taken.any():
            first, where = np.unique(mine, return_index=True)
            owner[first], place[first] = row[start], at[where]
        else:
            others, times = np.unique(owner[mine[taken]], return_counts=True)
            other = others[np.argmax(times)]
            shared = np.flatnonzero(owner[mine] == other)
            lost.append((row[start], other, covered(at[shared], words), at[shared[0]], place[mine[shared[0]]]))
    names = ("row", "other", "words", "word", "other_word")
    columns = np.array(lost, np.int64).reshape(-1, len(names)).T
    return pl.DataFrame(dict(zip(names, columns, strict=True))).sort("row")


def covered(starts: Ints, words: int) -> int:
    """Words that runs of `words` words cover, which begin at `starts`, ascending."""
    return int(np.minimum(np.diff(starts), words).sum()) + words
