"""Composing: files and words in, plain data and its history out."""

from __future__ import annotations

import itertools
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import MINIMAL, Project

from datasetbuild.errors import RecipeError, UsageError
from datasetbuild.recipe import Layer


def test_a_recipe_composes_to_plain_data(project: Project) -> None:
    """A recipe is its own keys over those of conf/; nothing of Hydra is left in it."""
    (recipe,) = project.recipe(MINIMAL).compose("recipe=tiny")
    assert recipe.name == recipe.choice == "tiny"
    assert recipe.config["sources"] == {"faq": {"path": "data/faq.jsonl", "format": "probe_rows"}}
    assert recipe.config["seed"] == 17
    assert "defaults" not in recipe.config and "hydra" not in recipe.config
    assert {type(value).__module__ for value in recipe.config.values()} == {"builtins"}


def test_a_child_recipe_inherits(project: Project) -> None:
    """`defaults: [parent, _self_]` merges the child over its parent, from any folder below recipes/."""
    project.recipe(MINIMAL + "seed: 3\n")
    project.recipe("defaults: [tiny, _self_]\nname: child\nsources: {faq: {limit: 5}}\n", "sub/child")
    (recipe,) = project.compose("recipe=sub/child")
    assert recipe.config["sources"]["faq"] == {"path": "data/faq.jsonl", "format": "probe_rows", "limit": 5}
    assert (recipe.name, recipe.choice, recipe.config["seed"]) == ("child", "sub/child", 3)
    assert [file.name for file in recipe.files[-2:]] == ["tiny.yaml", "child.yaml"]


@pytest.mark.parametrize("choice", ["tiny", "recipes/tiny", "recipes/tiny.yaml", "./recipes/tiny.yaml"])
def test_a_recipe_may_be_named_by_its_path(project: Project, choice: str) -> None:
    """What a shell completes is as good as the name."""
    assert project.recipe(MINIMAL).compose(f"recipe={choice}")[0].choice == "tiny"


def test_group_options_can_be_chosen_in_the_recipe_and_on_the_command_line(project: Project) -> None:
    """`override /dedup: near` and `dedup=near` choose the same option."""
    project.recipe(MINIMAL).recipe("defaults: [tiny, override /dedup: near, _self_]\nname: near\n", "near")
    project.recipe("defaults: [override /dedup: near]\n" + MINIMAL.replace("[", "["), "direct")
    chosen = project.compose("recipe=tiny", "dedup=near")[0].config["dedup"]
    assert chosen["near"]["threshold"] == 0.8
    project.write({"recipes/direct.yaml": "defaults:\n  - override /dedup: near\n" + MINIMAL})
    assert project.compose("recipe=direct")[0].config["dedup"] == chosen


def test_a_project_brings_its_own_options(project: Project) -> None:
    """conf/ of the project adds options, and replaces ours of the same name; its config.yaml is not read."""
    project.recipe(MINIMAL).write(
        {"conf/dedup/odd.yaml": "exact: {on: conversation}\n", "conf/dedup/near.yaml": "near: {threshold: 0.5}\n"}
    )
    project.write({"conf/config.yaml": "seed: 99\n"})
    assert project.compose("recipe=tiny", "dedup=odd")[0].config["dedup"] == {"exact": {"on": "conversation"}}
    (near,) = project.compose("recipe=tiny", "dedup=near")
    assert near.config["dedup"] == {"near": {"threshold": 0.5}}
    assert near.config["seed"] == 17
    assert near.origin("dedup.near.threshold").file == project.root / "conf/dedup/near.yaml"


def test_folders_of_a_project_are_not_groups(project: Project) -> None:
    """A folder `seed/` or `sources/` beside recipes/ does not change what `seed=3` means."""
    project.recipe(MINIMAL).write({"seed/3.yaml": "a: 1\n", "sources/x.yaml": "a: 1\n"})
    assert project.compose("recipe=tiny", "seed=3")[0].config["seed"] == 3


