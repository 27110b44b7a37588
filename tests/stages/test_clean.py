"""Clean: repairs what is broken, leaves what is not, drops nothing, and is done after one pass."""

from __future__ import annotations

import itertools
import re
import sys
import time
import unicodedata
from collections.abc import Iterator

import polars as pl
import pytest
from ftfy import fix_encoding
from ftfy.badness import MOJIBAKE_CATEGORIES, is_bad
from ftfy.chardata import ALTERED_UTF8_RE, CHARMAP_ENCODINGS, LOSSY_UTF8_RE
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.record import flatten_turns, fold_turns, messages_dtype, record_schema
from datasetbuild.stages.clean import clean, fix_unicode, normalize_whitespace
from datasetbuild.stages.clean.characters import CONTROL, MAYBE_LOST, SETTLED, maybe_bad
from datasetbuild.stages.clean.markup import drop_lines, html_to_text, markdown_to_text
from tests.conftest import Project


def expanded(members: str) -> Iterator[str]:
    """The characters of what stands in the brackets of a regular expression, with its ranges."""
    return (char for first, last in re.findall(r"(.)(?:-(.))?", members, re.DOTALL) for char in map(chr, range(ord(first), ord(last or first) + 1)))


def one(function, text: str) -> str:  # type: ignore[no-untyped-def]
    return str(function(pl.Series([text]))[0])


def records(*conversations: list[str]) -> pl.DataFrame:
    """Records whose turns are a user's and an assistant's in turn."""
    roles = ("user", "assistant")
    messages = [[{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)] for texts in conversations]
    frame = pl.DataFrame({"messages": pl.Series(messages, dtype=messages_dtype())}).with_row_index("row")
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in record_schema().items() if name not in frame.columns]
    return frame.with_columns(missing).with_columns(line=pl.col("row"), cleaned=pl.lit([], dtype=pl.List(pl.String))).select(
        record_schema().keys()
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("don\u00e2\u20ac\u2122t", "don’t"),
        ("caf\u00c3\u00a9", "café"),
        ("e\u0301", "é"),
        ("a\x00b\x07c\x7f", "abc"),
        ("\ufefftext", "text"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("“quotes” &amp; &lt;b&gt; ﬁ １２", "“quotes” &amp; &lt;b&gt; ﬁ １２"),
        ("naïve 日本語 👩‍🚀", "naïve 日本語 👩‍🚀"),
    ],
)
def test_unicode_is_repaired_and_nothing_else(before: str, after: str) -> None:
    """Mojibake, decomposed letters and control characters go; quotes, entities, widths and emoji stay."""
    assert one(fix_unicode, before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a\r\nb\rc", "a\nb\nc"),
        ("a  \n\t\nb", "a\n\nb"),
        ("a\n\n\n\n\nb", "a\n\nb"),
        ("  one line  ", "one line"),
        ("   Hello,\n\nWorld", "Hello,\n\nWorld"),
        ("    def f():\n        return 1\n", "    def f():\n        return 1"),
        ("\n\n    x = 1\n    y = 2", "    x = 1\n    y = 2"),
        ("a\u00a0b\u2003c\u202fd", "a b c d"),
        ("a   b\tc", "a   b\tc"),
        ("日本　語", "日本　語"),
        ("", ""),
        (" \n\t ", ""),
    ],
)
def test_white_space_is_tidied_and_code_stays(before: str, after: str) -> None:
    """Line ends, odd blanks and empty lines are made one kind; indentation and blanks inside a line stay."""
    assert one(normalize_whitespace, before) == after


CHARMAPS = ("latin-1", "sloppy-windows-1252", "sloppy-windows-1251", "sloppy-windows-1257", "macroman", "cp437")
SUSPICIOUS = sorted({char for members in MOJIBAKE_CATEGORIES.values() for char in expanded(members)} | set("ÂÃàŒœвЂГў°°β€ā \xa0\xadaZ?\n"))
words = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(st.sampled_from(SUSPICIOUS), max_size=8) | st.sampled_from(["don’t", "ëéй日ü¡", " à la ", "plain words ", "Ã la", "â€?", "Ã³? "])


@st.composite
def misread(draw: st.DrawFn) -> str:
    """Words, some of which were written as UTF-8 and read as something else, once or twice."""
    said = []
    for word in draw(st.lists(words, max_size=4)):
        for charmap in draw(st.lists(st.sampled_from(CHARMAPS), max_size=2)):
            word = word.encode().decode(charmap, "replace")
        said.append(word)
    return "".join(said)


@settings(deadline=None)
@given(st.lists(misread(), max_size=4))
def test_mojibake_is_undone_as_ftfy_does_it(texts: list[str]) -> None:
    """By columns, with another engine asking which texts look bad, every text becomes what `ftfy.fix_encoding` makes of it."""
    found = fix_unicode(pl.Series(texts, dtype=pl.String))
    bare = pl.Series(texts, dtype=pl.String).str.replace_all(CONTROL, "")
    assert found.to_list() == pl.Series([fix_encoding(text) for text in bare], dtype=pl.String).str.normalize("NFC").to_list()


