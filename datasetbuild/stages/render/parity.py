"""Train/inference parity: what stands before each trained turn, compared with what the model is given at inference.

The shape of a conversation tells which class a turn has (`layout.Parity`). `exact` is shown of the tokens: those from
the last added token before the turn must be the ones of the generation prompt's own end, which is one encoding for a
shape; an added token cuts a text in two that are tokenized apart. Where the prompt ends in text without any added token
(`### Response:`), the row's whole prompt is encoded and compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from datasetbuild.stages.render.encode import Encoded, Encoder
from datasetbuild.stages.render.layout import PARITIES, Parity, Skeleton, Trained

if TYPE_CHECKING:
    from datasetbuild.stages.render.align import Job

Ints = NDArray[np.int64]
CODES = {parity: number for number, parity in enumerate(PARITIES)}
NONE = 255
"""The code of a span that begins no turn: a further region of one, or a row that is trained whole."""


def parities(jobs: Sequence[Job], spans: Ints, encoded: Encoded, encoder: Encoder) -> NDArray[np.uint8]:
    """A code for each span (row, first token, end token, number of the region on its skeleton)."""
    codes = np.full(len(spans), NONE, np.uint8)
    groups: dict[tuple[int, int], list[int]] = {}
    for place, (row, _, _, ordinal) in enumerate(spans.tolist()):
        laid = jobs[row].laid
        if laid is not None and ordinal >= 0:
            groups.setdefault((id(laid.skeleton), ordinal), []).append(place)
    for (_, ordinal), places in groups.items():
        laid = jobs[int(spans[places[0], 0])].laid
        assert laid is not None
        trained = laid.skeleton.regions[ordinal]
        if trained.parity is None:
            continue
        codes[places] = CODES[trained.parity]
        if trained.parity is Parity.EXACT:
            same = _tokens_agree(jobs, laid.skeleton, trained, spans[places], encoded, encoder)
            codes[np.array(places)[~same]] = CODES[Parity.BOUNDARY_MERGE]
    return codes


def _tokens_agree(
    jobs: Sequence[Job], skeleton: Skeleton, trained: Trained, spans: Ints, encoded: Encoded, encoder: Encoder
) -> NDArray[np.bool_]:
    if trained.tail is None:
        return _prompts_agree(jobs, skeleton, trained, spans, encoded, encoder)
    header = np.array(encoder.oracle.encode(trained.tail, add_special_tokens=False).ids, np.int32)
    size = len(header)
    whole = trained.given.gap == 0 and len(trained.tail) == trained.given.offset
    enough = spans[:, 1] == size if whole else spans[:, 1] >= size
    ends = np.where(enough, spans[:, 1], size) + encoded.bounds[spans[:, 0]]
    there = ends[:, None] + np.arange(-size, 0)
    agree: NDArray[np.bool_] = enough & (encoded.ids[np.minimum(there, len(encoded.ids) - 1)] == header).all(axis=1)
    return agree


def _prompts_agree(
    jobs: Sequence[Job], skeleton: Skeleton, trained: Trained, spans: Ints, encoded: Encoded, encoder: Encoder
) -> NDArray[np.bool_]:
    """The slow way: every row's prompt, encoded."""
    lengths = [laid.lengths for row in spans[:, 0].tolist() if (laid := jobs[row].laid) is not None]
    gaps = skeleton.gaps(np.array(lengths, np.int64).reshape(len(spans), -1))
    ends = gaps[:, trained.given.gap] + trained.given.offset
    prompts = encoder.encode(
        [jobs[row].text[:end] for row, end in zip(spans[:, 0].tolist(), ends.tolist(), strict=True)]
    )
    agree: NDArray[np.bool_] = np.diff(prompts.bounds) == spans[:, 1]
    for place in np.flatnonzero(agree).tolist():
        row, first = spans[place, :2]
        start = encoded.bounds[row]
        mine = prompts.ids[prompts.bounds[place] : prompts.bounds[place + 1]]
        agree[place] = np.array_equal(mine, encoded.ids[start : start + first])
    return agree
