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
TAKEN_AT_ONCE = 1 << 13
"""Records that are looked at together, and those already taken that they are compared with at once."""


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
    taken: list[int] = []
    known = np.empty((0, vectors.shape[1]), np.int8)
    for first in range(0, count, BLOCK):
        block = vectors[first : first + BLOCK]
        near = np.zeros(len(block), bool)
        for some in range(0, len(known), TAKEN_AT_ONCE):
            near |= np.logical_or.reduce(_too_like(block, known[some : some + TAKEN_AT_ONCE], max_similarity), axis=1)
        inside = _too_like(block, block, max_similarity)
        fresh: list[int] = []
        for place in np.flatnonzero(~near):
            if not near[place]:
                fresh.append(int(place))
                near |= inside[:, place]
            if len(taken) + len(fresh) == n:
                break
        taken += [first + place for place in fresh]
        if len(taken) == n:
            return np.array(taken, np.int64)
        known = np.concatenate([known, block[fresh]])
    passed = np.setdiff1d(np.arange(count), taken)
    return np.sort(np.concatenate([np.array(taken, np.int64), passed[: n - len(taken)]]))


def _too_like(rows: NDArray[np.int8], others: NDArray[np.int8], bound: float) -> NDArray[np.bool_]:
    """Which of `rows` are too like which of `others`."""
    kind: type[Any] = np.float32 if rows.shape[1] <= 1024 else np.float64  # sums of integers: exact in any order
    dots: NDArray[np.float64] = np.matmul(rows.astype(kind), others.astype(kind).T).astype(np.float64)
    sizes = _lengths(rows)[:, None] * _lengths(others)[None]
    return (dots >= bound * sizes) & (sizes > 0)


def _lengths(vectors: NDArray[np.int8]) -> NDArray[np.float64]:
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.int64).astype(np.float64))
