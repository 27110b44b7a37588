"""Dear facts: measured last, only for the records that pass every other rule, and asked once for each record.

A model takes 10 to 500 ms for a text where a cheap fact takes 5 us. What it said of a record is remembered by the record's
content (`engine.memo`), so that a changed bound, source or filter asks only for what is new.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.gather import KeyPlane, Piece, placed_quarantine
from datasetbuild.engine.local import PAYS_FROM_BYTES, local_engine
from datasetbuild.engine.memo import Memo
from datasetbuild.engine.resolve import at_hand
from datasetbuild.errors import BuildError
from datasetbuild.hashing import bytes_digest, digest
from datasetbuild.op import load_plugins
from datasetbuild.plan import keys
from datasetbuild.plan.steps import FactStep, Plan
from datasetbuild.record import quarantine_schema
from datasetbuild.stages import annotate

AT_ONCE = 512
"""Records of one task: small, so that a build of one shard has work for every core and a progress bar moves."""

KEPT_AFTER = 32
"""Records after which answers are kept: what a build that is killed has asked for is not asked for again."""

SAID = ("messages", "tools", "group", "category", "date", "meta")
"""What a fact may look at, and so what an answer is remembered by."""


@dataclass(frozen=True)
class DearTask:
    """Some records of one shard. records: its digest. rows: digest of a frame with their positions, `pos`."""

    cache: Path
    project: Path
    plugins: tuple[str, ...]
    code: tuple[str, ...]
    step: FactStep
    records: str
    rows: str

    @property
    def key(self) -> str:
        return keys.dear_key(self.step, self.records, self.rows)


def measure_dear(task: DearTask) -> dict[str, str]:
    """Digests of `values`, one row for each position, and of the `quarantine` where the fact failed on some."""
    import datasetbuild.builtin  # noqa: F401  (a spawned worker registers the operators first)

    load_plugins(task.project, task.plugins, task.code)
    cache = Cache(task.cache)

    def make() -> dict[str, Any]:
        records = cache.frame(task.records)[cache.frame(task.rows)["pos"]]
        try:
            values, failed = _answers(cache, task.step, records)
        except BuildError as error:  # the fact refuses its parameters: say where in the recipe they stand
            error.path = error.path or f"filters.{task.step.name}"
            raise
        objects = {"values": cache.store_frame(values)}
        if len(failed):
            objects["quarantine"] = cache.store_frame(failed)
        return {"objects": objects, "volatile": len(failed) > 0}

    return dict(cache.once(task.key, make)["objects"])


def _answers(cache: Cache, step: FactStep, records: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The values of records, those that are remembered and those that are measured now; and the quarantine."""
    memo, identity = Memo(cache.root / "memo.sqlite"), digest(step.identity)
    said = records.select(pl.struct(*SAID).struct.json_encode()).to_series()
    names = [bytes_digest(f"{identity}\0{one}".encode()) for one in said]
    known = {name: orjson.loads(answer) for name, answer in memo.get(names).items()}
    fresh = [place for name, place in {name: place for place, name in enumerate(names)}.items() if name not in known]
    bad = []
    for first in range(0, len(fresh), KEPT_AFTER):
        places = fresh[first : first + KEPT_AFTER]
        values, failed = annotate.measure(annotate.annotate_frame(records[places]), step.fact, *at_hand(cache, step))
        bad.append(failed)
        broken = set(failed["row"])
        answers = {
            names[place]: value
            for place, row, value in zip(places, records["row"].gather(places), values.iter_rows(named=True), strict=True)
            if row not in broken
        }
        memo.put({name: orjson.dumps(value) for name, value in answers.items()})
        known |= answers
    lines = [known.get(name, {}) for name in names]
    columns = next((list(line) for line in lines if line), ["value"])
    frame = pl.DataFrame({column: [line.get(column) for line in lines] for column in columns})
    return frame, _repeated(pl.concat(bad), records, names) if bad else pl.DataFrame(schema=quarantine_schema())


