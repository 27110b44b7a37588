"""Names of persons by a spaCy model: a tiny one that the test itself trains, masked, hashed, dropped and flagged end to end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Project

FIRST = ("Ada", "Grace", "Alan", "Edsger", "Barbara", "Zoë", "Linus", "Margaret", "Donald", "Radia", "Ken", "Frances")
LAST = ("Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Müller", "Torvalds", "Hamilton", "Knuth", "Perlman", "Thompson", "Allen")
SAID = ("My name is {}.", "{} wrote to us in May.", "Please call {} back today.", "I spoke with {} about the lamp.", "This is {}, good morning.", "🎉 {} won, says {}.")
PLAIN = ("The lamp does not work.", "Please send it again in May.", "I spoke about the invoice.", "Turing is also a street.", "Good morning, this is broken.")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spaCy pipeline with nothing but `ner`, trained on made-up sentences for a few seconds, as `nlp.to_disk` writes it."""
    spacy = pytest.importorskip("spacy", reason="spaCy (the extra `names`) is not installed")
    from spacy.training import Example

    spacy.util.fix_random_seed(0)
    nlp = spacy.blank("en")
    nlp.add_pipe("ner").add_label("PERSON")
    examples = []
    for n, first in enumerate(FIRST):
        for m, last in enumerate(LAST):
            sentence, name = SAID[(n + m) % len(SAID)], f"{first} {last}"
            text = sentence.replace("{}", name)
            spans = [(i, i + len(name), "PERSON") for i in range(len(text)) if text.startswith(name, i)]
            examples.append(Example.from_dict(nlp.make_doc(text), {"entities": spans}))
    examples += [Example.from_dict(nlp.make_doc(text), {"entities": []}) for text in PLAIN * 8]
    optimizer = nlp.initialize(lambda: examples)
    for step in range(60):
        nlp.update([examples[(step * 7 + n * 11) % len(examples)] for n in range(24)], sgd=optimizer, drop=0.1)
    folder = tmp_path_factory.mktemp("model") / "persons"
    nlp.to_disk(folder)
    return folder


ROWS: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "🎉🎉 My name is Ada Lovelace. Please call Grace Hopper back today."}, {"role": "assistant", "content": "I spoke with Ada Lovelace about the lamp."}]},
    {"messages": [{"role": "user", "content": "My name is Ada Lovelace."}, {"role": "assistant", "content": "Good morning, this is broken."}]},
    {"messages": [{"role": "user", "content": "The lamp does not work."}, {"role": "assistant", "content": "Please send it again in May."}]},
]  # fmt: skip


def built(project: Project, model: Path, action: str) -> list[list[str]]:
    """The texts of the rows that are kept, in the order of the input."""
    if not (project.folder / "models").exists():
        shutil.copytree(model, project.folder / "models/persons")
    recipe = {
        "name": "small",
        "sources": {"a": {"path": "a.jsonl", "format": "messages"}},
        "clean": {"pii": {"name": action, "names_model": "models/persons"}},
        "split": {"train": 1.0, "validation": None},
        "dedup": {"exact": None},
    }
    project.write({"a.jsonl": ROWS, "recipes/small.yaml": json.dumps(recipe)})
    ran = project.run("recipe=small")
    assert ran.code == 0, ran.err
    data = project.rows().join(project.ledger().select("id", "row"), on="id").sort("row")
    return [[turn["content"] for turn in turns] for turns in data["messages"].to_list()]


def test_masked(project: Project, model: Path) -> None:
    """One stand-in for one person within a conversation, and behind characters of four bytes the offsets are right."""
    assert built(project, model, "mask") == [
        ["🎉🎉 My name is [NAME_1]. Please call [NAME_2] back today.", "I spoke with [NAME_1] about the lamp."],
        ["My name is [NAME_1].", "Good morning, this is broken."],
        ["The lamp does not work.", "Please send it again in May."],
    ]
    assert project.ledger()["cleaned"].to_list() == [["name masked"], ["name masked"], []]


def test_hashed(project: Project, model: Path) -> None:
    """The same person has one pseudonym in all conversations."""
    first, second, _ = built(project, model, "hash")
    name = second[0].removeprefix("My name is ").removesuffix(".")
    assert name.startswith("[NAME_")
    assert first[0].count(name) == first[1].count(name) == 1
    assert "Ada" not in str([first, second])


def test_dropped_and_flagged(project: Project, model: Path) -> None:
    """`drop` drops the records with names, `flag` changes nothing and notes them."""
    assert built(project, model, "drop") == [["The lamp does not work.", "Please send it again in May."]]
    assert project.ledger()["reason"].to_list() == ["pii", "pii", None]
    assert built(project, model, "flag") == [[turn["content"] for turn in row["messages"]] for row in ROWS]
    assert project.ledger()["cleaned"].to_list() == [["name flagged"], ["name flagged"], []]


def test_the_model_is_known_by_its_content(project: Project, model: Path) -> None:
    """Another place is the same key, other bytes are not; DVC watches the folder and the lock pins it."""
    built(project, model, "mask")
    key = project.manifest()["key"]
    assert project.run("lock").code == 0
    assert project.run("dvc", "sync").code == 0
    assert "models/persons" in (project.folder / "dvc.yaml").read_text()
    (project.folder / "models/persons").rename(project.folder / "models/moved")
    text = (project.folder / "recipes/small.yaml").read_text()
    project.write({"recipes/small.yaml": text.replace("persons", "moved")})
    assert "up to date" in project.run("plan", "recipe=small").out
    meta = json.loads((project.folder / "models/moved/meta.json").read_text())
    project.write({"models/moved/meta.json": json.dumps(meta | {"author": "another"})})
    assert "up to date" not in project.run("plan", "recipe=small").out
    assert project.run("recipe=small").code == 0
    assert project.manifest()["key"] != key


def test_a_model_without_persons(project: Project, model: Path) -> None:
    """A pipeline that finds no names is refused, since it would mask nothing and say nothing; so is a folder that is none."""
    import spacy

    (project.folder / "models").mkdir()
    spacy.blank("en").to_disk(project.folder / "models/persons")
    (project.folder / "models/other").mkdir()
    for name, message in (("persons", "none of its labels is PERSON"), ("other", "spaCy cannot load the model"), ("none", "there is no spaCy model models/none")):
        recipe = {"name": "small", "sources": {"a": {"path": "a.jsonl", "format": "messages"}}, "clean": {"pii": {"name": "mask", "names_model": f"models/{name}"}}}
        project.write({"a.jsonl": ROWS, "recipes/small.yaml": json.dumps(recipe)})
        ran = project.run("recipe=small")
        assert ran.code == 1
        assert message in ran.err
        assert "recipes/small.yaml:1" in ran.err
