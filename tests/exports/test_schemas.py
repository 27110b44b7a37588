"""Where a consumer cannot be installed, a strict schema of its documented rules is the judge."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from datasetbuild.stages.write.profiles.openai import faults
from tests.exports.conftest import ROWS, TOOLED, rows_of

SCHEMAS = Path(__file__).parent / "schemas"
NAMES = sorted(path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.json"))


@pytest.mark.parametrize("profile", NAMES)
def test_rows_are_what_the_consumer_documents(exported: Callable[[str], Path], profile: str) -> None:
    """Every row of every split fits the schema, which knows no other keys; and all rows are there."""
    schema = json.loads((SCHEMAS / f"{profile}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    folder = exported(profile)
    rows = rows_of(folder) + rows_of(folder, "validation")
    assert len(rows) == len(TOOLED if folder.parts[-3] == "tools" else ROWS)
    for row in rows:
        jsonschema.Draft202012Validator(schema).validate(row)
        weights = [one["weight"] for one in row.get("messages", []) if "weight" in one]
        assert all(type(weight) is int for weight in weights), "a schema takes 1.0 for a whole number; services do not"


@pytest.mark.parametrize("profile", NAMES)
def test_keys_are_the_same_in_every_row_where_a_loader_infers_them(
    exported: Callable[[str], Path], profile: str
) -> None:
    """Loaders infer columns from the first rows: trainers' files have the same keys in each row."""
    keys = {tuple(sorted(row)) for row in rows_of(exported(profile))}
    assert len(keys) == 1 or profile in ("openai", "fireworks", "mistral")


def test_openai_files_pass_its_published_checks(exported: Callable[[str], Path]) -> None:
    """No error key of the cookbook's script is found."""
    assert [faults(row) for row in rows_of(exported("openai"))] == [[]] * len(TOOLED)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ([], ["data_type"]),
        ({}, ["missing_messages_list"]),
        ({"messages": []}, ["missing_messages_list"]),
        ({"messages": ["hi"]}, ["data_type", "example_missing_assistant_message"]),
        (
            {"messages": [{"content": "a"}, {"role": "assistant", "content": "b"}]},
            ["message_missing_key", "unrecognized_role"],
        ),
        (
            {"messages": [{"role": "user", "content": "a", "id": 1}, {"role": "assistant", "content": "b"}]},
            ["message_unrecognized_key"],
        ),
        (
            {"messages": [{"role": "human", "content": "a"}, {"role": "assistant", "content": "b"}]},
            ["unrecognized_role"],
        ),
        ({"messages": [{"role": "user", "content": ""}, {"role": "assistant", "content": "b"}]}, ["missing_content"]),
        (
            {"messages": [{"role": "user", "content": ["a"]}, {"role": "assistant", "content": "b"}]},
            ["missing_content"],
        ),
        ({"messages": [{"role": "user", "content": "a"}]}, ["example_missing_assistant_message"]),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 0.5}]},
            ["invalid_weight"],
        ),
        ({"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "weight": 1}]}, []),
    ],
)
def test_published_checks_find_what_they_name(row: Any, expected: list[str]) -> None:
    """Each error key is given for the row that its name describes."""
    assert faults(row) == expected
