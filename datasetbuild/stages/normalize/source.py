"""The keys that every source has, whatever its format, and what they take out of a row."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NotRequired, TypedDict

import orjson

from datasetbuild.errors import RecordError
from datasetbuild.op import Bound, Extra, find, section
from datasetbuild.record import Reason
from datasetbuild.stages.normalize.fields import ABSENT, Raw, finder, missing, scalar
from datasetbuild.stages.normalize.templates import template
from datasetbuild.stages.read import MAX_ROW_BYTES, Reader
from datasetbuild.stages.read.regroup import OPTIONS

PATHS = dict(type=["string", "array", "null"], items={"type": "string"}, minLength=1, minItems=1)
SHARE_OR_COUNT = dict(
    type=["object", "null"],
    properties={"max": {"type": "number", "minimum": 0, "description": "a whole number of rows, or a share below 1"}},
    required=["max"],
    additionalProperties=False,
)


ORIGINS: dict[str, tuple[str, ...]] = {"path": (), "sql": ("query",), "hub": ("revision", "config", "split")}
"""Where rows come from: a source says one of these, and beside it the keys that belong to it."""


class GeneratedBy(TypedDict):
    """The model that wrote a source's answers, and the terms under which they may be used: a URL, or an SPDX name."""

    model: Annotated[str, Extra({"minLength": 1})]
    terms: NotRequired[Annotated[str, Extra({"minLength": 1})]]


@section("source", version=1)
def source(
    *,
    path: Annotated[Any, Extra(PATHS)] = None,
    sql: Annotated[str, Extra(dict(minLength=1))] | None = None,
    query: Annotated[str, Extra(dict(minLength=1))] | None = None,
    hub: Annotated[str, Extra(dict(minLength=1))] | None = None,
    revision: str | None = None,
    config: str | None = None,
    split: str | None = None,
    format: str,
    reader: Reader | None = None,
    license: str | None = None,
    generated_by: GeneratedBy | None = None,
    priority: int = 0,
    limit: Annotated[int, Bound(ge=1)] | None = None,
    key: str | None = None,
    group: str | None = None,
    category: str | None = None,
    date: str | None = None,
    meta: list[str] = [],  # noqa: B006 - a default that JSON Schema can show; never changed
    system: str | None = None,
    encoding: str | None = None,
    records: str | None = None,
    delimiter: Annotated[str, Extra(dict(minLength=1, maxLength=1))] | None = None,
    max_row_bytes: Annotated[int, Bound(ge=1)] = MAX_ROW_BYTES,
    on_bad_row: Annotated[Any, Extra(SHARE_OR_COUNT)] = None,
) -> None:
    """Where a source's rows come from and what is known about them. The keys of its format stand beside these.

    path: a file, a glob (`data/**/*.jsonl`) or a list of them, relative to the project. Files may be packed: .gz, .zst,
        .bz2, .xz. An address (https://, s3://, gs://, hf://, a glob too where the store can list) is fetched into the cache
        once for each of its states; credentials come from the environment, as the store's own tools take them.

    sql: instead of `path`, the address of a database as SQLAlchemy writes it: sqlite:///support.db (relative to the
        project), duckdb:///support.duckdb, postgresql+psycopg://$PGUSER:$PGPASSWORD@host/support. $NAME stands for an
        environment variable, and a password cannot be written in any other way.

    query: one SELECT. With ORDER BY the rows stand in its order (name enough columns that no two are equal), without it
        in the order of their canonical JSON. They are read anew in every build; what counts is their digest.

    hub: instead of `path`, a dataset of the Hugging Face Hub, org/name, or a local folder that load_dataset reads, as
        ./folder.

    revision: commit of the dataset, 40 hex digits: a branch or tag would give other rows one day.

    config: configuration of the dataset, where it has several.

    split: split of the dataset; train without it.

    format: how a row becomes a conversation: messages, sharegpt, alpaca, prompt_completion, triple, table, chat_table,
        oasst, squad, completion, faq_markdown, or one of a plugin.

    reader: how the files are read, where their names do not tell: jsonl, json, csv, tsv, parquet, arrow, text,
        markdown, yaml, squad, documents. JSON is read strictly: NaN and broken text are faults of their row, an integer
        beyond 64 bits becomes text, and of a key that stands twice the last value wins. CSV values are text; quotes
        follow RFC 4180.

    license: the licence of the rows, as an SPDX name, carried into every record and onto the dataset card.

    generated_by: the model that wrote the answers, {model: NAME, terms: URL or SPDX name}: a column of the ledger and a line of the
        card, which is tagged synthetic. Terms that are not said are a warning, and with licenses.missing refuse a fault.

    priority: whose record stays when two are duplicates; the larger number.

    limit: the first so many rows of this source, in the order of its files; the others are dropped with reason
        over_limit.

    key: column that names a row for good, so that its id survives a change of its text; without one the text is the
        name. A template when it holds {{, as in "{{ year }}-{{ number }}". It must have a value in every row.

    group: column (or template) of what must stay in one split, such as a customer. Null or empty means a group of its
        own.

    category: column (or template) to stratify, cap and report by, such as a topic.

    date: column (or template) of the row's date, carried as text.

    meta: columns to carry along as JSON. A column that a row has not is null there.

    system: a system message to put first in conversations that have none.

    encoding: encoding of the files, by Python's names. Without it: UTF-8, or UTF-16 where a byte order mark says so.

    records: dotted path to the rows of a JSON or YAML file that is one object, such as data.items.

    delimiter: the character between the fields of a CSV file; a comma without it, for .tsv a tab.

    max_row_bytes: a row above so many bytes is put into quarantine, reason too_large.

    on_bad_row: {max: N} lets so many rows of this source be unusable, {max: 0.01} that share, before the build fails;
        null leaves it to the recipe's own on_bad_row.
    """


