"""Checking: every fault at once, in plain words; defaults filled in when there is none."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import MINIMAL, Project
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from datasetbuild.errors import RecipeError
from datasetbuild.recipe import Recipe, annotated
from datasetbuild.recipe.check import check


def test_defaults_are_filled_in(project: Project) -> None:
    """After the check every operator's parameter is there, and sections stand in the order of the river."""
    config = (
        project.recipe(MINIMAL + "filters: {long: {fact: probe_chars, max: 9}, probe_language: {allow: [de]}}\n")
        .load()
        .config
    )
    assert config["filters"]["long"] == {
        "fact": "probe_chars", "where": "assistant", "min_words": 20, "min": None, "max": 9,
        "robust_z": None, "by": None, "allow": None, "deny": None,
    }  # fmt: skip
    assert config["filters"]["probe_language"]["fact"] == "probe_language"
    assert config["sources"]["faq"]["priority"] == 0 and config["sources"]["faq"]["columns"] == {}
    assert config["split"]["train"] == 1.0 and config["split"]["assign"] == "stable"
    assert config["dedup"] == {"keep": ["priority"], "exact": None, "near": None, "semantic": None, "substring": None}
    assert config["mix"] is None and config["template"] is None
    order = [
        name
        for name in config
        if name in ("sources", "clean", "filters", "dedup", "split", "mix", "template", "engine")
    ]
    assert order == ["sources", "clean", "filters", "dedup", "split", "mix", "template", "engine"]


def test_checking_is_idempotent(project: Project) -> None:
    """A checked recipe is valid, and checking it again changes nothing."""
    recipe = project.recipe(MINIMAL + "filters: {probe_chars: {min: q0.01}}\n").load()
    assert check(recipe).config == recipe.config


def test_filled_defaults_are_not_shared(project: Project) -> None:
    """Changing one recipe's data changes no other's."""
    project.recipe(MINIMAL).load().config["dedup"]["keep"].append("x")
    assert project.load().config["dedup"]["keep"] == ["priority"]


def test_all_faults_come_at_once(project: Project) -> None:
    """References, keys, kinds and meanings are reported together, in reading order, the command line last."""
    project.recipe("name: a/b\ndescription: ${nope}\nsources:\n  faq: {path: 3, format: probe_row}\nexprot: []\n")
    error = project.error("recipe=tiny", "seed=x")
    assert isinstance(error, RecipeError) and error.exit_code == 3 and error.recipe == "tiny"
    assert [(fault.path, fault.line) for fault in error.faults] == [
        ("name", 1), ("description", 2), ("sources.faq.format", 4), ("sources.faq.path", 4),
        ("exprot", 5), ("seed", None),
    ]  # fmt: skip


def test_a_sum_that_an_override_spoils_is_told_at_the_override(project: Project) -> None:
    """The recipe's own line is right; what was typed is not."""
    project.recipe(MINIMAL + "split: {train: 0.9, validation: 0.1}\n")
    (fault,) = project.error("recipe=tiny", "split.train=0.5").faults
    assert (fault.file, fault.path, fault.excerpt) == ("command line", "split.train", "split.train=0.5")
    (fault,) = project.error("recipe=tiny", "+mix={weights: {faq: 1}}", "mix.weights.faq=0").faults
    assert (fault.file, fault.path, fault.excerpt) == ("command line", "mix.weights.faq", "mix.weights.faq=0")


def test_a_plugin_that_cannot_be_loaded_is_the_only_fault_about_it(project: Project) -> None:
    """What it would have brought is not told as unknown; other faults are."""
    names = "filters: {mine: {min: 1}}\nchecks: {mine: {}}\nexport: [mine]\nsplit: {train: 1.0, stratify: [mine]}\nsed: 1\n"
    project.recipe(MINIMAL + f"plugins: [mine.py]\n{names}")
    project.write({"mine.py": "import nothing_there"})
    assert [fault.path for fault in project.error("recipe=tiny").faults] == ["plugins.0", "sed"]


