"""The laws hold where a raw row is not a row of its file: conservation, determinism, no leaks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from tests.conftest import Project

RECIPE = """name: small
sources:
  trees: {path: trees.jsonl, format: oasst, shared_prefix: once, key: thread.0.message_id}
  log: {path: log.tsv, format: chat_table, conversation: c, order: n, key: conversation,
        roles: {customer: user, agent: assistant}}
  questions: {path: squad.json, format: squad, key: id, on_bad_row: {max: 1}}
  pages: {path: page-*.txt, format: completion}
split: {train: 0.5, validation: 0.5}
"""


def files() -> dict[str, str]:
    """Sixty trees of three leaves, a log of sixty interleaved conversations, sixty questions, and pages."""
    trees, log, paragraphs = [], ["c\tn\trole\ttext"], []
    for n in range(60):
        answers = [
            {"message_id": f"a{n}.{k}", "role": "assistant", "text": f"answer {n} {k}", "rank": k, "replies": []}
            for k in range(2)
        ]
        more = [{"message_id": f"q{n}", "role": "prompter", "text": "?", "replies": []}]
        root = {"message_id": f"p{n}", "role": "prompter", "text": f"question {n}", "replies": answers}
        trees.append({"message_tree_id": f"p{n}", "prompt": root})
        answers[0]["replies"] = more
        qas = [{"id": f"s{n}.{k}", "question": f"ask {n} {k}?", "answers": [{"text": "yes"}] * k} for k in range(3)]
        paragraphs.append({"context": f"context {n}", "qas": qas})
    for number, role in enumerate(["customer", "agent", "customer", "agent"]):
        log += [f"{n}\t{number}\t{role}\t{role} {n} says {number}" for n in range(60)]
    paragraphs[7]["qas"].append({"id": "s7.x", "question": 7, "answers": []})
    return {
        "trees.jsonl": "\n".join(orjson.dumps(tree).decode() for tree in trees),
        "log.tsv": "\n".join(log),
        "squad.json": orjson.dumps({"data": [{"title": "t", "paragraphs": paragraphs}]}).decode(),
        "page-1.txt": "Once upon a time.",
        "page-2.txt": "There was a dataset.",
        "recipes/small.yaml": RECIPE,
    }


def built(project: Project, *words: str) -> dict[str, Any]:
    done = project.write(files()).run("build", "recipe=small", *words)
    assert done.code == 0, done.err
    return project.bytes()


def test_conservation_and_no_leaks(project: Project) -> None:
    """Every raw row has one fate; those of one tree and of one context stand in one split; plain pages do not count as
    repeats of one another."""
    built(project)
    ledger = project.ledger()
    counted = ledger.group_by("source", "fate", "reason").len().sort("source", "fate", "reason", nulls_last=True)
    assert counted.rows() == [
        ("log", "kept", None, 60),
        ("pages", "kept", None, 2),
        ("questions", "dropped", "not_selected", 60),
        ("questions", "kept", None, 120),
        ("questions", "quarantined", "wrong_type", 1),
        ("trees", "kept", None, 120),
    ]
    kept = ledger.filter(fate="kept").drop_nulls("group")
    assert kept.unique(["source", "group"]).height == 120
    assert kept.unique(["source", "group", "split"]).height == kept.unique(["source", "group"]).height


def test_shards_change_no_byte(new_project: Callable[[], Project]) -> None:
    """However small the shards, the artifact has the same bytes."""
    whole = built(new_project())
    cut = built(new_project(), "engine.shard_rows=7", "engine.shard_bytes=2000")
    assert cut == whole
