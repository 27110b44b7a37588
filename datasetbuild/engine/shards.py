"""Shards: what is measured together, a piece of a large file or neighbouring small files of one source.

A shard costs some 35 ms of CPU whatever its size (1,000 rows with `engine.shard_rows=20` show it), and the pages of a manual are
thousands of files. Where a shard of several files ends depends on their contents, as it does within a file: a file more or less changes one shard or two.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from datasetbuild.engine.inputs import InputFile
from datasetbuild.hashing import digest
from datasetbuild.plan.steps import Plan
from datasetbuild.stages.read import SMALL, RawShard, ends


@dataclass(frozen=True)
class Shard:
    """The rows of a source that are measured together. files: the name in the artifact of each part's file."""

    source: str
    files: tuple[str, ...]
    parts: tuple[RawShard, ...]

    @cached_property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @cached_property
    def digest(self) -> str:
        """Of the content alone: of a single part its own."""
        return self.parts[0].digest if len(self.parts) == 1 else digest([[part.digest, part.rows] for part in self.parts])


def shards_of(plan: Plan, files: Sequence[InputFile], found: Sequence[Sequence[RawShard]]) -> list[Shard]:
    """The shards of a build, in the order of the recipe, the files and the rows. found: what each file was cut into; one without
    rows parts no neighbours."""
    sizes = plan.engine["shard_bytes"], plan.engine["shard_rows"]
    cut = [
        (file.source, len(parts) == 1 and _fill(parts[0], sizes) < 1 / SMALL, file.name, parts)
        for file, parts in zip(files, found, strict=True)
        if parts
    ]
    shards = []
    for (source, small), run in groupby(cut, key=lambda one: one[:2]):
        named = [(name, part) for *_, name, parts in run for part in parts]
        last = _last([part for _, part in named], sizes) if small else range(1, len(named) + 1)
        for first, end in zip([0, *last], last, strict=False):
            names, parts = zip(*named[first:end], strict=True)
            shards.append(Shard(source, names, parts))
    return shards


def _fill(part: RawShard, sizes: tuple[int, int]) -> float:
    """How much of a shard a part fills: by its bytes or its rows, whichever is more. sizes: bytes and rows of a shard."""
    return max(part.bytes / sizes[0], part.rows / sizes[1])


def _last(parts: Sequence[RawShard], sizes: tuple[int, int]) -> list[int]:
    """After how many of some small files each of their shards ends."""
    return ends([int(_fill(part, sizes) * sizes[0]) for part in parts], [part.digest for part in parts], sizes)
