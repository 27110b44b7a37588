"""The operator: one decorated function whose signature is its configuration and whose docstring is its manual.

    @fact(version=1)
    def unique_word_ratio(*, where: Where = "assistant", min_words: int = 20) -> pl.Expr:
        '''Share of distinct words among the words of each `where` turn. Range 0..1.'''

The signature is read once: annotations become a JSON Schema, defaults fill what a recipe leaves out, and
name + version + filled parameters are what the step is known by in every key. Parameters are keyword-only; what the
engine hands over (the data) is positional-only and stands before them. No base class.
"""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from importlib import metadata
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from datasetbuild.errors import BuildError, DatasetBuildError, MismatchError, UsageError
from datasetbuild.parameters import MISSING as MISSING
from datasetbuild.parameters import Bound as Bound
from datasetbuild.parameters import Extra as Extra
from datasetbuild.parameters import File as File
from datasetbuild.parameters import Model as Model
from datasetbuild.parameters import Parameter, schema_of

Kind = Literal["format", "fact", "section", "profile", "check"]
Needs = Literal["records", "words", "render"]
F = TypeVar("F", bound=Callable[..., Any])

Prepare = Callable[..., "bytes | tuple[bytes, dict[str, Any]]"]
"""Makes what an operator needs once per build, such as an index or a trained model: a function of the operator's own
parameters, files as paths of snapshots. Returns the bytes, which are kept in the cache, and may add a report (plain
data, such as cross-validated scores) for the manifest."""


PLUGIN = "its parameters are those of the recipe, and it returns what works on the data: docs/how-to/write-a-fact.md"
"""What to do about a plugin's function that gives nothing to work with."""


PLUGIN_VALUES = 2
"""Version of what a plugin's values are held to; part of their keys. From 2 on NaN and infinite are no values of a fact."""


@dataclass(frozen=True)
class Operator:
    """A function that a recipe can name. What its signature and its docstring say is read when somebody asks: a build uses one in five.

    words: descriptions of parameters that its docstring leaves out.
    needs: "records" for what can be said of a record alone, "words" for what is said of its words (`stages.where.words_of`),
        "render" for what needs its rendered tokens.
    code: SHA-256 of the source file of a user's plugin, part of every key; None for our own, which have `version`.
    carries: of a profile, what its consumer can read (`stages.write.carry.Carries`); None for all other kinds.
    prepare: what is made once per build of the parameters and handed to the function as its first argument (`Prepare`).
    packages: distributions beside polars whose version can change a value; part of every key.
    dear: a fact that costs so much a record that it is measured only for records that pass every rule on other facts, and
        remembered record by record.
    values: of a fact that is a word, all the words that it may be; empty where they are not known before.
    """

    kind: Kind
    name: str
    version: int
    function: Callable[..., Any]
    words: Mapping[str, str] = field(default_factory=dict)
    needs: Needs = "records"
    code: str | None = None
    carries: Any = None
    prepare: Prepare | None = None
    packages: tuple[str, ...] = ()
    dear: bool = False
    values: tuple[str, ...] = ()

    @property
    def parameters(self) -> dict[str, Parameter]:
        """The parameters that a recipe may set."""
        return self._read[0]

    @property
    def others(self) -> dict[str, Any] | None:
        """JSON Schema of the values of names that the signature leaves open (`**fractions: float`); None: no such names."""
        return self._read[1]

    @property
    def summary(self) -> str:
        """The docstring's first paragraph, in one line."""
        return " ".join(self._doc.split("\n\n")[0].split())

    @property
    def manual(self) -> str:
        """The docstring, and the shared words on parameters that it leaves out."""
        return "\n\n".join(part for part in (self._doc, self._read[2]) if part)

    @cached_property
    def _doc(self) -> str:
        return inspect.getdoc(self.function) or ""

    @cached_property
    def _read(self) -> tuple[dict[str, Parameter], dict[str, Any] | None, str]:
        found, others = _signature(self.function, _descriptions(self._doc))
        parameters, shared = _worded(found, self.words)
        return parameters, others, shared

    def fill(self, given: dict[str, Any]) -> dict[str, Any]:
        """The parameters with defaults filled in, in the order of the signature. Unknown names are left to the schema."""
        known = {name: p.default for name, p in self.parameters.items() if not p.required}
        filled = {name: given.get(name, known.get(name)) for name in self.parameters}
        if self.others is not None:
            filled |= {name: value for name, value in given.items() if name not in filled}
        return filled

    def made(self, *before: Any, given: dict[str, Any]) -> Any:
        """What the function gives for the parameters of a recipe. before: what the engine hands over. Raises `BuildError` for
        whatever a plugin's raises: it has seen no record yet, so there is none to set aside."""
        try:
            return self.function(*before, **self.fill(given))
        except DatasetBuildError:
            raise
        except (Exception, SystemExit) as error:
            if self.code is None:
                raise
            message = f"{self.kind} {self.name!r} raised {type(error).__name__}: {error}{self.place_of(error)}"
            raise BuildError(message, hint=PLUGIN) from error

    def place_of(self, error: BaseException) -> str:
        """Where in its plugin the function raised, ` (my_facts.py:3)`: the file by its name alone, which is the same on every
        machine. Nothing for our own functions."""
        file = self.function.__code__.co_filename
        line = line_in(error, file)
        return f" ({os.path.basename(file)}:{line})" if self.code and line else ""

    def identity(self, given: dict[str, Any]) -> dict[str, Any]:
        """What the operator with these parameters is known by in a key."""
        parts = {"op": f"{self.kind}.{self.name}", "version": self.version, "params": self.fill(given)}
        if self.packages:
            parts["packages"] = {package: version_of(package) for package in self.packages}
        return parts | {"code": self.code, "values": PLUGIN_VALUES} if self.code else parts

    def schema(self) -> dict[str, Any]:
        """JSON Schema of the mapping that a recipe writes for this operator."""
        properties = {}
        for parameter in self.parameters.values():
            properties[parameter.name] = {"description": parameter.description, **parameter.schema}
            if not parameter.required:
                properties[parameter.name]["default"] = parameter.default
        required = [parameter.name for parameter in self.parameters.values() if parameter.required]
        schema: dict[str, Any] = {"type": "object", "description": self.summary, "properties": properties}
        if required:
            schema["required"] = required
        return schema | {"additionalProperties": False if self.others is None else self.others}