@pytest.mark.parametrize("line", ["import helpers_of_mine", "from helpers_of_mine.deep import x", "from tools.helpers import x"])
def test_a_plugin_is_one_file(line: str, project: Project) -> None:
    """A module beside it, or in the project, cannot be imported: no key would know its code. The fault says what to do."""
    project.recipe(MINIMAL + "plugins: [tools/mine.py]\n")
    project.write({"tools/mine.py": line, "tools/helpers_of_mine.py": "x = 1", "tools/helpers.py": "x = 1"})
    (fault,) = project.error("recipe=tiny").faults
    assert fault.message.startswith("tools/mine.py:1 raised ModuleNotFoundError: ")
    assert "a plugin is one file, so that all of its code is in the key: move there what it needs of" in str(fault.suggestion)


@pytest.mark.parametrize(
    ("text", "path", "message"),
    [
        ("clean: {unicod: fix}", "clean.unicod", "there is no key 'unicod' in `clean`"),
        ("clean: {unicode: fixed}", "clean.unicode", "must be 'fix' or 'keep', not the text 'fixed'"),
        ("seed: 1.5", "seed", None),
        ("sources: {}", "sources", None),
        ("filters: 3", "filters", "must be a mapping of keys to values, not 3"),
        ("filters: {probe_chars: 3}", "filters.probe_chars", "must be a mapping of keys to values, not 3"),
        ("filters: {probe_chars: {min: many}}", "filters.probe_chars.min",
         "must be a number, a quantile such as q0.01, or null, not the text 'many'"),
        ("filters: {probe_chars: {min: q1.5}}", "filters.probe_chars.min",
         "must be a number, a quantile such as q0.01, or null, not the text 'q1.5'"),
        ("filters: {probe_chars: {min: true}}", "filters.probe_chars.min",
         "must be a number, a quantile such as q0.01, or null, not true"),
        ("filters: {probe_chars: {min_words: 0}}", "filters.probe_chars.min_words",
         "must be a whole number from 1, not 0"),
        ("filters: {probe_language: {min_confidence: 2}}", "filters.probe_language.min_confidence",
         "must be a number from 0 to 1, not 2"),
        ("filters: {probe_chars: {min: 5, max: 4}}", "filters.probe_chars.min",
         "min 5 is above max 4: no record can pass"),
        ("filters: {probe_chars: {min: q0.9, max: q0.1}}", "filters.probe_chars.min",
         "min q0.9 is above max q0.1: no record can pass"),
        ("filters: {probe_language: {allow: [de], deny: [de]}}", "filters.probe_language.deny.0",
         "'de' is both allowed and denied"),
        ("filters: {p: {fact: probe_phrases}}", "filters.p.patterns", "'patterns' must be given: a list"),
        ("filters: {x: {fact: probe_charz}}", "filters.x.fact", "there is no fact 'probe_charz'"),
        ("filters: {probe_charz: {min: 1}}", "filters.probe_charz", "there is no fact 'probe_charz'"),
        ("filters: {probe_tokens: {max: 9}}", "filters.probe_tokens",
         "the fact 'probe_tokens' counts tokens, and the recipe has no `template` to render with"),
        ("filters: {a b: {fact: probe_chars}}", "filters.a b",
         "'a b' is no name: a name has letters, digits, `_` and `-`, and starts with a letter"),
        ("filters: {p: {fact: probe_phrases, patterns: ['ok', 'a(?=b)']}}", "filters.p.patterns.1",
         "not a valid pattern at character 2: look-around, including look-ahead and look-behind, is not supported"),
        ("filters: {p: {fact: probe_phrases, patterns: ['(']}}", "filters.p.patterns.0",
         "not a valid pattern at character 1: unclosed group"),
        ("dedup: {keep: [prio]}", "dedup.keep.0", "there is nothing named 'prio' to prefer records by"),
        ("dedup: {keep: [-probe_tokens]}", "dedup.keep.0",
         "the fact 'probe_tokens' counts tokens, and the recipe has no `template` to render with"),
        ("dedup: {near: {threshold: 1.5}}", "dedup.near.threshold", "must be a number above 0 and up to 1, not 1.5"),
        ("split: {train: 0.8, test: 0.1}", "split", "the fractions add up to 0.9, not 1: train 0.8 + test 0.1"),
        ("split: {train: 1.5, test: -0.5}", "split.train", "a fraction is above 0 and at most 1, not 1.5"),
        ("split: {test: 1.0}\nmix: {weights: {faq: 1}}", "split", "mix fills the split `train`, and there is none"),
        ("mix: {weights: {fqa: 1, faq: 1}}", "mix.weights.fqa", "there is no source 'fqa'"),
        ("mix: {weights: {}}", "mix.weights.faq", "the source 'faq' has no weight"),
        ("mix: {weights: {faq: 0}}", "mix.weights", "all weights are 0: nothing would be in train"),
        ("mix: {weights: {faq: -1}}", "mix.weights.faq", "must be a number from 0, not -1"),
        ("mix: {total: 5}", "mix.weights", None),
        ("_target_: os.system", "_target_", "a recipe is data: `_target_` is not allowed"),
        ("clean: {_target_: os.system}", "clean._target_", "a recipe is data: `_target_` is not allowed"),
        ("on_bad_row: {max: 1.5}", "on_bad_row.max",
         "must be a whole number of rows, or a share of them below 1, not 1.5"),
        ("on_bad_row: {max: 1.0}", "on_bad_row.max", "1.0 could be one row, or all of them"),
        ("sources: {faq: {path: '', format: probe_rows}}", "sources.faq.path", "must not be empty"),
        ("plugins: [no.py]", "plugins.0", "there is no file 'no.py' in the project"),
    ],
)  # fmt: skip
def test_faults_in_plain_words(project: Project, text: str, path: str, message: str | None) -> None:
    """Each kind of slip has its path and its sentence."""
    base = "name: tiny\n" if text.startswith("sources") else MINIMAL
    found = project.recipe(base + text + "\n").faults()
    assert path in found
    assert message is None or found[path] == message


