"""Parts: what is written of a row does not depend on what else is, and tokens travel only where something wants them."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.engine import parts
from datasetbuild.engine.exchange import ORIGIN
from datasetbuild.hashing import chance
from tests.conftest import Project
from tests.laws.conversations import numbered

RECIPE = """\
name: small
sources: {{a: {{path: a.jsonl, format: messages}}}}
template: {{tokenizer: {tokenizer}, chat_template: chatml, expansion: {expansion}}}
export: {export}
"""


@pytest.mark.parametrize("expansion", ["none", "per_turn"])
def test_lines_are_the_same_with_and_without_tokens(
    expansion: str, project: Project, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens pass the exchange for an export of tokens and for rows of single turns; texts and messages stay as they
    are."""
    passed: list[bool] = []
    scatter = parts.scatter

    def watched(task: Any) -> Any:
        passed.append(bool(task.rendered))
        return scatter(task)

    monkeypatch.setattr(parts, "scatter", watched)
    project.write({"a.jsonl": numbered(30)})
    found = []
    for export in ("[text, messages]", "[text, messages, tokens]", "[text, messages, {profile: trl, rows: tokens}]"):
        project.write({"recipes/small.yaml": RECIPE.format(tokenizer=tokenizer, expansion=expansion, export=export)})
        passed.clear()
        assert project.run("recipe=small", "-j", "1").code == 0
        assert set(passed) == {"tokens" in export or expansion == "per_turn"}
        lines = {name: data for name, data in project.bytes().items() if name.endswith(".jsonl")}
        columns = set(project.rows().columns)
        assert ("input_ids" in columns) == ("tokens]" in export and "rows" not in export)
        found.append(lines | {"tokens": repr(project.manifest()["tokens"]).encode()})
    assert len(found[0]) > 2
    assert found[0] == found[1] == found[2]


row = st.tuples(st.integers(0, 4), st.integers(0, 3), st.integers(1, 3), st.sampled_from([0.1, 0.5, 1.0]), st.sampled_from(["kept", "dropped"]))


@given(st.lists(row, max_size=40), st.booleans())
def test_rows_stand_in_the_order_of_their_draws(rows: list[tuple[int, int, int, float, str]], nested: bool) -> None:
    """Every copy of every kept row once, by subset, draw, id and copy: the plain way, also where draws are equal."""
    numbers = [("place", 0), ("pos", 1), ("shard_row", 2), ("row", 3), ("line", 4), ("@bytes", 5), *((name, 6) for name in ORIGIN)]
    frame = pl.DataFrame(
        {
            **{name: [n + add for n in range(len(rows))] for name, add in numbers},
            "key": pl.Series([key for key, *_ in rows], dtype=pl.UInt64),
            "tail": pl.Series([tail for _, tail, *_ in rows], dtype=pl.UInt32),
            "copies": pl.Series([copies for _, _, copies, *_ in rows], dtype=pl.UInt32),
            "fate": [fate for *_, fate in rows],
            "split": ["train" if fate == "kept" else None for *_, fate in rows],
            **({"subset": [subset for *_, subset, _ in rows]} if nested else {}),
        },
        schema_overrides={"fate": pl.String, "split": pl.String, "subset": pl.Float64, **{name: pl.Int64 for name, _ in numbers}},
    )
    plain = []
    for n, (key, tail, copies, subset, fate) in enumerate(rows):
        for copy in range(copies if fate == "kept" else 0):
            draw = int(chance(3, "order", np.array([(key + copy * 0x9E3779B97F4A7C15) % 2**64], np.uint64))[0])
            plain.append((subset if nested else 0, draw, key, tail, copy, n))
    seats = parts._ordered(frame, "train", 3)
    found = pl.concat([seats, frame.select("place", "line", "key", "tail")[seats["number"]]], how="horizontal")
    names = ["draw", "key", "tail", "copy", "place"]
    expected = [(draw, key, tail, copy) for _, draw, key, tail, copy, _ in sorted(plain)]
    assert found.select(names[:4]).rows() == expected
    assert sorted(found.select(*names[1:]).rows()) == sorted((key, tail, copy, n) for *_, key, tail, copy, n in plain)
    assert found["at"].to_list() == list(range(len(plain)))
    assert (found["line"] - found["place"] == 4).all()
