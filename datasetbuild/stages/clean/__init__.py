"""Clean repairs text and never drops of itself: what a repair leaves empty goes to quarantine, with the row as it was.

All turns of a shard are one flat column. Each repair is a function of that column, and says by comparing which records it
changed. Personal data comes last, on text that is whole: there alone a recipe can ask that a record be dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal

import numpy as np
import polars as pl

from datasetbuild.arrow import lists
from datasetbuild.op import section
from datasetbuild.record import Reason, Stage, canonical_bytes, flatten_turns, fold_turns, no_quarantine, quarantine_schema
from datasetbuild.stages.clean.characters import fix_unicode as fix_unicode
from datasetbuild.stages.clean.characters import normalize_whitespace as normalize_whitespace
from datasetbuild.stages.clean.markup import drop_lines, html_to_text, markdown_to_text
from datasetbuild.stages.clean.pii import redact

TEXT_FIELDS = ("content", "reasoning_content")

Repair = Callable[[pl.Series], pl.Series]


@section("clean", version=3)
def clean(
    records: pl.DataFrame | None = None,
    pii: Mapping[str, Any] | None = None,
    /,
    *,
    unicode: Literal["fix", "keep"] = "fix",
    html: Literal["keep", "text"] = "keep",
    markdown: Literal["keep", "text"] = "keep",
    boilerplate: list[str] = [],  # noqa: B006  (read, never changed)
    whitespace: Literal["normalize", "keep"] = "normalize",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Repair the text of every turn, in this order: characters, markup, lines, white space. Letters keep their case, and code its bytes.

    unicode: `fix` undoes mojibake (donâ€™t -> don’t), composes to NFC and removes control characters; `keep` leaves all.
    html: `text` turns tags into line ends, dashes and bars, or removes them, and entities into characters; what is no tag
        of HTML (`<name>`, `a < b`) stays, and `<pre>` becomes a fenced block. HTML that an answer shows outside of a
        code block is taken for markup too. `keep` leaves all.
    markdown: `text` removes the marks of headings, emphasis, links, quotes and rules; lists, tables and code stay. `keep`
        leaves all.
    boilerplate: regular expressions in Rust's syntax; a line of which one matches the whole is removed, code blocks aside.
    whitespace: `normalize` makes line ends "\\n", fixed-width blanks " ", removes blanks at line ends and around the
        text, and keeps at most one empty line in a row; indentation of several lines and blanks inside a line stay.
    """
    assert records is not None
    repairs: dict[str, Repair | None] = {
        "unicode": fix_unicode if unicode == "fix" else None,
        "html": html_to_text if html == "text" else None,
        "markdown": markdown_to_text if markdown == "text" else None,
        "boilerplate": (lambda text: drop_lines(text, boilerplate)) if boilerplate else None,
        "whitespace": normalize_whitespace if whitespace == "normalize" else None,
    }
    lengths, turns = flatten_turns(records["messages"])
    owner = pl.Series("owner", np.repeat(np.arange(len(records), dtype=np.uint32), lengths.to_numpy()))
    fields = [field for field in TEXT_FIELDS if turns[field].null_count() < len(turns) or field == "content"]
    changed: dict[str, pl.Series] = {}
    for name, repair in repairs.items():
        if repair:
            after = turns.with_columns(repair(turns[field]).alias(field) for field in fields)
            differs = pl.any_horizontal(pl.Series(turns[field]).ne_missing(after[field]) for field in fields)
            changed[name] = _among(len(records), owner.filter(turns.select(differs.alias("differs"))["differs"]))
            turns = after
    held: dict[int, str] = {}
    if pii:
        redacted = redact(turns, records["meta"], owner, **pii)
        turns, held = redacted.turns, redacted.dropped
        records = records.with_columns(redacted.meta)
        changed |= {label: _among(len(records), pl.Series(rows, dtype=pl.UInt32)) for label, rows in redacted.labels.items()}
    emptied = _emptied(records, turns, owner)
    unfit = _refused(records, emptied, Reason.EMPTIED, ["a turn holds nothing but what cleaning removes"] * int(emptied.sum()))
    dropped = _among(len(records), pl.Series(list(held), dtype=pl.UInt32)) & ~emptied
    unfit = pl.concat([unfit, _refused(records, dropped, Reason.PII, [held[row] for row in dropped.arg_true()])])
    cleaned = records.with_columns(fold_turns(lengths, turns), _labels(changed, len(records)))
    return cleaned.filter(~emptied & ~dropped), unfit.sort("row")


def _among(rows: int, some: pl.Series) -> pl.Series:
    """Which of so many records are among some."""
    among = np.zeros(rows, bool)
    among[some.to_numpy()] = True
    return pl.Series(among)


def _labels(changed: dict[str, pl.Series], rows: int) -> pl.Series:
    """Per record, what was done: the names of the repairs that changed something, and `email masked`."""
    masks = np.array([mask.to_numpy() for mask in changed.values()], bool).reshape(len(changed), rows)
    names = pl.Series(list(changed), dtype=pl.String).gather(np.nonzero(masks.T)[1])
    return lists("cleaned", names.to_arrow(), np.concatenate([[0], np.cumsum(masks.sum(axis=0))])).cast(pl.List(pl.String))


def _emptied(records: pl.DataFrame, turns: pl.DataFrame, owner: pl.Series) -> pl.Series:
    """Records in which a turn that must have text has none left."""
    blank = (turns["content"].str.len_bytes() == 0).arg_true()
    if len(blank):
        must = turns["tool_calls"].gather(blank).is_null() & turns["role"].gather(blank).is_in(["user", "assistant"])
        blank = blank.filter(must)
    return _among(len(records), owner.gather(blank))


def _refused(records: pl.DataFrame, mask: pl.Series, reason: Reason, details: list[str]) -> pl.DataFrame:
    if not mask.any():
        return no_quarantine()
    refused = records.filter(mask)
    raw = [canonical_bytes(messages.to_list()).decode() for messages in refused["messages"]]
    return refused.select("row", "line").with_columns(
        stage=pl.lit(Stage.CLEAN.value),
        reason=pl.lit(reason.value),
        detail=pl.Series(details, dtype=pl.String),
        raw=pl.Series(raw, dtype=pl.String),
    ).cast(quarantine_schema())  # type: ignore[arg-type]


