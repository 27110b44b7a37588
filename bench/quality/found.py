"""What the facts of form and substance find in real data: the numbers of docs/explanation/found-in-real-data.md.

    python -m bench.quality.found DATA            DATA: the folder with the sources, one folder each (see SOURCES)

Builds one recipe with the rules `curated` and every fact of form over the real sources, and prints from its ledger, per
source: rows and rows that pass, the rules that fail (each by itself, also where another failed first), the formatting
habits, the kinds of tasks. `--sample RULE` prints 20 rows that a rule drops, for reading.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import yaml

SOURCES: dict[str, dict[str, Any]] = {
    "roleplay": {"path": "gpteacher/Roleplay/roleplay-simple-deduped-roleplay-instruct.json", "format": "alpaca", "columns": {"output": "response"}},
    "toolformer": {"path": "gpteacher/Toolformer/toolformer-similarity-0.6-dataset.json", "format": "alpaca", "columns": {"output": "response"}},
    "cot": {"path": "alpaca-cot/data/formatted_cot_data/*_train.json", "format": "alpaca"},
    "support": {
        "path": "customer-support-llm/evaluation/results/scored_adapter.csv",
        "format": "table",
        "messages": [{"role": "user", "content": "{{ prompt }}"}, {"role": "assistant", "content": "{{ model_output }}"}],
    },
    "instruct": {
        "path": "self-instruct/human_eval/user_oriented_instructions.jsonl",
        "format": "table",
        "messages": [
            {"role": "user", "content": "{{ instruction }}\n\n{{ instances[0].input }}"},
            {"role": "assistant", "content": "{{ instances[0].output }}"},
        ],
    },
    "oasst": {"path": "octopack/dataset/oasst/oasstcommitpackftmanual.jsonl", "format": "prompt_completion"},
}
HABITS = ("bullets", "numbered_items", "headings", "tables", "bold", "emoji", "code_blocks", "eager_openers")
WORDS = ("formatting", "task_category")


def recipe(data: Path) -> dict[str, Any]:
    """The recipe over the sources; facts that only describe have no bound."""
    sources = {name: source | {"path": str(data / source["path"]), "on_bad_row": {"max": 1000}} for name, source in SOURCES.items()}
    plain = {name: {} for name in (*HABITS, *WORDS, "verb_object", "difficulty", "prompt_repeated")}
    return {
        "defaults": [{"override /filters": "curated"}, "_self_"],
        "name": "found",
        "sources": sources,
        "filters": plain,
        "contradictions": {"drop": "none"},
        "export": [],
    }


def build(data: Path, folder: Path) -> pl.DataFrame:
    """The ledger of a build over the real sources."""
    from datasetbuild.cli import main

    (folder / "recipes").mkdir(parents=True)
    (folder / "recipes" / "found.yaml").write_text(yaml.safe_dump(recipe(data.resolve()), sort_keys=False), encoding="utf-8")
    code = main(["recipe=found", "-C", str(folder), "--quiet"])
    if code:
        raise SystemExit(code)
    return pl.read_parquet(folder / "build" / "found" / "ledger.parquet")


def table(head: list[str], rows: list[list[str]]) -> Iterator[str]:
    """A table in plain text, its first column to the left, the others to the right."""
    widths = [max(len(line[n]) for line in [head, *rows]) for n in range(len(head))]
    for line in [head, *rows]:
        yield "  ".join(cell.ljust(width) if n == 0 else cell.rjust(width) for n, (cell, width) in enumerate(zip(line, widths, strict=True))).rstrip()


def tell(ledger: pl.DataFrame) -> Iterator[str]:
    """What the ledger says of each source, as lines."""
    ledger = ledger.filter(pl.col("stage").is_null() | (pl.col("stage") == "filter"))
    by = {name: ledger.filter(pl.col("source") == name) for name in SOURCES}
    failed = ledger.with_columns(failed=pl.concat_list(pl.concat_list("rule"), pl.col("also").fill_null([])).list.drop_nulls())
    rules = failed["failed"].explode().drop_nulls().value_counts(sort=True)
    lines = [["rows", *(f"{len(rows)}" for rows in by.values())]]
    lines.append(["pass every rule", *(f"{(rows['fate'] == 'kept').mean() or 0:.1%}" for rows in by.values())])
    for rule in sorted(rules["failed"], key=lambda one: (-rules.filter(pl.col("failed") == one)["count"][0], one)):
        counts = (len(failed.filter((pl.col("source") == name) & pl.col("failed").list.contains(rule))) for name in SOURCES)
        lines.append([f"fails {rule}", *(f"{count or '·'}" for count in counts)])
    lines.append(["contradicted", *(f"{rows['contradicts'].count() or '·'}" for rows in by.values())])
    for habit in HABITS:
        lines.append([f"has {habit}", *(f"{(rows[habit] > 0).mean() or 0:.1%}" for rows in by.values())])
    lines.append(["mean difficulty", *(f"{rows['difficulty'].mean() or 0:.2f}" for rows in by.values())])
    for word in WORDS:
        top = [rows[word].value_counts().sort("count", word, descending=[True, False]).head(2).rows() for rows in by.values()]
        for n in range(2):
            cells = (f"{one[n][0]} {one[n][1] / len(rows):.0%}" if len(one) > n else "" for one, rows in zip(top, by.values(), strict=True))
            lines.append([word if n == 0 else "", *cells])
    yield from table(["", *SOURCES], lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sample", help="print 20 rows that this rule drops")
    asked = parser.parse_args()
    os.environ.setdefault("DVC_NO_ANALYTICS", "1")
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder) / "project"
        ledger = build(asked.data, project)
        if not asked.sample:
            print("\n".join(tell(ledger)))
            return 0
        from datasetbuild.cli import main as dsbuild

        hit = ledger.filter((pl.col("rule") == asked.sample) | pl.col("also").list.contains(asked.sample).fill_null(False))
        for row in hit.sample(min(20, len(hit)), seed=7)["id"]:
            dsbuild(["why", "recipe=found", row, "-C", str(project)])
            print("-" * 80)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
