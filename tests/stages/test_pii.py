"""Personal data: masked alike within a conversation, hashed alike in all, dropped with a reason, flagged without a change."""

from __future__ import annotations

import json
import tempfile
from typing import Any

import polars as pl

from datasetbuild.stages.clean import clean
from tests.conftest import Project
from tests.stages.test_clean import records

MAIL, OTHER = "jane@example.com", "joe@example.org"


def texts(frame: pl.DataFrame) -> list[list[str]]:
    return [[turn["content"] for turn in one] for one in frame["messages"].to_list()]


def test_the_same_value_has_the_same_stand_in() -> None:
    """Within a conversation, whatever its case; another conversation counts from one."""
    found, _ = clean(records([f"{MAIL} {OTHER}", "Hello JANE@example.com"], [OTHER, "ok"]), {"email": "mask"})
    assert texts(found) == [["[EMAIL_1] [EMAIL_2]", "Hello [EMAIL_1]"], ["[EMAIL_1]", "ok"]]
    assert found["cleaned"].to_list() == [["email masked"], ["email masked"]]


def test_hashes_are_alike_everywhere_and_hang_on_the_salt() -> None:
    """A pseudonym joins conversations; another salt gives another."""
    rows = records([MAIL, "ok"], [f"Hi {MAIL}", "ok"])
    (one, two), (other, _) = (texts(clean(rows, {"email": "hash", "salt": salt})[0]) for salt in (1, 2))
    assert two[0] == f"Hi {one[0]}"
    assert one[0] != other[0]
    assert MAIL not in one[0]


def test_drop_and_flag() -> None:
    """A dropped record is set aside with its reason; a flagged one stays as it is, and it is noted."""
    rows = records(["SSN 460-89-9847", "ok"], ["from 203.0.113.7", "ok"], ["Hi", "ok"])
    found, unfit = clean(rows, {"national_id": "drop", "ip": "flag"})
    assert texts(found) == [["from 203.0.113.7", "ok"], ["Hi", "ok"]]
    assert found["cleaned"].to_list() == [["ip flagged"], []]
    assert unfit.select("row", "stage", "reason").rows() == [(0, "clean", "pii")]


def test_why_a_record_is_dropped() -> None:
    """The reason names the turn, or the column, and the rule for secrets, a project's own too; never the value."""
    token = "ghp_" + "16C7e42F292c6912E7710c838347Ae178B4a"
    call = [{"type": "function", "function": {"name": "mail", "arguments": json.dumps({"to": MAIL})}}]
    rows = records(["Hi", "ok", "And?", f"Take {token}"], ["Hi", 'password: "k7#Tq9!vZ2pL"'], ["Hi", "ok"], ["Hi", "ok"], ["Hi", "acme-42 says yes"])
    turns = rows["messages"].to_list()
    turns[2][1]["tool_calls"] = json.dumps(call)
    rows = rows.with_columns(pl.Series("messages", turns, dtype=rows.schema["messages"]), meta=pl.Series([None, None, None, json.dumps({"by": MAIL}), None]))
    with tempfile.NamedTemporaryFile("w", suffix=".toml") as file:
        file.write('[[rules]]\nid = "acme"\nregex = "acme-[0-9]+"\n')
        file.flush()
        found, unfit = clean(rows, {"secret": "drop", "email": "drop", "rules_file": file.name})
    assert len(found) == 0
    assert unfit["detail"].to_list() == [
        "turn 4 holds a secret (github_token), and clean.pii.secret is `drop`",
        "turn 2 holds a secret (assigned), and clean.pii.secret is `drop`",
        "turn 2 holds an email, and clean.pii.email is `drop`",
        "a column of `meta` holds an email, and clean.pii.email is `drop`",
        "turn 2 holds a secret (acme), and clean.pii.secret is `drop`",
    ]


