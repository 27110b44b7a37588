"""Select: the best records within a budget, and among the best those that differ.

Few and diverse beats many and alike (Zhou et al. 2023, LIMA; the greedy rule is that of Liu et al. 2024, Deita): records are
taken in the order of their scores, and one that points nearly where a taken one points is passed over. When the budget
cannot be filled that way, the best of those passed over fill it, so that `n` means n.
"""

from __future__ import annotations

from typing import Annotated, Any

import numpy as np
from numpy.typing import NDArray

from datasetbuild.op import Bound, section

BLOCK = 512


@section("select", version=1)
def select(
    *,
    n: Annotated[int, Bound(ge=1)],
    by: str | list[str] = ["priority"],  # noqa: B006  (read, never changed)
    diverse: bool = False,
    max_similarity: Annotated[float, Bound(gt=0, le=1)] = 0.8,
) -> None:
    """Keep the best `n` records of those that got here, after dedup and before the split.

    n: records that are kept, at most.
    by: what is better, as in `dedup.keep`: a fact or a list of them, larger first; `-NAME` prefers the smaller value. Ties
        are broken by the record's own hash, which neither order nor company can move.
    diverse: pass over records that are too like one that is taken, by their `embeddings`.
    max_similarity: cosine from which on two records are too like each other to both be taken.
    """


def choose(vectors: NDArray[np.int8] | None, count: int, n: int, max_similarity: float) -> NDArray[np.int64]:
    """Positions of the chosen, of `count` candidates that stand in order, the best first.

    vectors: (count, d) int8 of the candidates; None: the first n are chosen. Returns min(n, count) positions, ascending.
    """
    if vectors is None or count <= n:
        return np.arange(min(n, count))
    wide: NDArray[Any] = vectors.astype(np.float32 if vectors.shape[1] <= 1024 else np.float64)  # sums of integers: exact in any order
    lengths = np.sqrt((vectors.astype(np.int64) ** 2).sum(axis=1).astype(np.float64))
    taken: list[int] = []
    for first in range(0, count, BLOCK):
        block = np.arange(first, min(first + BLOCK, count))
        near = np.logical_or.reduce(_too_like(wide, lengths, block, np.array(taken, np.int64), max_similarity), axis=1)
        inside = _too_like(wide, lengths, block, block, max_similarity)
        for place in np.flatnonzero(~near):
            if not near[place]:
                taken.append(first + int(place))
                near |= inside[:, place]
            if len(taken) == n:
                return np.array(taken, np.int64)
    passed = np.setdiff1d(np.arange(count), taken)
    return np.sort(np.concatenate([np.array(taken, np.int64), passed[: n - len(taken)]]))


def _too_like(
    wide: NDArray[np.float32], lengths: NDArray[np.float64], rows: NDArray[np.int64], others: NDArray[np.int64], bound: float
) -> NDArray[np.bool_]:
    """Which of `rows` are too like which of `others`."""
    dots = (wide[rows] @ wide[others].T).astype(np.float64)
    sizes = lengths[rows, None] * lengths[None, others]
    return (dots >= bound * sizes) & (sizes > 0)
