"""A museum of broken recipes: each file under broken/ with the exact text that a person sees for it.

The first line of an exhibit may be `# words: ...`, the command line that meets it. When a message is meant to change,
`UPDATE_MUSEUM=1 pytest tests/recipe/test_museum.py` writes the texts again; read the difference.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from conftest import MINIMAL, Project

HALL = Path(__file__).parent / "broken"
EXHIBITS = sorted(HALL.glob("*.yaml"))


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=lambda path: path.stem)
def test_message(project: Project, exhibit: Path) -> None:
    """A broken recipe is answered with exactly this text: what, where, why, and what next."""
    text = exhibit.read_text(encoding="utf-8")
    first = text.split("\n", 1)[0]
    words = first.removeprefix("# words: ").split() if first.startswith("# words: ") else []
    project.recipe(MINIMAL.replace("tiny", "parent"), "parent")
    project.recipe("defaults: [broken, _self_]\nname: circle\n", "circle").recipe(text, "broken")
    error = project.error("recipe=broken", *words)
    shown = f"{error}\n(exit code {error.exit_code})\n".replace(project.root.as_posix(), "PROJECT")
    label = exhibit.with_suffix(".txt")
    if os.environ.get("UPDATE_MUSEUM"):
        label.write_text(shown, encoding="utf-8")
    assert label.read_text(encoding="utf-8") == shown


def test_the_museum_is_not_empty() -> None:
    """Every exhibit has a label, and every label an exhibit."""
    assert len(EXHIBITS) >= 20
    assert {path.stem for path in EXHIBITS} == {path.stem for path in HALL.glob("*.txt")}