def test_names_of_folders_may_have_any_letters(tmp_path: Path) -> None:
    """Neither blanks nor letters outside ASCII in the project's path matter."""
    project = Project(tmp_path / "prö jekt (1) 日本").recipe(MINIMAL)
    assert project.load().name == "tiny"


@pytest.mark.parametrize("text", ["dedup: {exact: {on: conversation}}", "dedup:\n  exact:\n    on: conversation"])
@pytest.mark.parametrize("group", ["exact", "near", "none"])
def test_the_key_on_is_a_key(project: Project, text: str, group: str) -> None:
    """YAML 1.1 reads the key `on` as true; here it is `on`, over any option, in flow and in block style."""
    project.recipe(f"defaults:\n  - override /dedup: {group}\n{MINIMAL}{text}\n")
    assert project.compose("recipe=tiny")[0].config["dedup"]["exact"] == {"on": "conversation"}
    overridden = project.compose("recipe=tiny", "dedup.exact.on=first_user")[0]
    assert overridden.config["dedup"]["exact"] == {"on": "first_user"}
    assert project.load("recipe=tiny").config["dedup"]["exact"] == {"on": "conversation"}


def test_keys_are_what_was_written(project: Project) -> None:
    """A source may be called `no`, `yes` or `off`, in quotes or without."""
    project.recipe(
        "name: tiny\nsources:\n  no: {path: a, format: probe_rows}\n  'off': {path: b, format: probe_rows}\n"
    )
    assert list(project.load().config["sources"]) == ["no", "off"]


def test_overrides_set_add_and_delete(project: Project) -> None:
    """`key=value` sets a key whether or not a file has it; `+` and `++` do the same; `~` takes one out."""
    project.recipe(MINIMAL + "  chat: {path: c, format: probe_rows}\nfilters: {probe_chars: {min: 1}}\n")
    words = ["sources.faq.limit=3", "+filters.probe_chars.max=9", "++seed=5", "~sources.chat"]
    recipe = project.load("recipe=tiny", *words)
    assert recipe.config["sources"]["faq"]["limit"] == 3
    assert (recipe.config["filters"]["probe_chars"]["max"], recipe.config["seed"]) == (9, 5)
    assert list(recipe.config["sources"]) == ["faq"]
    assert recipe.overrides == words


def test_the_last_override_wins(project: Project) -> None:
    """Of several values for one key the last one typed holds, however often one of them is repeated."""
    assert project.recipe(MINIMAL).load("recipe=tiny", "seed=1", "seed=2", "seed=1").config["seed"] == 1
    assert project.load("recipe=tiny", "seed=1", "seed=1", "seed=2").config["seed"] == 2


def test_a_project_without_recipes(tmp_path: Path) -> None:
    """A folder that is no project says so."""
    error = Project(tmp_path).error("recipe=tiny")
    assert error.message == f"no recipe named 'tiny' in {tmp_path.as_posix()}/recipes"
    assert error.hint.startswith("there are no recipes here")


def test_null_switches_a_section_off(project: Project) -> None:
    """`mix=null` is no choice of a group option: it is the section, off."""
    project.recipe(MINIMAL + "mix: {weights: {faq: 1}}\n")
    assert project.load("recipe=tiny").config["mix"]["weights"] == {"faq": 1}
    off = project.load("recipe=tiny", "mix=null")
    assert off.config["mix"] is None
    assert off.origin("mix").place(off.project) is None


@pytest.mark.parametrize("choice", ["", "defaults: [override /mix: balanced, _self_]\n"])
def test_a_section_is_taken_out(project: Project, choice: str) -> None:
    """`~mix` takes out what the recipe itself says too, not only the option that its defaults name."""
    project.write({"conf/mix/balanced.yaml": "max_repeat: 2\n"})
    project.recipe(choice + MINIMAL + "mix: {weights: {faq: 1}}\n")
    assert project.load("recipe=tiny").config["mix"]["weights"] == {"faq": 1}
    off = project.load("recipe=tiny", "~mix")
    assert not off.config.get("mix")
    assert off.overrides == ["~mix"]


