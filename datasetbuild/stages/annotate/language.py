"""Which language each turn is in, told by the model of py3langid among the languages that the recipe declares.

The model is naive Bayes over pieces of bytes. py3langid walks one text at a time (250 us a text); here all texts of a shard walk
through its automaton side by side, byte by byte, and weights are whole numbers, so that sums, and with them the verdicts, are the
same on every machine and in whatever company: 15 us a text, 30 where any of 140 languages may be meant. Code and very short texts are `und`, undetermined.
"""

from __future__ import annotations

import unicodedata
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Annotated, Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.arrow import buffers
from datasetbuild.errors import BuildError
from datasetbuild.op import Bound, Extra, did_you_mean, fact
from datasetbuild.parameters import LANGUAGE
from datasetbuild.record import Where, flatten_turns
from datasetbuild.stages.annotate import turns

Measure = Callable[[pl.DataFrame], pl.Series]

UNDETERMINED = "und"
SCALE = 1 << 12
"""Weights are counted in this part of a nat: finer than the model's float32 is sure of."""
STEP, REACH = 64, 24
"""Differences of log-likelihood are looked up in steps of 1/64 up to 24, beyond which a language counts for nothing."""
CHARS = 200
"""Characters of a turn that are read, code aside: more say no more."""
MIN_LETTERS = 6
"""Letters below which a turn is undetermined; a sign of a script without blanks counts for three."""

SHORT = 40
"""Bytes below which an answer says too little to be in another language: 40 letters of English, 13 signs of Chinese."""

CODE = r"(?s)```.*?(?:```|\z)|`[^`\n]*`|https?://\S+|\S+@\S+|\[[A-Z]+_[0-9a-f]+\]"
CODE_SIGNS = b"{}=<>[]|\\_$#&*+;"


def _counts_as_letters(byte: int) -> int:
    """What the first byte of a character counts: 1 for letters, 3 for those of scripts without blanks, 0 for signs and emoji."""
    if byte < 128:
        return int(chr(byte).isalpha())
    return 3 if 0xE3 <= byte <= 0xED else 1 if 0xC3 <= byte <= 0xE1 and byte not in (0xCC, 0xCD) else 0


LETTERS = np.array([_counts_as_letters(byte) for byte in range(256)], np.uint8)
SIGNS = np.array([byte in CODE_SIGNS for byte in range(256)], np.uint8)

_CODES = (
    "ace af am an ar ary arz as az ba bcl be bg bn br bs ca crh cs cy da de dz el en eo es et eu ext fa fi fo fr fuv "
    "fy ga gcf gcr gd gl gom grc gu gug guw ha hbo he hi hr ht hu hy id ig is it ja jv ka kab kik kk km kn ko ku ky "
    "la lb lg lij ln lo lt ltg lv mg mk ml mn mr ms mt my ne nl nn no nso oc om or pa pcm pl ps pt qu ro ru rw sa "
    "sdh se si sk sl sn so sq sr st sv sw ta te tg th tk tl tr tt ug uk ur uz uzs vec vi vo wa wuu xh yo yue zh zu "
    "zxx"
)
CODES = tuple(_CODES.split())
"""The languages that the model knows, so that a recipe is checked without loading it."""

Languages = Annotated[list[str], Extra({"items": {"type": "string", "pattern": "^[a-z]{2,3}$", "title": "a language's code, such as en", "format": LANGUAGE}})]
Confidence = Annotated[float, Bound(ge=0, le=1)]


@dataclass(frozen=True)
class Model:
    """next: state after (state, byte), u16 of 256 a row. row: where a state's row begins. feature: that a state ends, or -1.

    weight: float32 (features, languages), log-likelihoods; prior: of the languages. All are whole numbers, and stay so far below
    2^53 when they are weighed and added up that float64 is exact in any order. codes: of the columns, sorted.
    """

    next: NDArray[Any]
    row: NDArray[np.int64]
    feature: NDArray[np.int64]
    weight: NDArray[np.float32]
    prior: NDArray[np.float64]
    codes: tuple[str, ...]


@lru_cache(maxsize=1)
def _whole() -> Any:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE)


