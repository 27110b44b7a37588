"""The cache: what it holds, that damage is found, and that emptying it costs time and never a byte."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from datasetbuild.cli.cache import size
from datasetbuild.engine.cache import OBJECTS, RAW, Cache, CorruptObject
from datasetbuild.engine.upkeep import verify
from tests.conftest import Project
from tests.laws.conversations import numbered

RECIPE = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\nfilters: {words: {min: 2}}\ndedup: {near: {}}\n"


@pytest.fixture
def built(project: Project) -> Project:
    project.write({"a.jsonl": numbered(50), "recipes/small.yaml": RECIPE})
    assert project.run("recipe=small").code == 0
    return project


def objects(project: Project) -> list[Path]:
    return sorted(path for path in (project.folder / ".dsbuild/cache" / OBJECTS).rglob("*") if path.is_file())


def test_ls_counts_files_and_bytes(built: Project) -> None:
    """`cache ls` says what is there."""
    found = built.run("cache", "ls", "--json").json
    assert found["objects"] == {"files": len(objects(built)), "bytes": sum(path.stat().st_size for path in objects(built))}
    assert built.run("cache", "ls").out.splitlines()[-1].startswith("total")


def test_verify_finds_a_flipped_byte(built: Project) -> None:
    """A damaged object is named and removed; the next build has the right bytes."""
    before = built.bytes()
    victim = objects(built)[0]
    data = bytearray(victim.read_bytes())
    data[len(data) // 2] ^= 1
    victim.write_bytes(bytes(data))
    found = built.run("cache", "verify", "--json").json
    assert [name.replace("/", "") for name in found["damaged"]] == [OBJECTS.replace("/", "") + victim.parent.name + victim.name]
    assert built.run("cache", "verify", "--json").json["damaged"] == []
    assert built.run("recipe=small", "--force").code == 0
    assert built.bytes() == before


def test_an_action_that_gave_nothing_is_sound(tmp_path: Path) -> None:
    """That a dear fact was asked is noted without a result; it is no damage."""
    cache = Cache(tmp_path / "cache")
    cache.once("a" * 64, dict)
    assert verify(cache) == (1, [])


def test_verify_looks_at_the_rows_of_packed_files(project: Project) -> None:
    """A damaged row that was read from a packed file is found before a build meets it."""
    project.write({"a.jsonl.gz": gzip.compress(json.dumps(numbered(1)[0]).encode()), "recipes/small.yaml": RECIPE.replace("a.jsonl", "a.jsonl.gz")})
    assert project.run("recipe=small").code == 0
    [blob] = (project.folder / ".dsbuild/cache" / RAW).glob("*.arrow")
    good = blob.read_bytes()
    blob.write_bytes(good[:-40])
    assert project.run("cache", "verify", "--json").json["damaged"] == [f"{RAW}/{blob.name}"]
    assert project.run("recipe=small", "--force").code == 0
    assert project.run("cache", "verify", "--json").json["damaged"] == []


WITH_EXAM = RECIPE + 'decontaminate: {against: {exam: {path: exam.jsonl, fields: [q]}}, ngram: 5}\n'


def test_a_damaged_copy_of_a_benchmark_is_made_again(project: Project) -> None:
    """What an operator was given is compared with its file before it is used, and `cache verify` looks at it."""
    rows = numbered(20)
    exam = [{"q": rows[3]["messages"][1]["content"] + " and some more words"}, {"q": "what is not asked by any of these rows at all"}]
    project.write({"a.jsonl": rows, "exam.jsonl": exam, "recipes/small.yaml": WITH_EXAM})
    assert project.run("recipe=small", "decontaminate.ngram=6").code == 0
    [copy] = [path for path in (project.folder / ".dsbuild/cache/inputs").rglob("*") if path.is_file()]
    good = copy.read_bytes()
    copy.write_bytes(good.split(b"\n", 1)[1])
    found = project.run("cache", "verify", "--json").json
    assert [Path(name).name for name in found["damaged"]] == [copy.name]
    copy.write_bytes(b"")
    assert project.run("recipe=small").code == 0
    assert copy.read_bytes() == good
    assert (project.ledger()["reason"] == "contaminated").sum() > 0


def test_gc_within_the_budget_takes_nothing(project: Project) -> None:
    """What fits into the budget stays, also files that operators were given."""
    project.write({"a.jsonl": numbered(20), "exam.jsonl": [{"q": "what is asked in the exam and nowhere else"}], "recipes/small.yaml": WITH_EXAM})
    assert project.run("recipe=small").code == 0
    assert project.run("cache", "gc", "--budget", "1G", "--json").json["files"] == 0


def test_gc_keeps_the_rows_of_small_files(project: Project) -> None:
    """Rows that files share belong to the cut that knows them; notes of versions before ours are nobody's."""
    for n, row in enumerate(numbered(20)):
        project.write({f"p/{n}.jsonl.gz": gzip.compress(json.dumps(row).encode())})
    project.write({"recipes/small.yaml": RECIPE.replace("a.jsonl", "p/*.gz")})
    assert project.run("recipe=small").code == 0
    kept = project.folder / ".dsbuild/cache"
    assert len([*(kept / RAW).iterdir()]) == 1
    (kept / "files").mkdir(exist_ok=True)
    (kept / "files" / ("0" * 64)).write_bytes(b"{}")
    assert project.run("cache", "gc", "--budget", "1G", "--json").json["files"] == 1
    assert len([*(kept / RAW).iterdir()]) == 1
    assert project.run("recipe=small", "--force", "--json").json["steps"]["ran"] == 0
    (kept / RAW / "stray.arrow").write_bytes(b"of a build that was killed")
    assert project.run("cache", "gc", "--budget", "1G", "--json").json["files"] == 1


