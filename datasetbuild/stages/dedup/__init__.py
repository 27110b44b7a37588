"""Dedup keeps one record of each group of equal or nearly equal ones, and names the twin of every other.

    exact.py     the same text: a 128-bit hash of the normalised text
    shared.py    which texts can have a near-duplicate at all, from the shingles that texts share
    sketch.py    MinHash signatures, numpy over whole shards, bit-identical to datasketch's
    partners.py  the pairs of texts that are worth comparing, bucket by bucket
    near.py      candidates by LSH, every pair verified against the exact Jaccard of its shingles, clusters
    substring.py the same words in a row, however different the rest
    cut.py       those words taken out of all records but one
    semantic.py  records whose embeddings point the same way
    survivor.py  which record of a group stays: a total order that the recipe declares
"""

from __future__ import annotations

from datasetbuild.op import section
from datasetbuild.stages.dedup import exact, near, semantic, substring  # noqa: F401  (registers their sections)


@section("dedup", version=1)
def dedup(*, keep: list[str] = ["priority"]) -> None:  # noqa: B006  (read, never changed)
    """Remove records that repeat others. `exact` and `near` say what counts as a repeat; either may be null.

    keep: which record of a group stays, as a list of facts, `priority` (of its source) or `tokens`: the larger value
        first, ties by the next name, at last by record id. `-NAME` prefers the smaller value. Of a fact that has a value for
        each turn the largest counts, with `-NAME` too.
    """
