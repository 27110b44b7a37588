"""Train/inference parity: what stands before each trained turn, compared with what the model is given at inference.

The shape of a conversation tells which class a turn has (`layout.Parity`). `exact` is shown of the tokens: those from
the last added token before the turn must be the ones of the generation prompt's own end, which is one encoding for a
shape; an added token cuts a text in two that are tokenized apart. Where the prompt ends in text without any added token
(`### Response:`), the row's whole prompt is encoded and compared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from datasetbuild.stages.render.batch import Batch, Group, Ints
from datasetbuild.stages.render.encode import Encoded, Encoder
from datasetbuild.stages.render.layout import PARITIES, Parity, Place, Trained

CODES = {parity: number for number, parity in enumerate(PARITIES)}
NONE = 255
"""The code of a span that begins no turn: a further region of one, or a row that is trained whole."""


def parities(batch: Batch, spans: Ints, encoded: Encoded, encoder: Encoder) -> NDArray[np.uint8]:
    """A code for each span (row, first token, end token, number of the region on its skeleton)."""
    codes = np.full(len(spans), NONE, np.uint8)
    owner, ordinals = batch.group[spans[:, 0]], spans[:, 3]
    order = np.lexsort((ordinals, owner))
    changes = np.flatnonzero((np.diff(owner[order]) != 0) | (np.diff(ordinals[order]) != 0)) + 1
    for places in np.split(order, changes) if len(order) else []:
        group, rows = batch.groups[owner[places[0]]]
        if group.skeleton is None or (trained := group.skeleton.regions[ordinals[places[0]]]).parity is None:
            continue
        codes[places] = CODES[trained.parity]
        if trained.parity is Parity.EXACT:
            mine = spans[places]
            if trained.tail is None:
                same = _prompts_agree(batch, group, rows, trained, mine, encoded, encoder)
            else:
                same = _tokens_agree(trained.tail, trained.given, mine, encoded, encoder)
            codes[places[~same]] = CODES[Parity.BOUNDARY_MERGE]
    return codes


def _tokens_agree(tail: str, given: Place, spans: Ints, encoded: Encoded, encoder: Encoder) -> NDArray[np.bool_]:
    header = np.array(encoder.oracle.encode(tail, add_special_tokens=False).ids, np.int32)
    size = len(header)
    whole = given.gap == 0 and len(tail) == given.offset
    enough = spans[:, 1] == size if whole else spans[:, 1] >= size
    starts = np.where(enough, spans[:, 1] - size, 0) + encoded.bounds[spans[:, 0]]
    agree: NDArray[np.bool_] = enough
    for place, token in enumerate(header):
        agree = agree & (encoded.ids.take(starts + place, mode="clip") == token)
    return agree


def _prompts_agree(
    batch: Batch, group: Group, rows: Ints, trained: Trained, spans: Ints, encoded: Encoded, encoder: Encoder
) -> NDArray[np.bool_]:
    """The slow way: every row's prompt, encoded."""
    assert group.skeleton is not None
    mine = spans[:, 0]
    starts = batch.bounds[mine]
    ends = starts + group.skeleton.at(trained.given, group.gaps)[np.searchsorted(rows, mine)]
    prompts = encoder.encode(
        [str(batch.data[a:b], "utf-8") for a, b in zip(starts.tolist(), ends.tolist(), strict=True)]
    )
    agree: NDArray[np.bool_] = np.diff(prompts.bounds) == spans[:, 1]
    for place in np.flatnonzero(agree).tolist():
        row, first = spans[place, :2]
        start = encoded.bounds[row]
        own = prompts.ids[prompts.bounds[place] : prompts.bounds[place + 1]]
        agree[place] = np.array_equal(own, encoded.ids[start : start + first])
    return agree
