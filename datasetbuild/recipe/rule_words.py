"""Words that rules name, and that must exist: what a fact may be, and the codes of languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from datasetbuild.errors import Fault
from datasetbuild.op import did_you_mean
from datasetbuild.parameters import LANGUAGE, marked
from datasetbuild.recipe.recipe import Recipe
from datasetbuild.recipe.schema import fact_of, registered


def faults(recipe: Recipe, filters: Mapping[str, Mapping[str, Any]]) -> Iterator[Fault]:
    """Words in `allow` and `deny` that the fact never is, words in both, and languages that its model does not know."""
    known = registered("fact")
    for name, rule in filters.items():
        fact = known.get(fact_of(name, rule))
        listed = {key: rule[key] for key in ("allow", "deny") if isinstance(rule.get(key), list)}
        for key, words in listed.items():
            for index, word in enumerate(words):
                path = ("filters", name, key, str(index))
                if key == "deny" and word in listed.get("allow", ()):
                    yield recipe.fault(path, f"{str(word)!r} is both allowed and denied")
                elif fact and fact.values and str(word) not in fact.values:
                    yield recipe.fault(path, f"{fact.name!r} is never {str(word)!r}", _nearest(str(word), fact.values))
        for inner, word in marked(fact.schema(), rule, LANGUAGE) if fact else ():
            if advice := _unknown_language(word):
                yield recipe.fault(("filters", name, *inner), f"there is no language {word!r} in the model", advice)


def _nearest(word: str, known: tuple[str, ...]) -> str:
    """The nearest of the words that a fact may be; of languages, the one that is meant by a country's code or a name."""
    from datasetbuild.stages.annotate.language import CODES, nearest_code

    return nearest_code(word) if set(CODES) <= set(known) else did_you_mean(word, [*known])


def _unknown_language(word: str) -> str | None:
    """What to write for a language that the model does not know; None when it does."""
    from datasetbuild.stages.annotate.language import CODES, nearest_code

    return None if word in CODES else nearest_code(word)
