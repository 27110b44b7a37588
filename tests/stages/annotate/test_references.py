"""Copied text and old rows: the longest shared run, and days to a day that the recipe names."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.errors import BuildError
from datasetbuild.record import messages_dtype
from datasetbuild.stages.annotate import annotate_frame, measure
from datasetbuild.stages.annotate.references import windows_of
from datasetbuild.stages.where import with_words
from tests.conftest import Project
from tests.stages.test_clean import records

SONG = "the ship was black and the sea was wide and nobody knew the way but the cook who sang all night of home"


def shared(tmp_path: Path, answers: list[str], window: int = 4, *references: str) -> list[int]:
    files = []
    for n, text in enumerate(references or (SONG,)):
        files.append(str(tmp_path / f"{n}.txt"))
        Path(files[-1]).write_text(text, encoding="utf-8")
    prepared = tmp_path / "prepared"
    prepared.write_bytes(windows_of(references=files, window=window, where="assistant"))
    frame = annotate_frame(records(*[["q", answer] for answer in answers]))
    return measure(frame, "verbatim_words", {"references": files, "window": window}, prepared)[0]["value"].to_list()


def test_the_longest_shared_run(tmp_path: Path) -> None:
    """Case and punctuation aside; runs below the window are none."""
    answers = ["He said: THE SHIP was black, and the sea... is calm", "the ship was wide", SONG, "", "sang all night of home, the ship was black and"]
    assert shared(tmp_path, answers) == [7, 0, 23, 0, 5]


def test_turns_are_not_joined(tmp_path: Path) -> None:
    """A run does not go on from one turn, or one reference, to the next."""
    assert shared(tmp_path, ["alpha beta gamma", "delta epsilon zeta"], 4, "alpha beta gamma delta epsilon zeta") == [0, 0]
    assert shared(tmp_path, ["alpha beta gamma delta"], 4, "alpha beta", "gamma delta") == [0]


@given(st.lists(st.sampled_from("abcd"), max_size=30), st.lists(st.sampled_from("abcd"), max_size=30))
def test_as_by_hand(tmp_path_factory: pytest.TempPathFactory, one: list[str], two: list[str]) -> None:
    """The longest run of which every window stands in the reference, counted the slow way."""
    window, known = 3, {tuple(two[n : n + 3]) for n in range(len(two) - 2)}
    best = run = 0
    for n in range(len(one) - 2):
        run = run + 1 if tuple(one[n : n + 3]) in known else 0
        best = max(best, run + window - 1 if run else 0)
    assert shared(tmp_path_factory.mktemp("texts"), [" ".join(one)], window, " ".join(two)) == [best]


def test_age_is_counted_to_the_recipes_day() -> None:
    """Times of day and blanks are left out; what is no date has no age."""
    frame = annotate_frame(records(*[["q", "a"]] * 5)).with_columns(
        date=pl.Series(["2026-01-01", "2025-12-31T10:00:00Z", " 2027-01-01 ", "yesterday", None])
    )
    assert measure(frame, "age_days", {"date": "2026-01-01"})[0]["value"].to_list() == [0, 1, -365, None, None]
    german = frame.with_columns(date=pl.lit("31.12.2025 23:59"))
    assert measure(german, "age_days", {"date": "2026-01-01", "format": "%d.%m.%Y"})[0]["value"][0] == 1
    with pytest.raises(BuildError, match="no day 2026-02-30"):
        measure(frame, "age_days", {"date": "2026-02-30"})


def test_in_a_recipe(project: Project) -> None:
    """Old and copied rows go, with a reason each; an undated row never passes in silence."""
    row = lambda answer, date: {"messages": [{"role": "user", "content": answer[::-1]}, {"role": "assistant", "content": answer}], "at": date}  # noqa: E731
    rows = [row("A new answer.", "2026-05-01"), row("An old answer.", "2020-01-01"), row(SONG, "2026-05-02"), row("Undated answer.", None)]
    recipe = (
        "name: small\nsources: {rows: {path: rows.jsonl, format: messages, date: at}}\n"
        "filters:\n  age_days: {date: 2026-06-01, max: 365}\n  verbatim_words: {references: [song.txt], max: 20}\n"
    )
    project.write({"rows.jsonl": rows, "song.txt": SONG, "recipes/small.yaml": recipe})
    assert project.run("recipe=small").code == 0
    assert project.ledger().select("fate", "reason", "rule").rows() == [
        ("kept", None, None),
        ("dropped", "above_max", "age_days"),
        ("dropped", "above_max", "verbatim_words"),
        ("dropped", "unmeasured", "age_days"),
    ]


def test_what_is_handed_to_a_tool_is_said(tmp_path: Path) -> None:
    """A copy in the arguments of a tool call is one, across JSON's escapes and in text that is no JSON; keys and names are no text."""
    half = SONG.replace("the sea", "the\nsea").replace("cook", "c\u00f6ok")
    calls = [json.dumps({"to": ["a"], "body": {"text": half}}), json.dumps({SONG: 1}), '{"text": ' + SONG]
    turns = [
        [{"role": "user", "content": "q"}, {"role": "assistant", "content": said, "tool_calls": json.dumps([{"function": {"name": "send", "arguments": one}}])}]
        for said, one in zip(("", "I write.", "I write."), calls, strict=True)
    ]
    turns.append([{"role": "user", "content": "q"}, {"role": "assistant", "content": "the ship was black"}])
    frame = annotate_frame(pl.DataFrame({"messages": pl.Series(turns, dtype=messages_dtype())}))
    file, prepared = tmp_path / "song.txt", tmp_path / "prepared"
    file.write_text(SONG.replace("cook", "c\u00f6ok"), encoding="utf-8")
    for where, found in (("assistant", [23, 0, 16, 4]), ("conversation", [23, 0, 16, 4]), ("user", [0, 0, 0, 0])):
        prepared.write_bytes(windows_of(references=[str(file)], window=4, where=where))
        params = {"references": [str(file)], "window": 4, "where": where}
        assert measure(frame, "verbatim_words", params, prepared)[0]["value"].to_list() == found
        assert measure(with_words(frame), "verbatim_words", params, prepared)[0]["value"].to_list() == found
