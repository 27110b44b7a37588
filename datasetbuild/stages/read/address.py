"""Addresses of sources: `$NAME` stands for an environment variable, and what it holds is never written down or shown.

An address has three faces: as written in the recipe, as used (with the variables' values), and as shown (as written,
without a user and a password). Only the last goes into manifests, logs and errors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import quote, unquote, urlsplit

from datasetbuild.errors import SourceError

VARIABLE = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*)")
USER = re.compile(r"^([A-Za-z][\w+.-]*://)([^/@?#]*(?:@[^/@?#]*)*)@")
TOKEN = re.compile(r"([?&][^=&#]*(?:pass|token|sig|secret|key|cred)[^=&#]*=)[^&#]*", re.IGNORECASE)


@dataclass(frozen=True)
class Address:
    """shown: what people may see. used: what is connected to; not in the `repr`."""

    shown: str
    used: str = field(repr=False)
    secrets: tuple[tuple[str, str], ...] = field(repr=False, default=())

    def scrub(self, text: object) -> str:
        """A text of somebody else, such as a driver's error, without what the address keeps to itself."""
        clean = str(text).replace(self.used, self.shown)
        for value, name in self.secrets:
            clean = clean.replace(value, name)
        return clean


def address(written: str, environment: Mapping[str, str] | None = None) -> Address:
    """The address with its variables' values; `SourceError` when one is not set. In front of an @ they are quoted."""
    values = os.environ if environment is None else environment
    user = USER.match(written)
    secrets: list[tuple[str, str]] = []

    def value(match: re.Match[str]) -> str:
        found = values.get(match[1])
        if not found:
            raise SourceError(
                f"{shown(written)} needs the environment variable {match[1]}, which is not set",
                hint=f"export {match[1]}=...",
            )
        quoted = quote(found, safe="")
        secrets.extend([(found, match[0]), (quoted, match[0])])
        return quoted if user and match.start() < user.end() else found

    used = VARIABLE.sub(value, written)
    hidden = urlsplit(used).password if "://" in used else None
    if hidden:
        secrets += [(hidden, "***"), (unquote(hidden), "***")]
    longest_first = sorted(dict(secrets).items(), key=lambda pair: -len(pair[0]))
    return Address(shown(written), used, tuple(longest_first))


def shown(written: str) -> str:
    """An address as written, without its user and password, and without tokens in its query."""
    return TOKEN.sub(r"\1***", USER.sub(r"\1", written))


def written_password(written: str) -> bool:
    """Whether a password stands in the address itself, where everybody who has the recipe can read it."""
    user = USER.match(written)
    password = user[2].partition(":")[2] if user else ""
    return bool(VARIABLE.sub("", password))