OWN_DEDUP = MINIMAL + "dedup:\n  keep: [priority]\n  exact: {on: conversation}\n  near: {threshold: 0.7}\n"


@pytest.mark.parametrize("words", [["dedup=none"], ["dedup=[none]"], ["dedup=none", "seed=3"]])
def test_none_switches_a_section_off(project: Project, words: list[str]) -> None:
    """`dedup=none` leaves nothing of what the recipe itself says, and what the command line adds after it holds."""
    project.recipe(OWN_DEDUP)
    off = project.load("recipe=tiny", *words)
    assert (off.config["dedup"]["exact"], off.config["dedup"]["near"]) == (None, None)
    assert off.origin("dedup.near").text == words[0]
    again = project.load("recipe=tiny", *words, "dedup.near.threshold=0.9")
    assert again.config["dedup"]["exact"] is None
    assert again.config["dedup"]["near"]["threshold"] == 0.9


def test_none_of_each_section(project: Project) -> None:
    """What `none` stands for is what its file says: cleaning keeps the text as it is."""
    project.recipe(MINIMAL + "clean: {whitespace: normalize}\nmix: {weights: {faq: 1}}\n")
    off = project.load("recipe=tiny", "clean=none", "mix=none")
    assert (off.config["clean"]["unicode"], off.config["clean"]["whitespace"], off.config["mix"]) == ("keep", "keep", None)


def test_none_of_a_project_s_own_groups(project: Project) -> None:
    """`none` is an option like any other where it fills the root; in a folder below a section it empties that part of it."""
    options = {"conf/experiment/none.yaml": "# @package _global_\nseed: 99\n", "conf/experiment/a.yaml": "# @package _global_\nseed: 3\n"}
    options |= {"conf/clean/pii/mask.yaml": "email: mask\n", "conf/clean/pii/none.yaml": "{}\n"}
    project.write(options).recipe("defaults: [/experiment: a, /clean/pii: mask, tiny, _self_]\nname: more\n", "more").recipe(MINIMAL)

    def said(*words: str) -> tuple[int, object]:
        config = project.load("recipe=more", *words).config
        return config["seed"], (config["clean"]["pii"] or {}).get("email", "keep")

    assert said() == (3, "mask")
    assert said("experiment=none") == (99, "mask")
    assert said("~experiment") == (17, "mask")
    assert said("clean/pii=none") == said("clean/pii=null") == said("~clean/pii") == said("clean.pii=null") == (3, "keep")
    assert project.load("recipe=more", "clean/pii=none").origin("clean.pii.email").text == "clean/pii=none"


def test_an_option_is_added_or_replaced(project: Project) -> None:
    """Whether a group of the project's own needs a `+` on the command line depends on the recipe; the message says which."""
    project.write({"conf/sources/few.yaml": "faq: {limit: 1}\n"}).recipe(MINIMAL)
    project.recipe("defaults: [tiny, /sources: few, _self_]\nname: child\n", "child")
    assert project.load("recipe=tiny", "+sources=few").config["sources"]["faq"]["path"] == "data/faq.jsonl"
    with pytest.raises(UsageError, match="`sources=` replaces nothing") as missing:
        project.compose("recipe=tiny", "sources=few")
    assert missing.value.hint == "write +sources=... to add one"
    with pytest.raises(UsageError, match="two options of sources are chosen") as double:
        project.compose("recipe=child", "+sources=few")
    assert double.value.hint.startswith("write sources=..., without +, to replace the first")