def test_faults_have_a_place_and_an_excerpt(project: Project) -> None:
    """A fault shows the lines around it, its own marked, and the next thing to write."""
    (fault,) = project.recipe(MINIMAL + "clean:\n  unicod: fix\n").error().faults
    assert (fault.file, fault.line, fault.suggestion) == ("recipes/tiny.yaml", 5, "did you mean 'unicode'?")
    assert fault.excerpt == ("3     faq: {path: data/faq.jsonl, format: probe_rows}\n4   clean:\n5 │   unicod: fix")


def test_a_missing_name_is_asked_for(project: Project) -> None:
    """`name` has no default, and a child does not take its parent's: both would build into one folder."""
    project.recipe("sources: {faq: {path: a, format: probe_rows}}\n")
    assert project.faults() == {"name": "must be given"}
    project.recipe(MINIMAL).recipe("defaults: [tiny, _self_]\n", "child")
    message = "the name 'tiny' is that of recipes/tiny.yaml: both would be built into build/tiny"
    assert project.faults("recipe=child") == {"name": message}
    assert project.load("recipe=child", "name=other").name == "other"


def test_null_leaves_out_what_would_be_inherited(project: Project) -> None:
    """A merge only adds; null takes a source, a filter, a split, a weight away."""
    project.recipe(
        MINIMAL + "  chat: {path: c, format: probe_rows}\nfilters: {probe_chars: {min: 1}}\n"
        "split: {train: 0.9, validation: 0.1}\nmix: {weights: {faq: 1, chat: 2}}\n"
    )
    project.recipe(
        "defaults: [tiny, _self_]\nname: child\nsources: {chat: null}\nfilters: {probe_chars: null}\n"
        "split: {train: 0.7, test: 0.3, validation: null}\nmix: {weights: {chat: null}}\n",
        "child",
    )
    config = project.load("recipe=child").config
    assert list(config["sources"]) == ["faq"] and config["filters"] == {}
    assert {key: value for key, value in config["split"].items() if isinstance(value, float)} == {
        "train": 0.7,
        "test": 0.3,
    }
    assert config["mix"]["weights"] == {"faq": 1}
    assert project.load("recipe=tiny", "filters=null").config["filters"] == {}


def test_inherited_fractions_are_named(project: Project) -> None:
    """Fractions of `split: standard` under a recipe's own are not left behind in silence."""
    project.recipe(f"defaults:\n  - override /split: standard\n{MINIMAL}split: {{train: 0.8, test: 0.2}}\n")
    (fault,) = project.error().faults
    assert fault.message == "the fractions add up to 1.1, not 1: train 0.8 + validation 0.1 + test 0.2"
    assert fault.suggestion.startswith("`validation` comes from ")
    assert fault.suggestion.endswith("conf/split/standard.yaml: write `validation: null` to be without it")


