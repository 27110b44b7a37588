"""What commands write: a JSON document for programs, a screen for people."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console


def as_json(document: Any) -> str:
    """The document as indented JSON that ends with a newline."""
    import orjson

    return orjson.dumps(document, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_NON_STR_KEYS).decode()


def console(width: int = 120) -> Console:
    """The screen: as wide as the terminal, and of this width where there is none, so that a pipe always has the same lines."""
    from rich.console import Console

    class Screen(Console):
        def on_broken_pipe(self) -> None:
            """To end as with any other output that nobody reads. Rich would end with 1, as if the command had failed."""
            raise BrokenPipeError

    return Screen(highlight=False, width=None if os.isatty(1) else width)


def visible(text: str) -> str:
    """Control characters by their numbers, so that a text cannot steer the terminal."""
    return "".join(c if c in "\n\t" or (ord(c) > 0x1F and not 0x7F <= ord(c) <= 0x9F) else f"\\x{ord(c):02x}" for c in text)
