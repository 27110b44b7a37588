"""The report as bytes: what it counts, how it escapes, that it is the same for the same data, and the verb that finds it."""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Callable
from html.parser import HTMLParser
from importlib.metadata import version
from importlib.util import cache_from_source
from pathlib import Path
from typing import Any, get_args, get_type_hints

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from datasetbuild.artifact.report import charts, numbers
from datasetbuild.artifact.report import page as page_module
from datasetbuild.artifact.report.page import TIES, embedded, together
from datasetbuild.engine.samples import visible, word_difference
from datasetbuild.stages.split import split
from tests.conftest import Project
from tests.laws.conversations import numbered
from tests.report.conftest import EVIL


class Markup(HTMLParser):
    """Every element of a page with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))


def page(folder: Path) -> str:
    return (folder / "report.html").read_text(encoding="utf-8")


def data(folder: Path) -> dict[str, Any]:
    found = re.search(r'<script id="data" type="application/json">(.*?)</script>', page(folder), re.DOTALL)
    assert found
    return dict(json.loads(found[1]))


def test_elements_are_ours(hostile: Path) -> None:
    """Two scripts, one of them data; nothing is loaded, nothing handles events, no style stands on an element."""
    markup = Markup(page(hostile))
    names = [name for name, _ in markup.elements]
    assert names.count("script") == 2
    assert {"img", "iframe", "object", "embed", "form", "i>"}.isdisjoint(names)
    for name, attributes in markup.elements:
        assert not [key for key in attributes if key.startswith("on") or key in ("style", "src", "srcset", "action")], name
        href = attributes.get("href")
        assert href is None or href.startswith("#") or href == "data:,"


@given(st.recursive(st.text() | st.integers(-(2**53), 2**53), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_data_cannot_leave_its_script(value: Any) -> None:
    """JSON in the page holds no `<` and no line that ends a script, and reads back as what it was."""
    text = embedded(value)
    assert not set("<>&\u2028\u2029") & set(text)
    assert json.loads(text) == value


@given(st.text())
def test_drawn_text_is_escaped(said: str) -> None:
    """Whatever a label says, the drawing has the elements that were drawn, and no other."""
    drawing = charts.figure(10, 10, said, [charts.text(said, 1, 1, most=5)])
    assert {name for name, _ in Markup(drawing).elements} <= {"svg", "text", "title"}


def test_samples_are_of_every_fate(hostile: Path) -> None:
    """Each split and each reason has its rows, 20 at most, and the numbers are those of the ledger."""
    ledger = pl.read_parquet(hostile / "ledger.parquet")
    found = data(hostile)
    totals = {group["label"]: group["total"] for group in found["groups"]}
    kept = ledger.filter(pl.col("fate") == "kept")
    expected = dict(kept.group_by("split").len().iter_rows())
    lost = ledger.filter(pl.col("fate") != "kept").group_by("stage", "reason").len()
    expected |= {f"{stage}: {reason.replace('_', ' ')}": n for stage, reason, n in lost.iter_rows()}
    assert totals == expected
    for number, group in enumerate(found["groups"]):
        mine = [row for row in found["rows"] if row["g"] == number]
        assert len(mine) == group["shown"] == min(group["total"], 20)
        assert len({row["id"] for row in mine}) == len(mine)
    assert {row["id"] for row in found["rows"]} <= set(ledger["id"])
    masked = [row for row in found["rows"] if "mask" in row]
    assert len(masked) == sum(group["shown"] for group in found["groups"] if group["kind"] == "kept")
    [bad] = [row for row in found["rows"] if not row["turns"]]
    assert EVIL in bad["raw"]


def test_hidden_signs_show(hostile: Path) -> None:
    """Marks that turn or hide the text around them are written out."""
    assert "\u202e" not in page(hostile)
    assert "U+202E" in page(hostile)
    assert visible("a\x00b\u2066c\n\td") == "a␀b⟨U+2066⟩c\n\td"


def test_a_new_row_leaves_the_samples(new_project: Callable[[], Project]) -> None:
    """Rows are drawn by their own keys: one more row adds itself, or takes the place of one."""

    def drawn(count: int) -> set[str]:
        project = new_project()
        rows: list[Any] = [{"messages": [{"role": "user", "content": f"Question {n}?"}, {"role": "assistant", "content": f"Answer {n}."}]} for n in range(count)]
        project.write({"rows.jsonl": rows, "recipes/small.yaml": "name: small\nsources: {rows: {path: rows.jsonl, format: messages}}\n"})
        assert project.run("recipe=small", "-q").code == 0
        return {row["id"] for row in data(project.artifact())["rows"]}

    before, after = drawn(60), drawn(61)
    assert len(before) == len(after) == 20
    assert len(before - after) <= 1


def test_the_report_of_a_plain_recipe(project: Project) -> None:
    """No template, no filters, no mix, no duplicates, one row: the page has the sections that have something to say."""
    row: list[Any] = [{"messages": [{"role": "user", "content": "Hm?"}, {"role": "assistant", "content": "Yes."}]}]
    project.write({"rows.jsonl": row, "recipes/small.yaml": "name: small\nsources: {rows: {path: rows.jsonl, format: messages}}\n"})
    assert project.run("recipe=small", "-q").code == 0
    ids = {attributes.get("id") for name, attributes in Markup(page(project.artifact())).elements if name == "section"}
    assert ids == {"river", "splits", "rows", "again"}


def test_the_page_is_the_same_however_its_template_was_compiled(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compiled now, taken from an earlier time, and where that is damaged or nobody may write it."""
    project.write({"a.jsonl": numbered(9), "recipes/small.yaml": "name: small\nsources: {a: {path: a.jsonl, format: messages}}\n"})
    kept = Path(cache_from_source(page_module.__file__)).parent
    pages = set()
    for bytecode in (True, False, False, False):
        monkeypatch.setattr("sys.dont_write_bytecode", bytecode)
        page_module._template.cache_clear()
        assert project.run("recipe=small", "--force").code == 0
        pages.add((project.artifact() / "report.html").read_bytes())
        for file in kept.glob("*.page") if len(pages) == 1 else ():
            if not bytecode:
                file.write_bytes(file.read_bytes()[:-50])
    assert len(pages) == 1
    assert not os.access(kept, os.W_OK) or [*kept.glob("*.page")]


