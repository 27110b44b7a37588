"""Characters to tokens: the trained token spans of a batch, each proved against the bytes that its tokens spell.

Token boundaries are sums of the tokens' byte lengths (0.01 us a token), believed only where the tokens spell the row's
text byte for byte. Where they do not (normalizers, tokens that swallow white space), the row is encoded again by
`tokenizers` with offsets, about 100 us, and what is trained is decoded and compared.

A token is trained when it overlaps a trained region. So `" yes"` is trained although its blank belongs to the header.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.stages.render.encode import Encoded, Encoder
from datasetbuild.stages.render.layout import Layout

Ints = NDArray[np.int64]
START_OUTSIDE = "turn {turn}: a trained token overlaps the text of another turn"
NOT_COVERED = "turn {turn}: the trained tokens do not cover its text"
NO_STOP = "turn {turn}: the token that ends the turn is not trained"
NOTHING = "no token is trained"


@dataclass
class Job:
    """One rendered conversation. layout: regions to train and contents, or None to train every token."""

    text: str
    layout: Layout | None
    trained: frozenset[int] = frozenset()
    """Turns that are trained."""


@dataclass
class Aligned:
    """spans: (row, first token, end token), tokens counted in the row, ordered. faults: row -> sentence."""

    rows: Ints
    starts: Ints
    ends: Ints
    faults: dict[int, str] = field(default_factory=dict)


@dataclass
class _Wanted:
    """Regions and contents of many rows as arrays; positions in the unit of the token boundaries that they meet."""

    region: Ints  # columns: row, turn, start, end, stop, stop_end
    content: Ints  # columns: row, turn, start, end
    blocked: Ints  # columns: row, turn, start, end


def align(jobs: list[Job], data: list[bytes], encoded: Encoded, encoder: Encoder) -> Aligned | None:
    """Trained spans of every row, or the sentence that says why a row is not proved; None when the ids are not those
    of the oracle, so that the batch has to be encoded again."""
    bounds, unspelt = spell(data, encoded, encoder)
    bases = np.zeros(len(data) + 1, np.int64)
    np.cumsum([len(part) for part in data], out=bases[1:])
    spelt = [row for row in range(len(jobs)) if not unspelt[row] and jobs[row].layout is not None]
    wanted = _wanted([(row, jobs[row], _bytes_before(jobs[row].text, data[row]), int(bases[row])) for row in spelt])
    spans, faults = _overlap(wanted, bounds[:-1], bounds[1:], encoded.ids)
    spans[:, 1:] -= encoded.bounds[spans[:, 0]][:, None]
    found = [spans]
    for row in np.flatnonzero(unspelt):
        if jobs[row].layout is not None:
            again = _by_offsets(int(row), jobs[row], encoded, encoder)
            if again is None:
                return None
            found.append(again[0])
            faults |= again[1]
    lengths = np.diff(encoded.bounds)
    whole = np.array([row for row, job in enumerate(jobs) if job.layout is None and lengths[row]], np.int64)
    found.append(np.stack([whole, np.zeros_like(whole), lengths[whole]], axis=1))
    every = np.concatenate(found)
    every = every[np.lexsort((every[:, 1], every[:, 0]))]
    for row in np.flatnonzero(np.bincount(every[:, 0], minlength=len(jobs)) == 0):
        faults.setdefault(int(row), NOTHING)
    return Aligned(every[:, 0], every[:, 1], every[:, 2], faults)


def spell(data: list[bytes], encoded: Encoded, encoder: Encoder) -> tuple[Ints, NDArray[np.bool_]]:
    """Where each token begins in the bytes of all texts, and which rows the tokens do not spell byte for byte."""
    pieces = encoder.pieces
    tries = [encoded.ids.astype(np.int64)]
    if pieces.marked:
        tries += [pieces.without_blanks(encoded.ids, encoded.bounds, every=every) for every in (False, True)]
    lengths = np.array([len(part) for part in data], np.int64)
    chosen, unspelt = tries[0].copy(), np.ones(len(data), bool)
    owner = np.repeat(np.arange(len(data)), np.diff(encoded.bounds))
    for numbers in tries:
        bounds, spelt = pieces.spell(numbers)
        matches = _matches(data, lengths, bounds[encoded.bounds], spelt) & unspelt
        chosen[matches[owner]] = numbers[matches[owner]]
        unspelt &= ~matches
        if not unspelt.any():
            break
    sizes = np.diff(pieces.spell(chosen)[0]) if len(tries) > 1 else np.diff(bounds)
    if unspelt.any():  # such rows get made-up boundaries that add up, so that their neighbours' positions hold
        sizes[unspelt[owner]] = 0
        last = encoded.bounds[1:][unspelt & (np.diff(encoded.bounds) > 0)] - 1
        sizes[last] = lengths[unspelt & (np.diff(encoded.bounds) > 0)]
    result = np.zeros(len(encoded.ids) + 1, np.int64)
    np.cumsum(sizes, out=result[1:])
    return result, unspelt


def _matches(data: list[bytes], lengths: Ints, bounds: Ints, spelt: bytes) -> NDArray[np.bool_]:
    """Which rows' bytes are the ones that their tokens spell. One comparison of everything when all are."""
    same = np.diff(bounds) == lengths
    if same.all() and spelt == b"".join(data):
        return same
    for row in np.flatnonzero(same):
        same[row] = spelt[bounds[row] : bounds[row + 1]] == data[row]
    return same


def _bytes_before(text: str, data: bytes) -> Any:
    """A function from a character's position to the byte's."""
    if len(text) == len(data):
        return None
    sizes = np.array([1 + (c > 0x7F) + (c > 0x7FF) + (c > 0xFFFF) for c in map(ord, text)], np.int64) if len(text) < 64 else _sizes(text)
    before = np.zeros(len(text) + 1, np.int64)
    np.cumsum(sizes, out=before[1:])
    return before


