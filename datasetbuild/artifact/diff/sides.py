"""The two sides of a comparison: an artifact as it lies in a folder, or as it was at a git revision.

Manifests are read from git. The ledger and the data come from DVC's cache or its remote, and only when they are asked
for: a side whose ledger equals one that lies in the workspace is read there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from datasetbuild.artifact.manifest import parse_manifest
from datasetbuild.artifact.version import WORKSPACE, Repository, find_repo
from datasetbuild.errors import UsageError, VersionError
from datasetbuild.hashing import file_digest
from datasetbuild.op import did_you_mean

BUILD = "build"
MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Side:
    """One artifact. label: as it was asked for. commit: its revision's id, None for a folder. place: its folder as the
    project names it. scratch: where files of a revision are put."""

    label: str
    place: str
    manifest: dict[str, Any]
    folder: Path | None = None
    repository: Repository | None = None
    commit: str | None = None
    twins: tuple[tuple[Path, dict[str, Any]], ...] = field(default=(), repr=False)
    scratch: Path | None = None

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def title(self) -> str:
        """`v1 (1f6f55a)`, `workspace`, `.dsbuild/variants/small-0123456789`."""
        short = self.commit and self.commit[:7]
        return f"{self.label} ({short})" if short and not self.label.startswith(short) else self.label

    def file(self, name: str) -> Path:
        """A file of the artifact on this disk. `VersionError` when it cannot be had."""
        if self.folder is not None:
            if not (self.folder / name).is_file():
                raise VersionError(
                    f"{self.place}/{name} is missing", hint=f"`dvc pull {self.place}/{name}`, or build it again"
                )
            return self.folder / name
        digest = self.manifest["files"].get(name, {}).get("sha256")
        for folder, manifest in self.twins:
            if digest and manifest["files"].get(name, {}).get("sha256") == digest and (folder / name).is_file():
                return folder / name
        assert self.repository is not None
        assert self.commit is not None
        assert self.scratch is not None
        into = self.scratch / self.commit[:12] / self.place / name
        if into.is_file():
            return into
        try:
            fetched = self.repository.fetch_at(self.commit, f"{self.place}/{name}", into)
        except FileNotFoundError:
            raise VersionError(
                f"{self.place}/{name} of {self.label} is neither in git nor in DVC, so its rows are not known",
                hint=f"let DVC keep {self.place} from now on (docs/how-to/version-with-dvc.md), or build {self.label} in a "
                "checkout of its own and name that folder",
            ) from None
        except VersionError as error:
            error.message = error.message.replace(self.commit, self.label)
            raise
        if digest and file_digest(fetched) != digest:
            fetched.unlink()
            raise VersionError(
                f"{self.place}/{name} of {self.label} is of another build than the manifest beside it, so its rows are "
                "not known: dvc.lock was not committed with it",
                hint="`dsbuild dvc commit` before git commit; that version can be built again in a checkout of its own",
            )
        return fetched

    def parts(self, split: str) -> list[str]:
        """The files of a split's records."""
        return sorted(name for name in self.manifest["files"] if name.startswith(f"data/{split}-"))


@dataclass(frozen=True)
class Asked:
    """What stands on one side before it is known which artifact is meant: a revision, the workspace, or one folder."""

    label: str
    commit: str | None = None
    folder: Path | None = None
    artifact: str | None = None


