"""Stock phrases, kinds of tasks and rules of style: hits that are meant, decoys that are not, and data held to versions."""

from __future__ import annotations

import hashlib

import pytest

from datasetbuild.op import find
from datasetbuild.stages.annotate.kinds import CATEGORIES, categories
from datasetbuild.stages.annotate.stock import PATTERNS
from tests.stages.annotate.conversations import values

HITS = {
    "refusals": [
        "I'm sorry, but I can't help with that.",
        "I am sorry, but as an AI language model, I cannot do this.",
        "Unfortunately, I cannot provide that information.",
        "I cannot assist with this request.",
        "As an AI, I do not have access to your files.",
        "Es tut mir leid, aber dabei kann ich nicht helfen.",
        "Je suis désolé, mais je ne peux pas répondre.",
        "Lo siento, pero no puedo ayudarte con eso.",
        "很抱歉，我无法回答这个问题。",
    ],
    "meta_talk": [
        "As an AI language model, I have no favourites.",
        "My knowledge cutoff is 2021.",
        "I was trained by OpenAI.",
        "I don't have personal opinions on this.",
        "Als KI-Sprachmodell habe ich keine Meinung.",
        "作为一个AI语言模型，我没有感情。",
    ],
    "sycophancy": [
        "What a great question! Paris.",
        "That's an excellent and thoughtful question. Paris.",
        "Great question! Paris.",
        "You're absolutely right. It is Paris.",
        "Thank you for your question. Paris.",
        "Das ist eine sehr gute Frage! Paris.",
        "C'est une excellente question. Paris.",
    ],
    "eager_openers": [
        "Sure!",
        "Certainly! Here is the list.",
        "Of course, I'd be happy to help.",
        "I'd be happy to help. Paris.",
        "Natürlich! Hier ist sie.",
        "Bien sûr ! Voici la liste.",
    ],
}
DECOYS = {
    "refusals": [
        "Penguins cannot fly.",
        "I'm sorry for your loss. The funeral is on Monday.",
        "You cannot return it after 30 days.",
        "We are sorry that it arrived late; we will send another one.",
        "The sorry state of the house did not help.",
    ],
    "meta_talk": [
        "A language model predicts the next token.",
        "Artificial intelligence is a field of computer science.",
        "He trained by running every morning.",
        "As an airline, we are liable.",
    ],
    "sycophancy": [
        "Sure!",
        "Certainly! Here is the list.",
        "Bien sûr ! Voici la liste.",
        "Great Britain is an island.",
        "A good question to ask in an interview is why the position is open.",
        "Surely it rains in May.",
        "Of course rights come with duties.",
        "The question is great.",
    ],
    "eager_openers": ["Surely it rains in May.", "Of course rights come with duties.", "Sure footing matters.", "What a great question! Paris."],
}


@pytest.mark.parametrize("fact", HITS)
def test_stock_phrases(fact: str) -> None:
    """Each phrase is found once, in any letter case; no decoy is."""
    assert values(fact, *(f"u: Hi | a: {one}" for one in HITS[fact])) == [1] * len(HITS[fact])
    assert values(fact, *(f"u: Hi | a: {one.upper()}" for one in HITS[fact] if one.isascii())) == [1] * sum(map(str.isascii, HITS[fact]))
    assert values(fact, *(f"u: Hi | a: {one}" for one in DECOYS[fact])) == [0] * len(DECOYS[fact])
    assert values(fact, f"u: {HITS[fact][0]} | a: No.") == [0]


@pytest.mark.parametrize(
    ("question", "category"),
    [
        ("Translate 'good morning' into French.", "translate"),
        ("Summarize this article in two sentences.", "summarize"),
        ("Write a Python function that reverses a list.", "code"),
        ("A train travels 60 km in 40 minutes. How far does it go in 2 hours?", "math"),
        ("Is the sentiment of this review positive or negative? I loved it.", "classify"),
        ("Extract all names from the text.", "extract"),
        ("Rewrite the sentence in the passive voice.", "rewrite"),
        ("Imagine you are a pirate. Describe your ship.", "roleplay"),
        ("You are a seasoned chef. Offer comfort to a guest.", "roleplay"),
        ("Give me five ideas for a birthday party.", "brainstorm"),
        ("Write a short poem about rain.", "creative"),
        ("Write an email to my landlord.", "write"),
        ("Explain photosynthesis.", "explain"),
        ("Who wrote Faust?", "question"),
        ("Hello there", "chat"),
        ("My parcel is lost", "other"),
        ("", "other"),
    ],
)
def test_task_category(question: str, category: str) -> None:
    """The category of a plain case of each kind."""
    assert values("task_category", f"u: {question} | a: Yes.") == [category]


