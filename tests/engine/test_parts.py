"""Parts: what is written of a row does not depend on what else is, and tokens travel only where something wants them."""

from __future__ import annotations

from typing import Any

import pytest

from datasetbuild.engine import parts
from tests.conftest import Project
from tests.laws.conversations import numbered

RECIPE = """\
name: small
sources: {{a: {{path: a.jsonl, format: messages}}}}
template: {{tokenizer: {tokenizer}, chat_template: chatml, expansion: {expansion}}}
export: {export}
"""


@pytest.mark.parametrize("expansion", ["none", "per_turn"])
def test_lines_are_the_same_with_and_without_tokens(
    expansion: str, project: Project, tokenizer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tokens pass the exchange for an export of tokens and for rows of single turns; texts and messages stay as they
    are."""
    passed: list[bool] = []
    scatter = parts.scatter

    def watched(task: Any) -> Any:
        passed.append(bool(task.rendered))
        return scatter(task)

    monkeypatch.setattr(parts, "scatter", watched)
    project.write({"a.jsonl": numbered(30)})
    found = []
    for export in ("[text, messages]", "[text, messages, tokens]", "[text, messages, {profile: trl, rows: tokens}]"):
        project.write({"recipes/small.yaml": RECIPE.format(tokenizer=tokenizer, expansion=expansion, export=export)})
        passed.clear()
        assert project.run("recipe=small", "-j", "1").code == 0
        assert set(passed) == {"tokens" in export or expansion == "per_turn"}
        lines = {name: data for name, data in project.bytes().items() if name.endswith(".jsonl")}
        columns = set(project.rows().columns)
        assert ("input_ids" in columns) == ("tokens]" in export and "rows" not in export)
        found.append(lines | {"tokens": repr(project.manifest()["tokens"]).encode()})
    assert len(found[0]) > 2
    assert found[0] == found[1] == found[2]