def test_a_group_of_the_projects_own_is_no_key(project: Project) -> None:
    """`experiment=null` chooses nothing, `~experiment` takes out nothing where none is chosen, and `experiment.seed=1` sets no key."""
    project.write({"conf/experiment/few.yaml": "# @package _global_\nseed: 9\n"}).recipe(MINIMAL)
    assert project.load("recipe=tiny", "+experiment=few").config["seed"] == 9
    nothing = project.error("recipe=tiny", "experiment=null")
    assert (nothing.message, nothing.hint) == ("`experiment=null` chooses no option of experiment", "known: few; `~experiment` takes out one that is chosen")
    assert project.error("recipe=tiny", "~experiment").message == "`~experiment` takes nothing out: the recipe's defaults do not choose it"
    (fault,) = project.error("recipe=tiny", "experiment.seed=1").faults
    assert fault.suggestion == "'experiment' is a group: choose one of its options, `+experiment=few`"


def test_nothing_of_hydra_is_said(project: Project) -> None:
    """Whatever a `defaults` list holds, what is wrong has its line, and no word of Hydra's or of Python's."""
    entries = [
        "[{dedup: near}]", "[{/dedup: near}]", "[{override dedup: near}]", "[{a: b, c: d}]", "[3]", "near", "{a: b}", "[[tiny]]", "[{override /dedup: 3}]",
        "[_self_, _self_]", "[tiny@x]", "[/config]", "[/hydra/x]", "[{'': near}]", "[{/: near}]", "['']", "[null]", "[{override /dedup: '${seed}'}]",
        "[{override /dedup: '???'}]", "[{override /dedup@x: near}]", "[{override /dedup: near}, tiny]", "[{override tiny: x}]", "[{+override /dedup: near}]",
    ]  # fmt: skip
    project.recipe(MINIMAL)
    for text in entries:
        error = project.recipe(f"defaults: {text}\nname: child\nsources: {{faq: {{path: data/faq.jsonl, format: probe_rows}}}}\n", "child").error("recipe=child")
        assert isinstance(error, RecipeError), text
        assert [(fault.file, fault.line) for fault in error.faults] == [("recipes/child.yaml", 1)], text
        assert not re.search(r"Config|defaults list|Unsupported|Multiple values|Hydra(?!'s own)", str(error)), (text, str(error))


def test_none_is_a_name_for_a_recipe(project: Project) -> None:
    """A recipe is no option that could switch anything off, and none that the files it inherits from could overrule."""
    project.recipe(MINIMAL, "none")
    assert project.load("recipe=none").name == "tiny"
    project.recipe("defaults: [_self_, none]\nname: child\n", "child")
    assert project.compose("recipe=child")[0].name == "tiny"


def test_an_option_that_an_inherited_recipe_overrules(project: Project) -> None:
    """`override /dedup: none` beside a parent that sets dedup is a fault, with what to write; one that the child's own page answers is not."""
    project.recipe(OWN_DEDUP).recipe("defaults: [tiny, _self_, override /dedup: none]\nname: child\n", "child")
    (fault,) = project.compose("recipe=child")[0].faults
    assert fault.message.startswith("`override /dedup: none` in child.yaml changes nothing")
    assert fault.suggestion == "set the keys in child.yaml: `dedup.exact: null`, `dedup.near: null`"
    for words in ("dedup=none", "dedup=null", "~dedup", "dedup={exact: null}"):
        assert not project.compose("recipe=child", words)[0].faults
    for own in ("{exact: null, near: null}", "{exact: {on: first_user}, near: null}", "null"):
        project.recipe(f"defaults: [tiny, _self_, override /dedup: none]\nname: child\ndedup: {own}\n", "child")
        assert not project.compose("recipe=child")[0].faults
    project.recipe("defaults: [tiny, _self_, override /mix: none, override /clean: none]\nname: child\n", "child")
    assert not project.compose("recipe=child")[0].faults


