"""Contradictions: the same question, and answers that do not agree. A model that learns both learns to guess.

Two prompts are the same when their content words are the same in the same order: letter case, punctuation, politeness and
function words aside, and words by their first six letters, so that "Could you tell me how I reset a password?" is "How do I
reset passwords?". A measure of overlap would not do: prompts that share a long instruction and differ in one word of the
input overlap by 95 % and ask different things.

The answers are compared by what can be pointed at: one says yes and the other no; both name numbers, and none in common;
they have few of their content words in common. The last is no proof: for open tasks, where answers differ by right, it is
not asked.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import lists
from datasetbuild.op import Bound, section
from datasetbuild.stages.annotate.kinds import task_category
from datasetbuild.stages.annotate.style import directions, given
from datasetbuild.stages.words import by_size, sequence_hashes, word_hashes

POLITE = (
    r"(?i)(?-u:\b)(?:please|kindly|thanks|thank you|hi|hello|hey|dear|could you|can you|would you|will you|"
    r"(?:tell me|let me know|i want to know|i would like to know|i'd like to know|do you know)(?: (?:if|whether))?|give me|help me|explain to me|"
    r"a|an|the|is|are|was|were|am|be|been|do|does|did|i|me|my|you|your|we|us|our|it|its|it's|this|that|these|those|of|in|on|at|to|for|"
    r"with|by|from|as|and|so|then|there|can|could|would|should|will|shall|may|might|have|has|had|exactly|actually|just|also)(?-u:\b)"
)
STEM = r"(\p{L}{6})[\p{L}\p{M}]+"
YES, NO = (
    rf"(?i)^\W*(?:{words})(?:\W|\z)"
    for words in (
        "yes|yeah|yep|correct|true|right|ja|oui|sí|si|да|نعم|はい|ええ|네|예|是|是的|对|對|可以|能|会|會",
        "no|nope|incorrect|false|wrong|nein|nee|nej|non|нет|لا|いいえ|아니요|아니오|不|不是|不对|不對|不可以|不能|不会|不會|没有|沒有",
    )
)
NEITHER = r"(?i)^\W*(?:no (?:problem|worries|doubt)|right[ -](?:click|hand|now))(?-u:\b)"
"""Openings that say neither yes nor no, although they begin as if."""

OPEN = ("roleplay", "brainstorm", "creative", "write", "chat", "rewrite")
"""Kinds of tasks whose answers differ by right."""

BUCKET, LEADERS = 64, 32
"""Answers to one prompt that are compared pair by pair; in larger groups each with the first LEADERS of them only."""

WORDS_AT_ONCE = 1 << 20
"""Words and numbers of both answers of all pairs that are compared together."""

KINDS = ("yes_no", "numbers", "dissimilar")
"""How two answers disagree; the first that fits is named."""

STYLE = "style_"
"""How two system prompts disagree: this, and the direction of style (`annotate.style.directions`)."""

SENTENCE = r"[^.!?\n]+[.!?]*"
ASKS = np.uint64(0x5555555555555555)
"""The bits of `annotate.style.given` that ask for something."""

Drop = Literal["none", "older", "both"]


@section("contradictions", version=5)
def contradictions(
    *,
    overlap: Annotated[float, Bound(ge=0, le=1)] = 0.1,
    min_words: Annotated[int, Bound(ge=1)] = 3,
    drop: Drop = "none",
    drop_style: Drop = "none",
) -> None:
    """Records of the same prompt, system message included, whose answers do not agree, and records of the same system prompt
    with opposite rules of style: each is named beside the other in the ledger (`contradicts`, `contradiction`), and
    dropped if the recipe says so.

    Looked for among all records that reach dedup, so that a pair is told even when dedup then removes one of the two; only
    records that stand after it, beside one that contradicts them, are dropped. `contradiction` is `yes_no` when one answer
    opens with yes and the other with no, `numbers` when both name numbers and have none in common, and `dissimilar` when
    they share too few words and no number. Open tasks (stories, ideas, role play) are compared for `yes_no` only. It is
    `style_bullets` and so on where no answers disagree and one system prompt asks for what another forbids (the directions
    of `style_rules`), both being the same but for the sentences that give such rules;
    prompts of nothing but rules are not compared.

    overlap: answers that share less than this of the content words of the shorter one are `dissimilar`; 0 never asks.
    min_words: prompts of fewer content words are left out: `Continue.` is no question.
    drop: `none` only reports, `older` drops of two the one with the earlier `date` (compared as text, so ISO dates; both
        stay when they have none), `both` drops both.
    drop_style: the same of records whose system prompts have opposite rules of style.
    """


def prompts(frame: pl.DataFrame, min_words: int) -> pl.DataFrame:
    """What says whether records are of one prompt. frame: the annotate frame of n records.

    Returns `prompt` and `answer` (Struct of two UInt64; the prompt null where it is too short, or nobody asks).
    """
    asked = _reduced(frame.select(pl.col("user").list.join("\n"))["user"])
    hashes, counts = word_hashes(asked)
    system = _sequence(frame.select(pl.col("system").list.join("\n"))["system"])
    high, low = sequence_hashes(hashes, counts)
    answer = _sequence(frame.select(pl.col("assistant").list.join("\n"))["assistant"])
    prompt = pl.DataFrame({"high": high ^ system[0], "low": low ^ system[1], "some": counts >= min_words})
    return prompt.select(
        pl.when("some").then(pl.struct("high", "low")).alias("prompt"),
        pl.DataFrame({"high": answer[0], "low": answer[1]}).to_struct("answer"),
    )


def conventions(frame: pl.DataFrame) -> pl.DataFrame:
    """What says whether records have one system prompt, and which rules of style it gives. frame: the annotate frame.

    Returns `rest` (Struct of two UInt64: the content words of the system turns without the sentences that give a rule; null
    where no word is left) and `rules` (UInt64, as `annotate.style.given`).
    """
    system = frame.select(pl.col("system").list.join("\n"))["system"]
    known = system.unique(maintain_order=True).to_frame().with_row_index("text")
    parted = known.select("text", pl.col("system").str.extract_all(SENTENCE)).explode("system", empty_as_null=False)
    plain = parted.filter(given(parted["system"]) == 0).group_by("text", maintain_order=True).agg(pl.col("system").str.join(" "))
    left = known.select("text").join(plain, on="text", how="left", maintain_order="left")["system"].fill_null("")
    hashes, counts = word_hashes(_reduced(left))
    high, low = sequence_hashes(hashes, counts)
    rest = pl.DataFrame({"high": high, "low": low, "some": counts > 0}).select(pl.when("some").then(pl.struct("high", "low")).alias("rest"))
    found = known.select("system").with_columns(rest["rest"], given(known["system"]).alias("rules"))
    return system.to_frame().join(found, on="system", how="left", maintain_order="left").select("rest", "rules")


def opposed_styles(pairs: NDArray[np.int64], rules: NDArray[np.uint64]) -> NDArray[np.int64]:
    """The first direction of style that one of each pair asks for and the other forbids, from 1, or 0. A prompt that does both
    takes no side. rules: of all records."""
    asks, forbids = rules & ASKS, (rules >> np.uint64(1)) & ASKS
    asks, forbids = asks & ~forbids, forbids & ~asks
    a, b = pairs.T
    opposed = (asks[a] & forbids[b]) | (forbids[a] & asks[b])
    found = np.zeros(len(pairs), np.int64)
    for number in range(len(directions()), 0, -1):
        found[(opposed >> np.uint64(2 * number - 2)) & np.uint64(1) > 0] = number
    return found


def answers(frame: pl.DataFrame) -> pl.DataFrame:
    """What answers are compared by: `polarity` (Int8: 1 yes, -1 no, 0 neither), `open` (whether the task is), and `numbers`
    and `words` (sorted distinct hashes of the numbers, and of the content words)."""
    said = frame.select(pl.col("assistant").list.join("\n"))["assistant"]
    opening = said.str.replace(NEITHER, "")
    return pl.DataFrame(
        {
            "polarity": opening.str.contains(YES).cast(pl.Int8) - opening.str.contains(NO).cast(pl.Int8),
            "open": task_category()(frame).is_in(OPEN),
            "numbers": _sets(_numbers(said)),
            "words": _sets(_reduced(said)),
        }
    )


def _numbers(text: pl.Series) -> pl.Series:
    """The numbers of each text, each as one word and in one spelling: `1,000,000.50` and `1000000.5` are the same."""
    for _ in range(2):  # two commas may share the digits between them, and matches do not overlap
        text = text.str.replace_all(r"(\d),(\d{3})", "${1}${2}")
    found = text.str.extract_all(r"\d+(?:\.\d+)?").list.join(" ")
    for zeros, without in ((r"(\.\d*[1-9])0+(?-u:\b)", "${1}"), (r"\.0+(?-u:\b)", ""), (r"(^| )0+(\d)", "${1}${2}")):
        found = found.str.replace_all(zeros, without)
    return found.str.replace_all(".", "_", literal=True)


def _reduced(text: pl.Series) -> pl.Series:
    """The content words: politeness and function words left out, the others cut to six letters."""
    return text.str.replace_all("’", "'", literal=True).str.replace_all(POLITE, " ").str.replace_all(STEM, "${1}")


def _sequence(text: pl.Series) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    return sequence_hashes(*word_hashes(text))


def _sets(text: pl.Series) -> pl.Series:
    hashes, counts = word_hashes(text)
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return lists("set", hashes, offsets).list.unique().list.sort()


def candidate_pairs(node: NDArray[np.int64], answer: NDArray[np.int64]) -> NDArray[np.int64]:
    """Pairs (i < j) of records of one prompt with different answers, one for each two answers. node, answer: numbers of
    equal prompts (-1: none) and of equal answers, in the order of their hashes, of n records. Returns (p, 2), sorted."""
    some = np.flatnonzero(node >= 0)
    packed = np.stack([node[some], answer[some], some])
    order = np.lexsort(packed[::-1])
    at, group, said = some[order], node[some][order], answer[some][order]
    fresh = np.ones(len(at), bool)
    fresh[1:] = (group[1:] != group[:-1]) | (said[1:] != said[:-1])
    at, group = at[fresh], group[fresh]  # one record for each answer to each prompt
    starts = np.flatnonzero(np.concatenate([[True], group[1:] != group[:-1]])) if len(group) else np.empty(0, np.int64)
    sizes = np.diff(np.append(starts, len(group)))
    position = np.arange(len(group)) - np.repeat(starts, sizes)
    partners = np.where(np.repeat(sizes, sizes) <= BUCKET, position, np.minimum(position, LEADERS))
    member = np.repeat(np.arange(len(group)), partners)
    nth = np.arange(len(member)) - np.repeat(np.cumsum(partners) - partners, partners)
    pairs = np.sort(np.stack([at[member], at[member - position[member] + nth]], axis=1), axis=1)
    return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]


def disagreement(pairs: NDArray[np.int64], said: pl.DataFrame, overlap: float) -> NDArray[np.uint8]:
    """How the answers of each pair disagree: the place in `KINDS` from 1, or 0. said: from `answers`; pairs: positions in it."""
    sizes = (said["numbers"].list.len() + said["words"].list.len()).to_numpy().astype(np.int64)
    blocks = by_size(sizes[pairs].sum(axis=1), WORDS_AT_ONCE)
    return np.concatenate([np.empty(0, np.uint8), *(_disagreement(pairs[block], said, overlap) for block in blocks)])


def _disagreement(pairs: NDArray[np.int64], said: pl.DataFrame, overlap: float) -> NDArray[np.uint8]:
    polarity, open_ = said["polarity"].to_numpy(), said["open"].to_numpy()
    a, b = pairs[:, 0], pairs[:, 1]
    closed = ~(open_[a] | open_[b])
    numbers, words = (_shared(pairs, said[name]) for name in ("numbers", "words"))
    found = np.zeros(len(pairs), np.uint8)
    found[closed & (words[1] > 0) & (words[0] < overlap * words[1]) & (numbers[0] == 0)] = 3
    found[closed & (numbers[1] > 0) & (numbers[0] == 0)] = 2
    found[polarity[a] * polarity[b] < 0] = 1
    return found


def _shared(pairs: NDArray[np.int64], sets: pl.Series) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Members that the sets of each pair have in common, and the size of the smaller one."""
    both = pl.DataFrame({"a": sets.gather(pairs[:, 0]), "b": sets.gather(pairs[:, 1])})
    counted = both.select(
        shared=pl.col("a").list.set_intersection("b").list.len(),
        least=pl.min_horizontal(pl.col("a").list.len(), pl.col("b").list.len()),
    )
    return counted["shared"].to_numpy().astype(np.int64), counted["least"].to_numpy().astype(np.int64)
