"""Exports: workers write each part for every profile; the driver joins the parts, checks limits and accounts for all.

Nothing is held but one part a worker and the names of files: joining copies bytes. A record that an export cannot hold
stops the build before anything is published, with all such records of all exports counted and the first ones named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import polars as pl

from datasetbuild.engine.local import Engine
from datasetbuild.errors import BuildError
from datasetbuild.hashing import file_digest
from datasetbuild.plan.steps import ExportStep
from datasetbuild.stages.write import attention_mask, write_parquet
from datasetbuild.stages.write.carry import Delivery, Lines, Tokens
from datasetbuild.stages.write.disk import write_arrow, write_books
from datasetbuild.stages.write.lines import encode
from datasetbuild.stages.write.lower import Refusal, lower
from datasetbuild.stages.write.seal import SealTask, deal, seal, shard_names

SHOWN = 5
"""Refused rows that an error names for each export."""

Files = dict[str, dict[str, Any]]
"""Path in the artifact -> sha256, bytes and, for rows, their number."""


@dataclass(frozen=True)
class Place:
    """Where a part stands: its split, its number there, and how many there are. draft: the artifact's folder.

    subset: the smallest nested subset of train that its rows are in; None where the recipe asks for none.
    """

    draft: Path
    split: str
    number: int
    count: int
    subset: float | None = None

    def lines(self, folder: str) -> Path:
        """Lines that wait to be joined; gone when the artifact is complete."""
        return self.draft / "lines" / folder / f"{self.split}-{self.number:05d}"

    def tokens(self, folder: str) -> Path:
        return self.draft / "export" / folder / f"{self.split}-{self.number:05d}-of-{self.count:05d}.parquet"

    def disk(self, folder: str, name: str) -> Path:
        return self.draft / "export" / folder / name / self.split / f"data-{self.number:05d}-of-{self.count:05d}.arrow"


@dataclass(frozen=True)
class ExportPart:
    """What a worker wrote of one part for one export. counts: what was lowered. digests: of the files that are final."""

    rows: int
    counts: dict[str, int] = field(default_factory=dict)
    refused: tuple[Refusal, ...] = ()
    refusals: frozenset[tuple[str, int]] = frozenset()
    digests: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exported:
    """files: all that stands under `export/`. accounts: what the manifest says of each export. warnings: sentences."""

    files: Files
    accounts: dict[str, dict[str, Any]]
    warnings: list[str]


def write_exports(
    steps: Sequence[ExportStep], frame: pl.DataFrame, place: Place, fields: frozenset[str]
) -> tuple[ExportPart, ...]:
    """Write one part for every export. frame: the part's records with `at`, `file`, `line`, and tokens or text as asked."""
    return tuple(_write(step, frame, place, fields) for step in steps)


def _write(step: ExportStep, frame: pl.DataFrame, place: Place, fields: frozenset[str]) -> ExportPart:
    export = step.open()
    lowered = lower(frame, export, fields)
    if lowered.refusals:
        return ExportPart(0, lowered.counts, tuple(lowered.refused), lowered.refusals)
    form, left = export.form, lowered.frame
    if isinstance(form, Lines):
        path = place.lines(step.folder)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode(left, form, fields))
        return ExportPart(len(left), lowered.counts)
    if "attention_mask" in form.columns:
        left = left.with_columns(attention_mask(left["input_ids"]))
    for path in _token_files(step, form, place):
        path.parent.mkdir(parents=True, exist_ok=True)
        (write_parquet if path.suffix == ".parquet" else write_arrow)(left.select(form.names(fields)), path)
    return ExportPart(len(left), lowered.counts, digests=tuple(map(file_digest, _token_files(step, form, place))))


def _token_files(step: ExportStep, form: Tokens, place: Place) -> list[Path]:
    """The files of one part of tokens."""
    parquet = [place.tokens(step.folder)] if form.parquet else []
    return parquet + ([place.disk(step.folder, form.disk)] if form.disk else [])


def finish_exports(
    steps: Sequence[ExportStep],
    parts: Sequence[tuple[Place, tuple[ExportPart, ...]]],
    engine: Engine,
    draft: Path,
    delivery: Delivery,
) -> Exported:
    """Join what the workers wrote, and account for it. delivery: what is the same for all exports."""
    columns = [[(place, written[number]) for place, written in parts] for number in range(len(steps))]
    _refuse(steps, columns)
    done = Exported({}, {}, [])
    for step, column in zip(steps, columns, strict=True):
        export = step.open()
        form = export.form
        files, names = (
            _join(step, form, column, engine)
            if isinstance(form, Lines)
            else _collect(step, form, column, delivery.fields)
        )
        mine = replace(delivery, rows=_rows(column), files=names)
        _check_limits(step, mine, files, draft)
        beside = {draft / "export" / step.folder / name: text for name, text in export.beside(mine).items()}
        for path, text in beside.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            files[path] = {"sha256": file_digest(path), "bytes": path.stat().st_size}
        done.files.update({path.relative_to(draft).as_posix(): entry for path, entry in files.items()})
        done.accounts[step.folder] = _account(step, column, mine)
        done.warnings.extend(
            f"export {step.folder!r}: {warning}" for warning in [*_unmasked(step, form, mine), *export.warnings(mine)]
        )
    return done


def _unmasked(step: ExportStep, form: Lines | Tokens, delivery: Delivery) -> list[str]:
    """Rows that a trainer masks by itself do not say what the recipe's template would train."""
    if not delivery.masking or not isinstance(form, Lines) or step.profile == "messages":
        return []
    return [
        f"its rows do not hold {' and '.join(delivery.masking)}: the trainer has its own setting for that, or export tokens"
    ]


