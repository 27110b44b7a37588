"""What a newcomer's first hour found: each was once wrong."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Callable

import polars as pl
import pytest

from tests.conftest import Project
from tests.laws.conversations import numbered, pair

HEAD = "name: small\nsources:\n  a: {path: a.jsonl, format: messages}\n"


def test_cut_rows_are_counted_as_they_are_cut(project: Project, tokenizer: str) -> None:
    """With `overflow: truncate` the books count what is written, and a row with nothing left to train is dropped."""
    template = f"template: {{tokenizer: {tokenizer}, max_tokens: 160, overflow: truncate}}\nfilters: {{tokens: {{min: 1}}}}\n"
    rows = [*numbered(20), pair("so long a question " * 90, "never reached")]
    project.write({"a.jsonl": rows, "recipes/small.yaml": HEAD + template})
    ran = project.run("recipe=small", "--json")
    manifest, ledger, data = ran.json["manifest"], project.ledger(), project.rows()
    assert data["input_ids"].list.len().max() == manifest["tokens"]["max"] == 160
    assert data["input_ids"].list.len().sum() == manifest["tokens"]["total"]
    assert data["labels"].list.eval(pl.element() != -100).list.any().all()
    kept = ledger.filter(pl.col("fate") == "kept").select("id", "tokens", "trained_tokens").sort("id")
    assert kept.equals(data.select("id", "tokens", "trained_tokens").sort("id"))
    assert manifest["tokens"]["trained_lost_to_truncation"] == ledger.filter(pl.col("fate") == "kept")["cut"].sum() > 0
    assert ledger.filter(pl.col("reason") == "cut_away")["line"].to_list() == [21]
    told = "all of its trained tokens lie beyond `template.max_tokens`, where `overflow: truncate` cuts"
    assert told in project.run("why", "recipe=small", "a.jsonl:21").out
    assert told in (project.artifact() / "report.html").read_text("utf-8")
    assert "trained tokens are lost" in "".join(manifest["warnings"])


def test_cut_rows_with_weights_are_shown_as_they_are_cut(project: Project, tokenizer: str) -> None:
    """`overflow: truncate` beside `prompt_weight`: each token written has one weight, and report and mask show those."""
    cut = f"template: {{tokenizer: {tokenizer}, max_tokens: 60, overflow: truncate, prompt_weight: 0.5}}\n"
    project.write({"a.jsonl": [*numbered(3), pair("short", "an answer that goes on " * 40)], "recipes/small.yaml": HEAD + cut})
    ran = project.run("recipe=small", "--json")
    assert ran.code == 0, ran.err
    data = project.rows()
    assert data["input_ids"].list.len().max() == 60
    assert data["loss_weights"].list.len().equals(data["input_ids"].list.len(), null_equal=False)
    shown = project.run("show", "--mask", "recipe=small", "--row", "a.jsonl:4")
    assert "of 60 tokens trained" in shown.out, shown.err


@pytest.mark.parametrize("split", ["", "split: {train: 0.9, validation: 0.1}\n"])
def test_rows_that_are_all_unusable_say_so(project: Project, split: str) -> None:
    """The wrong format is told as such, with and without a split."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD.replace("messages}", "sharegpt}") + split})
    ran = project.run("recipe=small")
    assert ran.code == 1
    assert "3 of 3 rows cannot be used" in ran.err


@pytest.mark.parametrize(
    "text", ["split: {train: 0.5, test: 0.5, stratify: [queue]}\n", "mix: {weights: {a: 1}, caps: {queue: 0.5}}\n"]
)
def test_a_column_of_the_file_is_no_column_of_records(project: Project, text: str) -> None:
    """Strata and caps name columns of records; the message says how a file's column becomes one."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD + text})
    ran = project.run("recipe=small")
    assert ran.code == 3
    assert "sources.NAME.category: queue" in ran.err


def test_an_absolute_path_is_the_same_name_everywhere(project: Project, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A source outside the project, written absolute, gives the same bytes wherever the project lies."""
    outside = tmp_path_factory.mktemp("outside") / "a.jsonl"
    outside.write_text("".join(json.dumps(row) + "\n" for row in numbered(9)))
    deeper = Project(tmp_path_factory.mktemp("deep") / "er", project._capture)
    for one in (project, deeper):
        one.write({"recipes/small.yaml": HEAD.replace("a.jsonl", str(outside))})
        assert one.run("recipe=small").code == 0
    assert project.bytes() == deeper.bytes()


