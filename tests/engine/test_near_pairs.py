"""Near-duplicate pairs of a build: compared stretch by stretch, each pair once, to the same similarities."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from datasetbuild.engine import near_pairs
from datasetbuild.engine.near_pairs import Place, Shingled
from datasetbuild.stages.dedup import near


@pytest.mark.parametrize(("least", "most"), [(40, 24), (1, 3), (1 << 20, 24)])
def test_similarities_do_not_depend_on_the_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int, most: int) -> None:
    """However many stretches the sets lie in: each pair is compared once, and its similarity is that of its two texts."""
    draw = random.Random(least)
    texts = [" ".join(draw.choices("abcde", k=draw.randint(1, 30))) for _ in range(60)]
    pairs = np.array([(a, b) for b in range(60) for a in range(b) if draw.random() < 0.3])
    known = {tuple(pair): one for pair, one in zip(pairs.tolist(), np.concatenate([*near.jaccard(pairs, *sets_of(texts))]), strict=True)}

    monkeypatch.setattr(near_pairs, "STRETCH", least)
    monkeypatch.setattr(near_pairs, "STRETCHES", most)
    numbers = draw.sample(range(60), 60)  # texts lie shard by shard, in another order than they are numbered
    shingled = [stored(tmp_path / str(n), texts, sorted(numbers[n::3])) for n in range(3)]
    found = [*near_pairs._similarities(shingled, pairs, tmp_path)]

    assert sorted(place for some, _ in found for place in some.tolist()) == [*range(len(pairs))]
    assert {tuple(pairs[place]): one for some, block in found for place, one in zip(some.tolist(), block, strict=True)} == known


def test_pairs_come_stretch_by_stretch() -> None:
    """Pairs of the same two stretches come together, so that no stretch is left and taken up again for them."""
    pairs = np.random.default_rng(5).integers(0, 1024, (5000, 2))
    lengths = np.full(1024, near_pairs.STRETCH // 128)
    found = [pairs[some] // 128 for some in near_pairs._by_stretches(np.arange(1024), lengths, pairs)]
    stretches = [{tuple(sorted(pair)) for pair in block.tolist()} for block in found]
    assert all(len(one) == 1 for one in stretches)
    assert len(stretches) == len(set.union(*stretches)) == 36


def sets_of(texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    frame = pl.DataFrame({"conversation": [[text] for text in texts]})
    return near.shingle_sets(frame, on="conversation", ngram=3)


def stored(place: Path, texts: list[str], numbers: list[int]) -> tuple[Place, Shingled]:
    """Some texts as a shard's files, in the order of their numbers."""
    files = Shingled(place.with_suffix(".values.npy"), place.with_suffix(".lengths.npy"), place, place)
    values, lengths = sets_of([texts[number] for number in numbers])
    np.save(files.values, values)
    np.save(files.lengths, lengths)
    return Place(None, np.array(numbers), np.arange(len(numbers))), files  # type: ignore[arg-type]
