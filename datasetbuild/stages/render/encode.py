"""Texts to token ids: fastokens where it agrees with `tokenizers`, and proof that the tokens spell the text.

`tokenizers` costs 10 CPU s per 100k conversations, fastokens 1.2. A keyed sample of every batch (1 text in 256, 8 at
least, chosen by the record's id or the text's own hash) goes through both; one difference, and the whole batch is done by `tokenizers`.
"""

from __future__ import annotations

import string
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import chain, pairwise
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import numpy as np
import orjson
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import sums, take
from datasetbuild.hashing import checksums
from datasetbuild.stages.render.tokenizer import TokenizerSpec

if TYPE_CHECKING:
    import pyarrow as pa

SAMPLE_EVERY = 256
SAMPLE_LEAST = 8
TOGETHER = 8
"""Texts that are encoded as one, which takes a fifth less. Of more, one letter beyond ASCII makes too many wide."""


@dataclass(frozen=True)
class Encoded:
    """Token ids of a batch of texts, flat: text i has `ids[bounds[i]:bounds[i + 1]]`.

    ids: int32. bounds: int64, one more than texts. warning: why the fast way was not taken, or None. encodings: what
    `tokenizers` gave, with offsets, where it did the batch. places: where each token begins in the bytes of all texts (one
    more than tokens), where it is known already that they spell them.
    """

    ids: NDArray[np.int32]
    bounds: NDArray[np.int64]
    warning: str | None = None
    encodings: list[Any] | None = None
    places: NDArray[np.int64] | None = None


class Encoder:
    """One tokenizer, loaded. `oracle` is a `tokenizers.Tokenizer`. refusal: why there is no `fast`, where it was asked for."""

    def __init__(self, spec: TokenizerSpec) -> None:
        from tokenizers import Tokenizer

        self.spec = spec
        self.oracle = Tokenizer.from_str(spec.json)
        self.oracle.no_truncation()
        self.oracle.no_padding()
        self.refusal: str | None = None
        self.pieces = Pieces(spec.json)
        self.together = not self.pieces.marked
        _loaded.add(self)

    @cached_property
    def fast(self) -> Any:
        """A `fastokens.Tokenizer`, or None; `forget_fast` lets go of it until the next text comes."""
        found, self.refusal = _fast(self.spec.json)
        return found

    def encode(self, texts: list[str], *, exact: bool = False, numbers: NDArray[np.uint32] | None = None) -> Encoded:
        """Ids of the texts, without special tokens added. `exact`: by the oracle alone. numbers: of each text,
        by which some are compared; their checksums without any."""
        if exact or self.fast is None or not texts:
            return self._slow(texts, None if exact else self.refusal)
        try:
            flat, offsets = self.fast.encode_batch_flat(texts)
        except Exception as error:  # fastokens raises its own and Rust's errors; the oracle has the last word on a text
            return self._slow(texts, f"fastokens failed ({error}); the batch was encoded by tokenizers")
        ids = np.frombuffer(flat, np.int32)
        bounds = np.frombuffer(offsets, np.int64)
        chosen = sample(np.array(checksums(texts), np.uint64) if numbers is None else numbers)
        if not self._agrees(ids, bounds, {i: texts[i] for i in chosen}):
            return self._slow(texts, "fastokens and tokenizers differ on a text of this batch; it was encoded by tokenizers")
        return Encoded(ids, bounds)

    def encode_rows(self, data: memoryview, bounds: NDArray[np.int64], numbers: NDArray[np.uint32]) -> Encoded | None:
        """The same for texts that lie one after the other, text i from `bounds[i]` on, several as one; None where that
        cannot be seen to be what `encode` gives.

        An added token cuts a text in two that are tokenized apart. So where a text begins with one (`Pieces.heads`), what stands
        before it changes nothing in it, nor it in what stands before; and tokens that spell all bytes say where each text begins.
        """
        import pyarrow as pa

        if not self.together or self.fast is None or not len(numbers) or not np.diff(bounds).all():
            return None
        edges = [*bounds[:-1:TOGETHER].tolist(), int(bounds[-1])]
        try:
            flat, _ = self.fast.encode_batch_flat([str(data[a:b], "utf-8") for a, b in pairwise(edges)])
        except Exception:  # `encode` says what is wrong
            return None
        ids = np.frombuffer(flat, np.int32)
        places, spelt = self.pieces.spell(ids)
        starts = np.searchsorted(places, bounds)
        apart = starts[-1] == len(ids) and (places[starts] == bounds).all() and self.pieces.heads[ids[starts[:-1]]].all()
        if not (apart and pa.py_buffer(spelt).equals(pa.py_buffer(data))):
            self.together = False  # the next texts will be no better
            return None
        chosen = {i: str(data[bounds[i] : bounds[i + 1]], "utf-8") for i in sample(numbers)}
        return Encoded(ids, starts, places=places) if self._agrees(ids, starts, chosen) else None

    def _agrees(self, ids: NDArray[np.int32], bounds: NDArray[np.int64], chosen: dict[int, str]) -> bool:
        """Whether these texts, by number, have the ids that the oracle gives them."""
        encodings = self.oracle.encode_batch_fast([*chosen.values()], add_special_tokens=False)
        return all(one.ids == ids[bounds[i] : bounds[i + 1]].tolist() for i, one in zip(chosen, encodings, strict=True))

    def _slow(self, texts: list[str], warning: str | None) -> Encoded:
        encodings = self.oracle.encode_batch(texts, add_special_tokens=False)
        lists = [encoding.ids for encoding in encodings]
        bounds = sums(np.array([len(ids) for ids in lists], np.int64))
        ids = np.fromiter(chain.from_iterable(lists), np.int32, count=int(bounds[-1]))
        return Encoded(ids, bounds, warning, encodings)


