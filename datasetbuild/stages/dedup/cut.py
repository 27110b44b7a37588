"""Cut: a long run of words that records share stays in one of them and is taken out of the turns of the others.

The same two passes as `substring`, turn by turn: a run never reaches from one turn into the next, nor into code, where a cut
would break a program. Records are gone through in a total order; a run belongs to the first that has it and stays, so what
is cut from one record stands in another, word for word. A record that has a turn of nothing else is not cut: it goes.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.record import flatten_turns, fold_turns
from datasetbuild.stages.clean.code import CLOSE, OPEN, PLACE, part
from datasetbuild.stages.dedup.substring import NONE, chosen_prints, covered, run_hashes
from datasetbuild.stages.where import On
from datasetbuild.stages.words import PIECES, word_hashes

LABEL = "shared words cut"
"""What the column `cleaned` says of a record that was cut."""

SPANS = {"turn": pl.Int64, "word": pl.Int64, "words": pl.Int64, "other": pl.Int64, "other_turn": pl.Int64, "other_word": pl.Int64}

CLOSING = ".!?:;,…。！？：；、，"
PAIRS = {'"': '"', "'": "'", "“": "”", "„": "“", "‘": "’", "«": "»", "(": ")", "[": "]", "*": "*", "「": "」", "（": "）"}


def turn_prints(records: pl.DataFrame, *, on: On, words: int) -> pl.DataFrame:
    """Fingerprints of the turns that `on` names: `pos` (u32) and `print` (u64), some for each run of `words` words."""
    turns, segments, hashes, counts = _words(records, on)
    grams, segment = chosen_prints(hashes, counts, words)
    some = (grams != NONE) & ~segments["code"].to_numpy()[segment]
    pos = turns["pos"].to_numpy()[segments["turn"].to_numpy()[segment[some]]]
    return pl.DataFrame({"pos": pos.astype(np.uint32), "print": grams[some]}).unique(maintain_order=True)


def turn_runs(records: pl.DataFrame, *, on: On, words: int) -> pl.DataFrame:
    """Every run of `words` words of the turns that `on` names, code aside: `at` (u32, position of the record), `turn` (u32),
    `word` (u32, where it begins in the turn), `run` (u64, its hash) and `total` (u32, words of the turn, code too)."""
    turns, segments, hashes, counts = _words(records, on)
    grams, segment = run_hashes(hashes, counts, words)
    of_turn = segments["turn"].to_numpy()[segment]
    total = np.bincount(of_turn, minlength=len(turns))
    some = (grams != NONE) & ~segments["code"].to_numpy()[segment]
    mine = of_turn[some]
    word = np.flatnonzero(some) - (np.cumsum(total) - total)[mine]
    columns = {"at": turns["pos"].to_numpy()[mine], "turn": turns["turn"].to_numpy()[mine], "word": word}
    whole = pl.DataFrame({**columns, "total": total[mine]}, schema=dict.fromkeys([*columns, "total"], pl.UInt32))
    return whole.with_columns(run=pl.Series(grams[some], dtype=pl.UInt64))


def _words(records: pl.DataFrame, on: On) -> tuple[pl.DataFrame, pl.DataFrame, NDArray[np.uint64], NDArray[np.int64]]:
    """The turns that are compared (`pos`, `turn`, `text`), their segments, and the words of those."""
    lengths, turns = flatten_turns(records["messages"])
    many = lengths.to_numpy().astype(np.int64)
    pos = np.repeat(np.arange(len(records)), many)
    turn = np.arange(len(pos)) - np.repeat(np.cumsum(many) - many, many)
    frame = turns.select("role", text="content").with_columns(pos=pl.Series(pos, dtype=pl.Int64), turn=pl.Series(turn, dtype=pl.Int64))
    if on == "first_user":
        frame = frame.filter(pl.col("role") == "user").unique("pos", keep="first", maintain_order=True)
    else:
        frame = frame.filter(pl.col("role").is_in(["assistant"] if on == "assistant" else ["user", "assistant"]))
    segments = _segments(frame["text"])
    return frame, segments, *word_hashes(segments["text"])


def _segments(texts: pl.Series) -> pl.DataFrame:
    """Texts in pieces, in order: `turn` (the text's number), `text`, `code`. Joined they are the texts again."""
    parted = {n: _parted(texts[n]) for n in texts.str.contains(r"`|~~~").arg_true()}
    if not parted:
        return pl.DataFrame({"turn": np.arange(len(texts)), "text": texts, "code": np.zeros(len(texts), bool)})
    rows = [(n, *piece) for n, text in enumerate(texts) for piece in parted.get(n, [(text, False)])]
    return pl.DataFrame(rows, schema={"turn": pl.Int64, "text": pl.String, "code": pl.Boolean}, orient="row")


def _parted(text: str) -> list[tuple[str, bool]]:
    if OPEN in text or CLOSE in text:
        return [(text, True)]
    prose, code = part(text)
    pieces = PLACE.split(prose)
    return [(code[int(piece)], True) if n % 2 else (piece, False) for n, piece in enumerate(pieces) if n % 2 or piece or len(pieces) == 1]


def shared_spans(found: pl.DataFrame, rank: NDArray[np.int64], words: int) -> tuple[pl.DataFrame, pl.Series]:
    """What is cut out of which rows. found: `row`, `turn`, `word`, `run`, `total` of all rows that may share a run. rank: of
    each row, 0 the first.

    Returns the spans (`row`, `turn`, `word`, `words`, and where those words stay: `other`, `other_turn`, `other_word`),
    sorted; spans of one row may overlap when they stay in different places. And the rows that are not cut, since a turn of
    theirs would be left without a word: their spans are told too.
    """
    table = found.with_columns(rank=pl.Series(rank[found["row"].to_numpy()])).sort("rank", "row", "turn", "word")
    code = table.select(pl.col("run").rank("dense").cast(pl.Int64) - 1)["run"].to_numpy()
    row, turn, word, total = (table[name].to_numpy().astype(np.int64) for name in ("row", "turn", "word", "total"))
    home = np.full(int(code.max(initial=-1)) + 1, -1)  # where in the table a run stays
    ends = np.flatnonzero(row[1:] != row[:-1]) + 1
    cut, kept, emptied = [np.empty(0, np.int64)], [np.empty(0, np.int64)], []
    for start, stop in pairwise([0, *ends, len(row)] if len(row) else []):
        mine = code[start:stop]
        lost = home[mine] >= 0
        if lost.any():
            at = start + np.flatnonzero(lost)
            cut.append(at)
            kept.append(home[mine[lost]])
            if _emptied(turn[at], word[at], total[at], words):
                emptied.append(row[start])
                continue
        own = start + np.flatnonzero(~lost)
        fresh, first = np.unique(code[own], return_index=True)
        home[fresh] = own[first]
    at, there = np.concatenate(cut), np.concatenate(kept)
    spans = _joined((row[at], turn[at], word[at]), (row[there], turn[there], word[there]), words)
    return spans, pl.Series("row", emptied, dtype=pl.Int64).sort()


def _emptied(turn: NDArray[np.int64], word: NDArray[np.int64], total: NDArray[np.int64], words: int) -> bool:
    """Whether the runs of a record cover all words of one of its turns."""
    edges = [0, *(np.flatnonzero(turn[1:] != turn[:-1]) + 1), len(turn)]
    return any(covered(word[start:stop], words) >= total[start] for start, stop in pairwise(edges))


def _joined(here: tuple[NDArray[np.int64], ...], there: tuple[NDArray[np.int64], ...], words: int) -> pl.DataFrame:
    """Runs that follow one another in both places as one span each."""
    (row, turn, word), (other, other_turn, other_word) = here, there
    same = np.zeros(len(row), bool)
    for values in (row, turn, other, other_turn, other_word - word):
        same[1:] = (values[1:] == values[:-1]) & (same[1:] if values is not row else True)
    same[1:] &= word[1:] <= word[:-1] + words
    first = np.flatnonzero(~same)
    last = np.append(first[1:], len(row)) - 1 if len(first) else first
    columns = {"row": row, "turn": turn, "word": word, "other": other, "other_turn": other_turn, "other_word": other_word}
    spans = pl.DataFrame({name: values[first] for name, values in columns.items()}, schema=dict.fromkeys(columns, pl.Int64))
    return spans.with_columns(words=pl.Series(word[last] - word[first] + words)).select("row", *SPANS).sort("row", *SPANS)


def united(spans: pl.DataFrame) -> pl.DataFrame:
    """The words that spans cover, each once: `row`, `turn`, `word`, `words`, sorted. spans: `row`, `turn`, `word`, `words`."""
    ranked = spans.select("row", "turn", "word", end=pl.col("word") + pl.col("words")).sort("row", "turn", "word", "end")
    before = pl.col("end").cum_max().over("row", "turn").shift(1).over("row", "turn")
    grouped = ranked.with_columns(group=(before.is_null() | (pl.col("word") > before)).cum_sum()).group_by("group", maintain_order=True)
    whole = grouped.agg(pl.col("row", "turn", "word").first(), pl.col("end").max())
    return whole.select("row", "turn", "word", words=pl.col("end") - pl.col("word"))


def without_spans(records: pl.DataFrame, spans: pl.DataFrame) -> pl.DataFrame:
    """Records with the words of spans taken out, and `LABEL` in `cleaned`. spans: `pos`, `turn`, `word`, `words`, apart from
    one another and sorted."""
    lengths, turns = flatten_turns(records["messages"])
    many = lengths.to_numpy().astype(np.int64)
    places = (np.cumsum(many) - many)[spans["pos"].to_numpy()] + spans["turn"].to_numpy()
    several = spans.with_columns(at=pl.Series(places)).group_by("at", maintain_order=True).agg("word", "words")
    segments = _segments(turns["content"].gather(several["at"]))
    parted = pieces_of(segments["text"])
    bounds = np.searchsorted(segments["turn"].to_numpy(), np.arange(len(several) + 1))
    after = [
        _cut(parted[start:stop], segments["code"][start:stop].to_list(), [*zip(word, words, strict=True)])
        for (start, stop), (word, words) in zip(pairwise(bounds), several.select("word", "words").iter_rows(), strict=True)
    ]
    content = turns["content"].scatter(several["at"], pl.Series(after, dtype=pl.String))
    cut = pl.Series(range(len(records)), dtype=pl.Int64).is_in(spans["pos"].cast(pl.Int64).unique().implode())
    labels = pl.when(cut).then(pl.concat_list("cleaned", pl.lit(LABEL))).otherwise("cleaned")
    return records.with_columns(fold_turns(lengths, turns.with_columns(content)), labels.alias("cleaned"))


def _cut(segments: list[Pieces], codes: list[bool], spans: list[tuple[int, int]]) -> str:
    """A text without some spans (first word, words) of its words. codes: which of its segments are code."""
    done, first = [], 0
    for number, (pieces, code) in enumerate(zip(segments, codes, strict=True)):
        mine = [(max(word - first, 0), min(word + words - first, len(pieces.words))) for word, words in spans]
        mine = [(a, b) for a, b in mine if a < b]
        done.append("".join(pieces.all) if code or not mine else pieces.without(mine, opens=number == 0, closes=number == len(segments) - 1))
        first += len(pieces.words)
    return "".join(done)


def pieces_of(texts: pl.Series) -> list[Pieces]:
    """Texts as words and what stands between them: all at once, which takes half the time."""
    lists = texts.str.extract_all(PIECES)
    flat = lists.explode(empty_as_null=False)
    flags = [flat.str.contains(one).to_list() for one in (r"^\w", r"^[\p{M}\p{Join_Control}]", r"\p{Join_Control}$")]
    bounds = [0, *lists.list.len().cast(pl.Int64).cum_sum()]
    every = flat.to_list()
    return [Pieces(every[start:stop], *(flag[start:stop] for flag in flags)) for start, stop in pairwise(bounds)]


class Pieces:
    """A text as words and what stands between them. all: its pieces. words: the number of each word's piece. hangs, holds:
    which pieces begin with a mark that belongs to what stands before them, and which end with a joiner."""

    def __init__(self, every: list[str], word: list[bool], hangs: list[bool], holds: list[bool]) -> None:
        self.all, self.hangs, self.holds = every, hangs, holds
        self.words = [number for number, flag in enumerate(word) if flag]

    def text(self, word: int, words: int) -> str:
        """The text from a word on, so many words long."""
        return "".join(self.all[self.words[word] : self.words[word + words - 1] + 1])

    def without(self, spans: list[tuple[int, int]], *, opens: bool, closes: bool) -> str:
        """The text without the words from a to before b of each span. opens, closes: whether the text begins and ends here."""
        out, words = list(self.all), set(self.words)
        for a, b in spans:
            while a < b and self.hangs[self.words[a]]:  # a mark belongs to what stands before it
                a += 1
            while a < b and self.holds[self.words[b - 1]]:  # a joiner to what comes after it
                b -= 1
            if a == b:
                continue
            start, stop = self.words[a], self.words[b - 1] + 1
            before = out[start - 1] if start and start - 1 not in words else ""
            after = out[stop] if stop < len(out) and stop not in words else ""
            if "\n" in "".join(out[start:stop]) and "\n" in before:  # the mark of its line was the line's
                before = before[: before.rfind("\n") + 1]
            seam = _seam(before, after, opens and a == 0, closes and b == len(self.words))
            start, stop = start - bool(before), stop + bool(after)
            out[start:stop] = [seam, *[""] * (stop - start - 1)]
        return "".join(out)


def _seam(before: str, after: str, first: bool, last: bool) -> str:
    """What stands where words were cut. before, after: what stood between them and the next words. first, last: whether the
    text begins or ends there.

    A line that has no other word goes with its marks. What is cut takes its full stop along where one stands before it, or
    nothing that it could end, and a pair of quotes or brackets goes with all it held. Of the white space on both sides the wider stays.
    """
    if (first or "\n" in before) and (last or "\n" in after):
        before, after = before[: before.rfind("\n") + 1], after[after.find("\n") :] if "\n" in after else ""
    before, after = _unpaired(before, after)
    mark = after.lstrip(CLOSING).strip()
    if mark not in ("", "|") and before[-1:].isspace() and before.rstrip().endswith(mark):  # of two list marks in one line one is enough
        before = before.rstrip()[: -len(mark)]
    if (first and not before.strip()) or "\n" in before or before.endswith(tuple(PAIRS)) or before.rstrip().endswith((*CLOSING, "|")):
        before, after = _unpaired(before, after.lstrip(CLOSING))
    head, tail = before.rstrip(), after.lstrip()
    if (first and not head) or (last and not tail):
        return head + tail
    blanks = max(before[len(head) :], after[: len(after) - len(tail)], key=lambda blank: (blank.count("\n"), len(blank)))
    close = head == before and head.endswith(tuple(PAIRS))  # a bracket opens on what comes next
    return head + ("" if close or tail.startswith(tuple(CLOSING)) else blanks) + tail


def _unpaired(before: str, after: str) -> tuple[str, str]:
    """Both without the quotes and brackets that open and close on nothing."""
    while before and after and PAIRS.get(before[-1]) == after[0]:
        before, after = before[:-1], after[1:]
    return before, after
