"""Characters to tokens: the trained token spans of a batch, each proved against the bytes that its tokens spell.

Token boundaries are sums of the tokens' byte lengths (0.01 us a token), believed only where the tokens spell the row's
text byte for byte, white space aside that added tokens swallow (`swallow.py`). Where they do not (normalizers), the row is
encoded again by `tokenizers` with offsets, and what is trained is decoded and compared: about 300 us.

A token is trained when it overlaps a trained region. So `" yes"` is trained although its blank belongs to the header.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from datasetbuild.arrow import sums
from datasetbuild.stages.render.batch import Batch, Group, Ints
from datasetbuild.stages.render.encode import Encoded, Encoder, Pieces
from datasetbuild.stages.render.swallow import swallowed

START_OUTSIDE = "turn {turn}: a trained token overlaps the text of another turn"
NOT_COVERED = "turn {turn}: the trained tokens do not cover its text"
NO_STOP = "turn {turn}: the token that ends the turn is not trained"
NOTHING = "no token is trained"


@dataclass
class Aligned:
    """spans: (row, first token, end token, region), tokens counted in the row, ordered. weights: one each. silent:
    spans of turns with weight 0, which `spans` is without. faults: row -> sentence."""

    spans: Ints
    weights: NDArray[np.float32]
    silent: Ints
    faults: dict[int, str] = field(default_factory=dict)


@dataclass
class Wanted:
    """Regions and texts of many rows, each ordered by position, one column of an array for each.

    region: row, turn, start, end, stop, stop_end, number. content, blocked: row, turn, start, end. Positions first
    count the bytes of all texts, one after the other; `moved` gives them in another unit.
    """

    region: Ints
    content: Ints
    blocked: Ints

    def moved(self, to: Callable[[Ints], Ints]) -> Wanted:
        """With other positions."""
        tables = []
        for table in (self.region, self.content, self.blocked):
            changed = table.copy()
            for place in (2, 3, 5) if len(changed) > 4 else (2, 3):
                changed[place] = to(changed[place])
            tables.append(changed)
        return Wanted(*tables)

    def of_row(self, row: int, batch: Batch) -> Wanted:
        """One row's, in characters counted from its own first one."""
        tables = (self.region, self.content, self.blocked)
        cut = [table[:, slice(*np.searchsorted(table[0], (row, row + 1)))] for table in tables]
        data = np.frombuffer(batch.data[batch.bounds[row] : batch.bounds[row + 1]], np.uint8)
        characters = sums((data & 0xC0) != 0x80)  # how many begin before each byte
        return Wanted(*cut).moved(lambda at: characters[at - batch.bounds[row]])


def align_rows(batch: Batch, encoded: Encoded, encoder: Encoder) -> Aligned | None:
    """Trained spans of every row, or the sentence that says why a row is not proved; None when the ids are not those
    of the oracle, so that the batch has to be encoded again."""
    faults: dict[int, str] = {}
    wanted = want(batch, faults)
    bounds, unspelt, greedy = spell(batch, encoded, encoder)
    if greedy.any():
        _give_back(wanted, bounds, encoded.ids, greedy, encoder)
    spans, refused = overlap(wanted, bounds[:-1], bounds[1:], encoded.ids)
    spans[:, 1:3] -= encoded.bounds[spans[:, 0]][:, None]
    found = [spans[~unspelt[spans[:, 0]]]]
    refused = {row: sentence for row, sentence in refused.items() if not unspelt[row]}
    laid = np.array([group.skeleton is not None for group, _ in batch.groups], bool)[batch.group]
    for row in np.flatnonzero(unspelt & laid).tolist():
        again = _by_offsets(row, batch, wanted.of_row(row, batch), encoded, encoder)
        if again is None:
            return None
        found.append(again[0])
        refused |= again[1]
    lengths = np.diff(encoded.bounds)
    whole = np.flatnonzero(~laid & (lengths > 0))
    found.append(np.stack([whole, np.zeros_like(whole), lengths[whole], np.full_like(whole, -1)], axis=1))
    every = np.concatenate(found)
    if len(every) > len(found[0]):  # the first are in order
        every = every[np.lexsort((every[:, 1], every[:, 0]))]
    every = _apart(every)
    weights = _weights(batch, every)
    spans, silent = every[weights > 0], every[weights == 0]
    faults = refused | faults
    for row in np.flatnonzero(np.bincount(spans[:, 0], minlength=len(batch)) == 0).tolist():
        faults.setdefault(row, NOTHING)
    return Aligned(spans, weights[weights > 0], silent, faults)