@lru_cache(maxsize=4)
def model_of(languages: tuple[str, ...]) -> Model:
    """The model restricted to these languages; all of them when there is none. Raises `BuildError` for one that it does not know."""
    whole = _whole()
    known = list(dict.fromkeys(whole.nb_classes))
    for language in languages:
        if language not in known:
            raise BuildError(f"the model knows no language {language!r}", hint=nearest_code(language))
    columns = [n for n, code in enumerate(whole.nb_classes) if not languages or code in languages]
    return Model(
        next=np.asarray(whole.tk_nextmove),
        row=np.asarray(whole.tk_row).astype(np.int64) << 8,
        feature=np.asarray(whole.tk_output).astype(np.int64),
        weight=np.rint(whole.nb_ptc[:, columns].astype(np.float32, order="C") * SCALE),
        prior=np.rint(whole.nb_pc[columns].astype(np.float64) * SCALE * SCALE),
        codes=tuple(whole.nb_classes[n] for n in columns),
    )


OTHER_CODES = {
    "zh": "cn tw chi zho cmn chinese", "ja": "jp jpn japanese", "ko": "kr kor korean", "el": "gr gre ell greek", "cs": "cz cze ces czech",
    "da": "dk dan danish", "sv": "se swe swedish", "uk": "ua ukr ukrainian", "pt": "br por portuguese", "es": "mx spa spanish",
    "en": "us gb eng english", "de": "at ger deu german", "fr": "fre fra french", "it": "ita italian", "nl": "dut nld dutch",
    "pl": "pol polish", "ru": "rus russian", "tr": "tur turkish", "ar": "ara arabic", "he": "heb iw hebrew", "hi": "hin hindi",
    "id": "in ind indonesian", "vi": "vn vie vietnamese", "fa": "ir per fas persian", "no": "nor norwegian", "fi": "fin finnish",
    "hu": "hun hungarian", "ro": "rum ron romanian",
}  # fmt: skip
"""What people write for a language instead of its code: countries, codes of three letters, its name."""


def nearest_code(language: str) -> str:
    """A sentence for a language that the model does not know by this word: the code that is meant, else those that look alike."""
    meant = next((code for code, others in OTHER_CODES.items() if language.casefold() in others.split()), language)
    return f"codes are those of ISO 639-1; {did_you_mean(meant, [*CODES])}"


@lru_cache(maxsize=1)
def _logs() -> NDArray[np.float64]:
    """ln(1 + count) for every count that a text can have, in parts of a nat, from exact decimals."""
    return np.array([int((Decimal(1 + count).ln() * SCALE).to_integral_value()) for count in range(CHARS * 4 + 1)], np.float64)


@lru_cache(maxsize=1)
def _exponentials() -> NDArray[np.float64]:
    """exp(-n/STEP), from exact decimals."""
    return np.array([float((Decimal(-n) / STEP).exp()) for n in range(REACH * STEP)] + [0.0])


def identify(texts: pl.Series, languages: tuple[str, ...], min_confidence: float) -> pl.Series:
    """The language of each text, `und` where it is less sure than `min_confidence` or there is too little text. texts: String."""
    likeliest, sure = _likeliest(texts, languages)
    return _settled(likeliest, sure, min_confidence).rename(texts.name)


def _settled(likeliest: pl.Series, sure: pl.Series, min_confidence: float) -> pl.Series:
    return likeliest.set(sure < min_confidence, UNDETERMINED)


def _likeliest(texts: pl.Series, languages: tuple[str, ...]) -> tuple[pl.Series, pl.Series]:
    """The likeliest language of each text, `und` where there is too little of it, and how sure that is, 0..1. texts: String."""
    model = model_of(languages)
    read = _readable(texts)
    enough = _enough(read)
    codes = np.array([UNDETERMINED], dtype=object).repeat(len(texts))
    sure = np.ones(len(texts))
    for begin in range(0, len(enough), AT_ONCE):
        some = enough[begin : begin + AT_ONCE]
        scores, sizes = _scores(model, [_encoded(text) for text in read.gather(some)])
        best, sure[some] = _verdict(model, scores, sizes)
        codes[some] = np.array(model.codes, dtype=object)[best]
    return pl.Series("likeliest", codes.tolist(), dtype=pl.String), pl.Series("sure", sure)


AT_ONCE = 4096
"""Texts that walk side by side: 1.2 MB of bytes."""


def _readable(texts: pl.Series) -> pl.Series:
    """The begin of what a text says, without code, addresses and stand-ins."""
    head = texts.fill_null("").str.slice(0, CHARS * 8)
    odd = head.str.contains_any(["`", "://", "@", "["]).arg_true()
    head = head.scatter(odd, head.gather(odd).str.replace_all(CODE, " "))
    return head.str.strip_chars().str.slice(0, CHARS)


