"""The columns of rendered rows: tokens, spans, labels and masks, made from flat arrays without a loop over tokens."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import lists, sums, unfold

IGNORED = -100
"""The label of a token that is not trained (PyTorch's `ignore_index`, all trainers)."""


class Trained(NamedTuple):
    """All tokens of many rows: their ids, the bounds of the rows, and which of them are trained."""

    ids: NDArray[Any]
    bounds: NDArray[np.int64]
    mask: NDArray[np.bool_]


def trained(input_ids: pl.Series, spans: pl.Series) -> Trained:
    """Which tokens the spans hold. Spans are ordered and apart, so that their edges cut all tokens in runs that are and
    are not trained in turn."""
    ids, bounds = unfold(input_ids)
    edges, span_bounds = unfold(spans)
    cuts = np.concatenate([[0], edges + np.repeat(bounds[:-1], np.diff(span_bounds)), [len(ids)]])
    return Trained(ids, bounds, np.repeat(np.arange(len(cuts) - 1) % 2 == 1, np.diff(cuts)))


def labels(tokens: Trained) -> pl.Series:
    """`labels` (list of int32): the id of each trained token, -100 for the others."""
    return lists("labels", np.where(tokens.mask, tokens.ids, np.int32(IGNORED)).astype(np.int32), tokens.bounds)


def assistant_masks(tokens: Trained) -> pl.Series:
    """`assistant_masks` (list of int8): 1 for each trained token; 0 exactly where the label is -100."""
    return lists("assistant_masks", tokens.mask.astype(np.int8), tokens.bounds)


def truncate(input_ids: pl.Series, spans: pl.Series, max_tokens: int) -> tuple[pl.Series, pl.Series]:
    """The first `max_tokens` tokens of each row, and the spans that are left. A row may keep no trained token."""
    edges, bounds = unfold(spans)
    starts, ends = edges[::2], np.minimum(edges[1::2], max_tokens)
    left = starts < ends
    owner = np.repeat(np.arange(len(spans)), np.diff(bounds) // 2)[left]
    pairs = np.stack([starts[left], ends[left]], axis=1).reshape(-1).astype(np.uint32)
    return input_ids.list.head(max_tokens), lists(spans.name, pairs, sums(2 * np.bincount(owner, minlength=len(spans))))


def span_tokens(spans: pl.Series) -> pl.Series:
    """How many tokens a row's spans hold (u32)."""
    edges, bounds = unfold(spans)
    upto = sums(edges[1::2].astype(np.int64) - edges[::2])
    return pl.Series("trained_tokens", np.diff(upto[bounds // 2]).astype(np.uint32))


def loss_weights(weights: pl.Series, tokens: Trained) -> pl.Series:
    """`loss_weights` (list of float32), one per token: as given, and where none are, 1 for trained tokens and else
    0."""
    plain = lists("loss_weights", tokens.mask.astype(np.float32), tokens.bounds)
    cut = pl.DataFrame({"given": weights, "plain": plain})
    given = pl.col("given").list.head(pl.col("plain").list.len())
    return cut.select(pl.coalesce(given, "plain").alias("loss_weights"))["loss_weights"]