@lru_cache
def version_of(package: str) -> str | None:
    """Installed version of a package; None without it: an operator says itself what it cannot do then."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


_REGISTRY: dict[tuple[str, str], Operator] = {}


def operators(kind: Kind | None = None) -> list[Operator]:
    """All registered operators, by kind and name. Our own are registered by `import datasetbuild.builtin`."""
    return [op for (_, _), op in sorted(_REGISTRY.items()) if kind in (None, op.kind)]


def find(kind: Kind, name: str) -> Operator:
    """The operator of that kind and name; `UsageError` with the nearest names when there is none."""
    if (kind, name) in _REGISTRY:
        return _REGISTRY[kind, name]
    raise UsageError(f"no {kind} named {name!r}", hint=did_you_mean(name, [op.name for op in operators(kind)]))


def line_in(error: BaseException, file: str) -> int | None:
    """The line of a file at which an error arose, the innermost; None where it passed by no line of it."""
    line, step = None, error.__traceback__
    while step:
        line = step.tb_lineno if step.tb_frame.f_code.co_filename == file else line
        step = step.tb_next
    return line


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence with the nearest of the known names, or all of them when none is near."""
    import difflib

    near = [word for word in known if word.casefold() == name.casefold()] or difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if near:
        return "did you mean " + " or ".join(repr(word) for word in near) + "?"
    return "known: " + ", ".join(sorted(known))


def fact(
    *,
    version: int,
    needs: Needs = "records",
    prepare: Prepare | None = None,
    packages: tuple[str, ...] = (),
    dear: bool = False,
    values: tuple[str, ...] = (),
) -> Callable[[F], F]:
    """Register a fact: a function that gives a polars expression over the annotate frame (see `stages.annotate`),
    or a function `pl.DataFrame -> pl.Series` for what polars cannot say.

    needs: "words" when it asks `stages.where.words_of` for words, which are then hashed once for all such facts; "render"
        when it reads `tokens` or `trained_tokens`.
    prepare: its bytes are kept in a file whose path the function gets as its first, positional-only argument.
    packages: distributions whose version can change a value.
    dear: measured last, only for records that pass all rules on other facts, and asked once for each record.
    values: all the words that the fact may be, so that a rule cannot name another.
    """
    return _register("fact", version=version, needs=needs, prepare=prepare, packages=packages, dear=dear, values=values)


def source_format(*, version: int) -> Callable[[F], F]:
    """Register a format: a function of a source's parameters that gives a function `row -> Conversation`."""
    return _register("format", version=version)


def profile(*, version: int, carries: Any, words: Mapping[str, str] | None = None) -> Callable[[F], F]:
    """Register a profile: a function of an export's parameters that gives a `stages.write.carry.Export`.

    carries: what the consumer can read, as data. words: descriptions of parameters that several profiles share; they
    become part of the manual of each that has them.
    """
    return _register("profile", version=version, carries=carries, words=words)


