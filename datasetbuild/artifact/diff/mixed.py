"""The mix done once more: the new rows under the old settings, to tell what a changed weight did from what rows did."""

from __future__ import annotations

from typing import Any

import polars as pl

from datasetbuild.artifact.diff.rows import Compared
from datasetbuild.record import ID_ORDER, Fate, Stage
from datasetbuild.stages.mix import mix_train

TRAIN = "train"


def replayed(found: Compared) -> pl.DataFrame | None:
    """`id` and `again`: how often each train row of the new side would stand there under the old side's mix.

    None where the old side has no mix, or one that needs what the ledger does not hold.
    """
    parts = found.a.manifest["parts"]
    params: dict[str, Any] | None = (parts.get("mix") or {}).get("params")
    if not params or not params.get("weights"):
        return None
    unit, caps = params.get("unit", "rows"), params.get("caps") or {}
    stored = {"id", "source", *ID_ORDER}
    columns = [name for name in caps if name not in stored]
    if any(name not in found.b.columns for name in [*columns, *([unit] if unit != "rows" else [])]):
        return None
    rows = found.b.rows
    alive = ((pl.col("fate") == Fate.KEPT.value) & (pl.col("split") == TRAIN)) | (pl.col("stage") == Stage.MIX.value)
    mine = rows.filter(alive & pl.col("source").is_in(list(params["weights"]))).select(
        "n", "id", "source", *([unit] if unit != "rows" else [])
    )
    more = found.b.take([name for name in columns if name not in mine.columns], mine["n"])
    pool = pl.concat([mine, more], how="horizontal") if more.width else mine
    size = pl.lit(1) if unit == "rows" else pl.col(unit).fill_null(0)
    pool = pool.with_columns(
        key=pl.col("id").str.head(16).str.to_integer(base=16, dtype=pl.UInt64),
        tail=pl.col("id").str.tail(8).str.to_integer(base=16, dtype=pl.UInt32),
        size=size.cast(pl.Int64),
    )
    mixture = mix_train(
        pool.select("source", *ID_ORDER, *columns, "size"),
        seed=parts["seed"],
        weights=params["weights"],
        unit=unit,
        total=params.get("total"),
        max_repeat=params.get("max_repeat", 1),
        caps=caps,
    )
    return pl.DataFrame({"id": pool["id"], "again": mixture.copies})