OWN_READER: dict[str, Reader] = {"faq_markdown": "markdown", "documents": "documents"}
"""Formats whose files only one reader reads."""


def reader_options(source: dict[str, Any]) -> dict[str, Any]:
    """What `read.cut` needs to know of a source, defaults filled in."""
    form = str(source.get("format"))
    reader = source.get("reader") or OWN_READER.get(form)
    regroup = None
    if form in OPTIONS:
        filled = find("format", form).fill(source)
        regroup = {"format": form, **{name: filled[name] for name in OPTIONS[form]}}
    return {
        "reader": reader,
        "encoding": source.get("encoding"),
        "records": source.get("records"),
        "delimiter": source.get("delimiter"),
        "max_row_bytes": source.get("max_row_bytes") or MAX_ROW_BYTES,
        "level": source.get("level") or "auto" if reader == "markdown" else "auto",
        "regroup": regroup,
    }


Take = Callable[[Raw], str | None]


def label(column: str | None, path: str) -> Take | None:
    """A function that takes a key, group, category or date out of a row, by column or by template; None without a
    column."""
    if not column:
        return None
    if "{{" in column:
        render = template(column, path)
        return lambda row: render(row) or None
    find = finder(column)

    def take(row: Raw) -> str | None:
        found = find(row)
        if type(found) is str:
            return found or None
        if found is ABSENT:
            raise missing(row, column)
        return scalar(column, found)

    return take


def texts_of(rows: list[Raw], column: str | None) -> list[str] | None:
    """A column of many rows where all of them have a text in it, or all a whole number: what `label` would take out of each.
    Else None."""
    if not column or "{{" in column:
        return None
    values: list[Any] = [row.get(column) for row in rows]
    kinds = {*map(type, values)}
    if kinds == {int}:
        return list(map(repr, values))
    return values if kinds == {str} and all(values) else None


def key_of(take: Take | None, column: str | None) -> Callable[[Raw], bytes] | None:
    """A function that gives the bytes that a row is named by; None without a key column, where the text names it."""
    if take is None:
        return None

    def key(row: Raw) -> bytes:
        found = take(row)
        if found is None:
            raise RecordError(Reason.MISSING_FIELD, f"the key {column!r} has no value")
        return found.encode()

    return key


def meta_of(columns: list[str] | None) -> Callable[[Raw], str] | None:
    """A function that gives the JSON text of the columns to carry along; None without any."""
    if not columns:
        return None
    finders = [(column, finder(column)) for column in columns]

    def meta(row: Raw) -> str:
        found = {column: find(row) for column, find in finders}
        return orjson.dumps({column: None if value is ABSENT else value for column, value in found.items()}).decode()

    return meta