@pytest.mark.parametrize(
    ("question", "pair"),
    [
        ("Write a short story about a dog.", "write story"),
        ("Please give me three tips for staying healthy.", "give tips"),
        ("Can you explain the difference between a lake and a pond?", "explain difference"),
        ("You are a chef. Describe the perfect kitchen.", "describe kitchen"),
        ("What is the capital of France?", "what ?"),
        ("Given two ingredients, write a recipe for a cake.", "write recipe"),
        ("You will be required to write a few questions.", "write questions"),
        ("Summarize!", "summarize"),
        ("完成", "other"),
    ],
)
def test_verb_object(question: str, pair: str) -> None:
    """Verb and object of plain sentences; questions by their first word."""
    assert values("verb_object", f"u: {question} | a: Yes.") == [pair]


def test_difficulty_grows_with_what_is_asked() -> None:
    """0 for small talk; a long task with conditions, numbers, steps and code is harder than its beginning."""
    hard = "Write a function in 20 lines that must not use recursion, only loops, with at least 3 tests. " * 4
    talk, some, much = values(
        "difficulty", "u: Hi | a: Hello!", "u: Write at least 3 lines. | a: One.", f"u: {hard} | a: 1. first\n2. then\n```py\nx = 1\n```"
    )
    assert talk == 0
    assert talk < some < 0.3 < much <= 1


@pytest.mark.parametrize(
    ("system", "rules", "opposed"),
    [
        ("Always answer in bullet points. Never use bullet points.", "+bullets -bullets", 1),
        ("Always use bullet points.", "+bullets", 0),
        ("Never use lists or emojis. Be concise.", "-bullets -emoji +length", 0),
        ("Do not use emojis.", "-emoji", 0),
        ("Do not forget to use bullet points.", "+bullets", 0),
        ("Be brief. Give detailed answers.", "+length -length", 1),
        ("You are a helpful assistant.", "none", 0),
        ("Use short headings and no tables.", "+headings -tables", 0),
        ("Always reply in English. Never use headings.", "-headings +english", 0),
        ("Answer only in German. Reply in English.", "+english -english", 1),
    ],
)
def test_style_rules(system: str, rules: str, opposed: int) -> None:
    """What a system prompt asks for and forbids; what forbids is not taken for asking."""
    assert values("style_rules", f"s: {system} | u: Hi | a: Yes.") == [rules]
    assert values("opposed_rules", f"s: {system} | u: Hi | a: Yes.") == [opposed]


def test_no_system_prompt_no_rules() -> None:
    """Without a system turn there is nothing to contradict."""
    assert values("style_rules", "u: Never use lists. Always use bullet points | a: Yes.") == ["none"]


DATA: dict[str, tuple[tuple[str, ...], str, int]] = {
    "refusals": (("refusals",), "5bbb5d46bdd2", 1),
    "meta_talk": (("meta_talk",), "a69f5a8fc60f", 1),
    "sycophancy": (("sycophancy",), "3ef21e05eb7f", 2),
    "eager_openers": (("eager_openers",), "0198e43ebc5c", 1),
    "task_category": (("task_category",), "3f035e4eb546", 2),
    "style_rules": (("style_rules", "opposed_rules"), "577e7ebd8402", 2),
}


@pytest.mark.parametrize("name", DATA)
def test_a_changed_pattern_is_a_changed_version(name: str) -> None:
    """Patterns are part of their facts: whoever edits them raises the version, so that no cache answers for the old ones."""
    facts, digest, version = DATA[name]
    assert hashlib.sha256((PATTERNS / f"{name}.txt").read_bytes()).hexdigest().startswith(digest)
    assert {find("fact", fact).version for fact in facts} == {version}


def test_the_words_that_a_task_may_be() -> None:
    """A rule may name what the patterns can give, and nothing else."""
    assert {name for name, _ in categories()} <= set(CATEGORIES)
    assert find("fact", "task_category").values == CATEGORIES