Entries = dict[Path, dict[str, Any]]
Names = dict[str, list[str]]
Column = list[tuple[Place, ExportPart]]
"""What the workers wrote for one export, part by part."""


def _rows(column: Column) -> dict[str, int]:
    rows: Counter[str] = Counter()
    for place, part in column:
        rows[place.split] += part.rows
    return dict(rows)


def _join(step: ExportStep, form: Lines, column: Column, engine: Engine) -> tuple[Entries, Names]:
    """The files of an export of lines, and their names by split."""
    tasks, names = [], {}
    for split in dict.fromkeys(place.split for place, _ in column):
        mine = [(place, part) for place, part in column if place.split == split]
        folder = mine[0][0].draft / "export" / step.folder
        strips = deal([(place.lines(step.folder), part.rows) for place, part in mine], form.shards)
        names[split] = shard_names(split, form.shards, form.compression)
        for name, some in zip(names[split], strips, strict=True):
            tasks.append(
                SealTask(some, folder / name, form.compression, sum(strip.stop - strip.start for strip in some))
            )
    sealed = list(engine.map(seal, tasks))
    entries = {
        task.target: {"sha256": one.sha256, "bytes": one.bytes, "rows": task.rows}
        for task, one in zip(tasks, sealed, strict=True)
    }
    return entries, names


def _collect(step: ExportStep, form: Tokens, column: Column, fields: frozenset[str]) -> tuple[Entries, Names]:
    """The files of an export of tokens, as the workers left them, and the names of its parquet files by split."""
    files: Entries = {}
    names: Names = {}
    splits: dict[str, list[tuple[str, str, int]]] = {}
    for place, part in column:
        for path, sha256 in zip(_token_files(step, form, place), part.digests, strict=True):
            files[path] = {"sha256": sha256, "bytes": path.stat().st_size, "rows": part.rows}
            if path.suffix == ".parquet":
                names.setdefault(place.split, []).append(path.name)
            else:
                splits.setdefault(place.split, []).append((path.name, sha256, part.rows))
    if form.disk and column:
        for path in write_books(column[0][0].draft / "export" / step.folder / form.disk, splits, form.names(fields)):
            files[path] = {"sha256": file_digest(path), "bytes": path.stat().st_size}
    return files, names


def _account(step: ExportStep, column: Column, delivery: Delivery) -> dict[str, Any]:
    lowered: Counter[str] = Counter()
    for _, part in column:
        lowered.update(part.counts)
    return {
        "profile": step.profile,
        "version": step.version,
        "params": step.params,
        "rows": dict(delivery.rows),
        "lowered": dict(sorted(lowered.items())),
    }


def _check_limits(step: ExportStep, delivery: Delivery, files: Entries, draft: Path) -> None:
    """The consumer's limits on rows and bytes of a file."""
    carries = step.open().carries
    train = delivery.rows.get("train", 0)
    if "train" in delivery.rows and train < carries.min_rows:
        message = f"export {step.folder!r}: the split train has {train} rows, and {step.profile} takes {carries.min_rows} or more"
        raise BuildError(message, hint=f"loosen the filters, or leave {step.profile!r} out of `export`")
    for path, entry in files.items():
        name = path.relative_to(draft).as_posix()
        if carries.max_bytes is not None and entry["bytes"] > carries.max_bytes:
            has, most = f"{entry['bytes'] / 2**20:.0f} MB", f"{carries.max_bytes / 2**20:.0f} MB"
        elif carries.max_rows is not None and entry.get("rows", 0) > carries.max_rows:
            has, most = f"{entry['rows']} rows", f"{carries.max_rows}"
        else:
            continue
        hint = f"make the dataset smaller (mix.total, filters), or leave {step.profile!r} out of `export`"
        raise BuildError(f"{name} has {has}, and {step.profile} takes at most {most} a file", hint=hint)


def _refuse(steps: Sequence[ExportStep], columns: list[Column]) -> None:
    """One error for all records of all exports that cannot be held."""
    lines: list[str] = []
    hints: list[str] = []
    for step, column in zip(steps, columns, strict=True):
        total = len(frozenset().union(*(part.refusals for _, part in column)))
        if not total:
            continue
        named = list({(one.file, one.line): one for _, part in column for one in part.refused}.values())[:SHOWN]
        records = "record holds" if total == 1 else "records hold"
        lines.append(f"export {step.folder!r}: {total} {records} what {step.profile} cannot carry")
        lines += [f"  {one.file}:{one.line}: {one.detail}" for one in named]
        lines += [f"  ... and {total - len(named)} more"] if total > len(named) else []
        hints.append(_rules(step, named))
    if lines:
        raise BuildError("\n".join(lines), hint="; ".join(dict.fromkeys(hints)))


def _rules(step: ExportStep, refused: list[Refusal]) -> str:
    """How the recipe can lower what was refused."""
    from datasetbuild.op import find

    known = find("profile", step.profile).parameters
    aspects = [name for name in dict.fromkeys(f"on_{one.aspect}" for one in refused) if name in known]
    if not aspects:
        return f"filter such records out, or leave {step.profile!r} out of `export`"
    choices = [f"{name}: {' | '.join(str(c) for c in known[name].schema['enum'] if c != 'error')}" for name in aspects]
    return f"name a rule in the recipe, `{{profile: {step.profile}, {', '.join(choices)}}}` (`dsbuild ops {step.profile}` explains them)"
