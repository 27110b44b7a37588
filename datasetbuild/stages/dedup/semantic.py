"""Semantic dedup: records whose embeddings point the same way; the vectors and their pairs are `stages.embed`'s work."""

from __future__ import annotations

from typing import Annotated

from datasetbuild.op import Bound, section


@section("dedup.semantic", version=1)
def semantic(*, threshold: Annotated[float, Bound(ge=0.5, le=1)] = 0.95) -> None:
    """Records with a cosine of at least `threshold` say much the same; of each cluster one stays.

    A cluster is a connected component of such pairs. What is compared is what `embeddings` says.

    threshold: cosine of the two vectors. At 0.95 the wording is nearly the same; below 0.9 look at the pairs first.
    """
