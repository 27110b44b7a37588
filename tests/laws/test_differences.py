"""Every row that differs between two builds has one cause; the causes add up; what is said to differ does, and no more."""

from __future__ import annotations

import copy
import random
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from datasetbuild.artifact.diff.causes import RowCause
from datasetbuild.artifact.diff.document import KIND_NAMES, Diff, compare, listed
from datasetbuild.artifact.diff.sides import Side
from datasetbuild.artifact.manifest import parse_manifest
from tests.conftest import Project
from tests.laws.conversations import numbered, pair

RECIPE: dict[str, Any] = {
    "name": "small",
    "sources": {
        "plain": {"path": "plain.jsonl", "format": "messages", "on_bad_row": {"max": 99}},
        "keyed": {"path": "keyed.jsonl", "format": "messages", "key": "ticket", "group": "customer", "priority": 1},
    },
    "clean": {"unicode": "fix", "whitespace": "normalize"},
    "filters": {
        "response_chars": {"min": 20, "max": "q0.97"},
        "words": {"min": 5},
        "refusals": {"fact": "phrases", "patterns": ["never"], "max": 2},
    },
    "dedup": {
        "exact": {"on": "conversation"},
        "near": {"threshold": 0.7, "ngram": 3},
        "keep": ["priority", "response_chars"],
    },
    "split": {"train": 0.7, "test": 0.3, "stratify": []},
    "mix": {"weights": {"plain": 0.5, "keyed": 0.5}, "max_repeat": 2},
}

KEYS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "filters.response_chars": lambda r: r["filters"]["response_chars"].update(min=150),
    "filters.words": lambda r: r["filters"]["words"].update(min=60),
    "filters.refusals": lambda r: r["filters"].pop("refusals"),
    "filters.turns": lambda r: r["filters"].update(turns={"max": 2}),
    "dedup.near": lambda r: r["dedup"]["near"].update(threshold=0.95),
    "dedup.exact": lambda r: r["dedup"].update(exact={"on": "first_user"}),
    "dedup.keep": lambda r: r["dedup"].update(keep=["-response_chars"]),
    "split": lambda r: r["split"].update(train=0.5, test=0.5),
    "mix.weights.plain": lambda r: r["mix"]["weights"].update(plain=0.9),
    "mix.total": lambda r: r["mix"].update(total=20),
    "sources.keyed.limit": lambda r: r["sources"]["keyed"].update(limit=12),
    "clean.whitespace": lambda r: r["clean"].update(whitespace="keep"),
    "seed": lambda r: r.update(seed=99),
}

EDITS = ("edit", "add", "remove", "repeat", "break", "shift")


def base() -> dict[str, list[Any]]:
    rows = numbered(44, group=True)
    plain, keyed = rows[:26], [row | {"ticket": f"t{place}"} for place, row in enumerate(rows[22:])]
    words = " ".join(f"v{n}" for n in range(30))
    plain[3] = pair("a question with  blanks  \r\n here", f"an answer long enough to stay   \r\n in the data: {words}")
    plain[5] = pair(f"first of {words}?", f"never never never, {words[::-1]}")
    plain[6] = pair(
        plain[9]["messages"][0]["content"],
        "another answer to the same question, which is long enough too, and alike in nothing",
    )
    plain[8]["messages"] += [
        {"role": "user", "content": "and then?"},
        {"role": "assistant", "content": "then nothing at all happened"},
    ]
    return {"plain.jsonl": plain, "keyed.jsonl": keyed}


