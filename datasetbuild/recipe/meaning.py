"""What a schema cannot say: names that must exist, numbers that must agree, patterns and templates that must parse."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from datasetbuild.errors import Fault
from datasetbuild.op import Operator, did_you_mean
from datasetbuild.parameters import files_in, models_in
from datasetbuild.recipe import expectations, licenses, locate, origins, rule_words
from datasetbuild.recipe.fill import fractions
from datasetbuild.recipe.recipe import Recipe, leaves
from datasetbuild.recipe.schema import fact_of, mapping, profile_of, registered
from datasetbuild.record import RESERVED

KEEP = ("priority", "source")
"""What `dedup.keep` may name besides facts."""
STRATA = ("source", "category", "group", "license", "date", "file")
"""What `split.stratify`, `mix.caps` and a rule's `by` may name besides facts."""
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
TOLERANCE = 1e-9
REGEX_MARGIN = 4
"""Blanks that the regex engine puts before a pattern and the caret below it."""


def faults(recipe: Recipe) -> Iterator[Fault]:
    """All faults of meaning. Values of a wrong kind are left to the schema."""
    questions: tuple[Callable[[Recipe], Iterator[Fault]], ...] = (
        _code, _name, _limits, _formats, _origins, _templates, _facts, _files, _models, _reserved, _bounds, _words, _patterns, _split, _mix, _strata, _keep, _embeddings, _exports, _masks,
        licenses.faults, _checks,
    )  # fmt: skip
    for question in questions:
        yield from question(recipe)