@pytest.mark.parametrize("charmap", CHARMAP_ENCODINGS)
def test_what_may_have_lost_a_byte_is_looked_at_whole(charmap: str) -> None:
    """Where ftfy would put back a lost byte, in any way of misreading, the short step is not taken: of all rows of four such bytes."""
    rows = [bytes(row) for row in itertools.product(b" ?\x1a\x80\xa0\xbf\xc2\xc3\xce\xe0\xe2\xed\xf0\xf4a", repeat=4)]
    restored = [row for row in rows if ALTERED_UTF8_RE.search(row) or LOSSY_UTF8_RE.search(row)]
    assert len(restored) > 5_000
    assert pl.Series([row.decode(charmap) for row in restored]).str.contains(MAYBE_LOST).all()


def test_characters_that_nfc_leaves_alone_are_left_alone_in_any_company() -> None:
    """Each is itself in NFC, keeps its place among marks, and is no second part of another character: by Unicode's own tables, all of
    them. So texts of nothing else are in NFC."""
    every = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code < 0xE000]
    settled = re.findall(f"[{SETTLED}]", "".join(every))
    parts = [unicodedata.decomposition(char).split() for char in every]
    seconds = {chr(int(part[-1], 16)) for part in parts if len(part) == 2 and not part[0].startswith("<")}
    jamo = {chr(code) for code in (*range(0x1161, 0x1176), *range(0x11A8, 0x11C3))}  # these compose by arithmetic
    assert len(settled) > 40_000
    assert not seconds.union(jamo).intersection(settled)
    assert not [char for char in settled if unicodedata.combining(char) or unicodedata.normalize("NFC", char) != char]
    assert pl.Series(settled).str.normalize("NFC").to_list() == settled


@given(st.lists(st.text(st.characters(codec="utf-8") | st.sampled_from("e\u0301\u0323\u0307o\u1161\u1100가각\u11a8Å\u212b中"))))
def test_texts_are_composed(texts: list[str]) -> None:
    """By columns as one by one: the test of what needs no composing changes no text."""
    bare = pl.Series(texts, dtype=pl.String).str.replace_all(CONTROL, "").filter(~pl.Series(texts, dtype=pl.String).str.contains(maybe_bad()))
    assert fix_unicode(bare).to_list() == bare.str.normalize("NFC").to_list()


def test_no_text_that_looks_bad_to_ftfy_is_passed_over() -> None:
    """Of all pairs of the 400 characters of mojibake, alone and between letters and blanks."""
    pairs = [f"{before}{one}{other}{after}" for one in SUSPICIOUS for other in SUSPICIOUS for before, after in (("", ""), ("a", " "))]
    seen = pl.Series(pairs).str.contains(maybe_bad())
    bad = pl.Series([is_bad(pair) for pair in pairs])
    assert bad.sum() > 10_000
    assert not (bad & ~seen).any()
    assert (seen & ~bad).sum() < 0.02 * len(pairs)


@given(st.text(st.characters(codec="utf-8")))
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    """A cleaned text is left as it is by cleaning it again."""
    once = one(normalize_whitespace, one(fix_unicode, text))
    assert one(normalize_whitespace, one(fix_unicode, once)) == once


def test_what_was_repaired_is_noted() -> None:
    """`cleaned` names the repairs that changed something, record by record."""
    found, emptied = clean(records(["Hi", "Hello"], ["Hi ", "Hello"], ["caf\u00c3\u00a9", " ok "]))
    assert found["cleaned"].to_list() == [[], ["whitespace"], ["unicode", "whitespace"]]
    assert not len(emptied)


def test_an_emptied_turn_is_quarantined_with_its_row() -> None:
    """A turn of nothing but what cleaning removes costs its record, and no other; the row is kept as it was."""
    found, emptied = clean(records(["Hi", "\ufeff \x07"], ["Hi", "Hello"]))
    assert found["row"].to_list() == [1]
    assert emptied.select("row", "stage", "reason").rows() == [(0, "clean", "emptied")]
    assert "\\u0007" in emptied["raw"][0]


def test_keep_changes_nothing() -> None:
    """With both repairs off, the records come out as they went in."""
    given = records(["  Hi \r\n", "caf\u00c3\u00a9"])
    found, _ = clean(given, unicode="keep", whitespace="keep")
    assert found.equals(given)