def _weights(batch: Batch, spans: Ints) -> NDArray[np.float32]:
    """The weight of each span: its turn's."""
    weights = np.ones(len(spans), np.float32)
    for number, (group, _) in enumerate(batch.groups):
        if group.weights is not None and group.skeleton is not None:
            of_turn = dict(zip(group.trained, group.weights, strict=True))
            of_region = np.array([of_turn.get(region.turn, 0.0) for region in group.skeleton.regions], np.float32)
            mine = batch.group[spans[:, 0]] == number
            weights[mine] = of_region[spans[mine, 3]]
    return weights


def _apart(spans: Ints) -> Ints:
    """Spans that do not share tokens: a token over the border of two trained turns is the first one's."""
    shared = (spans[1:, 0] == spans[:-1, 0]) & (spans[1:, 1] < spans[:-1, 2])
    spans[1:, 1] = np.where(shared, spans[:-1, 2], spans[1:, 1])
    return spans[spans[:, 1] < spans[:, 2]]


def want(batch: Batch, faults: dict[int, str]) -> Wanted:
    """Regions and texts of all rows, group by group. Rows whose generation marks lie elsewhere go to `faults`."""
    region, content, blocked = [np.empty((7, 0), np.int64)], [np.empty((4, 0), np.int64)], [np.empty((4, 0), np.int64)]
    for group, rows in batch.groups:
        skeleton, trained = group.skeleton, group.trained
        if skeleton is None:
            continue
        _compare_marks(group, rows, faults)
        gaps = group.gaps + batch.bounds[rows][:, None]

        def table(*values: int | Ints, rows: Ints = rows) -> Ints:
            found = np.empty((1 + len(values), len(rows)), np.int64)
            for place, value in enumerate((rows, *values)):
                found[place] = value
            return found

        for number, (turn, start, end, stop, stop_end, *_) in enumerate(skeleton.regions):
            if turn in trained:
                edges = [skeleton.at(place, gaps) for place in (start, end, stop_end)]
                region.append(table(turn, *edges[:2], stop, edges[2], number))
        for gap, number in enumerate(skeleton.order):
            slot = skeleton.slots[number]
            if slot.turn in trained and not slot.must:
                continue
            (content if slot.turn in trained else blocked).append(
                table(slot.turn, gaps[:, gap] + skeleton.sizes[gap], gaps[:, gap + 1])
            )
    return Wanted(*(_ordered(tables) for tables in (region, content, blocked)))


def _ordered(tables: list[Ints]) -> Ints:
    table = np.concatenate(tables, axis=1)
    return table[:, np.argsort(table[2], kind="stable")]


def _compare_marks(group: Group, rows: Ints, faults: dict[int, str]) -> None:
    """Where a template has marks, those of the true render must lie where the skeleton has them."""
    skeleton = group.skeleton
    if skeleton is None or not skeleton.marks or group.marks is None:
        return
    known = np.stack([skeleton.at(place, group.gaps) for pair in skeleton.marks for place in pair], axis=1)
    for row in rows[(group.marks != known).any(axis=1)].tolist():
        faults[row] = "the template's generation marks do not lie where its turns lie"


