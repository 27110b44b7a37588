"""Rules for secrets from a file in the format of gitleaks (TOML), so that a team's own rules serve here too.

Read are `id`, `regex`, `keywords`, `entropy`, `secretGroup` and the `stopwords` of allowlists. Go's regular
expressions are RE2's, so every rule runs as it is. Rules on paths alone, or that allow by commit, say nothing of a text.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

from datasetbuild.errors import SourceError
from datasetbuild.stages.detect.secrets import SecretRule


@lru_cache(maxsize=4)
def rules_in(file: str) -> tuple[SecretRule, ...]:
    """The rules of a file. Raises `SourceError` naming the rule that cannot be used."""
    import tomllib

    try:
        data = tomllib.loads(Path(file).read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourceError(f"the rules are not valid TOML: {error}", hint="`rules_file` takes a gitleaks.toml") from None
    listed = data.get("rules")
    if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
        raise SourceError("the rules file has no `[[rules]]`", hint="`rules_file` takes a gitleaks.toml")
    stop = _stopwords(data)
    return tuple(_rule(number, one, stop) for number, one in enumerate(listed, 1) if one.get("regex"))


def _rule(number: int, one: dict[str, Any], stop: tuple[str, ...]) -> SecretRule:
    import re2

    name = str(one.get("id", f"rule {number}"))
    try:
        pattern = re2.compile(one["regex"], quiet())
        group = int(one.get("secretGroup", 1 if pattern.groups else 0))
        if not 0 <= group <= pattern.groups:
            raise ValueError(f"there is no group {group}")
        keywords = tuple(str(word).lower() for word in one.get("keywords", ()))
        return SecretRule(name, one["regex"], keywords, group, float(one.get("entropy", 0.0)), stop + _stopwords(one))
    except (re2.error, TypeError, ValueError) as error:
        said = error.args[0].decode() if error.args and isinstance(error.args[0], bytes) else error
        raise SourceError(f"the rule {name!r} of the rules file cannot be used: {said}", hint="patterns are RE2's") from None


def _stopwords(holder: dict[str, Any]) -> tuple[str, ...]:
    lists = [holder.get("allowlist"), *(holder.get("allowlists") or ())]
    return tuple(str(word).lower() for one in lists if isinstance(one, dict) for word in one.get("stopwords", ()))


def quiet() -> Any:
    """Options of RE2 that print nothing: by default it writes to stderr."""
    import re2

    options = re2.Options()
    options.log_errors = False
    return options