def _repeated(bad: pl.DataFrame, records: pl.DataFrame, names: list[str]) -> pl.DataFrame:
    """The quarantine of every record that says what a failing one says: it was asked once for all of them."""
    which = pl.DataFrame({"row": records["row"], "line": records["line"], "name": names})
    found = bad.join(which.select("row", "name"), on="row", how="left", maintain_order="left").drop("row", "line")
    return which.join(found, on="name", how="inner", maintain_order="left").drop("name").select(bad.columns)


def with_dear(
    plan: Plan, plane: KeyPlane, cache: Cache, project: Path, pieces: Sequence[Piece], rows: NDArray[np.int64], progress: Any
) -> KeyPlane:
    """The plane with a column for each dear fact, null but for `rows`; and with the records on which one failed."""
    for step in plan.dear:
        tasks, of = _tasks(plan, plane, cache, project, pieces, rows, step)
        missing = [task for task in tasks if cache.action(task.key) is None]
        # A second process pays from two tasks on, however few bytes they have.
        with local_engine(plan.engine["workers"], PAYS_FROM_BYTES * (len(missing) // 2)) as engine:
            made = dict(zip((task.key for task in missing), progress(step.fact, engine.map(measure_dear, missing), len(missing)), strict=True))
        found = [made.get(task.key) or measure_dear(task) for task in tasks]
        for piece in pieces:
            cache.once(keys.dear_key(step, piece.measured.records, keys.ASKED), dict)
        plane = _joined(plane, cache, pieces, step, found, of)
    return plane


def _tasks(
    plan: Plan, plane: KeyPlane, cache: Cache, project: Path, pieces: Sequence[Piece], rows: NDArray[np.int64], step: FactStep
) -> tuple[list[DearTask], list[NDArray[np.int64]]]:
    """The work in blocks, and the rows of the plane that each is of."""
    places, positions = plane.rows["place"].to_numpy()[rows], plane.rows["pos"].to_numpy()[rows]
    tasks, of = [], []
    for piece in pieces:
        mine = rows[places == piece.place]
        spots = positions[places == piece.place].astype(np.uint32)
        for first in range(0, len(mine), AT_ONCE):
            block = cache.store_frame(pl.DataFrame({"pos": spots[first : first + AT_ONCE]}))
            tasks.append(DearTask(cache.root, project, plan.plugins, plan.code, step, piece.measured.records, block))
            of.append(mine[first : first + AT_ONCE])
    return tasks, of


def _joined(
    plane: KeyPlane, cache: Cache, pieces: Sequence[Piece], step: FactStep, found: list[dict[str, str]], of: list[NDArray[np.int64]]
) -> KeyPlane:
    index = np.full(len(plane.rows), -1, np.int64)
    columns = pl.DataFrame({"value": pl.Series([], dtype=pl.Float64)})
    if found:
        measured = np.concatenate(of)
        index[measured] = np.arange(len(measured))
        columns = pl.concat([cache.frame(one["values"]) for one in found], how="diagonal_relaxed")
        if "min" in columns.columns:  # a block in which every record failed does not know that there are two
            columns = columns.drop("value", strict=False)
    spread = columns.select(pl.all().gather(pl.Series(index).replace(-1, None)))
    spread = spread.rename({name: step.name if name == "value" else f"{step.name}.{name}" for name in spread.columns})
    bad = {n: cache.frame(one["quarantine"]) for n, one in enumerate(found) if "quarantine" in one}
    quarantine = [plane.quarantine]
    for n, failed in bad.items():
        place = int(plane.rows["place"][int(of[n][0])])
        quarantine.append(placed_quarantine(pieces, failed, place))
    every = pl.concat(quarantine, how="diagonal_relaxed").sort("place", "shard_row", maintain_order=True)
    return replace(plane, rows=plane.rows.with_columns(spread.get_columns()), quarantine=every)