def spell(batch: Batch, encoded: Encoded, encoder: Encoder) -> tuple[Ints, NDArray[np.bool_], NDArray[np.bool_]]:
    """Where each token begins in the bytes of all texts, which rows the tokens do not spell byte for byte, and of which they
    spell all but the white space that added tokens swallow."""
    greedy = np.zeros(len(batch), bool)
    if encoded.places is not None:
        return encoded.places, greedy, greedy
    pieces = encoder.pieces
    bounds, spelt = pieces.spell(encoded.ids)
    unspelt = ~_matches(batch, bounds[encoded.bounds], spelt)
    if not unspelt.any():
        return bounds, unspelt, greedy
    lengths, sizes = np.diff(batch.bounds), np.diff(bounds)
    owner = np.repeat(np.arange(len(batch)), np.diff(encoded.bounds))
    ways = [(bounds, spelt)]
    for every in (False, True) if pieces.marked else ():
        bounds, spelt = pieces.spell(pieces.without_blanks(encoded.ids, encoded.bounds, every=every))
        ways.append((bounds, spelt))
        matches = _matches(batch, bounds[encoded.bounds], spelt) & unspelt
        sizes = np.where(matches[owner], np.diff(bounds), sizes)
        unspelt &= ~matches
    silent = np.diff(encoded.bounds) == 0
    if (silent & (lengths > 0)).any():  # a text without a token (a normalizer took it): no token of any row can fill its place
        return bounds, np.ones(len(batch), bool), greedy
    if pieces.greedy.any():
        for bounds, spelt in reversed(ways):
            for row in np.flatnonzero(unspelt).tolist():
                mine = slice(*encoded.bounds[row : row + 2])
                more = _swallowed(batch, row, encoded.ids[mine], bounds[mine.start : mine.stop + 1], spelt, pieces)
                if more is not None:
                    sizes[mine] = np.diff(bounds[mine.start : mine.stop + 1]) + more
                    greedy[row], unspelt[row] = True, False
    sizes[unspelt[owner]] = 0  # such rows get one made-up token that fills them, so that the others' positions hold
    filled = unspelt & ~silent
    sizes[encoded.bounds[1:][filled] - 1] = lengths[filled]
    return sums(sizes), unspelt, greedy


def _swallowed(batch: Batch, row: int, ids: NDArray[np.int32], bounds: Ints, spelt: memoryview, pieces: Pieces) -> Ints | None:
    """The white space that each token of a row swallows, in bytes; None where that is not all that is missing.

    bounds: where each token begins in `spelt`, which holds all rows."""
    text, own = bytes(batch.data[batch.bounds[row] : batch.bounds[row + 1]]), bytes(spelt[bounds[0] : bounds[-1]])
    places = np.flatnonzero(pieces.greedy[ids])
    edges, sides = bounds - bounds[0], pieces.sides[ids[places]]
    found = swallowed(text, own, zip(edges[places].tolist(), edges[places + 1].tolist(), *sides.T.tolist(), strict=True))
    if found is None:
        return None
    more = np.zeros(len(ids), np.int64)
    more[places] = found
    return more


def _give_back(wanted: Wanted, bounds: Ints, ids: NDArray[np.int32], greedy: NDArray[np.bool_], encoder: Encoder) -> None:
    """White space at the begin of a region that an added token before it swallowed belongs to what is before."""
    mine = np.flatnonzero(greedy[wanted.region[0]])
    if len(mine):
        begins, stops = wanted.region[2:4, mine]
        wanted.region[2, mine] = _behind_added(begins, stops, bounds[:-1], bounds[1:], ids, encoder)


def _behind_added(begins: Ints, stops: Ints, starts: Ints, ends: Ints, ids: NDArray[np.int32], encoder: Encoder) -> Ints:
    """Where regions begin, when an added token lies over their begin: behind it. starts, ends: of all tokens, at least one."""
    at = np.minimum(np.searchsorted(ends, begins, "right"), len(ids) - 1)
    over = encoder.pieces.added[ids[at]] & (starts[at] < begins)
    return np.where(over, np.minimum(ends[at], stops), begins)


def _matches(batch: Batch, bounds: Ints, spelt: memoryview) -> NDArray[np.bool_]:
    """Which rows' bytes are the ones that their tokens spell. One comparison of everything when all are."""
    import pyarrow as pa

    same: NDArray[np.bool_] = np.diff(bounds) == np.diff(batch.bounds)
    if same.all() and pa.py_buffer(spelt).equals(pa.py_buffer(batch.data)):
        return same
    for row in np.flatnonzero(same):
        given = batch.data[batch.bounds[row] : batch.bounds[row + 1]]
        same[row] = bytes(spelt[bounds[row] : bounds[row + 1]]) == bytes(given)
    return same