def test_two_recipes_of_one_name(project: Project) -> None:
    """A recipe does not build over the artifact of another; when the other is gone, it may."""
    project.write({"a.jsonl": numbered(9), "recipes/small.yaml": HEAD, "recipes/other.yaml": HEAD + "seed: 3\n"})
    assert project.run("recipe=small").code == 0
    before = project.bytes()
    ran = project.run("recipe=other")
    assert ran.code == 1
    assert "recipes/small.yaml" in ran.err
    assert project.bytes() == before
    (project.folder / "recipes/small.yaml").unlink()
    assert project.run("recipe=other").code == 0


def test_a_tool_call_is_no_empty_answer(project: Project) -> None:
    """A turn that only calls a tool is no answer of 0 characters, unless the assistant says nothing else."""
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    turns = [
        {"role": "user", "content": "Is it raining?"},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "content": "no", "tool_call_id": "c1"},
        {"role": "assistant", "content": "No, it is dry."},
    ]
    project.write({"a.jsonl": [{"messages": turns}, {"messages": turns[:3]}], "recipes/small.yaml": HEAD + "filters: {response_chars: {min: 2}}\n"})
    assert project.run("recipe=small").code == 0
    assert project.ledger().select("response_chars.min", "fate").rows() == [(14, "kept"), (0, "dropped")]


def test_an_empty_train_is_an_error(project: Project) -> None:
    """Records that all belong together cannot be split: said, and nothing is published."""
    same = [pair("one question", f"answer {n}") for n in range(6)]
    text = HEAD + "split: {train: 0.5, validation: 0.5, assign: exact}\nseed: 1\n"
    project.write({"a.jsonl": same, "recipes/small.yaml": text})
    ran = project.run("recipe=small")  # one unit stands in the middle of its stratum, where validation begins
    assert ran.code == 1
    assert "the split train is empty: all 6 records" in ran.err
    assert not (project.folder / "build").exists()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("answer,stars\nfine,5\npoor,x\n", "filters.quality.ratings: lists/rated.csv:3: stars: 'x' is no rating"),
        ("answer,star\nfine,5\n", "filters.quality.ratings: lists/rated.csv:2: there is no field 'stars'"),
        ("answer,stars\nfine,5\n", "filters.quality.ratings: lists/rated.csv: 1 rated texts are good and 0 are not"),
    ],
)
def test_ratings_that_cannot_be_learnt_from(project: Project, rows: str, message: str) -> None:
    """The file, the line and the field are named, and the recipe's line that names the file: a fault of the recipe."""
    rule = "filters: {quality: {ratings: lists/rated.csv, text: answer, rating: stars, min: 0.4}}\n"
    project.write({"a.jsonl": numbered(3), "lists/rated.csv": rows, "recipes/small.yaml": HEAD + rule})
    ran = project.run("recipe=small")
    assert ran.code == 3
    assert "recipes/small.yaml:4" in ran.err
    assert message in ran.err


def test_bad_rows_of_all_sources_are_told_at_once(project: Project) -> None:
    """Two sources with unusable rows and a rule that fits no fact: the rows of both come first, each with what to do."""
    two = HEAD + "  b: {path: b.jsonl, format: messages}\nfilters: {response_chars: {allow: [x]}}\n"
    project.write({"a.jsonl": [*numbered(3), {"x": 1}], "b.jsonl": [*numbered(2), {"y": 1}, {"y": 2}], "recipes/small.yaml": two})
    ran = project.run("recipe=small")
    assert ran.code == 1
    assert "source 'a': 1 of 4 rows" in ran.err
    assert "source 'b': 2 of 4 rows" in ran.err
    assert "sources.a.on_bad_row.max=1" in ran.err
    assert "sources.b.on_bad_row.max=2" in ran.err
    ran = project.run("recipe=small", "on_bad_row.max=2")
    assert ran.code == 3
    assert "no value of this fact" in ran.err