def test_an_option_that_the_recipe_overrules(project: Project) -> None:
    """A choice that changes nothing is refused, with the words that do what was meant; one of which something is left is not."""
    project.recipe(OWN_DEDUP)
    error = project.error("recipe=tiny", "dedup=exact")
    assert error.message == "`dedup=exact` changes nothing: the recipe sets dedup.exact, dedup.near itself (recipes/tiny.yaml:6)"
    assert error.hint == "write dedup.exact.on=first_user dedup.near=null"
    assert project.load("recipe=tiny", *error.hint.split()[1:]).config["dedup"]["near"] is None
    assert project.load("recipe=tiny", "dedup=near").config["dedup"]["near"] == {
        "threshold": 0.7, "ngram": 5, "num_perm": 128, "on": "conversation"
    }  # fmt: skip
    assert project.load("recipe=tiny", "dedup=exact", "dedup.near=null").config["dedup"]["near"] is None


def test_an_option_that_the_recipe_agrees_with(project: Project) -> None:
    """What the recipe sets to the same value is no reason to refuse."""
    project.recipe(MINIMAL + "dedup: {exact: {on: first_user}, near: null}\n")
    assert project.load("recipe=tiny", "dedup=exact").config["dedup"]["exact"] == {"on": "first_user"}


@pytest.mark.parametrize("value", ["daten/ü.jsonl", "日本", "a#b", "it's", "50% off!", "a & b"])
def test_values_with_any_letters_need_no_second_quotes(project: Project, value: str) -> None:
    """What Hydra's grammar has no letters for is taken as text."""
    assert project.recipe(MINIMAL).compose("recipe=tiny", f"description={value}")[0].config["description"] == value


def test_a_variant_is_what_the_command_line_changed(project: Project) -> None:
    """Overrides make a variant; the choice of the recipe and of the engine do not."""
    project.recipe(MINIMAL)
    assert not project.compose("recipe=tiny")[0].variant
    assert not project.compose("recipe=tiny", "engine.workers=2")[0].variant
    assert project.compose("recipe=tiny", "engine.workers=2", "seed=1")[0].variant
    assert project.compose("recipe=tiny", "dedup=near")[0].variant


def test_a_sweep_is_the_product_of_its_choices(project: Project) -> None:
    """`-m` gives one recipe for each point, the last choice moving fastest, each knowing its own overrides."""
    project.recipe(MINIMAL).recipe(MINIMAL.replace("tiny", "other"), "other")
    points = project.points("recipe=tiny,other", "seed=1,2", "engine.workers=2")
    assert [(point.name, point.config["seed"]) for point in points] == [
        ("tiny", 1),
        ("tiny", 2),
        ("other", 1),
        ("other", 2),
    ]
    assert points[1].overrides == ["seed=2", "engine.workers=2"]
    assert [point.name for point in project.points("recipe=glob(*)")] == ["other", "tiny"]
    assert [point.config["seed"] for point in project.points("recipe=tiny", "seed=range(3)")] == [0, 1, 2]


def test_a_point_is_what_its_words_compose_alone(project: Project) -> None:
    """Points share what Hydra finds for the same options, and nothing of one is in another."""
    project.recipe(MINIMAL).recipe(MINIMAL.replace("tiny", "other") + "seed: 5\n", "other")
    words = [["recipe=tiny", "recipe=other"], ["dedup=near", "dedup=exact"], ["seed=1", "seed=2"], ["split=null", "split={train:1.0}"]]
    points = project.points("recipe=tiny,other", "dedup=near,exact", "seed=1,2", "split=null,{train: 1.0}")
    assert points == [project.load(*alone) for alone in itertools.product(*words)]


