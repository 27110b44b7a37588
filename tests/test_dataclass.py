"""Our `dataclass` does what the one of the standard library does."""

from __future__ import annotations

import copy
import dataclasses
import pickle
import re
from dataclasses import FrozenInstanceError, asdict, field, fields, replace
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

import datasetbuild
from datasetbuild.dataclass import dataclass


class Body:
    """What both classes below are made of."""

    a: int
    b: str = "b"
    c: list[int] = field(default_factory=list, compare=False)
    d: Any = field(default=None, repr=False)


def made(decorate: Any, **options: Any) -> Any:
    space = {name: vars(Body)[name] for name in ("__annotations__", "b", "c", "d", "__doc__")}
    space = {name: copy.copy(value) for name, value in space.items()}
    return decorate(**options)(type("Body", (), {**space, "__module__": __name__, "__qualname__": "Body"}))


OPTIONS = [{}, {"frozen": True}, {"eq": False}, {"frozen": True, "eq": False}]
VALUES = st.one_of(st.none(), st.integers(-9, 9), st.text(max_size=3), st.lists(st.integers(), max_size=2))
GIVEN = st.tuples(st.lists(VALUES, max_size=5), st.dictionaries(st.sampled_from("abcde"), VALUES, max_size=4))


def told(do: Any) -> Any:
    """What comes of it, or which kind of error."""
    try:
        return do()
    except Exception as error:
        return type(error)


def behaviour(kind: Any, given: tuple[Any, ...], named: dict[str, Any], other: Any) -> list[Any]:
    """All that can be seen of a value of a class."""
    one = told(lambda: kind(*given, **named))
    if isinstance(one, type):
        return [one]
    return [
        vars(one), repr(one), kind.__hash__ is object.__hash__ or told(lambda: hash(one)), one == copy.copy(one), one != 1,
        one == told(lambda: kind(*other[0], **other[1])), told(lambda: setattr(one, "a", 1)), told(lambda: delattr(one, "b")),
        list(vars(one)), repr(told(lambda: replace(one, b="new"))), told(lambda: asdict(one)), told(lambda: orjson.dumps(one)),
        kind.__match_args__,
    ]  # fmt: skip


@pytest.mark.parametrize("options", OPTIONS, ids=str)
@given(one=GIVEN, other=GIVEN)
def test_as_the_standard_library(options: dict[str, bool], one: Any, other: Any) -> None:
    """The same values, texts, answers and kinds of errors, whatever is given by place, by name, or not at all."""
    ours, theirs = made(dataclass, **options), made(dataclasses.dataclass, **options)
    assert behaviour(ours, *one, other) == behaviour(theirs, *one, other)


@dataclass(frozen=True)
class Point:
    """A point."""

    x: int
    y: int = 0

    def __post_init__(self) -> None:
        if self.y < 0:
            raise ValueError("below")


@dataclass(frozen=True)
class Named(Point):
    """A point with a name."""

    name: str = "p"

    def __hash__(self) -> int:
        return 7


def test_inherited_checked_and_sent() -> None:
    """Fields of a base come first, `__post_init__` and own methods count, and a value survives pickle and replace."""
    named = Named(1, name="q")
    assert [one.name for one in fields(named)] == ["x", "y", "name"] and hash(named) == 7
    assert pickle.loads(pickle.dumps(named)) == named == Named(1, 0, "q") != Point(1)
    assert repr(replace(named, y=2)) == "Named(x=1, y=2, name='q')"
    with pytest.raises(ValueError, match="below"):
        Named(1, -1)
    with pytest.raises(FrozenInstanceError, match="'x'"):
        named.x = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("given", "named", "said"),
    [((), {}, "lacks 'x'"), ((1, 2, 3), {}, "too many"), ((1,), {"x": 2}, "twice"), ((1,), {"z": 2}, "has no 'z'")],
)
def test_what_is_wrong_is_said(given: Any, named: Any, said: str) -> None:
    """Values that do not fit are told by name."""
    with pytest.raises(TypeError, match=said):
        Point(*given, **named)


def test_all_of_ours_are_made_so() -> None:
    """No module takes the decorator of the standard library, which costs a build 0.6 ms each time."""
    package = Path(datasetbuild.__file__).parent
    found = [path for path in package.rglob("*.py") if re.search(r"^from dataclasses import .*\bdataclass\b", path.read_text("utf-8"), re.M)]
    assert found == []
