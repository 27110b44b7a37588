"""Verify: build again from nothing, and compare every byte with what the manifest says of the first time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasetbuild.engine.lock import with_pins
from datasetbuild.engine.outcome import derived
from datasetbuild.engine.run import Built, Progress, build
from datasetbuild.hashing import file_digest
from datasetbuild.plan.explain import Difference, differences
from datasetbuild.plan.steps import Plan
from datasetbuild.recipe import Recipe


@dataclass
class Verdict:
    """What came of it. damaged, missing: files of the artifact that are not what its manifest says, or not
    there. inputs: what the new build
    was made from that the first was not. files: that came out with other bytes. where: what these have in common."""

    looked: int
    damaged: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    inputs: list[Difference] = field(default_factory=list)
    files: list[str] = field(default_factory=list)
    where: str | None = None

    @property
    def same(self) -> bool:
        return not (self.damaged or self.missing or self.inputs or self.files)


def rebuild(recipe: Recipe, plan: Plan, scratch: Path, progress: Progress | None = None) -> Built:
    """Build in a scratch folder. Nothing comes from the cache but what was fetched from afar, checked anew."""
    fetched = recipe.project / ".dsbuild" / "cache" / "remote"
    (scratch / "cache").mkdir(parents=True, exist_ok=True)
    if fetched.is_dir() and not (scratch / "cache" / "remote").exists():
        (scratch / "cache" / "remote").symlink_to(fetched.resolve())
    return build(recipe, with_pins(plan, recipe), force=True, progress=progress, scratch=scratch)


def compare(manifest: Mapping[str, Any], rebuilt: Built, folder: Path | None) -> Verdict:
    """The first manifest against a build of now. folder: of the artifact, whose files are read too, or None."""
    verdict = Verdict(looked=len(manifest["files"]))
    if folder is not None:
        said = {name: file["sha256"] for name, file in sorted(manifest["files"].items())}
        verdict.missing = [name for name in said if not (folder / name).is_file()]
        there = said.keys() - set(verdict.missing)
        verdict.damaged = [name for name in said if name in there and file_digest(folder / name) != said[name]]
    now = rebuilt.manifest
    if manifest["key"] != now["key"]:
        verdict.inputs = differences(manifest["parts"], now["parts"])
        return verdict
    if folder is not None:
        for name, data in derived(manifest).items():
            if not (folder / name).is_file():
                verdict.missing.append(name)
            elif (folder / name).read_bytes() != data:
                verdict.damaged.append(name)
    old, new = manifest["files"], now["files"]
    verdict.files = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name))
    if dict(manifest) != now and not verdict.files:
        verdict.files = ["manifest.json"]
    if verdict.files:
        verdict.where = _where(manifest, now)
    return verdict


def _where(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """The first step at which two builds from the same inputs part."""
    if old["counts"] != new["counts"]:
        for before, after in zip(old["counts"]["sources"], new["counts"]["sources"], strict=False):
            for stage in before:
                if before[stage] != after.get(stage):
                    return f"stage {stage} of source {before['source']}: {before[stage]} -> {after.get(stage)} rows"
        return "the counts of stages differ"
    if old["splits"] != new["splits"]:
        return "stage split: other records in a split"
    if old["records"] != new["records"]:
        return "the same counts, but other records or other text"
    return "the records are the same: only the files that hold them are written in another way"