def edited(files: dict[str, list[Any]], edits: list[tuple[str, str, int]]) -> dict[str, list[Any]]:
    """The files after the edits: (what, file, where)."""
    files = copy.deepcopy(files)
    for place, (what, name, where) in enumerate(edits):
        rows = files[name]
        at = where % len(rows)
        draw = random.Random(place * 1000 + where)
        words = " ".join(f"n{draw.randrange(500)}" for _ in range(12))
        key = {"ticket": f"new{place}", "customer": f"c{where % 13}"} if name == "keyed.jsonl" else {}
        if what == "edit" and len(rows[at]["messages"]) > 1:
            rows[at] = rows[at] | pair(
                rows[at]["messages"][0]["content"], f"{rows[at]['messages'][1]['content']} {words}"
            )
        elif what == "add":
            rows.insert(at, pair(f"what of {words}?", f"this of {words}, and {words}", **key))
        elif what == "remove" and len(rows) > 5:
            del rows[at]
        elif what == "repeat":
            rows.append(rows[at] | key)
        elif what == "break" and name == "plain.jsonl":
            rows[at] = {"messages": [{"role": "narrator", "content": words}]}
        elif what == "shift":
            rows.append(rows.pop(at))
    return files


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A project with the base built, and a copy of that artifact."""
    from datasetbuild.cli import main

    folder = tmp_path_factory.mktemp("project")
    (folder / "recipes").mkdir()
    write(folder, RECIPE, base())
    assert main(["recipe=small", "--quiet", "-C", str(folder)]) == 0
    kept = folder / "first"
    shutil.copytree(folder / "build" / "small", kept)
    return folder, kept


def write(folder: Path, recipe: dict[str, Any], files: dict[str, list[Any]]) -> None:
    project = Project(folder, lambda: None)
    project.write({**files, "recipes/small.yaml": yaml.safe_dump(recipe, sort_keys=False)})


def side(folder: Path) -> Side:
    return Side(folder.name, folder.name, parse_manifest((folder / "manifest.json").read_bytes(), "it"), folder)


def texts(folder: Path) -> dict[str, tuple[str, str, int]]:
    """id -> (text, split, copies), as they stand in data/: the truth."""
    found: dict[str, tuple[str, str, int]] = {}
    for split in ("train", "test"):
        for part in sorted((folder / "data").glob(f"{split}-*.parquet")):
            for row in pl.read_parquet(part).iter_rows(named=True):
                before = found.get(row["id"], ("", "", 0))
                found[row["id"]] = (str(row["messages"]), split, before[2] + 1)
    return found


def check_truth(diff: Diff, before: dict[str, Any], after: dict[str, Any]) -> None:
    """What the rows say is what `data/` of the two sides holds."""
    assert diff.rows is not None
    rows = diff.rows.select("kind", "id_a", "id_b").rows() if len(diff.rows) else []
    by = {kind: [(a, b) for named, a, b in rows if named == kind] for kind in KIND_NAMES}
    named_anew = [(a, b) for a, b in by["changed"] if a != b]
    assert set(before) - set(after) == {a for a, _ in by["removed"]} | {a for a, _ in named_anew}
    assert set(after) - set(before) == {b for _, b in by["added"]} | {b for _, b in named_anew}
    differing = {name for name in set(before) & set(after) if before[name] != after[name]}
    said = {a for a, b in by["changed"] + by["moved"] if a == b}
    assert differing <= said
    assert {a for a, _ in by["moved"]} <= differing
    totals = diff.document["totals"]
    assert totals["same"] + totals["changed"] + totals["moved"] + totals["removed"] == len(before) == totals["kept"][0]
    assert totals["same"] + totals["changed"] + totals["moved"] + totals["added"] == len(after) == totals["kept"][1]


def check_causes(diff: Diff) -> None:
    """One cause each, from the closed list, none unknown; they add up."""
    assert diff.rows is not None
    totals, causes = diff.document["totals"], diff.document["causes"]
    for kind in KIND_NAMES:
        assert sum(line[kind] for line in causes) == totals.get(kind, 0)
    assert sum(line["rows"] for line in causes) == len(diff.rows)
    assert {line["cause"] for line in causes} <= {cause.value for cause in RowCause}
    unknown = diff.rows.filter(pl.col("cause") == "unknown") if len(diff.rows) else diff.rows
    assert not len(unknown), unknown.to_dicts()[:2]


SOME = st.lists(
    st.tuples(st.sampled_from(EDITS), st.sampled_from(["plain.jsonl", "keyed.jsonl"]), st.integers(0, 40)), max_size=4
)
SLOW = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
OF_FILES = {"row_added", "row_removed", "row_edited", "input_added", "input_removed"}
OF_RECIPE = {"recipe_changed", "code_changed"}


@SLOW
@given(SOME, st.lists(st.sampled_from(sorted(KEYS)), max_size=3, unique=True))
def test_every_difference_has_one_cause(first: tuple[Path, Path], edits: list[Any], keys: list[str]) -> None:
    """Random edits of files and recipe: each difference has one cause, they add up, and they are what was edited."""
    from datasetbuild.cli import main

    folder, kept = first
    recipe, files = copy.deepcopy(RECIPE), edited(base(), edits)
    for key in keys:
        KEYS[key](recipe)
    write(folder, recipe, files)
    assert main(["recipe=small", "--quiet", "-C", str(folder)]) == 0
    diff = compare(side(kept), side(folder / "build" / "small"), need_rows=True)
    check_truth(diff, texts(kept), texts(folder / "build" / "small"))
    check_causes(diff)
    causes = {(line["cause"], line["detail"]) for line in diff.document["causes"]}
    if files == base():
        assert not {cause for cause, _ in causes} & OF_FILES, "no file was edited"
    else:
        lines = (
            Counter(str(row) for rows in base().values() for row in rows),
            Counter(str(row) for rows in files.values() for row in rows),
        )
        gone, came = (sum((lines[one] - lines[1 - one]).values()) for one in (0, 1))
        own = Counter(row["cause"] for row in listed(diff, limit=None)[0])
        # A row edited and then also met by the recipe counts for the recipe, so these are bounds and not sums.
        assert own["row_edited"] + own["row_removed"] <= gone + len([e for e in edits if e[0] == "shift"])
        assert own["row_edited"] + own["row_added"] <= came + len([e for e in edits if e[0] == "shift"])
    blamed = {detail for cause, detail in causes if cause in OF_RECIPE}
    assert all(any(detail == key or detail.startswith(f"{key}.") for key in keys) for detail in blamed), (blamed, keys)


def test_nothing_differs_from_itself(first: tuple[Path, Path]) -> None:
    """An artifact and itself differ in nothing."""
    diff = compare(side(first[1]), side(first[1]), need_rows=True)
    assert not diff.document["recipe"]
    assert not diff.document["causes"]
    assert diff.document["totals"]["same"] == diff.document["totals"]["kept"][1]


@pytest.mark.parametrize("key", sorted(KEYS))
def test_one_changed_key_causes_all(first: tuple[Path, Path], key: str) -> None:
    """With one key changed, every difference is traced to it, through other rows where they are between."""
    from datasetbuild.cli import main

    folder, kept = first
    recipe = copy.deepcopy(RECIPE)
    KEYS[key](recipe)
    write(folder, recipe, base())
    assert main(["recipe=small", "--quiet", "-C", str(folder)]) == 0
    diff = compare(side(kept), side(folder / "build" / "small"), need_rows=True)
    check_truth(diff, texts(kept), texts(folder / "build" / "small"))
    check_causes(diff)
    assert diff.rows is not None
    assert diff.document["causes"], "a key that changes nothing proves nothing"
    direct = diff.rows.filter(pl.col("cause").is_in(sorted(OF_RECIPE)))
    assert len(direct)
    assert all(detail.startswith(key) for detail in direct["detail"])
    others = {row["id_a"]: row for row in diff.rows.iter_rows(named=True)} | {
        row["id_b"]: row for row in diff.rows.iter_rows(named=True)
    }
    for row in diff.rows.filter(pl.col("by").is_not_null()).iter_rows(named=True):
        seen = set()
        while row["by"] in others and row["by"] not in seen:
            seen.add(row["by"])
            row = others[row["by"]]
        assert row["cause"] in OF_RECIPE | {"bound_moved", "mix_shifted", "unit_changed", "twin_came", "twin_went"}
    assert {row["cause"] for row in others.values()}.isdisjoint(OF_FILES)
