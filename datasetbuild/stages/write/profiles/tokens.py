"""Profile `tokens`: the rendered tokens with their proved labels."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from datasetbuild.op import profile
from datasetbuild.stages.write.carry import TOKENS, WORDS, Export, OnWeightNone, Tokens

CARRIES = replace(TOKENS, weights="float")


@profile(version=1, carries=CARRIES, words=WORDS)
def tokens(
    *,
    files: list[Literal["parquet", "disk"]] = [],  # noqa: B006 - read, never changed
    on_weight: OnWeightNone = "error",
) -> Export:
    """Columns `input_ids`, `labels` (-100 where nothing is trained) and `assistant_masks` in `data/`, beside the messages;
    where a weight is neither 0 nor 1, or `template.prompt_weight` is set, also `loss_weights`, and with
    `template.expansion` `row_weight`.

    Without a `template` in the recipe there are no tokens, and this export is left out.

    files: what holds the tokens alone, for trainers that want no other column: `parquet` writes
        export/tokens/SPLIT-*.parquet; `disk` writes export/tokens/disk, a folder for `datasets.load_from_disk`.
    on_weight: what happens to a record with a loss weight above 0 for a turn that is not the
        assistant's: `error`, `drop_row`, or `full` to train the assistant's turns with a weight above 0 in full.
    """
    disk = "disk" if "disk" in files else None
    form = Tokens(("input_ids", "labels", "assistant_masks"), parquet="parquet" in files, disk=disk, weights=True)
    return Export(form, CARRIES, {"weight": on_weight})