@dataclass(frozen=True)
class Versions:
    """A project's artifacts, in the workspace and at its revisions."""

    project: Path
    scratch: Path

    def sides(self, words: Sequence[str], recipe: str | None) -> list[tuple[Side | None, Side | None]]:
        """The pairs of artifacts that two words ask for: of each recipe its two versions, None where one lacks.

        words: none (HEAD against the workspace), one (it against the workspace), two, or `A..B`.
        """
        asked = self._asked(words)
        named = recipe or next((one.artifact for one in asked if one.artifact), None)
        if all(one.folder for one in asked):
            return [(self._side(asked[0], ""), self._side(asked[1], ""))]
        names = [self._known(named, asked)] if named else self._every(asked)
        pairs = [(self._side(asked[0], name), self._side(asked[1], name)) for name in names]
        if named:
            for side, one in zip(pairs[0], asked, strict=True):
                if side is None:
                    raise self._never(named, one)
        elif not any(side for pair in pairs for side in pair):
            raise VersionError("no artifact on either side", hint="dsbuild recipe=NAME builds one")
        return pairs

    def at(self, rev: str, recipe: str) -> Side:
        """A recipe's artifact at a revision."""
        asked = self._ask(rev)
        side = self._side(asked, self._known(recipe, [asked, self._ask(WORKSPACE)]))
        if side is None:
            raise self._never(recipe, asked)
        return side

    def artifact_of(self, recipe: str) -> str:
        """The name of a recipe's artifact: as it is in the workspace, else at HEAD."""
        for word in (WORKSPACE, "HEAD"):
            if name := self._artifact(recipe, self._manifests(self._ask(word))):
                return name
        return self._known(recipe, [self._ask(WORKSPACE)])

    def _asked(self, words: Sequence[str]) -> tuple[Asked, Asked]:
        if len(words) == 1 and ".." in words[0] and not self._folder(words[0]):
            old, _, new = words[0].replace("...", "..").partition("..")
            words = [old or "HEAD", new or "HEAD"]
        if len(words) > 2:
            raise UsageError(f"two sides are compared, not {len(words)}", hint="dsbuild diff [recipe=NAME] [A] [B]")
        if not words:
            words = ["HEAD", WORKSPACE]
        elif len(words) == 1:
            one = self._ask(words[0])
            if one.folder is None:
                return one, self._ask(WORKSPACE)
            if one.folder.parent == self.project / BUILD:
                return self._ask("HEAD"), one
            return self._ask(WORKSPACE), one
        return self._ask(words[0]), self._ask(words[1])

    def _folder(self, word: str) -> Path | None:
        for start in (Path.cwd(), self.project):
            folder = (start / word).resolve()
            if (folder / MANIFEST).is_file():
                return folder
        return None

    def _ask(self, word: str) -> Asked:
        """A word as a folder, the workspace, a revision, or a recipe."""
        if word == WORKSPACE:
            return Asked(word)
        if folder := self._folder(word):
            manifest = parse_manifest((folder / MANIFEST).read_bytes(), word)
            return Asked(self._shown(folder), folder=folder, artifact=str(manifest["name"]))
        try:
            return Asked(word, commit=find_repo(self.project).resolve(word))
        except VersionError as error:
            return self._no_revision(word, error)

    def _no_revision(self, word: str, error: VersionError) -> Asked:
        """A word that is no revision, for whatever reason: a recipe that was built here, or what is wrong with it."""
        if name := self._artifact(word, self._workspace()):
            folder = self.project / BUILD / name
            return Asked(self._shown(folder), folder=folder, artifact=name)
        if (self.project / "recipes" / f"{word}.yaml").is_file():
            raise VersionError(f"recipe {word} was never built here", hint=f"dsbuild recipe={word}")
        if "/" in word and word.startswith((BUILD, ".", "/")):
            known = ", ".join(f"{BUILD}/{name}" for name in self._workspace())
            raise VersionError(f"{word} holds no artifact", hint=f"there are {known}" if known else "dsbuild recipe=NAME builds one")
        raise error

    def _shown(self, folder: Path) -> str:
        return folder.relative_to(self.project).as_posix() if folder.is_relative_to(self.project) else str(folder)

    def _workspace(self) -> dict[str, dict[str, Any]]:
        found = sorted((self.project / BUILD).glob(f"*/{MANIFEST}"))
        return {path.parent.name: parse_manifest(path.read_bytes(), self._shown(path)) for path in found}

    def _manifests(self, asked: Asked) -> dict[str, dict[str, Any]]:
        if asked.folder is not None:
            manifest = parse_manifest((asked.folder / MANIFEST).read_bytes(), asked.label)
            return {str(manifest["name"]): manifest}
        if asked.commit is None:
            return self._workspace()
        repository = find_repo(self.project)
        listed = repository.git("ls-tree", "-r", "-z", "--name-only", asked.commit, "--", f"{BUILD}/").split("\0")
        places = [path for path in listed if path.count("/") == 2 and path.endswith(f"/{MANIFEST}")]
        return {
            path.split("/")[1]: parse_manifest(repository.read_at(asked.commit, path), f"{path} at {asked.label}")
            for path in places
        }

    def _artifact(self, word: str, manifests: dict[str, dict[str, Any]]) -> str | None:
        """The artifact that has this name, or whose recipe has."""
        return (
            word
            if word in manifests
            else next((name for name, one in manifests.items() if one["recipe"] == word), None)
        )

    def _known(self, recipe: str, asked: Sequence[Asked]) -> str:
        for one in asked:
            if name := self._artifact(recipe, self._manifests(one)):
                return name
        if (self.project / "recipes" / f"{recipe}.yaml").is_file():
            raise self._never(recipe, asked[0])
        known = sorted({name for one in asked for name in self._manifests(one)})
        raise UsageError(
            f"no recipe {recipe!r} was ever built", hint=did_you_mean(recipe, known) if known else "dsbuild recipe=NAME"
        )

    def _every(self, asked: Sequence[Asked]) -> list[str]:
        return sorted({name for one in asked for name in self._manifests(one)})

    def _never(self, recipe: str, asked: Asked) -> VersionError:
        where = "here" if asked.commit is None else f"at {asked.label}"
        again = (
            f"dsbuild recipe={recipe}"
            if asked.commit is None
            else f"`dsbuild log recipe={recipe}` lists the revisions that have it"
        )
        return VersionError(f"recipe {recipe} has no artifact {where}", hint=again)

    def _side(self, asked: Asked, name: str) -> Side | None:
        if asked.folder is not None:
            manifest = parse_manifest((asked.folder / MANIFEST).read_bytes(), asked.label)
            return Side(asked.label, asked.label, manifest, folder=asked.folder)
        manifests = self._manifests(asked)
        if name not in manifests:
            return None
        place = f"{BUILD}/{name}"
        if asked.commit is None:
            return Side(WORKSPACE, place, manifests[name], folder=self.project / place)
        twins = tuple(
            (self.project / BUILD / own, manifest) for own, manifest in self._workspace().items() if own == name
        )
        return Side(
            asked.label, place, manifests[name], None, find_repo(self.project), asked.commit, twins, self.scratch
        )
