"""`dataclass` of the standard library, but for what it takes to make a class: `dataclasses` writes source text for each and has
it compiled, six functions a class; here all classes share six that look at the fields. 0.06 ms a class instead of 0.6:
60 ms of every build. An instance takes 2 us instead of 1, so nothing that is made by the row is one.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from dataclasses import dataclass
else:

    def dataclass(cls=None, /, *, frozen=False, eq=True):
        """The decorator, with the options that we use."""
        if cls is None:
            return lambda cls: dataclass(cls, frozen=frozen, eq=eq)
        shared = {"__init__": _init, "__repr__": _repr}
        if eq:
            shared |= {"__eq__": _eq, "__hash__": _hash if frozen else None}
        if frozen:
            shared |= {"__setattr__": _refused, "__delattr__": _refused}
        for name in shared.keys() - vars(cls).keys():
            setattr(cls, name, shared[name])
        return dataclasses.dataclass(cls, init=False, repr=False, eq=False)


__all__ = ["dataclass"]


def _init(self: Any, /, *given: Any, **named: Any) -> None:
    """Set the fields, in their order or by name, and the rest to their defaults."""
    fields, values = dataclasses.fields(self), self.__dict__
    said = {field.name: value for field, value in zip(fields, given)}  # noqa: B905 - fewer may be given
    if len(given) > len(fields) or said.keys() & named.keys():
        raise TypeError(f"{type(self).__name__}() got too many values, or one of them twice")
    said |= named
    for field in fields:
        if field.name in said:
            values[field.name] = said.pop(field.name)
        elif field.default is not dataclasses.MISSING:
            values[field.name] = field.default
        elif field.default_factory is not dataclasses.MISSING:
            values[field.name] = field.default_factory()
        else:
            raise TypeError(f"{type(self).__name__}() lacks {field.name!r}")
    if said:
        raise TypeError(f"{type(self).__name__}() has no {min(said)!r}")
    if after := getattr(self, "__post_init__", None):
        after()


def _repr(self: Any) -> str:
    said = ", ".join(f"{field.name}={getattr(self, field.name)!r}" for field in dataclasses.fields(self) if field.repr)
    return f"{type(self).__qualname__}({said})"


def _compared(self: Any) -> tuple[Any, ...]:
    return tuple(getattr(self, field.name) for field in dataclasses.fields(self) if field.compare)


def _eq(self: Any, other: object) -> bool:
    return _compared(self) == _compared(other) if type(other) is type(self) else NotImplemented


def _hash(self: Any) -> int:
    return hash(_compared(self))


def _refused(self: Any, name: str, value: Any = None) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot change {name!r}: {type(self).__name__} is frozen")
