"""The schemas: made from the operators, one for each composed config, one for editors."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
from conftest import MINIMAL, Project

from datasetbuild.recipe import schema, yaml_text
from datasetbuild.recipe.sentences import describe


def valid(text: str) -> bool:
    """Whether an editor would accept a recipe file."""
    return jsonschema.Draft7Validator(schema.published_schema()).is_valid(yaml_text.load(text, file="x"))


def test_the_exact_schema_knows_one_config(project: Project) -> None:
    """Each source has the keys of its format, each filter those of its fact, and no others."""
    made = schema.exact_schema(
        {"sources": {"a": {"format": "probe_rows"}, "b": {"format": "?"}}, "filters": {"x": {"fact": "probe_chars"}}}
    )
    jsonschema.Draft202012Validator.check_schema(made)
    source = made["properties"]["sources"]["properties"]
    assert {"path", "format", "license", "columns"} <= set(source["a"]["properties"])
    assert source["a"]["additionalProperties"] is False and source["b"]["additionalProperties"] is True
    rule = made["properties"]["filters"]["properties"]["x"]
    assert set(rule["properties"]) == {"where", "min_words", "fact", "min", "max", "robust_z", "by", "allow", "deny"}
    assert made["properties"]["dedup"]["properties"]["near"]["type"] == ["object", "null"]
    assert made["properties"]["clean"]["type"] == "object"


def test_the_published_schema_is_draft_07() -> None:
    """Editors understand draft-07."""
    jsonschema.Draft7Validator.check_schema(schema.published_schema())
    assert schema.published_schema()["$schema"].startswith("http://json-schema.org/draft-07/")


@pytest.mark.parametrize(
    "text",
    [
        MINIMAL,
        "defaults: [tiny, override /dedup: near, _self_]\nname: child\n",
        "defaults:\n  - override /dedup: near\nsources: {faq: {limit: 5}, chat: null}\nfilters: {probe_chars: null}\n",
        "filters: {probe_chars: {min: q0.01}, p: {fact: probe_phrases, patterns: [a], max: 0}}\n",
        "dedup: {exact: null}\nmix: null\nsplit: {train: 0.9, validation: null}\n",
    ],
)
def test_the_published_schema_accepts_recipe_files(text: str) -> None:
    """Nothing is required of a file, since it may inherit the rest."""
    assert valid(text)


@pytest.mark.parametrize(
    "text",
    [
        "exprot: []\n",
        "sources: {faq: {format: probe_rows, colums: {}}}\n",
        "sources: {faq: {format: probe_row}}\n",
        "filters: {probe_chars: {minn: 1}}\n",
        "filters: {p: {fact: probe_phrases, pattern: [a]}}\n",
        "filters: {p: {fact: probe_phrase}}\n",
        "dedup: {near: {treshold: 0.5}}\n",
    ],
)
def test_the_published_schema_refuses_misspelt_keys(text: str) -> None:
    """A misspelt key is underlined while it is typed."""
    assert not valid(text)


def test_the_published_file_is_current() -> None:
    """recipe.schema.json says what a fresh process says: `python -m datasetbuild.recipe.schema` writes it."""
    code = (
        "import sys\nfrom datasetbuild.recipe import schema\ntry: text = schema.published_text()\n"
        "except (ModuleNotFoundError, KeyError) as error: sys.exit(f'not yet: {error}')\nsys.stdout.write(text)"
    )
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(root), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment)
    if done.returncode and done.stderr.startswith("not yet"):
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == json.loads(schema.PUBLISHED.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ({"type": "integer", "minimum": 1}, "a whole number from 1"),
        ({"type": "number", "minimum": 0, "maximum": 1}, "a number from 0 to 1"),
        ({"type": "number", "exclusiveMinimum": 0, "maximum": 1}, "a number above 0 and up to 1"),
        ({"type": ["string", "null"]}, "text or null"),
        ({"enum": ["rows", "tokens", None]}, "'rows', 'tokens' or null"),
        ({"anyOf": [{"type": "integer"}, {"enum": ["auto"]}]}, "a whole number or 'auto'"),
        ({"type": "array", "items": {}}, "a list"),
    ],
)
def test_schemas_in_words(made: dict, words: str) -> None:
    """What a schema allows can be said in a few words."""
    assert describe(made) == words