@given(st.lists(st.lists(st.text(max_size=4), min_size=1, max_size=4), max_size=5))
def test_turns_fold_back(texts: list[list[str]]) -> None:
    """Flattened turns folded again are the messages that they were."""
    messages = records(*texts)["messages"]
    assert fold_turns(*flatten_turns(messages)).to_list() == messages.to_list()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<p>Hi <b>x</b></p><ul><li>a</li><li>b &amp; c</li></ul>", "Hi x\n\n- a\n- b & c"),
        ("one<br/>two<BR>\nthree", "one\ntwo\nthree"),
        ("<table><tr><th>A</th><th>B</th></tr><tr><td>1</td><td>2</td></tr></table>", "A | B\n1 | 2"),
        ("a<b && c>d, a < b, <name>, List<String>, &unknown; AT&T", "a<b && c>d, a < b, <name>, List<String>, &unknown; AT&T"),
        ("x <script>if (a) { b() }</script>y <!-- gone -->z", "x y z"),
        ("<pre><code class='py'>if a &lt; b:\n    <b>c</b></code></pre>", "```\nif a < b:\n    c\n```"),
        ("use <code>a_b</code>", "use `a_b`"),
        ("&lt;p&gt; &#8212; &#x41;", "<p> — A"),
    ],
)
def test_html_becomes_text(before: str, after: str) -> None:
    """Tags become line ends, dashes and bars; what only looks like a tag stays."""
    assert one(normalize_whitespace, one(html_to_text, before)) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# Head #\n\n**bold** *it* _it_ __b__ ***both*** ~~no~~", "Head\n\nbold it it b both no"),
        ("snake_case_name 2*3*4 a * b * c _ d", "snake_case_name 2*3*4 a * b * c _ d"),
        ("> quote\n> more\n\n---\n\n[t](http://x.y/(a)) ![alt](u \"t\") <https://x.y>", "quote\nmore\n\nt alt https://x.y"),
        ("Title\n=====\n* item\n1. x\n\n| a |\n|---|\n| 1 |", "Title\n* item\n1. x\n\n| a |\n|---|\n| 1 |"),
        ("**use `x*y*` now** \\*esc\\*", "use `x*y*` now *esc*"),
    ],
)
def test_markdown_becomes_text(before: str, after: str) -> None:
    """Marks go; names, formulas, lists, tables and code stay."""
    assert one(normalize_whitespace, one(markdown_to_text, before)) == after


CODE = ["```html\n<p>**x** &amp; [a](b)</p>\n# no heading\n```", "~~~\n`<b>`\n```\n~~~", "``a ` <i>b</i>``", "`<br>`"]


@given(st.lists(st.sampled_from(CODE), min_size=1, max_size=4), st.sampled_from(["\n\n", "\n\n<p>*x*</p>\n\n", "\n\n**b** &lt;\n\n"]))
def test_code_survives_byte_for_byte(pieces: list[str], between: str) -> None:
    """Fenced blocks and inline code come through HTML, Markdown and boilerplate cleaning as they were, in order."""
    text = between.join(pieces)
    for repair in (html_to_text, markdown_to_text, lambda column: drop_lines(column, [".*<.*"])):
        after, place = one(repair, text), 0
        for piece in pieces:
            place = after.index(piece, place) + len(piece)


@given(st.text("ab`~\n <>*_#[]()&;\\!-", max_size=60))
def test_markup_never_fails_nor_invents(text: str) -> None:
    """Whatever the text: nothing is raised, and no letter appears that was not there."""
    for repair in (html_to_text, markdown_to_text):
        after = one(repair, text)
        assert after.count("a") + after.count("b") <= text.count("a") + text.count("b")
        assert "\ufdd0" not in after


def test_an_unclosed_fence_is_code_to_the_end() -> None:
    """As in CommonMark; and a text with the placeholder's own character is left alone."""
    assert one(html_to_text, "<b>x</b>\n```\n<p>") == "x\n```\n<p>"
    assert one(html_to_text, "<b>\ufdd0</b>") == "<b>\ufdd0</b>"


def test_boilerplate_lines_go() -> None:
    """A line of which a pattern matches the whole goes; one that only holds it stays."""
    found, _ = clean(records(["Hi", "Answer.\nSent from my phone\nMore, sent from my phone."]), boilerplate=["(?i)sent from my .*"])
    assert found["messages"][0].to_list()[1]["content"] == "Answer.\nMore, sent from my phone."
    assert found["cleaned"].to_list() == [["boilerplate"]]


@pytest.mark.parametrize("text", ["<" * 300_000, "<b " * 100_000, "*a" * 150_000, "`" * 100_000 + "a" + "` " * 50_000, "[" * 200_000, "&" * 300_000])
def test_markup_is_linear(text: str) -> None:
    """Texts made to be slow are not."""
    start = time.process_time()
    one(html_to_text, text)
    one(markdown_to_text, text)
    assert time.process_time() - start < 5


def test_a_file_of_which_no_row_can_be_used(project: Project) -> None:
    """A shard without a record has nothing to clean, and stops nothing."""
    from tests.laws.conversations import pair

    sources = "{bad: {path: bad.jsonl, format: messages, on_bad_row: {max: 5}}, good: {path: good.jsonl, format: messages}}"
    project.write({"bad.jsonl": [{"messages": "none"}], "good.jsonl": [pair("When?", "Now.")], "recipes/small.yaml": f"name: small\nsources: {sources}\nclean: {{}}\n"})
    ran = project.run("recipe=small")
    assert ran.code == 0, ran.err
    assert sorted(project.ledger()["fate"]) == ["kept", "quarantined"]
