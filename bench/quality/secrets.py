"""Which kinds of secrets are found, and which harmless look-alikes are taken for one.

    python -m bench.quality.secrets

Every key is made when it runs, from parts: none lies in this repository that a scanner, or a thief, could pick up.
"""

from __future__ import annotations

import base64
import json
import random
import string

import polars as pl

from bench.quality.labelled import table
from datasetbuild.stages.detect import Wanted, find_spans

LETTERS = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def secrets(seed: int = 7) -> dict[str, str]:
    """A text with one secret, by its kind."""
    rng = random.Random(seed)

    def some(count: int, of: str = LETTERS) -> str:
        return "".join(rng.choice(of) for _ in range(count))

    def b64(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    pem = "-----BEGIN RSA PRIVATE " + "KEY-----\n" + "\n".join(some(64) for _ in range(6)) + "\n-----END RSA PRIVATE " + "KEY-----"
    keys = {
        "aws access key": "AK" + "IA" + some(16, "ABCDEFGHJKLMNPQRSTUVWXYZ234567"),
        "github token": "gh" + "p_" + some(36),
        "github fine-grained": "github_" + "pat_" + some(22) + "_" + some(59),
        "gitlab token": "gl" + "pat-" + some(20),
        "slack bot token": "xo" + "xb-" + some(12, string.digits) + "-" + some(12, string.digits) + "-" + some(24),
        "slack webhook": "https://hooks.slack" + ".com/services/T" + some(8).upper() + "/B" + some(8).upper() + "/" + some(24),
        "stripe live key": "sk_" + "live_" + some(24),
        "google api key": "AI" + "za" + some(35),
        "google oauth secret": "GOC" + "SPX-" + some(28),
        "openai key": "sk-" + "proj-" + some(48),
        "openai old key": "sk" + "-" + some(48),
        "anthropic key": "sk-" + "ant-api03-" + some(93) + "AA",
        "hugging face token": "h" + "f_" + some(34),
        "npm token": "np" + "m_" + some(36),
        "pypi token": "py" + "pi-AgEIcHlwaS5vcmc" + some(70),
        "sendgrid key": "S" + "G." + some(22) + "." + some(43),
        "twilio key": "S" + "K" + some(32, HEX),
        "mailgun key": "ke" + "y-" + some(32, HEX),
        "telegram bot": some(10, "123456789") + ":" + "AA" + some(33),
        "json web token": b64({"alg": "HS256", "typ": "JWT"}) + "." + b64({"sub": some(10), "name": "x"}) + "." + some(43),
        "private key": pem,
        "shopify token": "shp" + "at_" + some(32, HEX),
        "digitalocean token": "do" + "p_v1_" + some(64, HEX),
        "databricks token": "da" + "pi" + some(32, HEX),
        "vault token": "hv" + "s." + some(90),
        "azure storage key": "Account" + "Key=" + some(86) + "==",
        "discord bot": "M" + some(23) + "." + some(6) + "." + some(38),
        "password in a config": 'db_password = "' + some(6) + "!" + some(6) + '9"',
        "aws secret key": "aws_secret_access_key = " + some(39) + "7",
        "bearer header": "Authorization: Bear" + "er " + some(40),
    }
    return {kind: f"Here is what I use: {key}\nPlease help." for kind, key in keys.items()}


def decoys(seed: int = 8) -> dict[str, str]:
    """Texts that look like secrets and hold none, by what they are."""
    rng = random.Random(seed)
    digest = "".join(rng.choice(HEX) for _ in range(40))
    return {
        "git commit": f"Fixed in commit {digest}.",
        "uuid": f"id: {digest[:8]}-{digest[8:12]}-4{digest[13:16]}-a{digest[17:20]}-{digest[20:32]}",
        "sha256 sum": f"sha256: {digest}{digest[:24]}",
        "placeholder": 'api_key = "YOUR_API_KEY_HERE_1234"',
        "environment": 'token = os.environ["GITHUB_TOKEN2"]',
        "call": "secret = get_secret(name='db1', version=2)",
        "type": "password: str = Field(max_length=128)",
        "prose": "The password: remember that it needs 12 characters. The secret: practice.",
        "package": "pip install sk-learn-extra==0.3.0 and use sk-dist",
        "css": ".key-frames-32 { animation: pulse 2s } .token-comment { color: #708090 }",
        "image": "data:image/png;base64," + base64.b64encode(bytes(range(200))).decode(),
        "masked": "export OPENAI_API_KEY=sk-xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "tokens": "max_tokens: 2048, tokenizer=gpt2, token_count=1500",
        "link": "https://example.com/reset?token=abc&next=/home",
    }


def measure() -> tuple[list[str], list[str], int, int]:
    """Kinds that were missed, decoys that were taken, and how many there are of both."""
    found = {}
    for texts in (secrets(), decoys()):
        hits = find_spans(pl.Series(list(texts.values())), Wanted(frozenset({"secret"})))
        found |= {name: index in hits for index, name in enumerate(texts)}
    return (
        [name for name in secrets() if not found[name]],
        [name for name in decoys() if found[name]],
        len(secrets()),
        len(decoys()),
    )


if __name__ == "__main__":
    missed, taken, kinds, harmless = measure()
    rows = [("kinds of secrets", kinds, kinds - len(missed), ", ".join(missed) or "-")]
    print(table(("", "all", "found", "missed"), rows))
    print(table(("", "all", "taken", "which"), [("look-alikes", harmless, len(taken), ", ".join(taken) or "-")]))