def test_template_faults_are_found_at_their_line(project: Project) -> None:
    """A syntax error inside a block of text is reported at the line of the block that has it."""
    project.recipe(
        "name: tiny\nsources:\n  t:\n    path: x\n    format: probe_table\n    messages:\n"
        "      - role: user\n        content: |\n          {{ a }}\n          {{ b }\n"
        '      - {role: assistant, content: "{{ ok }}"}\n'
    )
    (fault,) = project.error().faults
    assert (fault.path, fault.line) == ("sources.t.messages.0.content", 10)
    assert fault.message == "not a valid template: unexpected '}' (line 2 of the template)"


def test_plugins_bring_their_facts(project: Project) -> None:
    """A plugin's operators are known to the check; one that cannot be loaded is a fault with its line."""
    code = (
        'from datasetbuild.op import fact\n\n@fact(version=1)\ndef {name}(*, depth: int = 2):\n    """Of a plugin."""\n'
    )
    project.write({"mine.py": code.format(name=f"own_{project.root.name}".replace("-", "_"))})
    name = f"own_{project.root.name}".replace("-", "_")
    project.recipe(MINIMAL + f"plugins: [mine.py]\nfilters: {{{name}: {{min: 1}}}}\n")
    assert project.load().config["filters"][name]["depth"] == 2
    project.write({"mine.py": "x = 1\nraise KeyError('gone')\n"}).recipe(MINIMAL + "plugins: [mine.py]\n")
    assert project.faults() == {"plugins.0": "mine.py:2 raised KeyError: 'gone'"}
    project.write({"mine.py": "def (:\n"})
    assert project.faults()["plugins.0"].startswith("mine.py:1 raised SyntaxError: ")


def test_the_hint_is_the_next_command(project: Project) -> None:
    """The last line of an error is a command that shows what was not known."""
    assert project.recipe(MINIMAL + "clean: {x: 1}\n").error().hint == "`dsbuild ops clean` shows what clean takes"
    assert project.error("recipe=tiny", "~sources.faq").hint.startswith("`dsbuild")
    project.recipe(MINIMAL + "filters: {probe_chars: {x: 1}}\n")
    assert project.error().hint == "`dsbuild ops probe_chars` shows what probe_chars takes"
    project.recipe(MINIMAL + "filters: {probe_charz: {x: 1}}\n")
    assert project.error().hint == "`dsbuild ops` lists the facts"
    project.recipe(MINIMAL.replace("probe_rows", "probe_row"))
    assert project.error().hint == "`dsbuild ops` lists the formats"
    assert (
        project.recipe(MINIMAL).error("recipe=tiny", "seed=x").hint
        == "`dsbuild show recipe=tiny --origin` shows who set what"
    )


def test_a_value_has_its_origin_beside_it(project: Project) -> None:
    """`annotated` gives every value with where it comes from; None is an operator's default."""
    rows = {
        path: (value, str(origin and origin.line)) for path, value, origin in annotated(project.recipe(MINIMAL).load())
    }
    assert rows["sources.faq.path"] == ("data/faq.jsonl", "3")
    assert rows["sources.faq.priority"] == (0, "None")
    assert rows["dedup.keep.0"] == ("priority", "None")


WORDS = st.sampled_from(
    ["faq", "path", "format", "probe_rows", "probe_chars", "probe_phrases", "fact", "min", "max",
     "allow", "patterns", "(", "train", "test", "weights", "keep", "exact", "near", "on",
     "messages", "content", "{{ a", "max_tokens", "q0.5", "???"]
)  # fmt: skip
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=10,
)
SECTIONS = st.sampled_from(
    ["name", "sources", "clean", "filters", "dedup", "split", "mix", "template", "engine", "on_bad_row"]
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@example(config={"name": "faq"})
@example(config={"on_bad_row": {"max": float("inf")}})
@given(config=st.dictionaries(SECTIONS, ANYTHING))
def test_nothing_but_faults_comes_of_nonsense(tmp_path: Path, config: dict) -> None:
    """Whatever a recipe holds, the check ends in a valid recipe or in faults, never in a traceback."""
    recipe = Recipe(name="x", choice="x", config=config, overrides=[], project=tmp_path)
    try:
        checked = check(recipe)
    except RecipeError as error:
        assert error.faults and all(fault.message for fault in error.faults)  # noqa: PT017
    else:
        assert check(checked).config == checked.config
