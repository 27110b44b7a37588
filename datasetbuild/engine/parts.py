"""The files of an artifact, part by part: which records stand in which file is decided here, and written by workers.

A split is cut into a power of two of parts by the leading bits of each row's draw, about 16k rows a part, so that one
worker holds one part. Its rows reach it through `exchange`.
The order is a draw per record and copy, so that any prefix of a split is a fair sample of the mix, and a row that comes
or goes leaves the order of the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any, cast

import numpy as np
import polars as pl
from numpy.typing import NDArray

from datasetbuild.engine.cache import Cache
from datasetbuild.engine.exchange import ORIGIN, Batch, Held, ScatterTask, collect, scatter, write_frames
from datasetbuild.engine.exports import Exported, ExportPart, Place, finish_exports, write_exports
from datasetbuild.engine.gather import Piece
from datasetbuild.engine.local import Engine, Serial
from datasetbuild.engine.rest import rest
from datasetbuild.engine.templates import expand_messages, opened_template
from datasetbuild.errors import RecordError
from datasetbuild.hashing import chance, digest, file_digest
from datasetbuild.op import load_plugins
from datasetbuild.plan.steps import ExportStep, Plan
from datasetbuild.record import ID_ORDER, Fate, records_digest
from datasetbuild.stages.render import ChatTemplate, TokenizerSpec
from datasetbuild.stages.write import DATA_COLUMNS, TOKEN_COLUMNS, narrow_messages, plain_table, token_columns, write_tables
from datasetbuild.stages.write.carry import Delivery, Tokens

PART_ROWS, PART_BYTES = 16_384, 32 << 20
"""Rows of a part and bytes of its texts, about: a part is held in memory while it is written, at 10 times its bytes."""

GROUP_BYTES, GROUP_BYTES_ALONE = 6 << 20, 16 << 20
"""Bytes of the texts of the shards that pass the exchange together, about: a part opens a file for each group of them. With
twice as many a million rows are written in a tenth less CPU time, and each process holds 35 MB more: too much for workers."""

TRAIN = "train"

TO_PARTS = (*ID_ORDER, *ORIGIN, "row", "line")
"""What a part is told of its rows, beside `at` and `copy`."""

TO_SHARDS = ("place", "pos", "shard_row")
"""What is asked of the shards for the parts, with `at` and `part`."""


@dataclass(frozen=True)
class PartTask:
    """One part of one split. words: of the origins of rows. fields: message fields and columns in use anywhere in the build, so
    that every part has the same schema. tokens: whether `data/` has them. batches, order: where its rows are, and what is told of
    them."""

    project: Path
    plugins: tuple[str, ...]
    code: tuple[str, ...]
    words: dict[str, list[str]]
    fields: frozenset[str]
    tokens: bool
    exports: tuple[ExportStep, ...]
    batches: tuple[Batch, ...]
    order: Batch
    place: Place

    @property
    def parquet(self) -> Path:
        return (
            self.place.draft / "data" / f"{self.place.split}-{self.place.number:05d}-of-{self.place.count:05d}.parquet"
        )


@dataclass(frozen=True)
class Part:
    """What a worker wrote: sizes and digests."""

    rows: int
    parquet_sha256: str
    records_sha256: str
    exports: tuple[ExportPart, ...]


@dataclass(frozen=True)
class Written:
    """What `write_artifact` wrote. records: the digest over the records of all splits. subsets: of train, by share: the
    files and the rows that each has."""

    files: dict[str, dict[str, Any]]
    records: str
    exports: dict[str, dict[str, Any]]
    warnings: list[str]
    subsets: dict[str, dict[str, Any]] = field(default_factory=dict)


def write_artifact(
    plan: Plan, cache: Cache, engine: Engine, project: Path, pieces: Sequence[Piece], rows: pl.DataFrame, folder: Path
) -> Written:
    """Write `data/` and `export/` into a folder. rows: the decided key plane."""
    fields = frozenset(field for piece in pieces for field in piece.measured.fields)
    at_once = GROUP_BYTES_ALONE if isinstance(engine, Serial) else GROUP_BYTES
    wanted, order, places = _wanted(plan, cache, pieces, rows, fields, folder, at_once)
    rest(cache.root)
    sent = list(engine.map(scatter, wanted))
    words = {name: cast(pl.Enum, rows.schema[name]).categories.to_list() for name in ORIGIN}
    same = (project, plan.plugins, plan.code, words, fields, _data_has_tokens(plan), plan.export)
    tasks = [
        PartTask(*same, tuple(batches[part] for batches in sent), told, place)
        for part, (told, place) in enumerate(zip(order, places, strict=True))
    ]
    (folder / "data").mkdir(parents=True, exist_ok=True)
    parts = list(engine.map(write_part, tasks))
    shutil.rmtree(folder / "exchange")
    written = {
        task.parquet.relative_to(folder).as_posix(): {
            "sha256": part.parquet_sha256,
            "bytes": task.parquet.stat().st_size,
            "rows": part.rows,
        }
        for task, part in zip(tasks, parts, strict=True)
    }
    delivery = _delivery(plan, cache, project, *_longest(rows), fields)
    placed = [(task.place, part.exports) for task, part in zip(tasks, parts, strict=True)]
    exported: Exported = finish_exports(plan.export, placed, engine, folder, delivery)
    shutil.rmtree(folder / "lines", ignore_errors=True)
    digests = digest(
        [[task.place.split, part.rows, part.records_sha256] for task, part in zip(tasks, parts, strict=True)]
    )
    subsets = {f"{share:g}": _subset(share, tasks, parts, plan.export) for share in plan.subsets}
    return Written(written | exported.files, digests, exported.accounts, exported.warnings, subsets)


def _subset(
    share: float, tasks: Sequence[PartTask], parts: Sequence[Part], exports: Sequence[ExportStep]
) -> dict[str, Any]:
    """One nested subset: its files in `data/`, its rows there, and how many rows at the head of each export's train."""
    mine = [
        (task, part)
        for task, part in zip(tasks, parts, strict=True)
        if task.place.subset is not None and task.place.subset <= share
    ]
    return {
        "rows": sum(part.rows for _, part in mine),
        "files": [task.parquet.name for task, _ in mine],
        "exports": {step.folder: sum(part.exports[n].rows for _, part in mine) for n, step in enumerate(exports)},
    }