def test_tool_calls_and_meta_stay_json() -> None:
    """Arguments are JSON within JSON, and a number can be personal: what is masked is still JSON."""
    call = [{"type": "function", "function": {"name": "mail", "arguments": json.dumps({"to": MAIL, "card": 4111111111111111, "n": 3})}}]
    frame = records(["Write to " + MAIL, "Yes"])
    turns = frame["messages"].to_list()
    turns[0][1] |= {"tool_calls": json.dumps(call)}
    frame = frame.with_columns(messages=pl.Series(turns, dtype=frame["messages"].dtype), meta=pl.lit(json.dumps({"from": MAIL, "n": 1})))
    found, _ = clean(frame, {"email": "mask", "card": "mask"})
    made: Any = json.loads(found["messages"][0].to_list()[1]["tool_calls"])[0]["function"]["arguments"]
    assert json.loads(made) == {"to": "[EMAIL_1]", "card": "[CARD_1]", "n": 3}
    assert json.loads(found["meta"][0]) == {"from": "[EMAIL_1]", "n": 1}


def test_masking_twice_is_masking_once() -> None:
    """A stand-in is no personal data: what was masked holds nothing more."""
    wanted = dict.fromkeys(("email", "phone", "card", "iban", "ip", "national_id", "secret", "url_credentials"), "mask") | {"phones": "loose"}
    text = f"{MAIL} +49 30 901820 4111111111111111 DE89370400440532013000 203.0.113.7 460-89-9847 password='hG7#kd92lQ' http://a:b1c2@x.de"
    once, _ = clean(records([text, "ok"]), wanted)
    twice, _ = clean(once, wanted)
    assert texts(once)[0][0].count("_1]") == 8
    assert texts(twice) == texts(once)
    assert twice["cleaned"].to_list() == [[]]


RECIPE = """\
name: small
seed: {seed}
sources: {{rows: {{path: rows.jsonl, format: messages}}}}
clean: {{pii: {{email: mask, phone: hash, secret: drop, ip: flag, regions: [US]}}}}
filters: {{ips: {{fact: pii, kinds: [ip], max: 5}}, secrets: {{max: 0}}, left: {{fact: pii, kinds: [email], max: 0}}}}
"""


def rows() -> list[Any]:
    user = [f"Mail {MAIL}", "call (650) 253-0000", "pw password=hG7#kd92lQ", "from 203.0.113.7", "plain"]
    return [{"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": f"Answer {n}."}]} for n, text in enumerate(user)]


def test_a_build_with_it(project: Project) -> None:
    """Books balance, the ledger says what was done, nothing that was masked or dropped is in the artifact, `why` shows both."""
    project.write({"rows.jsonl": rows(), "recipes/small.yaml": RECIPE.format(seed=1)})
    assert project.run("recipe=small").code == 0
    ledger = project.ledger()
    assert ledger.select("fate", "stage", "reason").rows()[2] == ("dropped", "clean", "pii")
    assert ledger["cleaned"].to_list() == [["email masked"], ["phone hashed"], None, ["ip flagged"], []]
    assert ledger["ips"].to_list() == [0, 0, None, 1, 0]
    everything = b"".join(project.bytes().values()) + "".join(str(project.rows()["messages"].to_list())).encode()
    for hidden in (MAIL, "253-0000", "hG7#kd92lQ"):
        assert hidden.encode() not in everything
    assert "hG7#kd92lQ" in project.run("why", "recipe=small", ledger["id"][2]).out
    told = project.run("why", "recipe=small", ledger["id"][0]).out
    assert "clean      email masked" in told
    assert f"'Mail {MAIL}' -> 'Mail [EMAIL_1]'" in told


def test_only_hashes_hang_on_the_seed(project: Project) -> None:
    """Another seed gives other pseudonyms; a recipe that only masks is not cleaned anew."""
    project.write({"rows.jsonl": rows(), "recipes/small.yaml": RECIPE.format(seed=1)})
    assert project.run("recipe=small").code == 0
    first = project.rows()["messages"].to_list()[1][0]["content"]
    masks = RECIPE.replace("phone: hash", "phone: mask")
    project.write({"recipes/small.yaml": RECIPE.format(seed=2)})
    assert project.run("recipe=small").code == 0
    assert project.rows()["messages"].to_list()[1][0]["content"] != first
    plans = []
    for seed in (1, 2):
        project.write({"recipes/small.yaml": masks.format(seed=seed)})
        assert project.run("recipe=small").code == 0
        plans.append(project.manifest()["parts"]["clean"])
    assert plans[0] == plans[1]