def test_a_template_that_was_edited_is_compiled_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is kept of it is known by its text and by the versions of Jinja and of ours, not by a time."""
    (tmp_path / "templates").mkdir()
    template, said = tmp_path / "templates" / "report.html.jinja", []
    monkeypatch.setattr(page_module, "HERE", tmp_path / "templates")
    monkeypatch.setattr(page_module, "__file__", str(tmp_path / "page.py"))
    monkeypatch.setattr("sys.dont_write_bytecode", False)
    (tmp_path / "__pycache__").mkdir()
    for text in ("one", "two", "one"):
        template.write_text(text)
        os.utime(template, (1, 1))
        page_module._template.cache_clear()
        said.append(page_module._template().render())
    page_module._template.cache_clear()
    assert said == ["one", "two", "one"]
    (kept,) = (tmp_path / "__pycache__").glob("*.page")
    assert f".jinja-{version('jinja2')}." in kept.name


def test_the_verb(hostile: Path) -> None:
    """`dsbuild report` prints where the page lies; `--md` the report in short, with no markup of the data; before a build it says so."""
    import contextlib
    import io

    from datasetbuild.cli import main

    def run(*words: str) -> tuple[int, str]:
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
            code = main(["report", *words, "-C", str(hostile.parent.parent)])
        return code, out.getvalue()

    code, shown = run("recipe=hostile")
    assert (code, Path(shown.strip()).name) == (0, "report.html")
    assert json.loads(run("recipe=hostile", "--json")[1])["report"] == "build/hostile/report.html"
    code, brief = run("recipe=hostile", "--md")
    assert code == 0
    assert "<" not in brief.replace("\\<", "")
    assert re.search(r"\| ⚠️ licenses \|.*CC0-1.0", brief)
    assert len(brief.splitlines()) < 80
    code, shown = run("recipe=hostile", "name=other")
    assert (code, "there is no build/other/report.html" in shown) == (2, True)


@given(st.lists(st.integers(-1000, 100_000) | st.floats(-1e6, 1e6), min_size=1, max_size=60))
def test_bars_count_every_row_once(values: list[float]) -> None:
    """The bars of a histogram add up to the rows, and no more than a hundredth of them lies in the last one."""
    known = numbers.values_of(pl.Series("v", [*values, None, float("nan")], dtype=pl.Float64))
    bins = numbers.bins_of(known)
    assert bins
    counts = numbers.bars(known, bins)
    assert sum(counts) == len(values)
    assert bins.count <= 2 * numbers.BINS + 2
    assert counts[-1] <= len(values) * (1 - numbers.CUT) + 1


def test_weights_count_as_copies() -> None:
    """A row that stands in train three times is three rows of the histogram."""
    values, weights = pl.Series([1, 5, 5], dtype=pl.UInt32), pl.Series([3, 1, 0], dtype=pl.UInt32)
    bins = numbers.bins_of(numbers.values_of(values))
    assert bins
    counts = numbers.bars(numbers.values_of(values, weights), bins)
    assert (counts[0], sum(counts)) == (3, 4)


@given(
    st.lists(st.tuples(st.integers(0, 2), st.sampled_from([-2.5, -0.0, 0.0, 0.1, 3.0, 1e300, float("nan"), None]), st.integers(0, 3)), min_size=1),
    st.floats(0.0, 1.0),
)
def test_values_are_those_of_the_rows(rows: list[tuple[int, float | None, int]], q: float) -> None:
    """Each value once with its rows, as if all copies of all rows were sorted; and several columns are as one."""
    parts, weights = ([pl.Series([row[at] for row in rows if row[0] == n], dtype=kind) for n in range(3)] for at, kind in ((1, pl.Float64), (2, pl.UInt32)))
    ordered = sorted(value for _, value, copies in rows if value is not None and value == value for _ in range(copies))
    found = numbers.merged([numbers.values_of(column, copies) for column, copies in zip(parts, weights, strict=True)])
    assert np.repeat(found.values, found.rows).tolist() == ordered
    assert found.at(q) == (ordered[max(math.ceil(q * len(ordered)) - 1, 0)] if ordered else None)


def test_fits_are_exact() -> None:
    """What a sequence length would cut, counted by hand."""
    ledger = pl.DataFrame({"fate": ["kept"] * 3, "tokens": [100, 200, 400], "copies": [1, 2, 1]})
    found = {fit.length: (fit.share, fit.cut) for fit in numbers.fits(ledger, 256)}
    assert found[256] == (0.75, pytest.approx(144 / 900, abs=1e-6))
    assert found[128][0] == 0.25
    assert found[512] == (1.0, 0.0)


def test_facts_are_told_apart() -> None:
    """Numbers are drawn, what is seldom above 0 is a flag, words are listed; a fact that is the same for each turn is one."""
    ledger = pl.DataFrame(
        {
            "fate": ["kept"] * 10,
            "chars.min": list(range(10)),
            "chars.max": list(range(1, 11)),
            "ratio.min": [0.5] * 10,
            "ratio.max": [0.5] * 10,
            "refusals": [0] * 9 + [1],
            "loop": [True, None] * 5,
            "language": ["en"] * 9 + ["de"],
            "tokens": [5] * 10,
        }
    )
    found = {(fact.name, fact.side, fact.kind) for fact in numbers.facts(ledger)}
    assert found == {
        ("chars", "min", "number"), ("chars", "max", "number"), ("ratio", None, "number"),
        ("refusals", None, "flag"), ("loop", None, "flag"), ("language", None, "word"),
    }  # fmt: skip


def test_the_rings_of_verbs() -> None:
    """A sunburst's inner ring are the verbs, its outer ring their objects; a value of one word has no object."""
    ledger = pl.DataFrame({"fate": ["kept"] * 4 + ["dropped"], "verb_object": ["write email", "write email", "write", "sort list", "sort list"]})
    assert numbers.pairs(ledger) == [
        ("write", 3, [numbers.Count("email", 2, 0)]),
        ("sort", 1, [numbers.Count("list", 1, 0)]),
    ]
    drawing = charts.sunburst(numbers.pairs(ledger))
    assert drawing.count("<path") == 4


