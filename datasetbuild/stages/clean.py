"""Clean repairs text and never drops: what a repair leaves empty goes to quarantine, with the row as it was.

All turns of a shard are one flat column. Cheap tests (non-ASCII? an odd blank?) choose the few turns on which the
costly repairs run: ftfy takes 135 us a text, the tests 2 us.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import polars as pl

from datasetbuild.op import section
from datasetbuild.record import Reason, Stage, fold_turns, flatten_turns, quarantine_schema
from datasetbuild.stages.words import buffers

TEXT_FIELDS = ("content", "reasoning_content")

CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x{feff}\x{fffe}\x{ffff}]"
"""Characters that no text needs: C0 controls but tab, line feed and carriage return; DEL; byte order marks."""

BLANKS = r"[\x{a0}\x{2000}-\x{200a}\x{202f}\x{205f}]"
"""Blanks of a fixed width, which tokenizers read as rare tokens. U+3000 stays: it is typography in Chinese and Japanese."""


@section("clean", version=2)
def clean(
    records: pl.DataFrame | None = None,
    /,
    *,
    unicode: Literal["fix", "keep"] = "fix",
    whitespace: Literal["normalize", "keep"] = "normalize",
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Repair the text of every turn: characters, then white space. Code, quotes, HTML entities and letters stay as they are.

    unicode: `fix` undoes mojibake (donâ€™t -> don’t), composes to NFC and removes control characters; `keep` leaves all.
    whitespace: `normalize` makes line ends "\\n", fixed-width blanks " ", removes blanks at line ends and around the
        text, and keeps at most one empty line in a row; indentation of several lines and blanks inside a line stay.
    """
    assert records is not None
    lengths, turns = flatten_turns(records["messages"])
    owner = pl.Series("owner", range(len(records)), dtype=pl.UInt32).repeat_by(lengths).explode(empty_as_null=False)
    fields = [field for field in TEXT_FIELDS if turns[field].null_count() < len(turns) or field == "content"]
    changed: dict[str, pl.Series] = {}
    for name, repair in (("unicode", unicode == "fix"), ("whitespace", whitespace == "normalize")):
        if repair:
            after = turns.with_columns(REPAIRS[name](turns[field]).alias(field) for field in fields)
            differs = pl.any_horizontal(pl.Series(turns[field]).ne_missing(after[field]) for field in fields)
            touched = owner.filter(turns.select(differs.alias("differs"))["differs"]).unique()
            changed[name] = pl.Series(range(len(records)), dtype=pl.UInt32).is_in(touched.implode())
            turns = after
    emptied = _emptied(records, turns, owner)
    cleaned = records.with_columns(fold_turns(lengths, turns), _labels(changed, len(records)))
    return cleaned.filter(~emptied), _quarantine(records.filter(emptied))


def fix_unicode(text: pl.Series) -> pl.Series:
    """Mojibake undone, NFC, no control characters. text: String, nulls stay null."""
    return _where(text, _unusual(text), _fix_unusual)


def _fix_unusual(text: pl.Series) -> pl.Series:
    text = text.str.replace_all(CONTROL, "")
    return _where(text, _wide(text), lambda odd: _undo_mojibake(odd).str.normalize("NFC"))


def normalize_whitespace(text: pl.Series) -> pl.Series:
    """Line ends, fixed-width blanks, trailing blanks, runs of empty lines. text: String, nulls stay null."""
    text = _where(text, _wide(text), lambda odd: odd.str.replace_all(BLANKS, " "))
    untidy = text.str.contains_any(["\r", " \n", "\t\n", "\n\n\n"]) | (text.str.len_bytes() != text.str.strip_chars().str.len_bytes())
    return _where(text, untidy, _tidy_lines)


def _tidy_lines(text: pl.Series) -> pl.Series:
    text = text.str.replace_all("\r\n?", "\n").str.replace_all(r"[ \t]+\n", "\n").str.replace_all(r"\n{3,}", "\n\n")
    text = text.str.strip_chars_end().str.replace(r"\A\s*\n", "")
    # Blanks before the first line are indentation only when the next line is indented too.
    return text.str.replace(r"\A[ \t]+(\S[^\n]*(?:\n+\S|\z))", "$1")


REPAIRS = {"unicode": fix_unicode, "whitespace": normalize_whitespace}


def _wide(text: pl.Series) -> pl.Series:
    """Texts with characters beyond ASCII."""
    return text.str.len_bytes() != text.str.len_chars()


def _unusual(text: pl.Series) -> pl.Series:
    """Texts with characters beyond ASCII, or with control characters of it: found among all bytes below 32, which are
    few, where the regex would cost ten times as much."""
    data, offsets = buffers(text.fill_null(""))
    rare = np.flatnonzero((data < 32) | (data == 127))
    control = rare[~np.isin(data[rare], np.frombuffer(b"\t\n\r", np.uint8))]
    unusual = _wide(text).fill_null(False).to_numpy(writable=True)
    unusual[np.searchsorted(offsets, control, side="right") - 1] = True
    return pl.Series(unusual)


def _where(text: pl.Series, mask: pl.Series, repair) -> pl.Series:  # type: ignore[no-untyped-def]
    """`text` with `repair` applied where `mask` holds."""
    places = mask.fill_null(False).arg_true()
    return text.scatter(places, repair(text.gather(places))) if len(places) else text


def _undo_mojibake(text: pl.Series) -> pl.Series:
    """ftfy's encoding repair alone: its other repairs (quotes, entities, widths) change 20 % of good texts."""
    from ftfy import fix_encoding

    return pl.Series(text.name, [fix_encoding(one) for one in text], dtype=pl.String)


def _labels(changed: dict[str, pl.Series], rows: int) -> pl.Series:
    """Per record, the names of the repairs that changed something."""
    if not changed:
        return pl.Series("cleaned", [[]] * rows, dtype=pl.List(pl.String))
    frame = pl.DataFrame({name: mask for name, mask in changed.items()})
    names = [pl.when(pl.col(name)).then(pl.lit(name)) for name in changed]
    return frame.select(pl.concat_list(names).list.drop_nulls().alias("cleaned"))["cleaned"]


def _emptied(records: pl.DataFrame, turns: pl.DataFrame, owner: pl.Series) -> pl.Series:
    """Records in which a turn that must have text has none left."""
    blank = (turns["content"].str.len_bytes() == 0) & turns["tool_calls"].is_null()
    blank &= turns["role"].is_in(["user", "assistant"])
    return pl.Series(range(len(records)), dtype=pl.UInt32).is_in(owner.filter(blank).unique().implode())


def _quarantine(records: pl.DataFrame) -> pl.DataFrame:
    raw = [canonical.decode() for canonical in map(_canonical, records["messages"])]
    return records.select("row", "line").with_columns(
        stage=pl.lit(Stage.CLEAN.value),
        reason=pl.lit(Reason.EMPTIED.value),
        detail=pl.lit("a turn holds nothing but characters that cleaning removes"),
        raw=pl.Series(raw, dtype=pl.String),
    ).cast(quarantine_schema())  # type: ignore[arg-type]


def _canonical(messages: pl.Series) -> bytes:
    from datasetbuild.record import canonical_bytes

    return canonical_bytes(messages.to_list())