_loaded: WeakSet[Encoder] = WeakSet()


def forget_fast() -> None:
    """Let go of what fastokens holds: 20 to 40 MB a tokenizer, which take 0.03 to 0.2 s to load again."""
    for one in _loaded:
        one.__dict__.pop("fast", None)


@lru_cache(maxsize=4)
def encoder(spec: TokenizerSpec) -> Encoder:
    """The loaded tokenizer of a spec, kept for the life of the process (loading costs 0.1 to 0.5 s)."""
    return Encoder(spec)


def sample(numbers: NDArray[np.unsignedinteger[Any]]) -> list[int]:
    """Which texts are checked against the oracle, by their numbers: 1 in 256, at least 8."""
    chosen = np.flatnonzero(numbers % SAMPLE_EVERY == 0)
    if len(chosen) < SAMPLE_LEAST:
        chosen = np.union1d(chosen, np.argsort(numbers, kind="stable")[:SAMPLE_LEAST])
    found: list[int] = chosen.tolist()
    return found


def _fast(json: str) -> tuple[Any, str | None]:
    """fastokens and None, or None and a sentence when it is there but refuses this tokenizer (absent: no sentence)."""
    try:
        import fastokens
    except ImportError:
        return None, None
    try:
        return fastokens.Tokenizer.from_json_str(json), None
    except Exception as error:  # whatever it refuses is for the oracle to do
        return (
            None,
            f"fastokens refuses this tokenizer ({error}); texts are encoded by tokenizers, about 10 times slower",
        )


