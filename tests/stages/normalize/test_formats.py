"""Laws of the formats whose raw rows a reader puts together, and of plain text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from datasetbuild.errors import RecipeError
from tests.conftest import Project

Turns = Callable[..., list[dict[str, Any]]]
Fault = Callable[..., tuple[str, str]]
Frames = Callable[..., tuple[pl.DataFrame, pl.DataFrame]]


def table(*turns: tuple[str, str], **more: Any) -> dict[str, Any]:
    return {"conversation": "7", "turns": [{"who": who, "said": said, **more} for who, said in turns]}


CHAT = {
    "format": "chat_table",
    "conversation": "ticket",
    "role": "who",
    "text": "said",
    "roles": {"customer": "user", "agent": "assistant"},
}


def test_chat_table(turns: Turns) -> None:
    """Turns have their roles by the table's map; other columns, such as `name`, are no part of a turn."""
    row = table(("customer", "Hello"), ("agent", "Hi!"), name="Ann", weight="x")
    assert turns(row, **CHAT) == [{"role": "user", "content": "Hello"}, {"role": "assistant", "content": "Hi!"}]


def test_chat_table_skips_and_joins(turns: Turns) -> None:
    """Rows of some roles are no turns; turns of one role that follow one another can become one."""
    row = table(("customer", "a"), ("note", "-"), ("customer", "b"), ("agent", "c"))
    assert [turn["content"] for turn in turns(row, **CHAT, skip=["note"])] == ["a", "b", "c"]
    assert [turn["content"] for turn in turns(row, **CHAT, skip=["note"], join="\n")] == ["a\nb", "c"]


def test_chat_table_faults(fault: Fault) -> None:
    """A fault says which turn, and how to map it."""
    assert fault(table(("bot1", "a")), **CHAT) == (
        "unknown_role",
        "turns[0].role: 'bot1' is not a known role (system, developer, human, user, prompter, assistant, gpt, bot, "
        "chatgpt, model, bing, bard, tool, function, observation, function_response, function_call, customer, agent). "
        "Map it with `roles`.",
    )
    reason, detail = fault(table(("customer", "a")), **{**CHAT, "text": "says"})
    assert (reason, detail) == ("missing_field", "row has no field 'says'; it has: who, said. Name it with `text`.")
    assert fault(table(("customer", ""), ("agent", "a")), **CHAT)[0] == "empty_content"


def test_completion(turns: Turns, frames: Frames, fault: Fault) -> None:
    """Plain text is one assistant turn, trained whole: no user is asked for, and no system is put before it."""
    assert turns({"text": "Once."}, format="completion") == [{"role": "assistant", "content": "Once."}]
    assert (
        turns({"body": "Once."}, format="completion", columns={"text": "body"}, system="Be.")[0]["role"] == "assistant"
    )
    assert fault({"text": " "}, format="completion")[0] == "empty_content"
    assert fault({"text": None}, format="completion") == ("wrong_type", "text: expected a string, found null")


def question(**more: Any) -> dict[str, Any]:
    return {
        "context": "Tea came from China.",
        "question": "Where from?",
        "answers": [{"text": "China"}, {"text": "the East"}, {"text": "the East"}],
        **more,
    }


@pytest.mark.parametrize(
    ("answer", "said"), [("first", "China"), ("most_frequent", "the East"), ("longest", "the East")]
)
@pytest.mark.parametrize("shape", ["objects", "hub", "texts"])
def test_squad(turns: Turns, shape: str, answer: str, said: str) -> None:
    """Context and question are the user's turn, the chosen answer the assistant's, whatever shape the answers have."""
    row = question()
    texts = [one["text"] for one in row["answers"]]
    row["answers"] = {"objects": row["answers"], "hub": {"text": texts, "answer_start": [0, 1, 1]}, "texts": texts}[
        shape
    ]
    assert turns(row, format="squad", answer=answer) == [
        {"role": "user", "content": "Tea came from China.\n\nWhere from?"},
        {"role": "assistant", "content": said},
    ]


def test_squad_prompt_and_columns(turns: Turns) -> None:
    """The prompt is a template of all fields; the fields may have other names."""
    row = {"title": "Tea", "text": "c", "ask": "q", "gold": "a"}
    columns = {"context": "text", "question": "ask", "answers": "gold"}
    found = turns(row, format="squad", columns=columns, prompt="{{ title }}: {{ context }} {{ question }}")
    assert [turn["content"] for turn in found] == ["Tea: c q", "a"]