def _enough(read: pl.Series) -> NDArray[np.int64]:
    """The texts with enough language in them: letters, and not mostly the signs of code."""
    data, offsets = buffers(read)
    letters, signs = (np.diff(np.concatenate([[0], np.cumsum(table[data], dtype=np.int64)])[offsets]) for table in (LETTERS, SIGNS))
    return np.flatnonzero((letters >= MIN_LETTERS) & (signs * 8 < letters))


def _encoded(text: str) -> bytes:
    """As py3langid reads a text: NFC, and capitals alone in small letters."""
    return unicodedata.normalize("NFC", text.lower() if text.isupper() else text).encode()


def _scores(model: Model, texts: list[bytes]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Log-likelihoods, int64 (texts, languages), and the bytes of each text. Long texts first, so that a step is a slice."""
    sizes = np.array([len(text) for text in texts], np.int64)
    order = np.argsort(-sizes, kind="stable")
    width = int(sizes.max(initial=0))
    data = np.zeros((width, len(texts)), np.uint8)
    for place, index in enumerate(order):
        data[: sizes[index], place] = np.frombuffer(texts[index], np.uint8)
    alive = np.searchsorted(-sizes[order], -np.arange(width), side="left")
    state = np.zeros(len(texts), np.int64)
    seen: list[NDArray[np.int64]] = []
    features = len(model.weight)
    for step in range(width):
        n = alive[step]
        state[:n] = model.next[model.row[state[:n]] + data[step, :n]]
        found = model.feature[state[:n]]
        hit = np.flatnonzero(found >= 0)
        seen.append(hit * features + found[hit])
    keys, counts = np.unique(np.concatenate(seen) if seen else np.zeros(0, np.int64), return_counts=True)
    owner, feature = np.divmod(keys, features)
    factor = _logs()[np.minimum(counts, len(_logs()) - 1)]
    scores = np.zeros((len(texts), len(model.prior)))
    bounds = np.searchsorted(owner, np.arange(len(texts) + 1)).tolist()
    for text, (start, stop) in zip(order.tolist(), pairwise(bounds), strict=True):  # one by one: their weights stay in the cache
        scores[text] = factor[start:stop] @ model.weight[feature[start:stop]]
    return (scores + model.prior).astype(np.int64), sizes


def _verdict(model: Model, scores: NDArray[np.int64], sizes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The best language of each text and how sure that is: a softmax, made milder for long texts as py3langid does."""
    top = scores.max(axis=1)
    behind = (top[:, None] - scores) // (SCALE * SCALE // STEP)
    calm = np.sqrt(np.maximum(sizes, 1).astype(np.float64))[:, None]
    share = _exponentials()[np.minimum(np.floor(behind / calm), REACH * STEP).astype(np.int64)]
    for column, code in enumerate(model.codes):  # two columns of one language, for two scripts
        first = model.codes.index(code)
        if first != column:
            share[:, first] += share[:, column]
            share[:, column] = 0.0
    total = np.zeros(len(share))
    for column in range(share.shape[1]):
        total += share[:, column]
    best = share.argmax(axis=1)
    return best, share[np.arange(len(share)), best] / total


PARAGRAPH = 40
"""Characters below which a paragraph is too short to count as one in another language."""


@fact(version=1, packages=("py3langid",), values=(*CODES, UNDETERMINED))
def language(*, languages: Languages = [], min_confidence: Confidence = 0.6, where: Where = "conversation") -> Measure:  # noqa: B006
    """The language in which most of the `where` turns' text is: a code such as `en`, or `und` (undetermined).

    Each turn is told by its first 200 characters, code aside; the turns' lengths decide. `und` is what is mostly code, too
    short, or less sure than `min_confidence`.

    languages: codes of the languages that may occur. The fewer, the surer and the faster; none named: all 140 that the
        model knows.
    min_confidence: how sure the model must be of a turn's language.
    where: whose turns are looked at.
    """
    chosen = _chosen(languages)

    def measure(frame: pl.DataFrame) -> pl.Series:
        told = _told(frame, chosen, min_confidence)
        if where != "conversation":
            told = told.filter(pl.col("role") == where)
        shares = told.filter(pl.col("language") != UNDETERMINED).group_by("record", "language").agg(pl.col("chars").sum())
        best = shares.sort("record", "chars", "language", descending=[False, True, False]).group_by("record", maintain_order=True).first()
        return _for_each(frame, best.select("record", value="language"), UNDETERMINED)

    return measure


@fact(version=1, packages=("py3langid",))
def language_mix(*, languages: Languages = [], min_confidence: Confidence = 0.8, where: Where = "assistant") -> Measure:  # noqa: B006
    """Number of languages among the paragraphs of the `where` turns: 1 where nothing is mixed, 0 where all is undetermined.

    Paragraphs of fewer than 40 characters, and code, are left out.

    languages: codes of the languages that may occur; none named: all 140 that the model knows.
    min_confidence: how sure the model must be of a paragraph's language.
    where: whose turns are looked at.
    """
    chosen = _chosen(languages)

    def measure(frame: pl.DataFrame) -> pl.Series:
        text = turns(where).list.join("\n").str.replace_all(CODE, " ").str.split("\n").alias("text")
        parts = frame.select(pl.int_range(pl.len(), dtype=pl.UInt32).alias("record"), text).explode("text", empty_as_null=False)
        parts = parts.filter(pl.col("text").str.len_chars() >= PARAGRAPH)
        told = parts.with_columns(identify(parts["text"], chosen, min_confidence).alias("language"))
        counts = told.filter(pl.col("language") != UNDETERMINED).group_by("record").agg(value=pl.col("language").n_unique())
        return _for_each(frame, counts.cast({"value": pl.Int64}), 0)

    return measure


@fact(version=2, packages=("py3langid",))
def language_match(*, languages: Languages = [], min_confidence: Confidence = 0.8) -> Measure:  # noqa: B006
    """Whether every answer is in the language of the user's turn before it: true or false.

    Turns that are undetermined match all; so do answers of fewer than 40 bytes or mostly capitalised words, such as names and titles,
    which have no language of their own. A request for a translation is answered in another language by right: leave such sources out of the rule.

    languages: codes of the languages that may occur; none named: all 140 that the model knows.
    min_confidence: how sure the model must be of a turn's language.
    """
    chosen = _chosen(languages)

    def measure(frame: pl.DataFrame) -> pl.Series:
        told = _told(frame, chosen, min_confidence)
        question = pl.when(pl.col("role") == "user").then("language").forward_fill().over("record")
        apart = (pl.col("role") == "assistant") & (pl.col("language") != question)
        apart &= (pl.col("language") != UNDETERMINED) & (question != UNDETERMINED) & ~pl.col("wordless")
        counts = told.select("record", apart.fill_null(False).alias("apart")).group_by("record").agg(value=~pl.col("apart").any())
        return _for_each(frame, counts, True)

    return measure


def _chosen(languages: list[str]) -> tuple[str, ...]:
    """The languages in an order of their own."""
    return tuple(sorted(set(languages)))


_LAST: list[tuple[weakref.ref[pl.DataFrame], tuple[str, ...], pl.DataFrame]] = []
"""What was told last: two facts of one recipe ask for the same turns, and may want to be more or less sure."""


def _told(frame: pl.DataFrame, languages: tuple[str, ...], min_confidence: float) -> pl.DataFrame:
    """Each turn with its `record`, `role`, `language` and `chars`."""
    told = next((told for known, before, told in _LAST if known() is frame and before == languages), None)
    if told is None:
        lengths, every = flatten_turns(frame["messages"])
        owner = pl.Series("record", np.repeat(np.arange(len(frame), dtype=np.uint32), lengths.to_numpy()))
        texts = every["content"]
        told = pl.DataFrame([owner, every["role"], *_likeliest(texts, languages), texts.str.len_chars().alias("chars"), _wordless(texts)])
        _LAST[:] = [(weakref.ref(frame), languages, told)]
    return told.with_columns(_settled(told["likeliest"], told["sure"], min_confidence).alias("language"))


def _wordless(texts: pl.Series) -> pl.Series:
    """Texts that are too short for a language of their own, or mostly names: two words of three begin with a capital."""
    text = texts.str.slice(0, CHARS)
    capitals, words = text.str.count_matches(r"\b\p{Lu}"), text.str.count_matches(r"\b\p{L}")
    return ((texts.str.len_bytes() < SHORT) | (capitals * 3 > words * 2)).fill_null(True).alias("wordless")


def _for_each(frame: pl.DataFrame, values: pl.DataFrame, default: object) -> pl.Series:
    """`value` by `record` as a column of the frame's length."""
    records = pl.DataFrame({"record": pl.int_range(len(frame), dtype=pl.UInt32, eager=True)})
    return records.join(values, on="record", how="left", maintain_order="left")["value"].fill_null(default)