def test_origins_name_the_last_file_or_override(project: Project) -> None:
    """`origin` is the file and line that won the merge, of groups, parents and packages alike, or the command line."""
    project.recipe(MINIMAL + "filters:\n  probe_chars: {min: 1}\n")
    project.recipe("defaults:\n  - tiny\n  - override /dedup: near\n  - _self_\nname: child\nseed: 4\n", "child")
    (recipe,) = project.compose("recipe=child", "filters.probe_chars.max=3")
    recipes = project.root / "recipes"
    assert (recipe.origin("name").file, recipe.origin("name").line) == (recipes / "child.yaml", 5)
    assert (recipe.origin("sources.faq.path").file, recipe.origin("sources.faq.path").line) == (
        recipes / "tiny.yaml",
        3,
    )
    assert recipe.origin("dedup.near.threshold").file.parts[-3:] == ("conf", "dedup", "near.yaml")
    assert recipe.origin("dedup.near.threshold").line == 3
    assert recipe.origin("mix").file.parts[-3:] == ("conf", "mix", "none.yaml")
    assert recipe.origin("filters.probe_chars.max").place(recipe.project) is None
    assert recipe.origin("filters.probe_chars.min").line == 5
    assert recipe.origin("filters.probe_chars.where") is None
    assert Layer(recipes / "tiny.yaml", "") in recipe.layers


def test_references_stay_inside_the_recipe(project: Project) -> None:
    """`${seed}` follows a key, `\\${name}` is text, and both may stand in an override."""
    project.recipe(MINIMAL + "description: seed ${seed} for \\${name}\n")
    assert project.compose("recipe=tiny", "seed=4")[0].config["description"] == "seed 4 for ${name}"


def test_composing_leaves_hydra_as_it_was(project: Project) -> None:
    """Two projects in one process do not see each other."""
    other = Project(project.root / "other").recipe(MINIMAL.replace("tiny", "second"), "second")
    assert project.recipe(MINIMAL).load().name == "tiny"
    assert other.load("recipe=second").name == "second"
    assert "no recipe named 'second'" in project.error("recipe=second").message


def test_only_compose_imports_hydra() -> None:
    """Nothing but `compose` pays for Hydra, and nothing else could leak its types."""
    folder = Path(__file__).parents[2] / "datasetbuild"
    users = {
        file.name
        for file in folder.rglob("*.py")
        if "import hydra" in (text := file.read_text()) or "from omegaconf" in text
    }
    assert users == {"compose.py"}
    heavy = {"hydra", "omegaconf", "jsonschema", "polars", "jinja2"}
    code = f"import sys, datasetbuild.recipe; print({heavy} & set(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(folder.parent)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "set()"


def test_no_recipe_lists_the_recipes(project: Project) -> None:
    """Without `recipe=` the answer is which there are."""
    assert project.error("seed=3").hint == (
        "there are no recipes here: write recipes/NAME.yaml, or say where the project is with -C DIR"
    )
    project.recipe(MINIMAL).recipe(MINIMAL, "sub/other")
    error = project.error("seed=3")
    assert isinstance(error, UsageError) and error.exit_code == 2
    assert str(error) == "no recipe given\nthe recipes are: sub/other, tiny"
    assert project.error("tiny").hint == "write recipe=tiny"
    for nothing in ("recipe=", "recipe=''", "~recipe=tiny"):
        assert project.error(nothing).message == "no recipe given"
    assert project.error("recipe=null").message.startswith("no recipe named 'null'")
    assert project.error("recipe=[tiny]").hint.startswith("did you mean 'tiny'?")
    two = project.error("recipe=tiny,sub/other")
    assert (two.message, two.hint) == ("`recipe=tiny,sub/other` names 2 recipes", "a command takes one: recipe=tiny")