def test_gc_keeps_within_the_budget(built: Project) -> None:
    """`gc --budget` leaves at most so many bytes, keeps what was used last, and a build afterwards gives the same bytes."""
    before = built.bytes()
    whole = sum(kind["bytes"] for kind in built.run("cache", "ls", "--json").json.values())
    dry = built.run("cache", "gc", "--budget", str(whole // 2), "--dry-run", "--json").json
    assert dry["files"] > 0
    assert sum(kind["bytes"] for kind in built.run("cache", "ls", "--json").json.values()) == whole
    assert built.run("cache", "gc", "--budget", str(whole // 2), "--json").json["left"] <= whole // 2 + 4096
    assert built.run("recipe=small", "--force").code == 0
    assert built.bytes() == before


def test_gc_empties_the_cache(built: Project) -> None:
    """Without a budget everything goes, and nothing that matters is lost."""
    before = built.bytes()
    assert built.run("cache", "gc").code == 0
    assert objects(built) == []
    assert built.run("recipe=small", "--force").code == 0
    assert built.bytes() == before


@pytest.mark.parametrize(("text", "count"), [("10", 10), ("2K", 2048), ("1.5M", 3 << 19), ("3GiB", 3 << 30), ("4 kB", 4096)])
def test_sizes(text: str, count: int) -> None:
    """Sizes are written as people write them."""
    assert size(text) == count


def test_a_size_that_is_none(built: Project) -> None:
    """A wrong size is a usage error."""
    ran = built.run("cache", "gc", "--budget", "much")
    assert ran.code == 2
    assert "much" in ran.err


def test_a_failed_operator_is_tried_again(project: Project) -> None:
    """What an operator broke on is not remembered: the next build asks again, and other results stay in the cache."""
    plugin = """\
from pathlib import Path
import polars as pl
from datasetbuild import fact

@fact(version=1)
def fragile():
    '''Fails while a file is there.'''
    def measure(frame: pl.DataFrame) -> pl.Series:
        if Path({flag!r}).exists():
            raise OSError("the disk is away")
        return pl.Series([1] * len(frame))
    return measure
"""
    flag = project.folder / "away"
    flag.touch()
    text = RECIPE.replace("filters: {", "plugins: [fragile.py]\non_bad_row: {max: 1000}\nfilters: {fragile: {min: 1}, ")
    files = {"a.jsonl": numbered(12), "recipes/small.yaml": text, "fragile.py": plugin.format(flag=str(flag))}
    project.write(files)
    assert "operator_error" in project.run("recipe=small").err
    flag.unlink()
    ran = project.run("recipe=small", "--json")
    assert ran.code == 0
    assert ran.json["manifest"]["counts"]["quarantined"] == 0
    assert ran.json["steps"]["ran"] == 1


@pytest.mark.parametrize("rows", [9, 100_000])
def test_a_flipped_byte_is_met(tmp_path: Path, rows: int) -> None:
    """An object is checked by its name when it is read, be it small or mapped into memory for that."""
    cache = Cache(tmp_path / "cache")
    digest = cache.store_frame(pl.DataFrame({"a": range(rows)}))
    place = cache.object(digest)
    data = bytearray(place.read_bytes())
    data[len(data) // 2] ^= 1
    place.write_bytes(bytes(data))
    with pytest.raises(CorruptObject):
        cache.object(digest)
    assert not place.exists()


def test_folders_in_the_place_of_files(built: Project) -> None:
    """A folder where the cache has a file is damage as any other: the next build has the same bytes, and a sound cache."""
    manifest = (built.folder / "build/small/manifest.json").read_bytes()
    kept = built.folder / ".dsbuild/cache"
    for place in [path for kind in ("actions", OBJECTS) for path in (kept / kind).rglob("*") if path.is_file()]:
        place.unlink()
        (place / "inside").mkdir(parents=True)
    assert built.run("recipe=small", "--force").code == 0
    assert (built.folder / "build/small/manifest.json").read_bytes() == manifest
    (built.folder / "build/small/manifest.json").unlink()
    (built.folder / "build/small/manifest.json").mkdir()
    assert built.run("plan", "recipe=small", "--check").code == 10
    assert built.run("recipe=small").code == 0
    assert (built.folder / "build/small/manifest.json").read_bytes() == manifest
    again = built.run("recipe=small", "filters.words.min=3", "--json").json
    assert again["steps"]["ran"] == 0


def test_objects_that_became_folders(tmp_path: Path) -> None:
    """An object that is a folder is met as a damaged one, and removed."""
    cache = Cache(tmp_path / "cache")
    digest = cache.store(b"what was measured")
    place = cache.object(digest)
    place.unlink()
    (place / "inside").mkdir(parents=True)
    with pytest.raises(CorruptObject):
        cache.object(digest)
    assert not place.exists()


def test_objects_of_an_earlier_version_are_left_to_gc(built: Project) -> None:
    """What a version left that names bytes otherwise is no damage and none of ours: `verify` passes it over, and so does the mending of
    a damaged object; `gc` removes it."""
    old = [built.folder / ".dsbuild/cache" / name for name in ("objects/ab/" + "c" * 62, "raw/" + "d" * 64 + ".arrow")]
    for path in old:
        path.parent.mkdir(parents=True)
        path.write_bytes(b"what was measured then")
    assert built.run("cache", "verify", "--json").json["damaged"] == []
    for path in objects(built):
        path.write_bytes(b"damaged")
    assert built.run("recipe=small", "--force").code == 0
    assert all(path.exists() for path in old)
    assert built.run("cache", "gc", "--budget", "1G").code == 0
    assert not any(path.exists() for path in old)
