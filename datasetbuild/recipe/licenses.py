"""Licences of sources: each an SPDX expression that exists, and one that the recipe allows.

`MIT OR Apache-2.0` is allowed when either is; `MIT AND CC-BY-SA-4.0` when both are. What SPDX has no name for is written
`LicenseRef-NAME`. The list of SPDX is that of `license-expression`; for the usual names it is not even loaded (0.1 s).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from datasetbuild.op import did_you_mean, section
from datasetbuild.recipe.recipe import Recipe
from datasetbuild.recipe.schema import mapping

USUAL = frozenset(
    ["Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-NC-4.0", "CC-BY-NC-SA-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CDLA-Permissive-2.0", "GPL-3.0-only", "ISC", "MIT", "MPL-2.0", "ODbL-1.0", "ODC-By-1.0", "PDDL-1.0", "Unlicense"]
)


@section("licenses", version=1)
def licenses(
    *,
    allow: list[str] = [],  # noqa: B006  (read, never changed)
    deny: list[str] = [],  # noqa: B006
    missing: Literal["allow", "refuse"] = "allow",
) -> None:
    """Which licences the sources may have; a source with another one is a fault of the recipe. No row is read for it.

    Every `license` of a source must be an SPDX expression, such as `CC-BY-4.0` or `MIT OR Apache-2.0`, with or without this section.
    The terms of a service whose answers are trained on are no licence: write them as `LicenseRef-NAME`, and allow or deny that.

    allow: SPDX names; any other is refused. Empty: all are allowed.
    deny: SPDX names that are refused.
    missing: what is done about a source without a licence.
    """


def faults(recipe: Recipe) -> Iterator[Any]:
    """A fault for every source whose licence is unknown or not allowed, and for every unknown name in the lists."""
    rules = mapping(recipe.config.get("licenses"))
    for key in ("allow", "deny"):
        listed = rules.get(key)
        for index, name in enumerate(listed if isinstance(listed, list) else []):
            if isinstance(name, str) and (unknown := _unknown(name)):
                yield recipe.fault(("licenses", key, str(index)), *unknown)
    for name, source in mapping(recipe.config.get("sources")).items():
        text = mapping(source).get("license")
        path = ("sources", name, "license")
        if isinstance(text, str) and text != "???":
            if unknown := _unknown(text):
                yield recipe.fault(path, *unknown)
            elif refused := _refused(text, rules):
                yield recipe.fault(path, refused, "leave the source out, or change `licenses`")
        elif text is None and isinstance(source, Mapping) and rules.get("missing") == "refuse":
            yield recipe.fault(("sources", name), "the source has no `license`, and `licenses.missing` is `refuse`")


def _unknown(text: str) -> tuple[str, str] | None:
    """Why a text is no SPDX expression: message and advice."""
    if text in USUAL:
        return None
    from license_expression import ExpressionError, ExpressionParseError, get_spdx_licensing

    known = get_spdx_licensing()
    try:
        parsed = known.parse(text)
    except (ExpressionError, ExpressionParseError):
        return f"{text!r} is no SPDX expression", "such as `CC-BY-4.0`, or `MIT OR Apache-2.0`"
    names = [name for name in known.unknown_license_keys(parsed) if not name.startswith("LicenseRef-")]
    if parsed is None or names:
        unknown = names[0] if names else text
        near = did_you_mean(unknown, sorted(USUAL))
        advice = "write `LicenseRef-NAME` for what SPDX has no name for"
        return f"SPDX knows no licence {unknown!r}", f"{near} Else {advice}" if near.startswith("did") else advice
    return None


def _refused(text: str, rules: Mapping[str, Any]) -> str | None:
    """Why the rules refuse a licence that exists."""
    from_lists = {key: {_normal(name) for name in rules.get(key) or () if isinstance(name, str)} for key in ("allow", "deny")}
    allow, deny = from_lists["allow"], from_lists["deny"]
    if not allow and not deny:
        return None
    for choice in _choices(text):
        if not (choice & deny) and (not allow or choice <= allow):
            return None
    denied = sorted({name for choice in _choices(text) for name in choice if name in deny})
    return f"the licence {denied[0]} is in `licenses.deny`" if denied else f"the licence {text} is not in `licenses.allow`"


def _normal(name: str) -> str:
    return name if name in USUAL else next(iter(sorted(_choices(name)[0])), name)


def _choices(text: str) -> list[frozenset[str]]:
    """The sets of licences of which one whole set must be kept to: an expression's disjunctive normal form."""
    if text in USUAL:
        return [frozenset({text})]
    from license_expression import get_spdx_licensing

    known = get_spdx_licensing()
    parsed = known.parse(text)
    if parsed is None:
        return [frozenset({text})]
    return _terms(parsed, known)


def _terms(node: Any, known: Any) -> list[frozenset[str]]:
    if isinstance(node, known.OR):
        return [term for child in node.args for term in _terms(child, known)]
    if isinstance(node, known.AND):
        sets = [frozenset[str]()]
        for child in node.args:
            sets = [one | other for one in sets for other in _terms(child, known)]
        return sets
    return [frozenset({str(node)})]
