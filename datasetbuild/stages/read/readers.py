"""Which reader a file gets: the one that the source names, or the one of its suffix; then a look at the first bytes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from datasetbuild.errors import SourceError
from datasetbuild.stages.read import columnar, delimited, document, documents, jsonl, markdown, squad, text, yaml_rows
from datasetbuild.stages.read.container import SUFFIXES, Input
from datasetbuild.stages.read.rows import Row

Reader = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow", "text", "markdown", "yaml", "squad", "documents"]
READERS: tuple[str, ...] = get_args(Reader)

BY_SUFFIX: dict[str, Reader] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".txt": "text",
    ".md": "text",
    ".markdown": "text",
    ".yaml": "yaml",
    ".yml": "yaml",
    **dict.fromkeys(documents.CONVERTED, "documents"),
}


@dataclass(frozen=True)
class Settings:
    """What a source says about the shape of its files. records: dotted path to the rows. level: heading level of
    questions."""

    records: str | None
    delimiter: str | None
    max_row_bytes: int
    level: int | Literal["auto"]


def reader_for(
    input: Input, named: Reader | None, records: str | None, regroup: dict[str, Any] | None = None
) -> Reader:
    """The reader of a file; `json` becomes `jsonl` where the file has one value per line, as many files named .json
    do."""
    kind = named or _by_suffix(input)
    if kind == "json" and records is None:
        if regroup and regroup["format"] == "squad" and squad.has_articles(input):
            return "squad"
        if document.is_json_lines(input):
            return "jsonl"
    if kind == "jsonl" and document.is_array(input):
        raise SourceError(
            f"{input.file} holds one JSON array, not one row per line", hint="say so in the source: `reader: json`"
        )
    return kind


def rows_of(kind: Reader, input: Input, settings: Settings) -> Iterator[Row]:
    """The rows of a file, in order."""
    match kind:
        case "jsonl":
            return jsonl.read(input, settings.max_row_bytes)
        case "json":
            return document.read(input, settings.records)
        case "csv":
            return delimited.read(input, settings.delimiter or ",")
        case "tsv":
            return delimited.read(input, settings.delimiter or "\t")
        case "parquet":
            return columnar.read_parquet(input)
        case "arrow":
            return columnar.read_arrow(input)
        case "text":
            return text.read(input)
        case "markdown":
            return markdown.read(input, settings.level)
        case "yaml":
            return yaml_rows.read(input, settings.records)
        case "squad":
            return squad.read(input)
        case "documents":
            return documents.read(input)


def _by_suffix(input: Input) -> Reader:
    suffixes = [suffix.lower() for suffix in Path(input.path).suffixes]
    if suffixes and suffixes[-1] in SUFFIXES:
        suffixes.pop()
    if suffixes and suffixes[-1] in BY_SUFFIX:
        return BY_SUFFIX[suffixes[-1]]
    raise SourceError(
        f"{input.file}: its name does not tell what it holds",
        hint=f"say so in the source: `reader: {READERS[0]}` (one of {', '.join(READERS)})",
    )