def write_part(task: PartTask) -> Part:
    """Gather, tokenize (from what was rendered) and write one part."""
    import datasetbuild.builtin  # noqa: F401

    load_plugins(task.project, task.plugins, task.code)
    frame = expand_messages(collect(task.batches, task.order, task.words))
    if "spans" in frame.columns:
        frame = token_columns(frame, weights="loss_weights" in task.fields)
    exports = write_exports(task.exports, frame, task.place, task.fields)
    frame = frame.with_columns(narrow_messages(frame["messages"], task.fields))
    always = {"id", "messages", "source", "file", "row", "copy", "license"} | task.fields
    always = always | set(TOKEN_COLUMNS) if task.tokens else always - {"loss_weights"}
    table = plain_table(frame.select(c for c in DATA_COLUMNS if c in frame.columns and c in always))
    del frame  # with the exchange's files that it lies in
    write_tables(iter([table]), task.parquet)
    return Part(len(table), file_digest(task.parquet), records_digest(table), exports)


def _ordered(rows: pl.DataFrame, split: str, seed: int) -> pl.DataFrame:
    """The output rows of a split in their order: `number` of the row in the key plane, `copy`, the draw that gave the order, and
    `at`, the place in the split. Those of a smaller subset come first."""
    mine = ((rows["fate"] == Fate.KEPT.value) & (rows["split"] == split)).arg_true()
    copies = rows["copies"].gather(mine).to_numpy().astype(np.int64)
    number = np.repeat(mine.to_numpy(), copies)
    copy = (np.arange(len(number)) - np.repeat(np.cumsum(copies) - copies, copies)).astype(np.uint32)
    subset = ["subset"] if "subset" in rows.columns and split == TRAIN else []
    key, tail, *level = (rows[name].to_numpy()[number] for name in (*ID_ORDER, *subset))
    with np.errstate(over="ignore"):
        draw = chance(seed, "order", key + copy.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
    order = np.lexsort((draw, *level)) if level else np.argsort(draw)
    if (draw[order][1:] == draw[order][:-1]).any():  # no two draws of one copy are equal, but those of a copy may be another row's
        order = np.lexsort((copy, tail, key, draw, *level))
    found = {"number": number[order], "copy": copy[order], "draw": draw[order], **({"subset": level[0][order]} if level else {})}
    return pl.DataFrame(found).with_row_index("at")


def _seats(rows: pl.DataFrame, plan: Plan, draft: Path) -> tuple[pl.DataFrame, list[Place]]:
    """All output rows, sorted by the number of their `part`, and where each part stands. It says of a row which of the key plane it
    is and no more: what else is known of it is looked up where it is wanted."""
    seats: list[pl.DataFrame] = []
    places: list[Place] = []
    for split in plan.fractions:
        mine = _ordered(rows, split, plan.seed)
        levels: list[tuple[float | None, pl.DataFrame]] = [(None, mine)]
        if "subset" in mine.columns:
            levels = [(one["subset"][0], one) for one in mine.partition_by("subset", maintain_order=True)]
        sizes = [_parts_of(rows["@bytes"].gather(level["number"])) for _, level in levels]
        number = 0
        for (subset, level), size in zip(levels, sizes, strict=True):
            bits = size.bit_length() - 1
            draw: NDArray[np.uint64] = level["draw"].to_numpy()
            leading = draw >> np.uint64(64 - bits) if bits else np.zeros(len(level), np.uint64)
            part = pl.Series("part", leading + np.uint64(len(places)), dtype=pl.UInt32)
            seats.append(level.select("number", "at", "copy", part))
            places += [Place(draft, split, number + n, sum(sizes), subset) for n in range(size)]
            number += size
    return pl.concat(seats), places


def _parts_of(sizes: pl.Series) -> int:
    """How many parts rows are written in, a power of two: a function of the rows alone, not of how they were cut. sizes: bytes of
    each."""
    return 1 << max((max(len(sizes), 1) - 1) // PART_ROWS, int(sizes.sum()) // PART_BYTES).bit_length()


def _data_has_tokens(plan: Plan) -> bool:
    return plan.template is not None and any(step.profile == "tokens" for step in plan.export)


def _rendered_columns(plan: Plan) -> tuple[str, ...]:
    """What the parts need of what was rendered: tokens where something is made of them, turns where rows were expanded."""
    if plan.template is None:
        return ()
    tokens = any(step.wants_ids for step in plan.export)
    turns = ("turn", "row_weight") if plan.template["expansion"] != "none" else ()
    return (*turns, *(("input_ids", "spans", "loss_weights") if tokens else ()))


def _longest(rows: pl.DataFrame) -> tuple[int | None, bool]:
    """Tokens of the longest row that is written, and whether the tokens of any are cut."""
    if "tokens" not in rows.columns:
        return None, False
    kept = pl.col("fate") == Fate.KEPT.value
    longest = rows.select(pl.col("tokens").filter(kept).max()).item() or None
    if "cut" not in rows.columns:  # nothing is ever cut with another `overflow`
        return longest, False
    return longest, rows.select((pl.col("cut").is_not_null() & kept).any()).item()


def _wanted(
    plan: Plan, cache: Cache, pieces: Sequence[Piece], rows: pl.DataFrame, fields: frozenset[str], draft: Path, at_once: int
) -> tuple[list[ScatterTask], tuple[Batch, ...], list[Place]]:
    """What goes through the exchange, by groups of shards that have a row in any part; what each part is told of its rows, and where
    it stands. What says so for each row waits in files, so that nobody holds it while rows are on their way. at_once: bytes of a group."""
    seats, places = _seats(rows, plan, draft)
    folder = draft / "exchange"
    folder.mkdir(parents=True)
    edges = np.searchsorted(seats["part"].to_numpy(), np.arange(len(places) + 1))
    told = (seats[start:stop] for start, stop in pairwise(edges))
    known = rows.select(pl.col(name).to_physical() if name in ORIGIN else name for name in TO_PARTS)
    order = write_frames((known[mine["number"]].with_columns(mine["at"], mine["copy"]) for mine in told), folder / "order")
    columns = _rendered_columns(plan)
    place = rows["place"].gather(seats["number"])
    sizes = np.bincount(place, rows["@bytes"].gather(seats["number"]), minlength=len(pieces)).astype(np.int64)
    before = (np.cumsum(sizes) - sizes) // at_once
    groups = before.astype(np.min_scalar_type(before.max(initial=0)))[place]  # small numbers are sorted at a fifth
    chosen = np.split(np.argsort(groups, kind="stable"), np.cumsum(np.bincount(groups))[:-1])
    tasks = []
    for group, numbers in enumerate(chosen):
        mine = seats[numbers]
        if not len(mine):
            continue
        asked = rows.select(TO_SHARDS)[mine["number"]].with_columns(mine["at"], mine["part"])
        asked.write_ipc(folder / f"{group}.order")
        held = {place: pieces[place].measured for place in asked["place"].unique().sort()}
        shards = tuple(Held(place, one.records, one.rendered if columns else None, one.texts) for place, one in held.items())
        target = folder / f"{group}.arrow"
        tasks.append(ScatterTask(cache.root, folder / f"{group}.order", shards, fields, columns, len(places), target))
    return tasks, order, places


def _delivery(
    plan: Plan, cache: Cache, project: Path, longest: int | None, cut: bool, fields: frozenset[str]
) -> Delivery:
    """What is the same for all exports: the template as text, and whether trainers would put BOS before it again."""
    if plan.template is None or plan.spec is None:
        return Delivery(plan.name, {}, {}, fields=fields)
    usual = {"train_on": "assistant", "prompt_weight": 0.0, "expansion": "none"}
    masking = tuple(
        f"template.{name}: {plan.template[name]}"
        for name, value in usual.items()
        if plan.template.get(name, value) != value
    )
    known = Delivery(plan.name, {}, {}, longest=longest, cut=cut, fields=fields, masking=masking)
    if all(isinstance(step.open().form, Tokens) or step.profile == "messages" for step in plan.export):
        return known  # nobody asks for the template: 20 ms saved
    spec, chat = opened_template(cache.object(plan.spec), plan.template, project)
    generation = "{% generation" in chat.text or "{%- generation" in chat.text
    bos, stop = _ends(spec, chat)
    return replace(known, template=chat.text, generation=generation, bos=bos, stop=stop)


def _ends(spec: TokenizerSpec, chat: ChatTemplate) -> tuple[str | None, str | None]:
    """The BOS token that the template writes and the tokenizer adds too, and the token that ends an answer."""
    from tokenizers import Tokenizer

    try:
        said = chat.render([{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer"}])
    except RecordError:
        return None, None
    after = said.rpartition("answer")[2].lstrip()
    stop = max((token for token in spec.added if token.strip() and after.startswith(token)), key=len, default=None)
    if not spec.bos or not said.startswith(spec.bos):
        return None, stop
    tokenizer = Tokenizer.from_str(spec.json)
    bos = tokenizer.token_to_id(spec.bos)
    return spec.bos if tokenizer.encode(said).ids[:2] == [bos, bos] else None, stop