def check(*, version: int, needs: Literal["records", "render"] = "records") -> Callable[[F], F]:
    """Register a check: a function of the built dataset (`stages.check.Subject`, its first and positional-only argument)
    that gives a `stages.check.Finding`."""
    return _register("check", version=version, needs=needs)


def section(
    name: str, *, version: int, prepare: Prepare | None = None, packages: tuple[str, ...] = ()
) -> Callable[[F], F]:
    """Register the operator behind a fixed section of a recipe, such as `dedup.near`."""
    return _register("section", version=version, name=name, prepare=prepare, packages=packages)


def _register(
    kind: Kind,
    *,
    version: int,
    name: str | None = None,
    needs: Any = "records",
    carries: Any = None,
    words: Mapping[str, str] | None = None,
    prepare: Prepare | None = None,
    packages: tuple[str, ...] = (),
    dear: bool = False,
    values: tuple[str, ...] = (),
) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        op = Operator(
            kind=kind,
            name=name or function.__name__,
            version=version,
            function=function,
            words=words or {},
            needs=needs,
            code=_PLUGIN_CODE,
            carries=carries,
            prepare=prepare,
            packages=packages,
            dear=dear,
            values=values,
        )
        before = _REGISTRY.get((kind, op.name))
        if before and not _same_place(before.function, function):
            message = f"there is a {kind} {op.name!r} already, in {before.function.__module__}"
            raise UsageError(message, hint="give it another name")
        if op.code:
            _ = op.parameters  # a plugin is told at once what is wrong with it
        _REGISTRY[kind, op.name] = op
        return function

    return decorate


def _same_place(a: Callable[..., Any], b: Callable[..., Any]) -> bool:
    """Whether two functions are one that was loaded again: a plugin's module is named after its bytes, its file is not."""
    return (a.__qualname__, a.__code__.co_filename) == (b.__qualname__, b.__code__.co_filename)


_PLUGIN_CODE: str | None = None
_LOADED: dict[str, str] = {}


def loaded_code() -> tuple[str, ...]:
    """Digests of the plugins as they were loaded last: what a plan is made for."""
    return tuple(sorted(set(_LOADED.values())))


def load_plugins(project: Path, names: Sequence[str], code: Sequence[str]) -> None:
    """Load a plan's plugins where its work is done. code: what the plan knows (`loaded_code`). `MismatchError` for a file that was
    edited since: what it gives now would be kept under the name of what it gave."""
    for name in names:
        load_plugin(str(project / name))
        if _LOADED[str(project / name)] not in code:
            raise MismatchError(f"{name} changed while the build was running", hint="run again")


def load_plugin(path: str) -> None:
    """Run a user's plugin file, so that its operators are registered with the digest of its source in their keys."""
    import runpy

    from datasetbuild.hashing import file_digest

    global _PLUGIN_CODE
    _PLUGIN_CODE = _LOADED[path] = file_digest(path)
    try:
        runpy.run_path(path, run_name="datasetbuild_plugin_" + _PLUGIN_CODE[:12])
        if file_digest(path) != _PLUGIN_CODE:
            raise MismatchError(f"{os.path.basename(path)} changed while it was loaded", hint="run again")
    finally:
        _PLUGIN_CODE = None


def _signature(function: Callable[..., Any], described: Mapping[str, str]) -> tuple[dict[str, Parameter], dict[str, Any] | None]:
    """The parameters that a recipe may set, and the schema of the values of names that the signature leaves open."""
    hints = get_type_hints(function, include_extras=True)
    found, others = {}, None
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is inspect.Parameter.POSITIONAL_ONLY:
            continue
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            others = schema_of(hints[name])
            continue
        if parameter.kind is not inspect.Parameter.KEYWORD_ONLY:
            raise TypeError(f"{function.__name__}: parameter {name!r} must be keyword-only")
        key = name.removesuffix("_")
        found[key] = Parameter(key, schema_of(hints[name]), parameter.default, described.get(key, ""))
    return found, others


def _worded(parameters: dict[str, Parameter], words: Mapping[str, str]) -> tuple[dict[str, Parameter], str]:
    """Parameters that the docstring leaves out, described by the shared words; and those words as text."""
    used = {name: words[name] for name, p in parameters.items() if not p.description and name in words}
    described = {name: replace(p, description=used.get(name, p.description)) for name, p in parameters.items()}
    return described, "\n".join(f"{name}: {text}" for name, text in used.items())


def _descriptions(doc: str) -> dict[str, str]:
    """Parameter descriptions: the docstring's paragraphs that open with `name: `."""
    found: dict[str, str] = {}
    for match in re.finditer(r"^ *(\w+): (.+?)(?=\n *\w+: |\n\n|\Z)", doc, re.MULTILINE | re.DOTALL):
        found[match[1]] = " ".join(match[2].split())
    return found