@given(st.text(max_size=60), st.text(max_size=60))
def test_a_difference_keeps_both_texts(left: str, right: str) -> None:
    """The pieces of each side are its text, and what both have in common is the same on both."""
    a, b = word_difference(left, right)
    assert "".join(said for _, said in a) == left
    assert "".join(said for _, said in b) == right
    assert [said for differs, said in a if not differs] == [said for differs, said in b if not differs]


def test_contradictions_stand_side_by_side(hostile: Path) -> None:
    """Two answers to one prompt are shown once, with their kind and the words that differ, escaped."""
    ledger = pl.read_parquet(hostile / "ledger.parquet")
    assert ledger["contradicts"].count() == 2
    section = page(hostile).split('<section id="contradictions">')[1].split("</section>")[0]
    assert section.count('<article class="card twin">') == 1
    assert "<b>yes no</b>" in section
    assert "<del>Yes</del>" in section or "<del>No</del>" in section
    assert "&lt;script&gt;" in section


def test_the_page_says_what_splits_do_not_part() -> None:
    """The sentence names what the recipe lists, each kind of tie by a word of its own, and promises nothing when it lists none."""
    assert set(TIES) == set(get_args(get_args(get_type_hints(split)["group"])[0]))
    assert together(["group"]) == "Records with the same group of their source stand in one split."
    assert "the same group of their source, the same first user message or a cluster" in together([*TIES])
    assert "may stand in two splits" in together([])
