"""The workflow of docs/how-to/review-in-pull-requests.md is run: its very steps, in a repository with a DVC remote."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import ROOT, Project
from tests.test_diff import RECIPE, Repository, rows
from tests.test_docs import blocks

PAGE = ROOT / "docs" / "how-to" / "review-in-pull-requests.md"

GH = """\
#!/bin/sh
# pr comment NUMBER --body-file FILE ...
[ "$1 $2 $3 $4" = "pr comment 7 --body-file" ] && cp "$5" "$POSTED"
"""


def workflow() -> dict[str, Any]:
    (block,) = [one for one in blocks(PAGE.read_text(encoding="utf-8")) if one.kind == "yaml"]
    return dict(yaml.safe_load(block.text))


def command(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)


@pytest.mark.slow
def test_the_steps_post_the_difference(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A branch raises a bound and builds; in a clone, as on a runner, the steps post what that did to the data."""
    if importlib.util.find_spec("dvc") is None:
        pytest.skip("dvc is not installed")
    place = tmp_path_factory.mktemp("runner")
    repository = Repository(project)
    recipe = {"recipes/small.yaml": RECIPE, "faq.jsonl": rows(0, 30), "chat.jsonl": rows(100, 40, key=True)}
    project.write({**recipe, ".gitignore": ".dsbuild/\n"})
    repository.run("git", "init", "--quiet", "-b", "main")
    repository.dvc("init", "--quiet")
    repository.dvc("remote", "add", "--quiet", "--default", "store", str(place / "store"))
    assert project.run("dvc", "sync").code == 0
    repository.build("v1")
    repository.run("git", "switch", "--quiet", "-c", "stricter")
    project.write({"recipes/small.yaml": RECIPE.replace("min: 20", "min: 90")})
    repository.build("v2")
    repository.dvc("push", "--quiet", "--all-commits")
    clone = place / "clone"
    repository.run("git", "clone", "--quiet", "-b", "stricter", str(project.folder), str(clone))
    bin_ = place / "bin"
    bin_.mkdir()
    for name, module in (("dsbuild", "datasetbuild"), ("dvc", "dvc")):
        command(bin_, name, f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
    command(bin_, "pip", "#!/bin/sh\n")
    command(bin_, "gh", GH)
    (job,) = workflow()["jobs"].values()
    given = {"BASE": "origin/main", "PR": "7", "GH_TOKEN": "none"}
    assert set(given) == set(job["env"])
    environment = {**os.environ, **given, "PATH": f"{bin_}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    environment |= {"POSTED": str(place / "posted.md"), "GITHUB_STEP_SUMMARY": str(place / "summary.md")}
    environment |= {"DVC_NO_ANALYTICS": "1", "GIT_CONFIG_GLOBAL": os.devnull}
    ran = 0
    for step in job["steps"]:
        if "run" in step:
            done = subprocess.run(
                ["bash", "-e", "-c", step["run"]],
                cwd=clone,
                env=environment,
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, f"{step['name']}\n{done.stdout}\n{done.stderr}"
            ran += 1
    assert ran == 4
    posted = (place / "posted.md").read_text(encoding="utf-8")
    assert posted.startswith("### `small`: origin/main (")
    assert "| filters.response_chars.min 20 → 90 |" in posted
    assert posted == (place / "summary.md").read_text(encoding="utf-8")
