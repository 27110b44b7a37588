"""Templates of ours are compiled once for an installation, and nothing that may lie in their place changes what they give."""

from __future__ import annotations

import marshal
import sys
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, Template

from datasetbuild.compiled import compiled
from datasetbuild.stages.render import environment
from datasetbuild.stages.render.template import OURS, ChatTemplate, own_text


class Counting(Environment):
    """Knows how often it compiled."""

    times = 0

    def compile(self, *args: Any, **kwargs: Any) -> Any:
        self.times += 1
        return super().compile(*args, **kwargs)


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A module that makes environments."""
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "module.py"
    path.write_text("'A module.'")
    return path


def given(text: str, module: Path) -> tuple[str, int]:
    """What the template gives, and how often it was compiled for that."""
    counting = Counting()
    code = compiled(counting, text, str(module))
    return Template.from_code(counting, code, counting.make_globals(None)).render(x="<b>"), counting.times


def kept(module: Path) -> list[Path]:
    return sorted((module.parent / "__pycache__").glob("*"))


def test_compiled_once(module: Path) -> None:
    """The second process finds what the first one made; another text, or another module, is another template."""
    assert given("a {{ x }}", module) == ("a <b>", 1)
    assert given("a {{ x }}", module) == ("a <b>", 0)
    assert given("b {{ x }}", module) == ("b <b>", 1)
    module.write_text("'Another.'")
    assert given("a {{ x }}", module) == ("a <b>", 1)
    assert len(kept(module)) == 3


@pytest.mark.parametrize("damage", [b"", b"\0", b"no code at all", marshal.dumps("text"), None])
def test_damage_is_compiled_anew(module: Path, damage: bytes | None) -> None:
    """What is cut off, damaged, no code, or a folder is not used."""
    given("a {{ x }}", module)
    (place,) = kept(module)
    if damage is None:
        place.unlink()
        place.mkdir()
    else:
        place.write_bytes(damage)
    assert given("a {{ x }}", module) == ("a <b>", 1)


def test_an_installation_that_cannot_be_written(module: Path) -> None:
    """No folder for it, no source beside it, or told not to write: compiled each time."""
    (module.parent / "__pycache__").write_text("in the way")
    assert given("a {{ x }}", module) == given("a {{ x }}", module) == ("a <b>", 1)
    assert given("a {{ x }}", module.with_name("gone.py")) == ("a <b>", 1)
    (module.parent / "__pycache__").unlink()
    sys.dont_write_bytecode = True
    assert given("a {{ x }}", module) == ("a <b>", 1) and not kept(module)


@pytest.mark.parametrize("name", OURS)
def test_templates_of_a_project_are_not_kept(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only our own texts come to lie beside our modules."""
    asked: list[str] = []

    def noted(made: Environment, text: str, module: str) -> Any:
        asked.append(text)
        return made.compile(text)

    monkeypatch.setattr(environment, "compiled", noted)
    environment._code.cache_clear()
    spec: Any = None
    for text, tool_text in ((own_text(name), "{{ tools }}"), (own_text(name) + " ", None)):
        _ = ChatTemplate(text, spec, tool_text=tool_text)._compiled
    assert asked == [own_text(name)]
