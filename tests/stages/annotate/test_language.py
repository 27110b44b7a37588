"""Languages: as py3langid tells them, the same in any company, `und` where there is nothing to tell."""

from __future__ import annotations

import polars as pl
import pytest

from datasetbuild.errors import BuildError
from datasetbuild.stages.annotate import annotate_frame, measure
from datasetbuild.stages.annotate.language import CODES, identify, model_of
from tests.stages.test_clean import records

EN = "The invoice is sent on the first day of the month, and you can pay it by card or by bank transfer."
DE = "Die Rechnung wird am ersten Tag des Monats verschickt, und Sie können per Karte oder Überweisung zahlen."
FR = "La facture est envoyée le premier jour du mois, et vous pouvez la payer par carte ou par virement."
JA = "請求書は毎月一日に送られます。カードまたは銀行振込でお支払いいただけます。"
RU = "Счёт отправляется в первый день месяца, его можно оплатить картой или переводом."
CODE = "```python\nfor x in range(10):\n    print(x)\n```"
FIVE = ("de", "en", "fr", "ja", "ru")


def value(fact: str, *texts: str, **params: object) -> object:
    return measure(annotate_frame(records(list(texts))), fact, {"languages": list(FIVE)} | params)[0]["value"][0]


@pytest.mark.parametrize(("text", "code"), [(EN, "en"), (DE, "de"), (FR, "fr"), (JA, "ja"), (RU, "ru"), (EN.upper(), "en")])
def test_a_language(text: str, code: str) -> None:
    """One sentence is enough, among the declared languages and among all."""
    assert identify(pl.Series([text]), FIVE, 0.6)[0] == code
    assert identify(pl.Series([text]), (), 0.5)[0] == code


@pytest.mark.parametrize("text", ["", "ok", "12345", CODE, "x = {a: [b, c]}; y <= f(z) | g[0] * h & 1", "https://example.com/the/first/day", "🙂🙂🙂🙂🙂🙂🙂🙂"])
def test_undetermined(text: str) -> None:
    """Nothing, numbers, code and addresses are in no language."""
    assert identify(pl.Series([text]), FIVE, 0.6)[0] == "und"


def test_as_py3langid_tells_them() -> None:
    """The automaton side by side gives what py3langid gives one by one."""
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    one = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    texts = [text[:cut] for text in (EN, DE, FR, JA, RU) for cut in range(12, len(text), 7)]
    for languages in (FIVE, ("en", "fr", "nl", "sr"), ()):
        one.set_languages(languages or None)
        assert identify(pl.Series(texts), languages, 0.0).to_list() == [one.classify(text.strip())[0] for text in texts]


def test_company_changes_nothing() -> None:
    """A text's language does not depend on the texts beside it, nor on their order."""
    texts = [EN, "", DE[:20], None, JA, FR * 50, RU, "é" * 400]
    together = identify(pl.Series(texts, dtype=pl.String), FIVE, 0.6).to_list()
    alone = [identify(pl.Series([text], dtype=pl.String), FIVE, 0.6)[0] for text in texts]
    assert together == alone
    assert identify(pl.Series(texts[::-1], dtype=pl.String), FIVE, 0.6).to_list() == together[::-1]


def test_facts_of_one_recipe_may_be_more_or_less_sure() -> None:
    """Turns are told once for facts that ask for other confidences; each gets its own answer, in any order."""
    texts = [text[:cut] for text in (EN, DE, FR, JA, RU) for cut in range(6, 40, 3)]
    frame = annotate_frame(pl.concat([records([text]) for text in texts]))
    for confidence in (0.6, 0.999, 0.0, 0.6):
        found = measure(frame, "language", {"languages": list(FIVE), "min_confidence": confidence})[0]["value"]
        assert found.to_list() == identify(pl.Series(texts), FIVE, confidence).to_list()
    assert len(set(found)) > 1


def test_the_facts() -> None:
    """The conversation's language by the length of its turns; mixed answers by paragraph; answers against questions."""
    assert value("language", DE, DE + " " + DE) == "de"
    assert value("language", EN, DE + " " + DE) == "de"
    assert value("language", EN, DE + " " + DE, where="user") == "en"
    assert value("language", "ok", CODE) == "und"
    assert value("language_mix", EN, EN + "\n\n" + CODE) == 1
    assert value("language_mix", EN, EN + "\n" + DE) == 2
    assert value("language_mix", EN, CODE) == 0
    assert value("language_match", EN, EN, DE, DE) is True
    assert value("language_match", EN, EN, DE, EN) is False
    assert value("language_match", EN, CODE) is True
    assert value("language_match", EN, "Jean-Pierre Papin") is True  # a short answer, or names, have no language of their own
    assert value("language_match", EN, "Angela Merkel, Helmut Kohl, Gerhard Schröder und Konrad Adenauer") is True
    assert value("language_match", EN, JA) is False


def test_an_unknown_language_is_refused() -> None:
    """With the nearest that the model knows."""
    with pytest.raises(BuildError, match="no language 'qy'") as caught:
        model_of(("qy",))
    assert "known: " in str(caught.value.hint)
    for code, meant in (("cn", "zh"), ("jp", "ja"), ("deu", "de")):
        with pytest.raises(BuildError) as caught:
            model_of((code,))
        assert f"did you mean '{meant}'?" in str(caught.value.hint)


@pytest.mark.parametrize("text", ["a" * 1_000_000, "e\u0301" * 10_000, "\x00" * 1000, "\u202eabc\u202c" * 100, "`" * 100_000, "[" * 300_000])
def test_odd_texts(text: str) -> None:
    """Long, combining, reversed and empty of meaning: a verdict, and no error."""
    assert isinstance(identify(pl.Series([text]), FIVE, 0.6)[0], str)


def test_known_codes() -> None:
    """A recipe is checked against the languages that the model really knows."""
    assert tuple(sorted(set(model_of(()).codes))) == CODES  # Serbian and Uzbek stand there twice
