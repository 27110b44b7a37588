"""YAML 1.1: the sentence for what was written and not read."""

from __future__ import annotations

import pytest
import yaml
from conftest import MINIMAL, Project

from datasetbuild.recipe import traps
from datasetbuild.recipe.yaml_text import Loader


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("no", '`no` is read as false by YAML: write "no" in quotes'),
        ("on", '`on` is read as true by YAML: write "on" in quotes'),
        ("Yes", '`Yes` is read as true by YAML: write "Yes" in quotes'),
        ("010", '`010` is read as 8 by YAML: write "010" in quotes'),
        ("1_000", '`1_000` is read as 1000 by YAML: write "1_000" in quotes'),
        ("1.10", '`1.10` is read as 1.1 by YAML: write "1.10" in quotes'),
        ("12:30:45", '`12:30:45` is read as 45045 by YAML: write "12:30:45" in quotes'),
        ("1e3", '`1e3` is read as 1000.0 by YAML: write "1e3" in quotes'),
        ("~", '`~` is read as null by YAML: write "~" in quotes'),
        ("", "an empty value is read as null by YAML"),
        ("true", None), ("17", None), ("1.5", None), ("plain text", None), ("2024-01-31", None),
        ('"no"', None), ("'010'", None),
    ],
)  # fmt: skip
def test_misread(written: str, sentence: str | None) -> None:
    """A plain scalar that is not read as it was written has a sentence; all others have none."""
    node = yaml.compose(f"key: {written}", Loader=Loader).value[0][1]
    assert traps.misread(node) == sentence


@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("010", '`010` is read as 8 by YAML (base 8): write 10 for a number or "010" for text'),
        ("-0_17", '`-0_17` is read as -15 by YAML (base 8): write -17 for a number or "-0_17" for text'),
        ("12:30", '`12:30` is read as 750 by YAML (base 60): write "12:30" in quotes'),
        ("1:30.5", '`1:30.5` is read as 90.5 by YAML (base 60): write "1:30.5" in quotes'),
        ("10", None), ("0", None), ("0.5", None), ("1_000", None), ("089", None), ("no", None), ("'010'", None),
    ],
)  # fmt: skip
def test_never_meant(written: str, sentence: str | None) -> None:
    """Octal and base-60 numbers are never meant, whatever the schema allows."""
    node = yaml.compose(f"key: {written}", Loader=Loader).value[0][1]
    assert traps.never_meant(node) == sentence


def test_a_wrong_kind_is_explained_by_its_trap(project: Project) -> None:
    """Where text is needed and a trap made something else of it, the fault says so."""
    project.recipe("name: tiny\nsources:\n  faq: {path: no, format: probe_rows, license: 1.10, category: 12:30:45}\n")
    found = {fault.path: (fault.message, fault.suggestion) for fault in project.error().faults}
    assert found["sources.faq.path"][0].endswith(", not false")
    assert found["sources.faq.path"][1] == '`no` is read as false by YAML: write "no" in quotes'
    assert found["sources.faq.license"][1] == '`1.10` is read as 1.1 by YAML: write "1.10" in quotes'
    assert (
        found["sources.faq.category"][0] == '`12:30:45` is read as 45045 by YAML (base 60): write "12:30:45" in quotes'
    )


def test_the_language_no(project: Project) -> None:
    """`allow: [no, en]` names Norwegian, and is not accepted as a list with false in it."""
    project.recipe(MINIMAL + "filters: {probe_language: {allow: [no, en]}}\n")
    assert project.faults() == {"filters.probe_language.allow.0": '`no` is read as false by YAML: write "no" in quotes'}
    project.recipe(MINIMAL + 'filters: {probe_language: {allow: ["no", en]}}\n')
    assert project.load().config["filters"]["probe_language"]["allow"] == ["no", "en"]
    project.recipe(MINIMAL + "filters: {probe_language: {allow: [true]}}\n")
    assert project.load().config["filters"]["probe_language"]["allow"] == [True]
    project.recipe(MINIMAL)
    allowed = project.load("recipe=tiny", "filters.probe_language.allow=[no,en]")
    assert allowed.config["filters"]["probe_language"]["allow"] == ["no", "en"]


def test_an_octal_number_is_a_fault_where_numbers_are_allowed(project: Project) -> None:
    """`limit: 010` is not 8 rows, in a parent recipe either; overridden, it does not matter."""
    project.recipe(MINIMAL.replace("probe_rows}", "probe_rows, limit: 010}"))
    assert project.faults() == {
        "sources.faq.limit": '`010` is read as 8 by YAML (base 8): write 10 for a number or "010" for text'
    }
    assert project.load("recipe=tiny", "sources.faq.limit=10").config["sources"]["faq"]["limit"] == 10