def test_an_unknown_recipe_names_the_nearest(project: Project) -> None:
    """A misspelt recipe is answered with the nearest one and the whole list."""
    error = project.recipe(MINIMAL).error("recipe=tinny")
    assert str(error).endswith("did you mean 'tiny'?\nthe recipes are: tiny")
    assert error.message.startswith("no recipe named 'tinny' in ")


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (["dedup=nea"], "dedup has no option 'nea'", "did you mean 'near'?"),
        (["seed=1,2"], "`seed=1,2` is a sweep over 2 values", "`dsbuild -m recipe=NAME ...` decides each of them"),
        (["hydra.run.dir=x"], "`hydra.run.dir=x`: Hydra's own settings have no effect here", "`dsbuild --help`"),
        (["seed"], "cannot read the override `seed`", "an override is key=value"),
        (["filters={a: [}"], "cannot read the override `filters={a: [}`", "an override is key=value"),
        (["~nothing"], "`~nothing` takes nothing out: there is no 'nothing'", "known: checks, clean"),
        (["mix=3"], "`mix=3` chooses no option of mix", "known: none; `~mix` takes out one that is chosen"),
        (["mix=[]"], "`mix=[]` chooses no option of mix", "known: none"),
        (["mix=???"], "`mix=???` chooses no option of mix", "known: none"),
        (["++mix=none"], "`++mix=none`: an option is chosen, or added to those that are", "write mix=none or +mix=none"),
        (["+dedup=near"], "two options of dedup are chosen", "write dedup=..., without +"),
        (["dedup@sources=near"], "`dedup@sources=near`: an option of dedup fills the section `dedup`, and no other", "write dedup=near"),
        (["~dedup@sources"], "`~dedup@sources`: an option of dedup fills the section `dedup`, and no other", "write ~dedup"),
        (["~filters=curated"], "`~filters=curated` takes nothing out: the recipe's defaults do not choose it", "`dsbuild show recipe=tiny"),
        (["~a.b=3"], "`~a.b=3` takes nothing out: there is no 'a.b'", "`dsbuild show"),
        (["defaults=[a]"], "`defaults=[a]`: `defaults` are said in files alone", "choose an option with GROUP=OPTION"),
        (["=3"], "cannot read the override `=3`", "an override is key=value"),
        (["~"], "cannot read the override `~`", "an override is key=value"),
        (["missing=glob(*)"], "`missing=glob(*)` matches nothing", ""),
    ],
)
def test_words_that_lead_nowhere(project: Project, words: list[str], message: str, hint: str) -> None:
    """Every slip on the command line is a `UsageError` of one sentence, and says what to write instead."""
    error = project.recipe(MINIMAL).error("recipe=tiny", *words)
    assert isinstance(error, UsageError)
    assert error.message == message
    assert (error.hint or "").startswith(hint)


def test_a_misspelt_key_on_the_command_line_is_a_fault(project: Project) -> None:
    """A key that nobody knows is not added: the nearest known ones are named."""
    error = project.recipe(MINIMAL).error("recipe=tiny", "sources.faq.limt=3", "dedpu=near", "sources.fax.limit=1")
    assert isinstance(error, RecipeError)
    found = {fault.path: (fault.file, fault.excerpt) for fault in error.faults}
    near = {fault.path: fault.suggestion for fault in error.faults}
    assert found["sources.faq.limt"] == ("command line", "sources.faq.limt=3")
    assert found["dedpu"] == ("command line", "dedpu=near")
    assert near["sources.faq.limt"].startswith("did you mean 'limit'") and near["dedpu"] == "did you mean 'dedup'?"
    assert {"sources.fax.path", "sources.fax.format"} <= set(found)


def test_the_wheels_conf_is_found(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Installed, our groups stand in datasetbuild/conf; in a checkout, beside the package."""
    from datasetbuild.recipe import compose

    assert compose._own_conf().name == "conf"
    wheel = tmp_path / "site-packages" / "datasetbuild"
    (wheel / "conf").mkdir(parents=True)
    monkeypatch.setattr(compose, "PACKAGE", wheel)
    assert compose._own_conf() == wheel / "conf"


def test_every_option_of_ours_is_valid(project: Project) -> None:
    """Each option of each group under conf/ opens with a comment, can be chosen and passes the check."""
    from datasetbuild.recipe import compose

    project.recipe(MINIMAL)
    options = sorted(compose._own_conf().glob("*/*.yaml"))
    assert len(options) >= 15
    for option in options:
        assert option.read_text(encoding="utf-8").startswith("#")
        needs = ["template.tokenizer=any"] if option.parent.name == "template" and option.stem != "none" else []
        assert project.load("recipe=tiny", f"{option.parent.name}={option.stem}", *needs)
