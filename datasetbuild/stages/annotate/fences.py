"""Facts about blocks of code: fences that are never closed, and JSON that is none.

Only answers that hold a fence, or are asked for JSON, are looked at line by line; all others cost one search.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import polars as pl

from datasetbuild.arrow import fold
from datasetbuild.op import fact
from datasetbuild.stages.annotate import holds

FENCE_LINE = re.compile(r"[ \t>]*(?:[-*+]|\d{1,3}[.)])?[ \t]*(`{3,}|~{3,})[ \t]*(.*?)[ \t\r]*")
ASKED = (
    r"(?i)\b(?:respond|reply|answer|return|output|format|give|provide|generate|produce|write|convert|present)[^.\n]{0,80}"
    r"\b(?:in|as|only|valid|into|to|using|with)(?: (?:an?|the|valid|only|pure|strict|raw))* JSON\b(?: (?:format|object|array|document|string|only)\b)?"
)
STRICTLY = r"(?i)\b(?:only|nothing but|strictly|just)[^.\n]{0,30}\bJSON\b|\bJSON[^.\n]{0,10}\bonly\b"
OTHER_FENCE = ("", "json", "jsonc", "json5", "text", "txt")


def blocks(text: str) -> Iterator[tuple[str, str, bool]]:
    """The fenced blocks of a Markdown text: language (lower case), content, whether it is closed.

    A fence is closed by one of the same sign, as long or longer, with nothing behind it (CommonMark 4.5).
    """
    mark, language = "", ""
    body: list[str] = []
    for line in text.split("\n"):
        fence = FENCE_LINE.fullmatch(line) if "```" in line or "~~~" in line else None
        if not mark:
            if fence and not (fence[1][0] == "`" and "`" in fence[2]):
                mark, language, body = fence[1], (fence[2].split() or [""])[0].strip("{}.").lower(), []
        elif fence and fence[1].startswith(mark) and not fence[2]:
            yield language, "\n".join(body), True
            mark = ""
        else:
            body.append(line)
    if mark:
        yield language, "\n".join(body), False


@fact(version=1)
def broken_fences() -> Callable[[pl.DataFrame], pl.Series]:
    """Fenced blocks of code in the answers that are never closed."""
    return lambda frame: _each(frame, r"```|~~~", lambda text, _: sum(not closed for *_, closed in blocks(text)))


@fact(version=1, packages=("orjson",))
def invalid_json() -> Callable[[pl.DataFrame], pl.Series]:
    """Pieces of the answers that should be JSON and are none.

    These are blocks fenced as `json`, and answers to a question that asks for JSON ("answer in JSON", "as a JSON object"):
    their blocks without a language, or the whole answer when it opens with a brace or bracket, or when the question asks
    for nothing but JSON. A block of several JSON values, one a line, is valid.
    """
    return lambda frame: _each(frame, r"(?i)(?:```|~~~)[ \t]*json", _invalid, asked=ASKED)


def _each(
    frame: pl.DataFrame, pattern: str, count: Callable[[str, str], int], asked: str | None = None
) -> pl.Series:
    """`count` of each answer that holds the pattern, or whose record's user turns hold `asked`, added up per record."""
    wanted = _any(frame["assistant"], pattern)
    if asked:
        wanted |= _any(frame["user"], asked)
    found = pl.Series("value", [0]).new_from_index(0, len(frame))
    places = wanted.arg_true()
    if not len(places):
        return found
    some = frame.select("assistant", "user")[places]
    counts = [
        sum(count(answer or "", "\n".join(one or "" for one in user)) for answer in answers)
        for answers, user in zip(some["assistant"].to_list(), some["user"].to_list(), strict=True)
    ]
    return found.scatter(places, counts)


def _any(texts: pl.Series, pattern: str) -> pl.Series:
    """Whether any of each record's texts holds the pattern."""
    return fold(holds(texts.explode(empty_as_null=False), pattern), texts.list.len()).list.any().fill_null(False)


def _invalid(answer: str, question: str) -> int:
    found = list(blocks(answer))
    asked = re.search(ASKED, question[:20000]) is not None
    if any(language in ("json", "jsonl") for language, *_ in found):
        return sum(not _is_json(body) for language, body, _ in found if language in ("json", "jsonl"))
    if not asked:
        return 0
    if found:
        return sum(not _is_json(body) for language, body, _ in found if language in OTHER_FENCE and body.lstrip()[:1] in ("{", "["))
    opens = answer.lstrip()[:1] in ("{", "[")
    return int((opens or re.search(STRICTLY, question[:20000]) is not None) and not _is_json(answer))


def _is_json(text: str) -> bool:
    return _parses(text) or (bool(text.strip()) and all(_parses(line) for line in text.splitlines() if line.strip()))


def _parses(text: str) -> bool:
    import orjson

    try:
        orjson.loads(text.strip().encode("utf-8", "replace"))
    except orjson.JSONDecodeError:
        return False
    return True
