"""The top level of a recipe: its name, its seed, and what holds for all of its sources."""

from __future__ import annotations

from typing import Annotated, Any

from datasetbuild.op import Bound, Extra, section

BAD_ROWS = {
    "type": "object",
    "properties": {
        "max": {"type": "number", "minimum": 0, "description": "a whole number of rows, or a share below 1"}
    },
    "required": ["max"],
    "additionalProperties": False,
}


EXPORT = {"type": ["string", "object"]}
"""An entry of `export`; `schema.py` knows the keys of each profile."""


@section("recipe", version=1)
def recipe(
    *,
    name: Annotated[str, Extra({"pattern": r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"})],
    description: str | None = None,
    seed: Annotated[int, Bound(ge=0)] = 17,
    plugins: list[str] = [],  # noqa: B006  (read, never changed)
    on_bad_row: Annotated[Any, Extra(BAD_ROWS)] = {"max": 0},  # noqa: B006
    export: Annotated[list[Any], Extra({"items": EXPORT})] = ["messages", "tokens"],  # noqa: B006
    subsets: list[Annotated[float, Bound(gt=0, le=1)]] = [],  # noqa: B006
) -> None:
    """What the dataset is called, and what holds for all of its sources.

    name: names the artifact's folder, `build/NAME`.
    description: a sentence for the dataset card.
    seed: the number that all chance hangs on: splits, mix and order.
    plugins: Python files of the project that define facts or formats of its own; their content is part of every key.
    on_bad_row: how many unusable rows each source may have before the build fails: `max: 3` rows, or `max: 0.01` of them.
    export: what the artifact holds under `export/`: names of profiles, or mappings of `profile: NAME`, its parameters and
        `folder` (the folder's name, when it is not the profile's). `messages` writes JSON Lines; `tokens` puts the
        columns `input_ids`, `labels` and `assistant_masks` into `data/`, when the recipe has a `template`.
    subsets: shares of train, such as `[0.1, 0.25, 0.5]`, for a curve over the amount of data: each subset holds the smaller
        ones, and stands at the head of train's files; the card names each as a configuration, `subset-0.25`.
    """
