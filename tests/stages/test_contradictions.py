"""Contradictions: the same prompt in other words is found, another prompt of the same shape is not; pairs are told both ways."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from datasetbuild.stages.annotate import annotate_frame
from datasetbuild.stages.contradictions import BUCKET, KINDS, answers, candidate_pairs, disagreement, prompts
from tests.conftest import Project
from tests.laws.conversations import pair, turn
from tests.stages.annotate.conversations import frame_of

Turns = list[tuple[str, str]]


def frame(*conversations: Turns) -> pl.DataFrame:
    return annotate_frame(frame_of(list(conversations)))


def asked(*questions: str, system: str | None = None) -> list[Any]:
    before: Turns = [("system", system)] if system else []
    return prompts(frame(*([*before, ("user", one), ("assistant", "Yes.")] for one in questions)), 3)["prompt"].to_list()


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("How do I reset my account password?", "Could you please tell me how to reset the account passwords", True),
        ("What is the capital city of France?", "what's the capital city of france", False),
        ("What is the capital city of France?", "WHAT IS THE CAPITAL CITY OF FRANCE", True),
        ("Convert ten miles to kilometres now.", "Convert ten kilometres to miles now.", False),
        ("Add 17 to the number 25.", "Add 17 to the number 26.", False),
        ("Does the camera not charge indoors?", "Does the camera charge indoors?", False),
        ("Classify the sentiment: I loved it.", "Classify the sentiment: I hated it.", False),
    ],
)
def test_prompts_are_the_same_by_their_content_words(one: str, other: str, same: bool) -> None:
    """Politeness, case and inflection aside; order, numbers, negation and every other word count."""
    first, second = asked(one, other)
    assert first is not None
    assert (first == second) is same


def test_short_prompts_and_other_system_messages_are_not_the_same() -> None:
    """`Continue.` is no question, and another persona may answer otherwise."""
    assert asked("Continue.", "") == [None, None]
    question = "Which plan costs least per month?"
    assert asked(question, system="You are a pirate.") != asked(question, system="You are a lawyer.")
    assert asked(question, system="You are a pirate.") == asked(question, system="You are a pirate.")


@pytest.mark.parametrize(
    ("question", "one", "other", "kind"),
    [
        ("Is the shop open on Sunday?", "Yes, until six.", "No, it is closed.", "yes_no"),
        ("How long is the warranty?", "It lasts 24 months.", "You have 36 months.", "numbers"),
        ("How long is the warranty?", "It lasts 24 months.", "24 months, or 2 years.", None),
        ("How much is it?", "It costs 1,200 dollars.", "The price is 1200.", None),
        ("How much is it?", "It costs $1,000.50.", "The price is 1000.5 dollars.", None),
        ("How much is it?", "It costs 1,000,000.00 dollars.", "The price is 1000000.", None),
        ("How much is it?", "It costs 1,000,000 dollars.", "It costs 2,000,000 dollars.", "numbers"),
        ("How much is it?", "It costs 10 dollars.", "It costs 100 dollars.", "numbers"),
        ("On which day?", "On the 05th.", "On the 5th.", None),
        ("Can I pay by card?", "No problem! You can pay by card.", "Yes, you can pay by card.", None),
        ("Can I pay by card?", "No problem! Yes, you can.", "No, you cannot.", "yes_no"),
        ("可以退货吗？", "可以，三十天内。", "不可以，拆封后不能。", "yes_no"),
        ("返品できますか？", "はい、できます。", "いいえ、できません。", "yes_no"),
        ("Can I pay by card?", "Ja, gerne.", "Nee, alleen contant.", "yes_no"),
        ("Who wrote Faust?", "Goethe wrote it.", "Christopher Marlowe, an Englishman.", "dissimilar"),
        ("Who wrote Faust?", "Goethe.", "It was written by Johann Wolfgang von Goethe.", None),
        ("Write a poem about the sea.", "Waves roll.", "Salt upon my lips tonight.", None),
    ],
)
def test_how_answers_disagree(question: str, one: str, other: str, kind: str | None) -> None:
    """By what can be pointed at; a short answer within a long one is no contradiction, and open tasks differ by right."""
    said = answers(frame(*([("user", question), ("assistant", answer)] for answer in (one, other))))
    found = disagreement(candidate_pairs(pl.Series([0, 0]).to_numpy(), pl.Series([0, 1]).to_numpy()), said, 0.1)
    assert [KINDS[code - 1] if code else None for code in found] == [kind]


def test_candidates_are_one_pair_for_each_two_answers() -> None:
    """Repeats of an answer add nothing, prompts apart stay apart, and a large group costs less than its square."""
    node, said = pl.Series([0, 0, 0, 1, 1, -1]).to_numpy(), pl.Series([5, 6, 5, 5, 5, 7]).to_numpy()
    assert candidate_pairs(node, said).tolist() == [[0, 1]]
    many = 1000
    pairs = candidate_pairs(pl.Series([0] * many).to_numpy(), pl.Series(range(many)).to_numpy())
    assert {row for one in pairs.tolist() for row in one} == set(range(many))
    assert len(pairs) < many * BUCKET
    assert len(candidate_pairs(pl.Series([], dtype=pl.Int64).to_numpy(), pl.Series([], dtype=pl.Int64).to_numpy())) == 0


RECIPE = """\
name: small
sources: {rows: {path: rows.jsonl, format: messages, date: day}}
contradictions: {drop: DROP}
split: {train: 1}
"""
ROWS = [
    pair("Is the shop in town open on Sunday?", "Yes, it is open.", day="2024-01-01"),
    pair("Could you tell me if the shop in town is open on Sunday?", "No, it is closed.", day="2025-01-01"),
    pair("Is the shop in town open on Monday?", "No, never.", day="2024-01-01"),
    pair("Please name the tallest mountain in the world.", "Mount Everest.", day="2024-01-01"),
    pair("Name the tallest mountain in the world!", "Kilimanjaro rises above them all.", day="2024-01-01"),
    {"messages": [turn("user", "Nobody answers this question ever, does anybody?"), turn("assistant", "Yes.")], "day": "2024-01-01"},
]


@pytest.mark.parametrize(
    ("drop", "fates"),
    [
        ("none", ["kept"] * 6),
        ("older", ["dropped", *["kept"] * 5]),
        ("both", ["dropped", "dropped", "kept", "dropped", "dropped", "kept"]),
    ],
)
def test_through_the_build(project: Project, drop: str, fates: list[str]) -> None:
    """Both of a pair are named in the ledger with each other; `drop` decides who goes, and `why` shows the other."""
    project.write({"rows.jsonl": ROWS, "recipes/small.yaml": RECIPE.replace("DROP", drop)})
    ran = project.run("recipe=small")
    assert ran.code == 0, ran.err
    ledger = project.ledger()
    assert ledger["fate"].to_list() == fates
    assert set(ledger["reason"].drop_nulls()) == ({"contradicted"} if drop != "none" else set())
    ids = ledger["id"].to_list()
    assert ledger["contradicts"].to_list() == [ids[1], ids[0], None, ids[4], ids[3], None]
    assert ledger["contradiction"].to_list() == ["yes_no", "yes_no", None, "dissimilar", "dissimilar", None]
    assert ("another record answers otherwise" in " ".join(project.manifest()["warnings"])) == (drop != "both")
    told = project.run("why", "recipe=small", ids[0]).out
    assert f"{ids[1]} answers the same prompt otherwise (yes_no)" in told
    assert "No, it is closed." in told


def test_a_filtered_record_contradicts_nobody(project: Project) -> None:
    """Only records that would be kept are compared; and the pairs are found in the cache when the filter changes."""
    recipe = RECIPE.replace("DROP", "both") + "filters: {response_chars: {min: 17}}\n"
    project.write({"rows.jsonl": ROWS, "recipes/small.yaml": recipe})
    assert project.run("recipe=small").code == 0
    assert project.ledger()["contradicts"].null_count() == len(ROWS)


POLITE = "You are the shop's assistant. "
STYLES = [
    {"messages": [turn("system", system), turn("user", f"{question} number {n}?"), turn("assistant", answer)], "day": f"202{n}-01-01"}
    for n, (system, question, answer) in enumerate(
        [
            (POLITE + "Always answer in bullet points.", "Which hats are red in room", "- The cap."),
            (POLITE.upper() + "Never use lists!", "Where do the blue hats hang in room", "On the rack."),
            ("You are a pirate. Never use lists.", "Where do pirates hang hats in room", "On the mast."),
            (POLITE + "Always use bullet points. Never use lists.", "What is it that hats cost in room", "Much."),
            (POLITE, "Who made the green hats of room", "Ann did."),
        ]
    )
]


@pytest.mark.parametrize(("drop", "lost"), [("none", []), ("older", [0]), ("both", [0, 1])])
def test_one_system_prompt_with_opposite_rules(project: Project, drop: str, lost: list[int]) -> None:
    """Two prompts that are the same but for a rule of style, asked for in one and forbidden in the other, are told as a pair;
    another persona, no rule, or a prompt that does both is no part of it."""
    project.write({"rows.jsonl": STYLES, "recipes/small.yaml": RECIPE.replace("drop: DROP", f"drop_style: {drop}")})
    ran = project.run("recipe=small")
    assert ran.code == 0, ran.err
    ledger = project.ledger()
    ids = ledger["id"].to_list()
    assert ledger["contradicts"].to_list() == [ids[1], ids[0], None, None, None]
    assert ledger["contradiction"].to_list() == ["style_bullets", "style_bullets", None, None, None]
    assert ledger.filter(pl.col("fate") != "kept")["row"].to_list() == lost
    warned = " ".join(project.manifest()["warnings"])
    assert ("have a system prompt that gives opposite rules of style elsewhere" in warned) == (drop != "both")
    assert f"{ids[1]} gives opposite rules in the same system prompt (style_bullets)" in project.run("why", "recipe=small", ids[0]).out


@pytest.mark.parametrize("drop", ["none", "both"])
def test_a_pair_is_told_though_dedup_removes_one(project: Project, drop: str) -> None:
    """Nearly equal rows with opposite answers are a contradiction that a person wants to see; the one that stays has nobody
    left to contradict it, so it is not dropped."""
    long = "the shop in the old town next to the bridge over the river where the red and the blue hats hang open on Sunday"
    rows = [pair(f"Is {long}?", f"{said}, {long} from nine to six.", day="2024-01-01") for said in ("Yes", "No")]
    recipe = RECIPE.replace("DROP", drop) + "dedup: {near: {threshold: 0.7}}\n"
    project.write({"rows.jsonl": rows, "recipes/small.yaml": recipe})
    assert project.run("recipe=small").code == 0
    ledger = project.ledger()
    assert sorted(ledger["fate"]) == ["dropped", "kept"]
    assert ledger["reason"].drop_nulls().to_list() == ["near_duplicate"]
    assert ledger["contradicts"].to_list() == ledger["id"].to_list()[::-1]
    assert set(ledger["contradiction"]) == {"yes_no"}
