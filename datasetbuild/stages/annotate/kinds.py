"""Facts about the task: its category, its verb and object, how much it asks for.

Transparent heuristics over the first question and the answers: tables of patterns and sums of points, no model. They are
for shares and balance, not for a verdict about one record: docs/explanation/found-in-real-data.md says how often they are right.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

import polars as pl

from datasetbuild.op import fact
from datasetbuild.stages.annotate import holds, turns
from datasetbuild.stages.words import BLANKS, word_counts

PATTERNS = Path(__file__).with_name("patterns")

POLITE = (
    r"(?:please|kindly|hey|hi|hello|ok|okay|now|next|then|first|also|just|can you|could you|would you|will you|i want you to|"
    r"i would like you to|i'd like you to|i need you to|i want to|i need to|you need to|you have to|you will (?:be (?:required|asked|expected) )?(?:need )?to|you should|you must|your (?:task|job|goal) is to|"
    r"help me(?: to)?|try to|let's|let us|in this task,? you (?:are asked to|need to|will|have to)|you are asked to|task:|instruction:|question:|q:)"
)
DETERMINERS = r"(?:me|us|a|an|the|this|that|these|those|my|your|our|his|her|its|their|some|any|all|each|every|following|given|up|out|\d+)"
ROLE = (
    r"(?:(?:(?:imagine|pretend|suppose|assume)\b|you(?:'re|’re| are|'ve| have)\b|(?:roleplay|role-play|role play|act|play)\b|"
    r"(?:take|assume)(?: on)? the role|in the role of|as (?:an?|the) |in this task)[^.?!:\n]{0,200}[.?!:,]|"
    r"(?:given|based on|on the basis of|using)\b[^.?!:,\n]{0,120},)\s*"
)
"""The clause in which the reader is told who to be or what is given: the task comes after it."""
STOPS = (
    r"(?:of|for|about|in|on|at|to|from|with|by|that|which|who|whose|where|when|using|into|as|and|or|but|if|so|is|are|was|were|"
    r"between|based|within|without|than|like|such|containing|including|given|below|above|under|through|over|after|before|so|because|while)"
)

COST = {"prompt": (8, 25), "answer": (15, 20), "constraints": (5, 20), "numbers": (2, 10), "steps": (3, 15)}
"""Of `difficulty`: name -> (a point for so many words, or so many points for each; at most so many points)."""
CONSTRAINTS = (
    r"(?i)\b(?:must|should|at least|at most|no more than|no less than|exactly|without|only|do not|don't|don’t|never|always|"
    r"avoid|include|including|ensure|make sure|limit(?:ed)? to|between \d+ and|in the (?:form|style|format) of|unless|except)\b"
)
STEPS = r"(?im)^[ \t]*(?:step )?\d{1,3}[.):][ \t]|\b(?:first|second|third|then|next|finally|therefore|after that)\b"
CODE = r"```|\bdef \w+\(|[;{}]\s*\n|=>|\bSELECT\b|#include|\\frac|\\sum|[=<>≤≥]\s*[\w(]+\s*[-+*/^]"


def _first() -> pl.Expr:
    """The first question, empty where nobody asks."""
    return turns("user").list.first().fill_null("")


CATEGORIES = (
    *("translate", "summarize", "code", "math", "classify", "extract", "rewrite", "roleplay"),
    *("brainstorm", "creative", "write", "explain", "question", "chat", "other"),
)
"""The words that `task_category` may be."""


@lru_cache
def categories() -> list[tuple[str, str]]:
    """Categories and their patterns, in the order in which they are tried. `\\b` is ASCII's, for the regex engine's fast path."""
    lines = (PATTERNS / "task_category.txt").read_text(encoding="utf-8").splitlines()
    named = (line.split(": ", 1) for line in lines if line and not line.startswith("#"))
    return [(name, "(?i)" + _ascii(pattern)) for name, pattern in named]


@fact(version=2, values=CATEGORIES)
def task_category() -> Callable[[pl.DataFrame], pl.Series]:
    """What kind of task the first question sets, as a word: `translate`, `summarize`, `code`, `math`, `classify`,
    `extract`, `rewrite`, `roleplay`, `brainstorm`, `creative`, `write`, `explain`, `question`, `chat`, or `other`.

    The first whose pattern (`patterns/task_category.txt`) fits, so a request for code that summarises is `summarize`.
    Mostly English, with the commonest words of some other languages; what it does not know is `question` or `other`.
    """

    def measure(frame: pl.DataFrame) -> pl.Series:
        text = frame.select(_first().alias("text"))["text"]
        long = (text.str.len_chars() > 600).arg_true()
        text = text.scatter(long, text.gather(long).str.head(400) + "\n" + text.gather(long).str.tail(200))
        found = pl.Series("value", ["other"]).new_from_index(0, len(text))
        left = (text.str.strip_chars() != "").arg_true()
        for name, pattern in categories():
            fits = holds(text.gather(left), pattern)
            found = found.scatter(left.filter(fits), name)
            left = left.filter(~fits)
        return found

    return measure


@fact(version=2)
def verb_object() -> Callable[[pl.DataFrame], pl.Series]:
    """What the first question tells to do, as a verb and its object: `write story`, `give tips`, `explain difference`.

    A heuristic and no parser: the first word after the polite opening, and the last word of those that follow up to the
    first preposition or punctuation. A question gives its first word and ` ?` (`what ?`). English only; `other` where
    nothing like it is found.
    """
    text, rest, verb, noun = (pl.col(name) for name in ("text", "rest", "verb", "noun"))
    task = pl.when(rest.str.len_chars() >= 8).then(rest).otherwise(text)
    task = task.str.replace(rf"^(?:\W*{POLITE}\b,?\s*)+", "").str.strip_chars(" \t\n\"'*#:-")
    asks = text.str.contains(r"^(?:who|what|when|where|which|why|how|whose|whom|is|are|was|were|do|does|did|can|could|should|would|has|have|will)\b")
    phrase = text.str.extract(rf"^[a-z]+\s+((?:{DETERMINERS}\s+)*(?:[a-z][a-z'-]*\s*){{0,6}})")
    last = phrase.str.replace(rf"^(?:{DETERMINERS}\s+)+", "").str.replace(rf"(?:^|\s){STOPS}\b.*$", "").str.extract(r"([a-z][a-z'-]*)\s*$")
    named = pl.when(noun.is_not_null()).then(pl.concat_str(verb, pl.lit(" "), noun)).otherwise(verb)
    value = pl.when(verb.is_null()).then(pl.lit("other")).when(asks).then(verb + " ?").otherwise(named)

    def measure(frame: pl.DataFrame) -> pl.Series:
        # Step by step: polars makes anew what an expression names twice, which would be four times as much.
        said = frame.select(text=_first().str.head(400).str.to_lowercase()).with_columns(rest=text.str.replace(rf"^\W*{ROLE}", ""))
        said = said.select(text=task).with_columns(verb=text.str.extract(r"^([a-z]{2,20})\b"), noun=last)
        return said.select(value=value)["value"]

    return measure


@fact(version=1)
def difficulty() -> Callable[[pl.DataFrame], pl.Series]:
    """How much a conversation asks for: 0 for small talk, towards 1 for long tasks of many conditions. A sum of points out
    of 100, from the words of questions and answers, the constraints, numbers and steps counted in them, and code.

    It measures the form of a task and not its depth: a short riddle is easy to it. For balance and order, not for truth.

    Points: a word of the questions 1/8 (at most 25), a word of the answers 1/15 (20), a constraint such as `at least` 5
    (20), a number in the questions 2 (10), a step such as `then` or `2.` 3 (15), code or a formula 10.
    """
    asked, said = pl.col("user"), pl.col("assistant")
    counts = {
        "prompt": pl.col("words asked") // COST["prompt"][0],
        "answer": pl.col("words said") // COST["answer"][0],
        "constraints": asked.str.count_matches(_ascii(CONSTRAINTS)) * COST["constraints"][0],
        "numbers": asked.str.count_matches(r"[0-9]+") * COST["numbers"][0],
        "steps": said.str.count_matches(_ascii(STEPS)) * COST["steps"][0],
    }
    points = [pl.min_horizontal(value.cast(pl.Int64), pl.lit(COST[name][1])) for name, value in counts.items()]
    code = (asked.str.contains(CODE) | said.str.contains(CODE)).cast(pl.Int64) * 10
    value = pl.sum_horizontal(*points, code) / 100

    def measure(frame: pl.DataFrame) -> pl.Series:
        texts = frame.select(turns(role).list.join("\n") for role in ("user", "assistant"))
        found = {f"words {name}": word_counts(texts[role], BLANKS) for name, role in (("asked", "user"), ("said", "assistant"))}
        return texts.with_columns(**{name: pl.Series(counts) for name, counts in found.items()}).select(value=value)["value"]

    return measure


def _ascii(pattern: str) -> str:
    return pattern.replace(r"\b", r"(?-u:\b)")