class Pieces:
    """The bytes that each token stands for, so that token boundaries in a text are sums and not a second tokenization.

    Byte-level BPE spells every byte; SentencePiece-like ones write a blank as U+2581, put one before a text and spell
    rare bytes as `<0x0A>`. Whether it holds is not believed but compared, byte by byte, for every row (`spell`).

    Arrays by token: `added`; `heads`, added ones that cut a text in two; `sides`, whether an added one takes the white space on
    its left and on its right; `greedy`, on either.
    """

    def __init__(self, json: str) -> None:
        model = orjson.loads(json)
        added = {token["id"]: token["content"] for token in model.get("added_tokens") or []}
        tokens = _vocabulary(model["model"]) | added
        self.size = max(tokens, default=-1) + 1
        spell = _byte_level if '"ByteLevel"' in json else _sentence_piece
        plain = [b""] * self.size
        for number, token in tokens.items():
            plain[number] = token.encode() if number in added else spell(token)
        self.added = np.zeros(self.size, bool)
        self.added[list(added)] = True
        self.heads = np.zeros(self.size, bool)
        self.heads[[token["id"] for token in model.get("added_tokens") or [] if _cuts(token)]] = True
        self.sides = np.zeros((self.size, 2), bool)
        for token in model.get("added_tokens") or []:
            self.sides[token["id"]] = bool(token.get("lstrip")), bool(token.get("rstrip"))
        self.greedy = np.logical_or(self.sides[:, 0], self.sides[:, 1])
        self.marked = "\u2581" in json
        first = (
            [piece.removeprefix(b" ") if not self.added[i] else piece for i, piece in enumerate(plain)]
            if self.marked
            else []
        )
        self.table = pl.Series(plain + first, dtype=pl.Binary).to_arrow(compat_level=pl.CompatLevel.oldest())

    def spell(self, ids: NDArray[np.integer[Any]]) -> tuple[NDArray[np.int64], memoryview]:
        """Where each token begins in the bytes of all of them (one more than tokens), and these bytes."""
        taken: pa.LargeBinaryArray = take(self.table, ids)
        _, offsets, data = taken.buffers()
        bounds = np.frombuffer(offsets, np.int64)[: len(taken) + 1] if len(taken) else np.zeros(1, np.int64)
        return bounds, memoryview(data or b"").cast("B")[: int(bounds[-1])]

    def without_blanks(self, ids: NDArray[np.int32], bounds: NDArray[np.int64], *, every: bool) -> NDArray[np.int64]:
        """Numbers in the table where tokens that open a text, or with `every` also those that follow an added token,
        stand without the blank that SentencePiece puts there."""
        opens = np.zeros(len(ids) + 1, bool)
        opens[bounds[:-1]] = True
        if every:
            opens[1:] |= self.added[ids]
        numbers: NDArray[np.int64] = ids.astype(np.int64) + self.size * opens[:-1]
        return numbers


def _cuts(token: dict[str, Any]) -> bool:
    """Whether an added token is found in the text as it is, takes nothing of what is around it, and is no letter to a word before."""
    first = token["content"][:1]
    plain = not any(token.get(flag) for flag in ("normalized", "lstrip", "rstrip", "single_word"))
    return plain and first != "" and first in string.punctuation.replace("_", "")


def _vocabulary(model: dict[str, Any]) -> dict[int, str]:
    """id -> token, of BPE, WordLevel and WordPiece (a mapping) or Unigram (a list of pairs)."""
    vocabulary = model.get("vocab") or {}
    if isinstance(vocabulary, dict):
        return {number: token for token, number in vocabulary.items()}
    return {number: entry[0] for number, entry in enumerate(vocabulary)}


@lru_cache(maxsize=1)
def _alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for bytes: printable Latin-1 stands for itself, the others from U+0100 on."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in set(printable)]
    return {chr(byte): byte for byte in printable} | {chr(256 + n): byte for n, byte in enumerate(others)}


def _byte_level(token: str) -> bytes:
    alphabet = _alphabet()
    try:
        return bytes([alphabet[character] for character in token])
    except KeyError:
        return token.encode()


def _sentence_piece(token: str) -> bytes:
    if len(token) == 6 and token.startswith("<0x") and token.endswith(">"):
        return bytes.fromhex(token[3:5])
    return token.replace("\u2581", " ").encode()