def _code(recipe: Recipe) -> Iterator[Fault]:
    def walk(value: Any, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        for key, child in (
            value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
        ):
            if key == "_target_":
                yield (*path, key)
            yield from walk(child, (*path, str(key)))

    for path in walk(recipe.config, ()):
        yield recipe.fault(
            path, "a recipe is data: `_target_` is not allowed", "write a plugin, and name it in `plugins`"
        )


def _name(recipe: Recipe) -> Iterator[Fault]:
    name = recipe.config.get("name")
    if not isinstance(name, str) or name == "???":
        return
    if not NAME.fullmatch(name):
        rule = "starts with a letter or digit and has only letters, digits, `_`, `-` and `.`"
        yield recipe.fault("name", f"{name!r} is no name for a folder: a name {rule}")
    origin = recipe.origin("name")
    others = [layer.file for layer in recipe.layers if layer.file.is_relative_to(recipe.project / "recipes")]
    if origin and origin.line and origin.file != recipe.file and origin.file in others:
        parent = locate.show(origin.file, recipe.project)
        message = f"the name {name!r} is that of {parent}: both would be built into build/{name}"
        yield Fault(
            "name", message, locate.show(recipe.file, recipe.project), suggestion="give this recipe its own `name`"
        )


def _reserved(recipe: Recipe) -> Iterator[Fault]:
    """A rule gives its name to a column of the ledger, so it may not have the name of one that is there already."""
    for name, rule in _filters(recipe).items():
        fact = fact_of(name, rule)
        if name in RESERVED or (name == "tokens" and (fact != "tokens" or rule.get("of") not in (None, "conversation"))):
            message = f"the ledger has a column {name!r} already"
            yield recipe.fault(("filters", name), message, f"give the rule another name: `my_{name}: {{fact: {fact}, ...}}`")


def _limits(recipe: Recipe) -> Iterator[Fault]:
    """`on_bad_row.max` is a number of rows or a share of them: 1.5 is neither, and 1.0 may be meant as either."""
    places = {("on_bad_row",): recipe.config} | {
        ("sources", name, "on_bad_row"): s for name, s in _sources(recipe).items()
    }
    for path, holder in places.items():
        most: Any = mapping(holder.get("on_bad_row")).get("max")
        if _is_number(most) and most > 1 and not float(most).is_integer():
            message = f"must be a whole number of rows, or a share of them below 1, not {most:g}"
            yield recipe.fault((*path, "max"), message)
        elif _is_number(most) and isinstance(most, float) and most == 1:
            yield recipe.fault((*path, "max"), "1.0 could be one row, or all of them", "write `1` for one row, or a share below 1")


def _formats(recipe: Recipe) -> Iterator[Fault]:
    known = list(registered("format"))
    for name, source in _sources(recipe).items():
        form = source.get("format")
        if isinstance(form, str) and form not in known and form != "???":
            yield recipe.fault(("sources", name, "format"), f"there is no format {form!r}", did_you_mean(form, known))


def _origins(recipe: Recipe) -> Iterator[Fault]:
    yield from origins.faults(recipe, _sources(recipe))


def _templates(recipe: Recipe) -> Iterator[Fault]:
    """Jinja's syntax in the `messages` of sources, at the very line."""
    for name, source in _sources(recipe).items():
        messages = source.get("messages")
        for path, text in leaves(messages) if isinstance(messages, list) else ():
            if isinstance(text, str) and re.search(r"\{[{%#]", text):
                yield from _template_fault(recipe, ("sources", name, "messages", *path), text)


def _template_fault(recipe: Recipe, path: tuple[str, ...], text: str) -> Iterator[Fault]:
    from jinja2 import TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        ImmutableSandboxedEnvironment().parse(text)
    except TemplateSyntaxError as error:
        line = f" (line {error.lineno} of the template)" if "\n" in text else ""
        node = locate.scalar_at(path, recipe.layers, recipe.settings)
        below = error.lineno if node is not None and node.style in ("|", ">") else 0
        yield recipe.fault(path, f"not a valid template: {error.message}{line}", below=below)


def _facts(recipe: Recipe) -> Iterator[Fault]:
    known = registered("fact")
    for name, rule in _filters(recipe).items():
        fact = fact_of(name, rule)
        if fact not in known:
            path = ("filters", name, "fact") if "fact" in rule else ("filters", name)
            yield recipe.fault(path, f"there is no fact {fact!r}", did_you_mean(fact, list(known)))
        elif known[fact].needs == "render" and not recipe.config.get("template"):
            yield expectations.unrendered(recipe, ("filters", name), f"the fact {fact!r} counts tokens")


def _files(recipe: Recipe) -> Iterator[Fault]:
    """Files that operators are given must be there."""
    facts, sections = registered("fact"), registered("section")
    places: dict[tuple[str, ...], Operator | None] = {
        ("filters", name): facts.get(fact_of(name, rule)) for name, rule in _filters(recipe).items()
    }
    places |= {tuple(name.split(".")): operator for name, operator in sections.items()}
    for path, operator in places.items():
        given: Any = recipe.config
        for key in path:
            given = mapping(given).get(key)
        for inner, name in files_in(operator.schema(), given) if operator else ():
            if not (recipe.project / name).is_file():
                there = "it is a folder" if (recipe.project / name).is_dir() else f"there is no file {name!r} in the project"
                only = "; a glob is not taken here: name one file" if re.search(r"[*?[]", name) else ""
                yield recipe.fault((*path, *inner), there + only, "paths are relative to the project")


def _models(recipe: Recipe) -> Iterator[Fault]:
    """A model is a folder that is there, or a name of the Hub at a commit."""
    facts = registered("fact")
    for name, rule in _filters(recipe).items():
        operator = facts.get(fact_of(name, rule))
        for key, model in models_in(operator.schema(), rule) if operator else ():
            pinned = isinstance(rule.get("revision"), str) and re.fullmatch(r"[\w.-]+/[\w.-]+", model)
            if not pinned and not (recipe.project / os.path.expanduser(model)).is_dir():
                advice = "`org/name` of the Hub needs its commit as `revision`, a folder a path relative to the project"
                yield recipe.fault(("filters", name, key), f"there is no folder {model!r} in the project", advice)


def _bounds(recipe: Recipe) -> Iterator[Fault]:
    for name, rule in _filters(recipe).items():
        low, high = rule.get("min"), rule.get("max")
        pairs: list[tuple[Any, Any]] = [(low, high), (_quantile(low), _quantile(high))]
        if any(_is_number(a) and _is_number(b) and a > b for a, b in pairs):
            yield recipe.fault(("filters", name, "min"), f"min {low} is above max {high}: no record can pass")


def _words(recipe: Recipe) -> Iterator[Fault]:
    yield from rule_words.faults(recipe, _filters(recipe))


def _patterns(recipe: Recipe) -> Iterator[Fault]:
    """Regular expressions, compiled by the engine that will run them."""
    for nth, pattern in enumerate(_list(mapping(recipe.config.get("clean")).get("boilerplate"))):
        if isinstance(pattern, str) and (reason := _not_a_pattern(pattern)):
            yield recipe.fault(("clean", "boilerplate", str(nth)), *reason)
    for name, rule in _filters(recipe).items():
        for key in ("patterns", "pattern"):
            given = rule.get(key)
            listed: Iterable[tuple[int | None, Any]] = enumerate(given) if isinstance(given, list) else [(None, given)]
            for index, pattern in listed:
                if isinstance(pattern, str) and (reason := _not_a_pattern(pattern)):
                    path = ("filters", name, key) + (() if index is None else (str(index),))
                    yield recipe.fault(path, *reason)


def _not_a_pattern(pattern: str) -> tuple[str, str | None] | None:
    """Why the Rust regex engine refuses a pattern: message and advice."""
    import polars as pl

    try:
        pl.Series([""]).str.contains(pattern, strict=True)
    except pl.exceptions.ComputeError as error:
        text = str(error)
        named = re.search(r"^error: (.+)$", text, re.MULTILINE)
        reason = (named[1] if named else text.splitlines()[0].removeprefix("regex error: ")).rstrip(".")
        caret = next((line for line in text.splitlines() if re.fullmatch(r" *\^+", line)), None)
        position = f" at character {caret.index('^') - REGEX_MARGIN + 1}" if caret and "\n" not in pattern else ""
        advice = None
        if "look-around" in reason or "backreference" in reason:
            advice = (
                "patterns run in linear time, so lookaround and backreferences are not supported: use a second rule"
            )
        return f"not a valid pattern{position}: {reason}", advice
    return None


def _split(recipe: Recipe) -> Iterator[Fault]:
    given = dict(fractions(recipe.config))
    if not all(_is_number(value) for value in given.values()):
        return
    for name, value in given.items():
        if not 0 < value <= 1:
            yield recipe.fault(("split", name), f"a fraction is above 0 and at most 1, not {value:g}")
    total = sum(given.values())
    if abs(total - 1) > TOLERANCE:
        terms = " + ".join(f"{name} {value:g}" for name, value in given.items())
        message = f"the fractions add up to {total:.6g}, not 1: {terms}"
        yield recipe.fault(recipe.overridden(("split",), given), message, _inherited_fraction(recipe, given))
    for name, does in (("mix", "fills"), ("subsets", "are of")):
        if recipe.config.get(name) and "train" not in given:
            yield recipe.fault("split", f"{name} {does} the split `train`, and there is none")


def _inherited_fraction(recipe: Recipe, given: Mapping[str, Any]) -> str | None:
    """The fractions come from several files: say which, since a merge adds and never takes away."""
    origins = {name: recipe.origin(("split", name)) for name in given}
    files = {name: origin.file for name, origin in origins.items() if origin and origin.file}
    inherited = [(name, file) for name, file in files.items() if file != recipe.file]
    if not inherited or len(inherited) == len(files):
        return None
    name, file = inherited[0]
    return f"`{name}` comes from {locate.show(file, recipe.project)}: write `{name}: null` to be without it"


def _mix(recipe: Recipe) -> Iterator[Fault]:
    mix, sources = recipe.config.get("mix"), list(_sources(recipe))
    weights = mapping(mix).get("weights") if isinstance(mix, Mapping) else None
    if not isinstance(weights, Mapping):
        return
    for name in weights:
        if name not in sources:
            yield recipe.fault(("mix", "weights", name), f"there is no source {name!r}", did_you_mean(name, sources))
    without = [name for name in sources if name not in weights]
    for name in without:
        message = f"the source {name!r} has no weight"
        yield recipe.fault(("mix", "weights", name), message, f"write `{name}: 0` to leave it out of train")
    if weights and all(_is_number(value) and value == 0 for value in weights.values()):
        yield recipe.fault(recipe.overridden(("mix", "weights"), weights), "all weights are 0: nothing would be in train")


def _strata(recipe: Recipe) -> Iterator[Fault]:
    """`split.stratify`, `mix.caps` and a rule's `by` name columns that every record has, not columns of a source's file."""
    places = [(("split", "stratify", str(n)), name) for n, name in enumerate(_listed(recipe, "split", "stratify"))]
    places += [(("mix", "caps", name), name) for name in mapping(mapping(recipe.config.get("mix")).get("caps"))]
    places += [(("filters", name, "by"), rule.get("by")) for name, rule in _filters(recipe).items()]
    facts = {name: fact_of(name, rule) for name, rule in _filters(recipe).items()}
    facts = {name: name for name in registered("fact") if name not in facts} | facts
    for path, name in places:
        if not isinstance(name, str) or name in STRATA:
            continue
        if name not in facts:
            advice = f"{did_you_mean(name, [*STRATA, *facts])}; `sources.NAME.category: {name}` makes a column of a file the category"
            yield recipe.fault(path, f"there is no column {name!r} of records", advice)
        elif not recipe.config.get("template") and (fact := registered("fact").get(facts[name])) and fact.needs == "render":
            yield expectations.unrendered(recipe, path, f"the fact {name!r} counts tokens")
        else:
            yield from _unmeasured(recipe, path, name)


def _unmeasured(recipe: Recipe, path: tuple[str, ...], name: str) -> Iterator[Fault]:
    """A fact that no rule measures is measured with its defaults, which not every fact has."""
    fact = registered("fact").get(name) if name not in _filters(recipe) else None
    if fact and (why := expectations.unmeasurable(fact, recipe.config.get("template"))):
        yield recipe.fault(path, f"the fact {name!r} {why}", f"measure it by a rule: `filters.{name}: {{...}}`")


def _listed(recipe: Recipe, section: str, key: str) -> list[Any]:
    found = mapping(recipe.config.get(section)).get(key)
    return found if isinstance(found, list) else []


def _keep(recipe: Recipe) -> Iterator[Fault]:
    """What `dedup.keep` and `select.by` prefer records by."""
    known = [*KEEP, *dict.fromkeys([*_filters(recipe), *registered("fact")])]
    facts = registered("fact")
    wanted: list[tuple[tuple[str, ...], Any]] = [
        (("dedup", "keep", str(n)), entry) for n, entry in enumerate(_listed(recipe, "dedup", "keep"))
    ]
    by = mapping(recipe.config.get("select")).get("by")
    wanted += [(("select", "by", str(n)), entry) for n, entry in enumerate(by)] if isinstance(by, list) else [(("select", "by"), by)]
    for path, entry in wanted:
        if not isinstance(entry, str):
            continue
        name = entry.removeprefix("-")
        if name not in known:
            yield recipe.fault(path, f"there is nothing named {name!r} to prefer records by", did_you_mean(name, known))
        elif name in facts and facts[name].needs == "render" and not recipe.config.get("template"):
            yield expectations.unrendered(recipe, path, f"the fact {name!r} counts tokens")
        else:
            yield from _unmeasured(recipe, path, name)


def _embeddings(recipe: Recipe) -> Iterator[Fault]:
    """A model has a name, and an endpoint an address too."""
    given = mapping(recipe.config.get("embeddings"))
    wants = {"model2vec": ["name"], "sentence_transformers": ["name"], "openai": ["name", "url"]}
    for key in wants.get(str(given.get("model")), []):
        if not given.get(key):
            yield recipe.fault(("embeddings", key), f"the model {given['model']!r} needs a {key!r}", f"write `{key}: ...`")


def _exports(recipe: Recipe) -> Iterator[Fault]:
    """Profiles that exist, each in a folder of its own, and tokens only where there is something to make them with."""
    known, folders = registered("profile"), set[str]()
    for index, entry in enumerate(_list(recipe.config.get("export"))):
        given, name = mapping(entry), profile_of(entry)
        path = ("export", str(index), *(("profile",) if "profile" in given else ()))
        if name is None:
            yield recipe.fault(path, "an export names its `profile`", "write `messages`, or `{profile: messages, ...}`")
        elif not isinstance(name, str) or name not in known:
            yield recipe.fault(path, f"there is no profile {name!r}", did_you_mean(str(name), list(known)))
        else:
            yield from _export(recipe, path, name, given, folders)


def _export(
    recipe: Recipe, path: tuple[str, ...], name: str, given: Mapping[str, Any], folders: set[str]
) -> Iterator[Fault]:
    folder = given.get("folder") or name
    if folder in folders:
        yield recipe.fault(path, f"two exports go to export/{folder}", f"give one a name: `{{profile: {name}, folder: ...}}`")
    folders.add(str(folder))
    wants = "its tokens" if given.get("rows") == "tokens" else "its text" if name == "text" else None
    if wants and not mapping(recipe.config.get("template")).get("tokenizer"):
        yield expectations.unrendered(recipe, path, f"the profile {name!r} writes what is rendered", wants)
    template = mapping(recipe.config.get("template"))
    if given.get("rows") == "tokens" and template.get("prompt_weight") and given.get("on_weight", "error") == "error":
        message = f"the profile {name!r} has no place for template.prompt_weight: its labels are trained or not"
        advice = "`on_weight: full` gives up the weights there; the profile `tokens` carries them as loss_weights"
        yield recipe.fault(path, message, advice)


def _masks(recipe: Recipe) -> Iterator[Fault]:
    """What the keys of `template` ask of one another."""
    template = mapping(recipe.config.get("template"))
    system = mapping(template.get("system"))
    if system.get("policy") == "default" and not system.get("text"):
        yield recipe.fault(("template", "system"), "the policy `default` needs a text", "write `text: You are ...`")
    if system.get("text") and system.get("policy") != "default":
        yield recipe.fault(("template", "system", "text"), "a text is what the policy `default` gives", "write `policy: default`")
    for key, nothing in (("expansion", "none"), ("prompt_weight", 0)):
        if template.get("train_on") == "all" and template.get(key, nothing) != nothing:
            yield recipe.fault(("template", key), f"with `train_on: all` there is nothing for `{key}` to do")


def _checks(recipe: Recipe) -> Iterator[Fault]:
    yield from expectations.faults(recipe, list(_filters(recipe)))


def _sources(recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    sources = mapping(recipe.config.get("sources"))
    return {name: source for name, source in sources.items() if isinstance(source, Mapping)}


def _filters(recipe: Recipe) -> dict[str, Mapping[str, Any]]:
    filters = mapping(recipe.config.get("filters"))
    return {name: rule for name, rule in filters.items() if isinstance(rule, Mapping)}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _quantile(bound: Any) -> float | None:
    return float(bound[1:]) if isinstance(bound, str) and re.fullmatch(r"q[01](\.\d+)?", bound) else None