def _sizes(text: str) -> Ints:
    points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    return 1 + (points > 0x7F).astype(np.int64) + (points > 0x7FF) + (points > 0xFFFF)


def _wanted(rows: list[tuple[int, Job, Any, int]]) -> _Wanted:
    regions: list[tuple[int, ...]] = []
    contents: list[tuple[int, ...]] = []
    blocked: list[tuple[int, ...]] = []
    for row, job, before, base in rows:
        at = (lambda point, base=base: point + base) if before is None else (lambda point, base=base, before=before: int(before[point]) + base)
        assert job.layout is not None
        for region in job.layout.regions:
            if region.turn in job.trained and region.end > region.start:
                stop_end = at(region.stop_end) if region.stop >= 0 else -1
                regions.append((row, region.turn, at(region.start), at(region.end), region.stop, stop_end))
        for content in job.layout.contents:
            if content.turn not in job.trained:
                blocked.append((row, content.turn, at(content.start), at(content.end)))
            elif content.trains:
                contents.append((row, content.turn, at(content.start), at(content.end)))
    return _Wanted(_table(regions, 6), _table(contents, 4), _table(blocked, 4))


def _table(rows: list[tuple[int, ...]], width: int) -> Ints:
    return np.array(rows, np.int64).reshape(-1, width)


def _overlap(wanted: _Wanted, starts: Ints, ends: Ints, ids: NDArray[np.int32]) -> tuple[Ints, dict[int, str]]:
    """(row, first token, end token) of each region by the overlap rule, and the rows that are not proved.

    starts, ends: boundaries of the tokens, ascending, in the unit of `wanted`.
    """
    region = wanted.region
    first = np.searchsorted(ends, region[:, 2], "right")
    after = np.searchsorted(starts, region[:, 3], "left")
    faults: dict[int, str] = {}

    def refuse(rows: Ints, bad: NDArray[np.bool_], sentence: str) -> None:
        for row, turn in rows[bad][:, :2].tolist():
            faults.setdefault(row, sentence.format(turn=turn + 1))

    empty = after <= first
    low = starts[np.minimum(first, len(starts) - 1)] if len(starts) else np.zeros_like(first)
    high = ends[np.maximum(after, 1) - 1] if len(ends) else np.zeros_like(first)
    refuse(region, empty, NOT_COVERED)
    if len(wanted.blocked):
        place = np.searchsorted(wanted.blocked[:, 3], low, "right")
        there = place < len(wanted.blocked)
        refuse(region, there & (wanted.blocked[np.minimum(place, len(wanted.blocked) - 1), 2] < high), START_OUTSIDE)
    if len(wanted.content):
        covered = np.zeros(len(wanted.content), bool)
        if len(region):
            place = np.maximum(np.searchsorted(low, wanted.content[:, 2], "right") - 1, 0)
            covered = (low[place] <= wanted.content[:, 2]) & (wanted.content[:, 3] <= high[place])
        refuse(wanted.content, ~covered, NOT_COVERED)
    stops = region[:, 4] >= 0
    token = np.searchsorted(ends, region[:, 5], "left")
    held = (first <= token) & (token < after) & (ids[np.minimum(token, len(ids) - 1)] == region[:, 4]) if len(ids) else ~stops
    refuse(region, stops & ~held, NO_STOP)
    return np.stack([region[:, 0], first, after], axis=1)[~empty], faults


def _by_offsets(row: int, job: Job, encoded: Encoded, encoder: Encoder) -> tuple[Ints, dict[int, str]] | None:
    """The same for one row, from the offsets of `tokenizers`, with the trained tokens decoded and compared."""
    kept = encoded.encodings
    encoding = kept[row] if kept else encoder.oracle.encode(job.text, add_special_tokens=False)
    ids = encoded.ids[encoded.bounds[row] : encoded.bounds[row + 1]]
    if encoding.ids != ids.tolist():
        return None
    assert job.layout is not None
    offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    starts, ends = np.maximum.accumulate(offsets[:, 0]), np.maximum.accumulate(offsets[:, 1])
    wanted = _wanted([(row, job, None, 0)])
    if len(ids):  # an added token that swallowed white space of the region belongs to what is before it
        first = np.searchsorted(ends, wanted.region[:, 2], "right")
        at = np.minimum(first, len(ids) - 1)
        swallowed = encoder.pieces.added[ids[at]] & (starts[at] < wanted.region[:, 2])
        wanted.region[:, 2] = np.where(swallowed, np.minimum(ends[at], wanted.region[:, 3]), wanted.region[:, 2])
    spans, faults = _overlap(wanted, starts, ends, ids)
    if not faults and (fault := _decoded(job, wanted, spans, ids, encoder)):
        faults[row] = fault
    return spans, faults


def _decoded(job: Job, wanted: _Wanted, spans: Ints, ids: NDArray[np.int32], encoder: Encoder) -> str | None:
    """Whether the trained tokens decode to each trained text, white space and compatible characters aside."""
    decoded = [encoder.oracle.decode(ids[a:b].tolist(), skip_special_tokens=False) for _, a, b in spans.tolist()]
    for _, turn, start, end in wanted.content.tolist():
        text = job.text[start:end]
        if not any(form(text) in form(said) for said in decoded for form in (_bare, _folded)):
            return f"turn {turn + 1}: the trained tokens decode to another text than its own"
    return None


def _bare(text: str) -> str:
    return "".join(text.split())


def _folded(text: str) -> str:
    return _bare(unicodedata.normalize("NFKC", text))