@pytest.mark.parametrize("row", [question(is_impossible=True), question(answers=[]), question(answers={"text": []})])
def test_squad_without_an_answer(turns: Turns, fault: Fault, row: dict[str, Any]) -> None:
    """A question without an answer is left out, or answered as the source says."""
    assert fault(row, format="squad") == ("not_selected", "the question has no answer, and `unanswerable` is null")
    assert turns(row, format="squad", unanswerable="Unknown.")[1]["content"] == "Unknown."


def test_squad_faults(fault: Fault) -> None:
    """What is no answer is a fault with its place."""
    assert fault(question(answers=7), format="squad") == (
        "wrong_type",
        "answers: expected a list of answers, found a number",
    )
    assert (
        fault(question(answers=[{}]), format="squad")[1]
        == "answers[0]: expected an answer with a `text`, found an object"
    )
    with pytest.raises(RecipeError, match="not a template"):
        fault(question(), format="squad", prompt="{{")


def test_groups(frames: Frames) -> None:
    """Threads of one tree, and questions on one text, are a group, unless the source names another."""
    rows = [question(), question(question="Why?"), question(context="Coffee.")]
    groups = frames(*rows, format="squad")[0]["group"].to_list()
    assert groups[0] == groups[1] != groups[2]
    assert frames(*rows, format="squad", group="question")[0]["group"][1] == "Why?"
    thread = {"message_tree_id": "t", "thread": [{"role": "prompter", "text": "u"}, {"role": "assistant", "text": "a"}]}
    assert frames(thread, format="oasst")[0]["group"].to_list() == ["t"]


def test_oasst(turns: Turns) -> None:
    """A thread's roles are mapped; an answer that another thread trains has weight 0."""
    thread = [("prompter", "u", None), ("assistant", "a", 0.0), ("prompter", "v", None), ("assistant", "b", None)]
    row = {
        "message_tree_id": "t",
        "thread": [
            {"message_id": "m", "role": role, "text": text, "lang": "en"}
            | ({} if weight is None else {"weight": weight})
            for role, text, weight in thread
        ],
    }
    assert turns(row, format="oasst") == [
        {"role": "user", "content": "u"},
        {"role": "assistant", "content": "a", "weight": 0.0},
        {"role": "user", "content": "v"},
        {"role": "assistant", "content": "b"},
    ]


def test_documents_are_not_trained(fault: Fault) -> None:
    """A document is no conversation, and the fault says what to write instead."""
    reason, detail = fault({"text": "a"}, format="documents")
    assert reason == "no_assistant_turn"
    assert "`format: completion` trains on the text itself" in detail


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_has_three_names(turns: Turns, name: str) -> None:
    """Thinking under any of its names is kept; inside the content it stays there; what is no text is another key."""
    user = {"role": "user", "content": "u"}
    found = turns({"messages": [user, {"role": "assistant", "content": "<think>x</think>a", name: "because"}]})
    assert found[1] == {"role": "assistant", "content": "<think>x</think>a", "reasoning_content": "because"}
    if name == "thinking":
        assert turns({"messages": [user, {"role": "assistant", "content": "a", name: False}]})[1] == {
            "role": "assistant",
            "content": "a",
        }


def test_rows_left_out_are_dropped(project: Project) -> None:
    """In a build, what a source leaves out by its own settings is dropped with reason and counted, and needs no
    `on_bad_row`; `why` says the sentence."""
    tree = {
        "message_tree_id": "t",
        "prompt": {
            "message_id": "t",
            "role": "prompter",
            "text": "Why?",
            "replies": [
                {"message_id": "a", "role": "assistant", "text": "So it is.", "rank": 0, "replies": []},
                {"message_id": "b", "role": "assistant", "text": "Never mind.", "rank": 1, "replies": []},
            ],
        },
    }
    recipe = "name: small\nsources:\n  s: {path: t.jsonl, format: oasst, top_k: 1}\n"
    recipe += "".join(f"  {name}: {{path: {name}.txt, format: completion}}\n" for name in "pq")
    project.write({"t.jsonl": [tree], "p.txt": "First page.", "q.txt": "Another page.", "recipes/small.yaml": recipe})
    done = project.run("build", "recipe=small")
    assert done.code == 0, done.err
    fates = project.ledger().select("source", "fate", "stage", "reason", "group").sort("source", "fate")
    assert fates.rows() == [
        ("p", "kept", None, None, None),
        ("q", "kept", None, None, None),
        ("s", "dropped", "read", "not_selected", None),
        ("s", "kept", None, None, "t"),
    ]
    assert (project.artifact() / "quarantine.jsonl").read_bytes() == b""
    told = project.run("why", "recipe=small", "Never mind.")
    assert "dropped, not_selected: message b has rank 1, `top_k` is 1" in told.out