def test_the_screen_says_what_a_share_of_a_split_is_of(project: Project) -> None:
    """Where the mix takes records out of train, the shares are of what is left, and the screen and the check say so."""
    two = HEAD + "  b: {path: b.jsonl, format: messages}\nsplit: {train: 0.8, validation: 0.2}\nmix: {weights: {a: 0.1, b: 0.9}, max_repeat: 1}\n"
    two += "checks: {held_out: {check: split_share, min: 0.9, severity: warn}}\n"
    other = [{"messages": [{**turn, "content": turn["content"] + " b"} for turn in row["messages"]]} for row in numbered(20)]
    project.write({"a.jsonl": numbered(200), "b.jsonl": other, "recipes/small.yaml": two})
    ran = project.run("recipe=small")
    assert ran.code == 0
    assert "of the distinct records that are left; the mix took" in " ".join(ran.out.split())
    assert "of distinct records" in project.manifest()["checks"]["held_out"]["wanted"]


def test_a_row_is_found_by_its_key(project: Project) -> None:
    """`why` takes a row's own key before any text that holds it."""
    rows = [{"ticket": f"T-{n}", "q": f"Like T-{n + 1}?", "a": f"Answer {n}."} for n in range(3)]
    source = "{path: a.jsonl, format: table, key: ticket, messages: [{role: user, content: '{{ q }}'}, {role: assistant, content: '{{ a }}'}]}"
    project.write({"a.jsonl": rows, "recipes/small.yaml": f"name: small\nsources: {{a: {source}}}\n"})
    assert "a.jsonl:2" in project.run("why", "recipe=small", "T-1").out
    assert "a.jsonl:1" in project.run("why", "recipe=small", "Like T-1").out
    assert project.run("recipe=small").code == 0
    project.write({".gitignore": ".dsbuild\n"})
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    assert "a.jsonl:2" in project.run("why", "recipe=small", "T-1", "--at", "HEAD").out


def test_a_row_of_an_earlier_build_is_told_as_one_of_this_recipe(project: Project) -> None:
    """`why --at` names the record that answers otherwise, and the bounds of the row's own category, as `why` does."""
    long = "and so on " * 9
    filler = [pair(f"Item {n}", long if n % 2 else "Here.", category="long" if n % 2 else "short") for n in range(50)]
    rows = [pair("How do I reset my account password?", f"Take {n} steps {long}.", category="long") for n in (3, 4)]
    rules = "filters: {words: {min: q0.01, by: category}}\ncontradictions: {}\n"
    recipe = HEAD.replace("messages}", "messages, category: category}") + rules
    project.write({"a.jsonl": [*rows, *filler], "recipes/small.yaml": recipe, ".gitignore": ".dsbuild\n"})
    assert project.run("recipe=small").code == 0
    git(project, "init", "-q")
    git(project, "add", "-A")
    git(project, "commit", "-qm", "first")
    now, then = (json.loads(project.run("why", "recipe=small", "a.jsonl:1", *at, "--json").out) for at in ((), ("--at", "HEAD")))
    assert now["bounds"] == then["bounds"] == {"words": {"min": 29.0}}
    twins = [[(name, twin["messages"]) for name, twin in told["twins"].items()] for told in (now, then)]
    assert twins[0] == twins[1] == [(now["row"]["contradicts"], rows[1]["messages"])]


def test_why_finds_a_row_by_its_place(project: Project) -> None:
    """`why` takes the place that errors and lists name, the file by its whole name or its last parts; of files with the same name
    it lists the rows."""
    rows = numbered(3)
    project.write({"a/chat.jsonl": rows, "b/chat.jsonl": numbered(5)[3:], "recipes/small.yaml": HEAD.replace("a.jsonl", "'*/chat.jsonl'")})
    found = json.loads(project.run("why", "recipe=small", "a/chat.jsonl:2", "--json").out)
    assert (found["row"]["file"], found["row"]["line"]) == ("a/chat.jsonl", 2)
    assert [turn["content"] for turn in found["messages"]] == [turn["content"] for turn in rows[1]["messages"]]
    assert found["row"]["id"] in project.run("why", "recipe=small", "chat.jsonl:2").out.split()
    assert project.run("why", "recipe=small", "chat.jsonl:2").out.startswith("2 rows match")
    assert "a/chat.jsonl:3" in project.run("why", "recipe=small", "chat.jsonl:3").out
    assert project.run("why", "recipe=small", "hat.jsonl:3").code == 2
    assert project.run("why", "recipe=small", "chat.jsonl:0").code == 2


def git(project: Project, *words: str) -> None:
    named = ["-c", "user.name=a", "-c", "user.email=a@example.com"]
    subprocess.run(["git", *named, *words], cwd=project.folder, check=True, capture_output=True)


