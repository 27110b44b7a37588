"""YAML in and out: what is written is what is read."""

from __future__ import annotations

import yaml
from conftest import MINIMAL, Project
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from datasetbuild.recipe import locate, yaml_text

TRAPS = [
    "no",
    "on",
    "010",
    "12:30:45",
    "1_000",
    "1.10",
    "1e3",
    "~",
    "",
    "null",
    "2024-01-31",
    "${x}",
    "\\${x}",
    "a: b",
    "x\ny\n",
]
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(TRAPS)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


@given(st.dictionaries(TEXTS.filter(lambda key: key != "<<"), VALUES, max_size=5))
def test_dump_and_load_are_inverse(value: dict) -> None:
    """Any plain data survives being written and read, traps, control characters and all."""
    assert yaml_text.load(yaml_text.dump(value), file="x") == value


@given(VALUES)
def test_other_readers_read_the_same_values(value: object) -> None:
    """What is written as text is text for PyYAML and OmegaConf, too."""
    text = yaml_text.dump({"key": _without_mappings(value)})
    assert yaml.safe_load(text) == {"key": _without_mappings(value)}


@given(st.text(st.sampled_from("a\\${}.:x"), max_size=12))
def test_escaping_makes_any_text_literal(text: str) -> None:
    """An escaped text has no references, and OmegaConf gives back the text."""
    config = OmegaConf.create({"key": locate.escape_interpolations(text)})
    assert OmegaConf.to_container(config, resolve=True) == {"key": text}


def _without_mappings(value: object) -> object:
    return (
        [_without_mappings(child) for child in value]
        if isinstance(value, list)
        else None
        if isinstance(value, dict)
        else value
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15, deadline=None)
@given(description=TEXTS.filter(lambda text: text != "???"), system=TEXTS.filter(lambda text: text != "???"))
def test_a_shown_recipe_is_a_recipe(project: Project, description: str, system: str) -> None:
    """`to_yaml` of a checked recipe, saved as a recipe, composes and checks to the same data."""
    project.recipe(MINIMAL)
    recipe = project.load()
    recipe.config["description"] = description
    recipe.config["sources"]["faq"]["system"] = system
    project.recipe(recipe.to_yaml(), "again")
    assert project.load("recipe=again").config == recipe.config


def test_shown_recipes_are_readable() -> None:
    """Traps are quoted, long texts are blocks, keys keep their order."""
    shown = yaml_text.dump({"z": "no", "on": ["010", 10], "prompt": "one\n\ntwo\n", "a": None})
    assert shown == "z: 'no'\n'on':\n  - '010'\n  - 10\nprompt: |\n  one\n\n  two\na: null\n"


def test_excerpts_mark_their_line() -> None:
    """Two lines before, two after, numbers aligned."""
    text = "".join(f"line {number}\n" for number in range(1, 13))
    assert yaml_text.excerpt(text, 9) == " 7   line 7\n 8   line 8\n 9 │ line 9\n10   line 10\n11   line 11"
    assert yaml_text.excerpt("one\n", 1) == "1 │ one"