def overlap(wanted: Wanted, starts: Ints, ends: Ints, ids: NDArray[np.int32]) -> tuple[Ints, dict[int, str]]:
    """(row, first token, end token, region) of each region by the overlap rule, and the rows that are not proved.

    starts, ends: boundaries of the tokens, ascending, in the unit of `wanted`.
    """
    rows, _, start, end, stop, stop_end, number = wanted.region
    first = np.searchsorted(ends, start, "right")
    after = np.searchsorted(starts, end, "left")
    faults: dict[int, str] = {}

    def refuse(table: Ints, bad: NDArray[np.bool_], sentence: str) -> None:
        for row, turn in table[:2, bad].T.tolist():
            faults.setdefault(row, sentence.format(turn=turn + 1))

    empty = after <= first
    low = starts[np.minimum(first, len(starts) - 1)] if len(starts) else np.zeros_like(first)
    high = ends[np.maximum(after, 1) - 1] if len(ends) else np.zeros_like(first)
    refuse(wanted.region, empty, NOT_COVERED)
    if wanted.blocked.size:
        place = np.searchsorted(wanted.blocked[3], low, "right")
        there = place < len(wanted.blocked[3])
        refuse(wanted.region, there & (wanted.blocked[2].take(place, mode="clip") < high), START_OUTSIDE)
    if wanted.content.size:
        covered = np.zeros(len(wanted.content[0]), bool)
        if len(rows):
            place = np.maximum(np.searchsorted(low, wanted.content[2], "right") - 1, 0)
            covered = (low[place] <= wanted.content[2]) & (wanted.content[3] <= high[place])
        refuse(wanted.content, ~covered, NOT_COVERED)
    stops = stop >= 0
    token = after - 1
    before = ends.take(token - 1, mode="wrap") if len(ends) else high
    if not ((stop_end <= high) & (before < stop_end) & (token > 0)).all():  # with most templates the stop ends its region
        token = np.searchsorted(ends, stop_end, "left")
    held = (first <= token) & (token < after) & (ids.take(token, mode="clip") == stop) if len(ids) else ~stops
    refuse(wanted.region, stops & ~held, NO_STOP)
    return np.stack([rows, first, after, number], axis=1)[~empty], faults


def _by_offsets(
    row: int, batch: Batch, wanted: Wanted, encoded: Encoded, encoder: Encoder
) -> tuple[Ints, dict[int, str]] | None:
    """The same for one row, from the offsets of `tokenizers`, with the trained tokens decoded and compared."""
    text, kept = batch.text(row), encoded.encodings
    encoding = kept[row] if kept else encoder.oracle.encode(text, add_special_tokens=False)
    ids = encoded.ids[encoded.bounds[row] : encoded.bounds[row + 1]]
    if encoding.ids != ids.tolist():
        return None
    offsets = np.array(encoding.offsets, np.int64).reshape(-1, 2)
    starts, ends = np.maximum.accumulate(offsets[:, 0]), np.maximum.accumulate(offsets[:, 1])
    if len(ids):  # an added token that swallowed white space of the region belongs to what is before it
        wanted.region[2] = _behind_added(wanted.region[2], wanted.region[3], starts, ends, ids, encoder)
    spans, faults = overlap(wanted, starts, ends, ids)
    if not faults and (fault := _decoded(text, wanted, spans, ids, encoder)):
        faults[row] = fault
    return spans, faults


def _decoded(text: str, wanted: Wanted, spans: Ints, ids: NDArray[np.int32], encoder: Encoder) -> str | None:
    """Whether the trained tokens decode to each trained text, white space and compatible characters aside."""
    decoded = [encoder.oracle.decode(ids[a:b].tolist(), skip_special_tokens=False) for _, a, b, _ in spans.tolist()]
    for _, turn, start, end in wanted.content.T.tolist():
        own = text[start:end]
        if not any(form(own) in form(said) for said in decoded for form in (_bare, _folded)):
            return f"turn {turn + 1}: the trained tokens decode to another text than its own"
    return None


def _bare(text: str) -> str:
    return "".join(text.split())


def _folded(text: str) -> str:
    return _bare(unicodedata.normalize("NFKC", text))
