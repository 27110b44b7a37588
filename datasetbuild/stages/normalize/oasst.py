"""Format `oasst`: message trees of OpenAssistant and its kin, as threads."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Literal

from datasetbuild.op import Bound, source_format
from datasetbuild.record import Role
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Raw
from datasetbuild.stages.normalize.turns import Turns

READY = ["ready_for_export"]


@source_format(version=1)
def oasst(
    *,
    leaves: Literal["trim", "drop", "keep"] = "trim",
    shared_prefix: Literal["every", "once"] = "every",
    top_k: Annotated[int, Bound(ge=1)] | None = None,
    languages: list[str] | None = None,
    states: list[str] | None = READY,
    deleted: bool = False,
    rejected: bool = False,
    synthetic: bool = False,
    roles: dict[str, Role] | None = None,
) -> Callable[[Raw], Conversation]:
    """Message trees, threads, or flat messages of OpenAssistant, as its exports and the Hub (oasst1, oasst2) have them.

    {"message_tree_id": "t", "tree_state": "ready_for_export", "prompt": {"message_id": "t", "role": "prompter", "text":
    "Why?", "replies": [{"message_id": "a", "role": "assistant", "text": "So.", "rank": 0, "replies": []}, ...]}}
    {"thread_id": "a", "thread": [{"message_id": "t", "role": "prompter", "text": "Why?"}, {"message_id": "a", ...}]}
    {"message_id": "a", "parent_id": "t", "role": "assistant", "text": "So.", "lang": "en", "rank": 0, ...}

    Every way from a first message to one without replies is a row (a thread): {message_tree_id, tree_state, thread}. A
    message that is not taken takes everything below it along; a thread of which nothing new is left is dropped with
    reason not_selected. Threads of one tree are a `group`, unless the source names another. A file holds one of the
    three shapes, and whole trees: a message whose parent is not in the file is a fault.

    leaves: what becomes of a thread that ends on a prompter. trim: its end is cut off, down to the last answer, once
        for each answer and only where no other thread goes on from it. drop: it is left out. keep: it stays as it is.

    shared_prefix: every trains the turns that threads share in each of them. once trains an answer in the first thread
        (in the order of the file) that has it, and gives it weight 0 in the others; if a later stage drops that thread,
        the answer is trained nowhere.

    top_k: take answers with a rank below it (0 is the best). An answer without a rank is taken if it has no sibling.

    languages: take messages in these languages only, as `lang` has them; null takes all.

    states: take trees in these states only; null takes all. A tree that says none is taken.

    deleted: take deleted messages too.

    rejected: take messages too whose `review_result` is false.

    synthetic: take messages too that a model has written.

    roles: role names of the file that are not known already, each with the role that it means.
    """
    del leaves, shared_prefix, top_k, languages, states, deleted, rejected, synthetic  # the reader has used them
    reader = Turns(roles, {"role": "role", "content": "text"})

    def convert(row: Raw) -> Conversation:
        turns = [{name: turn[name] for name in ("role", "text", "weight") if name in turn} for turn in row["thread"]]
        return Conversation(reader.read(turns, "thread"), group=row["message_tree_id"])

    return convert
