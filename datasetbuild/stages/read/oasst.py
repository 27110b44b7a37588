"""Message trees to threads: of every way from a first message to a last one, one raw row, and none of them lost.

A tree of n messages with t leaves gives t raw rows, kept or left out (`not_selected`) with the reason. A file row is a
whole tree, a thread, or one message of a tree; of the last kind all are held in memory until the file ends (the 88,838
messages of oasst1: 160 MB), since a reply may stand before its parent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from heapq import merge
from typing import Any, Literal, NamedTuple

import orjson

from datasetbuild.errors import RecordError
from datasetbuild.record import Reason
from datasetbuild.stages.read.parse import strict
from datasetbuild.stages.read.rows import Row

Node = dict[str, Any]
Leaves = Literal["trim", "drop", "keep"]
SharedPrefix = Literal["every", "once"]

CARRIED = ("message_id", "role", "text", "lang", "rank", "synthetic", "model_name", "labels")
"""What a raw row has of each message; the rest (user ids, events, emojis, replies) would only be repeated."""

SHAPES = {"tree": "a message tree", "thread": "a thread", "message": "a message"}


class Selection(NamedTuple):
    """Which threads a source takes, as `format: oasst` documents it."""

    leaves: Leaves = "trim"
    shared_prefix: SharedPrefix = "every"
    top_k: int | None = None
    languages: list[str] | None = None
    states: list[str] | None = None
    deleted: bool = False
    rejected: bool = False
    synthetic: bool = False


def threads(rows: Iterable[Row], selection: Selection) -> Iterator[Row]:
    """The threads of a file's rows, in the order of their first messages. Every file row is in at least one of them, or
    is a fault."""
    trained: set[str] = set()
    flat = _Messages()
    shape = None
    for row in rows:
        try:
            if row.fault:
                raise RecordError(*row.fault)
            value = strict(row.raw)
            found = _shape(value)
            if shape not in (None, found):
                raise RecordError(Reason.BAD_ROW, f"the file began with {SHAPES[shape]}, and this is {SHAPES[found]}")
            shape = found
            if shape == "message":
                flat.add(row, value)
            elif shape == "tree":
                yield from _of_tree(_tree(row.line, value), selection, trained)
            else:
                yield from _of_tree(_single(row.line, value), selection, trained)
        except RecordError as error:
            fault = row._replace(fault=(str(error.reason), error.detail))
            if shape == "message":
                flat.faults.append(fault)
            else:
                yield fault
    roots = flat.roots()  # finds the messages that no root leads to, too
    placed = (row for root in roots for row in _of_tree(root, selection, trained))
    yield from merge(sorted(flat.faults, key=_line), placed, key=_line)


class _Tree(NamedTuple):
    """A tree: its first message and the state it is in. A message without replies may have no list of them."""

    line: int
    name: str
    state: str | None
    root: Node


class _Messages:
    """Messages that stand one to a row, put together by `parent_id` when all have been seen.

    Held so that the garbage collector has little to visit: flat mappings, bytes and numbers, no object for each row.
    """

    def __init__(self) -> None:
        self._nodes: dict[str, Node] = {}
        self._lines: dict[str, int] = {}
        self._raws: dict[str, bytes] = {}
        self.faults: list[Row] = []

    def add(self, row: Row, node: Node) -> None:
        _checked(node, "the message")
        name = node["message_id"]
        if name in self._nodes:
            raise RecordError(Reason.BAD_ROW, f"message_id {name!r} stands in line {self._lines[name]} already")
        node.pop("replies", None)
        self._nodes[name], self._lines[name], self._raws[name] = node, row.line, row.raw

    def roots(self) -> list[_Tree]:
        """The trees, in the order of their first messages; what belongs to none becomes a fault."""
        roots = []
        for node in self._nodes.values():
            parent = node.get("parent_id")
            if parent is None:
                roots.append(node)
            elif parent in self._nodes:
                self._nodes[parent].setdefault("replies", []).append(node)
        placed = {name for root in roots for name in _ids(root)}
        for name, node in self._nodes.items():
            if name not in placed:
                detail = f"no way leads from a first message to it: its parent_id {node['parent_id']!r} "
                known = node["parent_id"] in self._nodes
                detail += "has none either" if known else "is not in the file"
                self.faults.append(Row(self._lines[name], self._raws[name], (Reason.BAD_ROW.value, detail)))
        return [
            _Tree(
                line=self._lines[root["message_id"]],
                name=str(root.get("message_tree_id") or root["message_id"]),
                state=root.get("tree_state"),
                root=root,
            )
            for root in roots
        ]


def _line(row: Row) -> int:
    return row.line


def _shape(value: Any) -> str:
    if type(value) is dict:
        if "thread_id" in value or "thread" in value:
            return "thread"
        if "prompt" in value:
            return "tree"
        if "message_id" in value:
            return "message"
    raise RecordError(
        Reason.BAD_ROW, "the row is no tree (`prompt`), no thread (`thread`) and no message (`message_id`)"
    )


def _tree(line: int, value: Node) -> _Tree:
    root = value["prompt"]
    stack = [(root, "prompt")]
    while stack:
        node, path = stack.pop()
        _checked(node, path)
        replies = node.get("replies") or []
        if type(replies) is not list:
            raise RecordError(Reason.WRONG_TYPE, f"{path}.replies: expected an array")
        stack += [(reply, f"{path}.replies[{index}]") for index, reply in enumerate(replies)]
    name = value.get("message_tree_id") or root["message_id"]
    return _Tree(line, str(name), value.get("tree_state"), root)


def _single(line: int, value: Node) -> _Tree:
    """A thread as a tree without branches."""
    messages = value.get("thread")
    if type(messages) is not list or not messages:
        raise RecordError(Reason.WRONG_TYPE, "thread: expected an array of messages that is not empty")
    for index, node in enumerate(messages):
        _checked(node, f"thread[{index}]")
    for node, reply in zip(messages, [*messages[1:], None], strict=True):
        node["replies"] = [reply] if reply else []
    name = value.get("message_tree_id") or messages[0]["message_id"]
    return _Tree(line, str(name), value.get("tree_state"), messages[0])


def _checked(node: Any, path: str) -> None:
    for field in ("message_id", "role", "text"):
        if type(node) is not dict or type(node.get(field)) is not str:
            raise RecordError(Reason.WRONG_TYPE, f"{path}: expected an object with a `{field}` that is a string")


def _of_tree(tree: _Tree, selection: Selection, trained: set[str]) -> Iterator[Row]:
    """A raw row for every leaf of a tree. trained: ids of answers that have been trained on, in this file, so far."""
    ways = [(way, *_selected(way, tree.state, selection)) for way in _ways(tree.root)]
    inside = {id(node) for _, thread, _ in ways for node in thread[:-1]}
    ends: set[int] = set()
    for way, thread, why_not in ways:
        if not why_not and (id(thread[-1]) in inside or id(thread[-1]) in ends):
            why_not = "its turns, as far as they are taken, stand in another thread of the tree"
        if why_not:
            yield Row(tree.line, _raw(tree, way, set()), (Reason.NOT_SELECTED.value, why_not))
            continue
        ends.add(id(thread[-1]))
        repeated = set()
        if selection.shared_prefix == "once":
            answers = [node for node in thread if node["role"] == "assistant"]
            repeated = {id(node) for node in answers if node["message_id"] in trained}
            trained.update(node["message_id"] for node in answers)
            if len(repeated) == len(answers):
                detail = "every answer in it is trained in another thread"
                yield Row(tree.line, _raw(tree, way, set()), (Reason.NOT_SELECTED.value, detail))
                continue
        yield Row(tree.line, _raw(tree, thread, repeated))


def _ways(root: Node) -> Iterator[list[Node]]:
    """Every way from the first message to a leaf, depth first, replies in their order."""
    way: list[Node] = []
    stack = [(root, 0)]
    while stack:
        node, depth = stack.pop()
        del way[depth:]
        way.append(node)
        replies = node.get("replies")
        if replies:
            stack += [(reply, depth + 1) for reply in reversed(replies)]
        else:
            yield way[:]


def _selected(way: list[Node], state: str | None, selection: Selection) -> tuple[list[Node], str | None]:
    """What is taken of a way, and why nothing is, if nothing is."""
    if selection.states is not None and state is not None and state not in selection.states:
        return [], f"tree_state {state!r} is not in `states` ({', '.join(selection.states)})"
    taken = list(way)
    cut = None
    for index, node in enumerate(way):
        alone = index == 0 or len(way[index - 1].get("replies") or ()) < 2
        if cut := _left_out(node, alone, selection):
            taken = way[:index]
            break
    while selection.leaves == "trim" and taken and taken[-1]["role"] != "assistant":
        taken.pop()
    if not any(node["role"] == "assistant" for node in taken):
        return [], cut or "no assistant answers in it"
    if selection.leaves == "drop" and taken[-1]["role"] != "assistant":
        return [], f"it ends on a {taken[-1]['role']}" + (f", since {cut}" if cut else "")
    return taken, None


def _left_out(node: Node, alone: bool, selection: Selection) -> str | None:
    """Why a message, and all below it, is not taken."""
    name = f"message {node['message_id'][:13]}"
    if node.get("deleted") and not selection.deleted:
        return f"{name} is deleted"
    if node.get("review_result") is False and not selection.rejected:
        return f"{name} was rejected in review"
    if node.get("synthetic") and not selection.synthetic:
        return f"{name} is synthetic"
    if selection.languages is not None and node.get("lang") not in selection.languages:
        return f"{name} is in language {node.get('lang')!r}"
    if selection.top_k is not None and node["role"] == "assistant":
        rank = node.get("rank")
        if rank is None and not alone:
            return f"{name} has no rank among its siblings"
        if rank is not None and rank >= selection.top_k:
            return f"{name} has rank {rank:g}, `top_k` is {selection.top_k}"
    return None


def _raw(tree: _Tree, thread: list[Node], repeated: set[int]) -> bytes:
    turns = []
    for node in thread:
        turn = {name: node[name] for name in CARRIED if node.get(name) is not None}
        if "labels" in turn:
            turn["labels"] = _labels(turn["labels"])
        if id(node) in repeated:
            turn["weight"] = 0.0
        turns.append(turn)
    value = {"message_tree_id": tree.name, "tree_state": tree.state, "thread": turns}
    return orjson.dumps(value)


def _labels(labels: Any) -> Any:
    """{name: value}, from {name: {value, count}} of the trees or {name: [...], value: [...]} of the Hub."""
    if type(labels) is dict and type(labels.get("name")) is list and type(labels.get("value")) is list:
        return dict(zip(labels["name"], labels["value"], strict=False))
    if type(labels) is dict:
        return {name: one.get("value") if type(one) is dict else one for name, one in labels.items()}
    return labels


def _ids(root: Node) -> Iterator[str]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node["message_id"]
        stack += node.get("replies") or ()