def test_init_inside_of_a_repository(project: Project) -> None:
    """A project in a folder of a repository is put under its git, and not under one of its own."""
    assert "git init && dvc init" in project.run("init", "alone").out
    git(project, "init", "-q")
    ran = project.run("init", "inside")
    assert "git init" not in ran.out
    assert "dvc init --subdir && dsbuild lock" in ran.out


def test_a_shallow_clone_names_the_command_that_deepens_it(project: Project, new_project: Callable[[], Project]) -> None:
    """`diff` and `log` in a clone of the last commit say why an older revision is not known."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD, ".gitignore": ".dsbuild\n"})
    git(project, "init", "-q")
    for limit in (3, 2):
        assert project.run("recipe=small", f"sources.a.limit={limit}").code == 0
        project.write({"recipes/small.yaml": HEAD.replace("messages}", f"messages, limit: {limit}}}")})
        assert project.run("recipe=small").code == 0
        git(project, "add", "-A")
        git(project, "commit", "-qm", f"limit {limit}")
    git(project, "tag", "v1", "HEAD~1")
    clone = new_project()
    subprocess.run(["git", "clone", "-q", "--depth=1", f"file://{project.folder}", str(clone.folder / "c")], check=True, capture_output=True)
    clone = Project(clone.folder / "c", clone._capture)
    ran = clone.run("diff", "v1")
    assert ran.code == 6
    assert "no revision 'v1' in this shallow clone" in ran.err
    assert "git fetch --unshallow" in ran.err
    ran = clone.run("log")
    assert ran.code == 0
    assert "git fetch --unshallow" in ran.err
    assert "shallow" not in project.run("log").err


def test_diff_of_a_folder_without_an_artifact(project: Project) -> None:
    """A folder is told as a folder, and not as a revision; a page goes into a folder that is there."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD})
    assert project.run("recipe=small").code == 0
    git(project, "init", "-q")
    ran = project.run("diff", "build/nosuch")
    assert ran.code == 6
    assert "build/nosuch holds no artifact" in ran.err
    assert "there are build/small" in ran.err


