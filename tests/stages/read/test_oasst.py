"""Laws of message trees: every way to a leaf is one raw row, and what is left out says why."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from datasetbuild.stages.normalize.source import reader_options
from datasetbuild.stages.read.oasst import Selection, threads
from datasetbuild.stages.read.rows import Row

Node = dict[str, Any]
Rows = Callable[..., list[Any]]


def message(name: str, *replies: Node, **more: Any) -> Node:
    """A message whose role follows from its name: p1 is a prompter's, a1 an assistant's."""
    role = "prompter" if name.startswith("p") else "assistant"
    node = {"message_id": name, "role": role, "text": f"text of {name}", "lang": "en", **more}
    return node | {"replies": list(replies)}


def tree(root: Node, **more: Any) -> Node:
    return {"message_tree_id": root["message_id"], "tree_state": "ready_for_export", "prompt": root, **more}


def flat(root: Node, parent: str | None = None) -> Iterator[Node]:
    """The messages of a tree, one by one, as the Hub has them."""
    own = {key: value for key, value in root.items() if key != "replies"}
    yield own | {"parent_id": parent, "tree_state": "ready_for_export"}
    for reply in root["replies"]:
        yield from flat(reply, root["message_id"])


def told(values: list[Any], **selection: Any) -> list[str]:
    """The raw rows in short: the messages of a thread, * behind those of weight 0, or why it is left out."""
    rows = [Row(line, orjson.dumps(value)) for line, value in enumerate(values, 1)]
    short = []
    for row in threads(rows, Selection(**{"states": ["ready_for_export"], **selection})):
        if row.fault:
            short.append(f"{row.fault[0]}: {row.fault[1]}")
        else:
            turns = orjson.loads(row.raw)["thread"]
            short.append(" ".join(turn["message_id"] + ("*" if turn.get("weight") == 0 else "") for turn in turns))
    return short


BRANCHED = message("p1", message("a1", message("p2", message("a2")), message("p3", message("a3"))), message("a4"))


@pytest.mark.parametrize("shape", ["tree", "messages", "shuffled"])
def test_every_way_is_a_row(shape: str) -> None:
    """A tree gives a thread for each leaf, depth first, whether it comes whole or in messages, in whatever order."""
    values = {"tree": [tree(BRANCHED)], "messages": [*flat(BRANCHED)], "shuffled": [*flat(BRANCHED)][::-1]}[shape]
    wanted = ["p1 a1 p2 a2", "p1 a1 p3 a3", "p1 a4"]
    assert sorted(told(values)) == wanted
    if shape != "shuffled":
        assert told(values) == wanted


def test_threads_are_taken_as_they_are() -> None:
    """A row that is a thread gives that thread, or the reason why not."""
    turns = [message("p1"), message("a1"), message("p2")]
    assert told([{"thread_id": "p2", "thread": turns}]) == ["p1 a1"]
    assert told([{"thread_id": "p1", "thread": [message("p1")]}]) == ["not_selected: no assistant answers in it"]


TRAILING = message(
    "p1", message("a1", message("p2"), message("p3")), message("a2", message("p4", message("a3")), message("p5"))
)


@pytest.mark.parametrize(
    ("leaves", "wanted"),
    [
        ("trim", ["p1 a1", "again", "p1 a2 p4 a3", "again"]),
        ("drop", ["ends", "ends", "p1 a2 p4 a3", "ends"]),
        ("keep", ["p1 a1 p2", "p1 a1 p3", "p1 a2 p4 a3", "p1 a2 p5"]),
    ],
)
def test_leaves(leaves: str, wanted: list[str]) -> None:
    """A thread that ends on a prompter is trimmed once for each answer from which nothing goes on, dropped, or kept."""
    again = "not_selected: its turns, as far as they are taken, stand in another thread of the tree"
    ends = "not_selected: it ends on a prompter"
    assert told([tree(TRAILING)], leaves=leaves) == [{"again": again, "ends": ends}.get(one, one) for one in wanted]


def test_shared_prefix() -> None:
    """With `once`, an answer is trained in the first thread that has it, and has weight 0 in the others."""
    assert told([tree(BRANCHED)], shared_prefix="once") == ["p1 a1 p2 a2", "p1 a1* p3 a3", "p1 a4"]
    as_threads = [
        {"thread_id": "x", "thread": [message("p1"), message("a1"), *more]}
        for more in ([message("p2"), message("a2")], [])
    ]
    assert told(as_threads, shared_prefix="once")[1] == "not_selected: every answer in it is trained in another thread"


@pytest.mark.parametrize(
    ("fields", "selection", "why"),
    [
        ({"deleted": True}, {"deleted": True}, "is deleted"),
        ({"review_result": False}, {"rejected": True}, "was rejected in review"),
        ({"synthetic": True}, {"synthetic": True}, "is synthetic"),
        ({"rank": 2}, {"top_k": 3}, "has rank 2, `top_k` is 2"),
        ({"rank": None}, {"top_k": None}, "has no rank among its siblings"),
        ({"lang": "de"}, {"languages": ["en", "de"]}, "is in language 'de'"),
    ],
)
def test_a_message_takes_what_is_below_it_along(fields: Node, selection: dict[str, Any], why: str) -> None:
    """A message that is not taken ends its thread before it; what is left is a thread if it is new."""
    sibling = message("a9", rank=0)
    value = tree(message("p1", message("a1", message("p2", message("a2")), rank=0) | fields, sibling))
    given = {"top_k": 2, "languages": ["en"]}
    left_out, kept = told([value], **given)
    assert left_out.startswith("not_selected: message a1 ")
    assert left_out.endswith(why)
    assert kept == "p1 a9"
    assert told([value], **(given | selection))[0] == "p1 a1 p2 a2"


def test_states() -> None:
    """Trees in another state are left out; null takes them; a tree that says none is taken."""
    value = tree(message("p1", message("a1")), tree_state="growing")
    assert told([value]) == ["not_selected: tree_state 'growing' is not in `states` (ready_for_export)"]
    assert told([value], states=None) == ["p1 a1"]
    assert told([tree(message("p1", message("a1")), tree_state=None)]) == ["p1 a1"]


def test_faults_name_the_message() -> None:
    """What cannot be placed is a fault, at its own line, and takes nothing else along."""
    orphan = next(flat(message("a7"), "p7"))
    child = next(flat(message("p8"), "a7"))
    good = [*flat(message("p1", message("a1")))]
    assert told([orphan, *good, child, good[0], {"x": 1}, {"message_id": "m", "role": "assistant"}]) == [
        "bad_row: no way leads from a first message to it: its parent_id 'p7' is not in the file",
        "p1 a1",
        "bad_row: no way leads from a first message to it: its parent_id 'a7' has none either",
        "bad_row: message_id 'p1' stands in line 2 already",
        "bad_row: the row is no tree (`prompt`), no thread (`thread`) and no message (`message_id`)",
        "wrong_type: the message: expected an object with a `text` that is a string",
    ]
    broken = tree(message("p1", {"message_id": "a1", "role": "assistant"}))
    assert told([broken]) == ["wrong_type: prompt.replies[0]: expected an object with a `text` that is a string"]
    assert (
        told([tree(message("p1", message("a1"))), good[0]])[1]
        == "bad_row: the file began with a message tree, and this is a message"
    )


def test_labels_of_both_shapes() -> None:
    """Labels of the exports and of the Hub become {name: value}."""
    shapes = ({"quality": {"value": 0.5, "count": 3}}, {"name": ["quality"], "value": [0.5], "count": [3]})
    for labels in shapes:
        (row,) = threads([Row(1, orjson.dumps(tree(message("p1", message("a1", labels=labels)))))], Selection())
        assert orjson.loads(row.raw)["thread"][1]["labels"] == {"quality": 0.5}


def test_through_a_file(rows: Rows) -> None:
    """A file of trees is cut into shards of threads, each at the line of its tree."""
    options = {key: value for key, value in reader_options({"format": "oasst"}).items() if value is not None}
    content = "\n".join(orjson.dumps(tree(root)).decode() for root in (BRANCHED, message("p9", message("a9"))))
    found = rows("trees.jsonl", content, **options)
    assert [(row.line, row.reason) for row in found] == [(1, None), (1, None), (1, None), (2, None)]
    assert found[3].value["message_tree_id"] == "p9"


nodes = st.deferred(
    lambda: st.builds(
        lambda replies, **more: {"replies": replies, **more},
        st.lists(nodes, max_size=3),
        rank=st.none() | st.integers(0, 3),
        lang=st.sampled_from(["en", "de"]),
        deleted=st.booleans(),
    )
)


def _named(root: Node) -> Node:
    stack, count = [(root, "prompter")], 0
    while stack:
        node, role = stack.pop()
        node |= {"message_id": f"m{count}", "role": role, "text": "t"}
        count += 1
        stack += [(reply, "assistant" if role == "prompter" else "prompter") for reply in node["replies"]]
    return root


@settings(deadline=None, max_examples=70)
@given(
    nodes.map(_named),
    st.sampled_from(["trim", "drop", "keep"]),
    st.sampled_from(["every", "once"]),
    st.none() | st.integers(1, 3),
)
def test_conservation_and_shapes_agree(root: Node, leaves: str, shared: str, top_k: int | None) -> None:
    """As many rows as leaves; whole trees and their messages give the same threads; no thread is within another; and,
    with `once`, every answer that is taken is trained exactly once."""
    selection = {"leaves": leaves, "shared_prefix": shared, "top_k": top_k, "languages": ["en"]}
    from_messages = told([*flat(root)], **selection)
    from_tree = told([tree(root)], **selection)
    assert from_messages == from_tree
    count, stack = 0, [root]
    while stack:
        node = stack.pop()
        count += not node["replies"]
        stack += node["replies"]
    assert len(from_tree) == count
    kept = [one.replace("*", "").split() for one in from_tree if ":" not in one]
    assert not any(a != b and b[: len(a)] == a for a in kept for b in kept)
    roles = {node["message_id"]: node["role"] for node in flat(root)}
    if shared == "once":
        trained = [name for one in from_tree if ":" not in one for name in one.split() if not name.endswith("*")]
        answers = [name for name in trained if roles[name] == "assistant"]
        assert sorted(answers) == sorted({name for one in kept for name in one if roles[name] == "assistant"})
    if leaves != "keep":
        assert all(roles[one[-1]] == "assistant" for one in kept)