@pytest.mark.parametrize(
    "words",
    [
        ("diff", "--html", "nowhere/page.html"),
        ("-m", "recipe=small", "seed=1,2", "--plot", "nowhere/page.html"),
        ("show", "recipe=small", "--mask", "--html", "nowhere/page.html"),
    ],
    ids=lambda words: words[0],
)
def test_a_page_for_a_folder_that_is_not_there(project: Project, words: tuple[str, ...]) -> None:
    """Refused before any work, with the command that makes the folder."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD})
    ran = project.run(*words)
    assert (ran.code, ran.out) == (2, "")
    assert "mkdir -p nowhere" in ran.err


@pytest.mark.parametrize("place", ["dedup: {keep: [phrases]}", "select: {n: 2, by: phrases}", "split: {train: 0.5, test: 0.5, stratify: [phrases]}"])
def test_a_fact_without_its_parameters(project: Project, place: str) -> None:
    """A fact that cannot be measured by its defaults needs a rule, wherever it is named; with one it may be."""
    project.write({"a.jsonl": numbered(9), "recipes/small.yaml": HEAD + place + "\n"})
    ran = project.run("recipe=small")
    assert ran.code == 3
    assert "the fact 'phrases' needs `patterns`" in ran.err
    project.write({"recipes/small.yaml": HEAD + place + "\nfilters: {phrases: {patterns: [x]}}\n"})
    assert project.run("recipe=small").code == 0


QUIET = (
    ("build", "recipe=small"), ("-m", "recipe=small", "filters.response_chars.max=30,9999"), ("plan", "recipe=small"), ("explain", "recipe=small"),
    ("show", "recipe=small"), ("verify", "recipe=small"), ("lock",), ("log", "recipe=small"), ("why", "recipe=small", "question 3"),
    ("report", "recipe=small"), ("check", "recipe=small"), ("ops",), ("cache", "ls"), ("schema",),
)  # fmt: skip


def test_quiet_is_quiet_of_every_verb(project: Project) -> None:
    """`-q` prints nothing, neither on stdout nor on stderr; a document that is asked for is printed, and so is an error."""
    project.write({"a.jsonl": numbered(30), "recipes/small.yaml": HEAD + "checks: {n: {check: row_count, min: 1}}\n"})
    assert project.run("recipe=small", "-q").code == 0
    for words in QUIET:
        loud, quiet = project.run(*words), project.run(*words, "-q")
        assert (quiet.code, quiet.out, quiet.err) == (loud.code, "", "" if not loud.code else loud.err), words
        assert loud.out or loud.err, words
        if words[0] != "log":  # which needs git
            assert project.run(*words, "-q", "--json").out, words
        wrong = project.run(*words, "-q", "--nope")
        assert (wrong.code, wrong.out) == (2, "") and "--nope" in wrong.err


def test_quiet_says_what_is_wrong(project: Project) -> None:
    """A sweep that writes names the points that fail a check, and `verify` what is not the same."""
    check = "checks: {n: {check: row_count, min: 20, severity: error}}\n"
    project.write({"a.jsonl": numbered(30), "recipes/small.yaml": HEAD + check})
    swept = project.run("-m", "recipe=small", "sources.a.limit=10,30", "--write", "-q")
    assert (swept.code, swept.out) == (5, "")
    assert "1 of 2 points failed a check: sources.a.limit=10\n" in swept.err
    assert project.run("-m", "recipe=small", "sources.a.limit=10,30", "--write", "-q", "--accept").code == 0
    assert project.run("recipe=small", "-q").code == 0
    (project.artifact() / "README.md").write_text("other")
    verified = project.run("verify", "recipe=small", "-q")
    assert (verified.code, verified.out) == (1, "")
    assert "damaged: README.md" in verified.err


@pytest.mark.parametrize("before", [["-C", "."], ["-q", "-C", "."], ["--directory=."], ["--json"]])
def test_flags_of_every_verb_may_stand_before_it(project: Project, before: list[str]) -> None:
    """`dsbuild -C DIR plan`, as with git; the verb was read as an override."""
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD})
    ran = project.run(*before, "plan", "recipe=small", "--check")
    assert ran.code == 10, ran.err
    assert not project.artifact().exists()
    wrong = project.run(*before, "pln", "recipe=small")
    assert (wrong.code, "no verb 'pln'" in wrong.err) == (2, True)


def test_explain_names_the_place_of_a_fact(project: Project) -> None:
    """A fact's word list is named where its rule stands, a plugin where it is listed, and each content by as much as files are."""
    plugin = "import polars as pl\nfrom datasetbuild import fact, turns\n\n\n@fact(version=1)\ndef placed() -> pl.Expr:\n    return turns('user').list.len()\n"
    rules = "plugins: [facts.py]\nfilters:\n  placed: {min: 1}\n  listed_words: {file: words.txt, max: 3}\n"
    project.write({"a.jsonl": numbered(3), "recipes/small.yaml": HEAD + rules, "facts.py": plugin, "words.txt": "one\n"})
    assert project.run("recipe=small").code == 0
    project.write({"facts.py": plugin + "\n", "words.txt": "two\n"})
    told = project.run("explain", "recipe=small").out.splitlines()
    assert any(re.fullmatch(r"  code_changed: facts\.placed\.code: \w{12} -> \w{12}  \(recipes/small\.yaml:4\)", line) for line in told), told
    assert any(re.fullmatch(r"  input_changed: facts\.listed_words\.file: \w{12} -> \w{12}  \(recipes/small\.yaml:7\)", line) for line in told), told


def test_a_narrow_sweep_cuts_no_number(project: Project) -> None:
    """On a narrow terminal columns are left out and named, and the numbers that are shown stand whole."""
    from datasetbuild.cli.sweep import _fitting
    from datasetbuild.engine.sweep import Point

    table = [{"dedup.near.threshold": "0.5", "kept": 10822, "delta": -2548, "web": 10820, "train records": 10822}]
    point = Point(("dedup.near.threshold=0.5",), 10822, {"web": 10820}, {"train": 10822}, 10822, {}, -2548)
    heads, left_out = _fitting(table, point, 100)
    assert (list(heads.values()), left_out) == (list(table[0]), [])
    heads, left_out = _fitting(table, point, 44)
    assert (heads["dedup.near.threshold"], left_out) == ("dedup.\nnear.\nthreshold", ["web"])
    heads, left_out = _fitting(table, point, 30)
    assert (list(heads), left_out) == (["dedup.near.threshold", "kept", "delta"], ["web", "train records"])
