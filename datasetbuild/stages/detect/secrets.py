"""Keys and other secrets: by the prefix that their issuer gives them, or by standing behind a word such as `password`.

A prefix says what it is and is hardly ever wrong. A value behind a word is taken only when it looks random: enough entropy, and
neither a placeholder nor code. More rules come from a file in the format of gitleaks (`rules_in`).
"""

from __future__ import annotations

from dataclasses import dataclass

from datasetbuild.stages.detect.checks import entropy_at_least


@dataclass(frozen=True)
class SecretRule:
    """needles: literal pieces of which one must occur, so that most texts are never searched; empty: every text is.

    pattern: RE2; `group` of it is the secret. bits: smallest entropy a character. stop: words that a secret never holds.
    """

    name: str
    pattern: str
    needles: tuple[str, ...]
    group: int = 0
    bits: float = 0.0
    stop: tuple[str, ...] = ()


def _key(name: str, pattern: str, *needles: str, group: int = 0, bits: float = 0.0) -> SecretRule:
    return SecretRule(name, pattern, needles, group, bits)


_NAMES = (
    "password", "passwd", "passphrase", "pwd", "secret", "token", "api_?key", "apikey", "access_?key", "auth_?key", "private_?key",
    "secret_?key", "client_?secret", "credentials?", "encryption_?key", "signing_?key", "account_?key",
)  # fmt: skip
_SET = (
    "(?:" + "|".join(_NAMES).replace("_?", "[_ -]?") + r")(?:[_-][a-z0-9]{1,20})?[\"'`]?[ \t]*(?::=|=>|:|=)[ \t]*[\"'`]?"
)
ASSIGNED = rf"(?i)(?:^|[^a-z])(?:[a-z0-9]{{1,24}}[_.-]){{0,4}}{_SET}([a-z0-9+/_~!@#$%^&*.-]{{8,200}}={{0,2}})"
ASSIGNED_MAYBE = rf"(?i){_SET}[a-z0-9+/_~!@#$%^&*.-]{{8}}"
"""What every match of `ASSIGNED` holds, cheap enough to look for in a whole column."""

ASSIGNED_NEEDLES = ("passw", "passphrase", "pwd", "secret", "token", "key", "credential")
ASSIGNED_BITS = 3.0
"""Entropy of what stands behind a word: `hunter2!X9` has 3.3 bits, `password1` 2.9, an English word of 8 letters about 2.7."""

PLACEHOLDERS = (
    "your", "example", "xxxx", "****", "....", "placeholder", "changeme", "change_me", "change-me", "redacted", "dummy", "sample", "<", "${",
    "{{", "insert", "replace", "todo", "none", "null", "undefined", "process.env", "os.environ", "getenv", "config.", "self.", "settings.",
    "my_", "my-", "test_", "fake", "here", "string", "1234567", "abcdef", "foobar", "secret_name",
)  # fmt: skip
"""Pieces, in lower case, of values that stand for a secret and are none."""

RULES = (
    _key("aws_access_key", r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b", "AKIA", "ASIA", "ABIA", "ACCA", bits=3.0),
    _key("github_token", r"\bgh[pousr]_[A-Za-z0-9]{36,255}\b", "ghp_", "gho_", "ghu_", "ghs_", "ghr_"),
    _key("github_pat", r"\bgithub_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59}\b", "github_pat_"),
    _key("gitlab_token", r"\bgl(?:pat|dt|rt|ptt|oas|cbt|ft|imt|soat)-[A-Za-z0-9_-]{20,64}", "glpat-", "gldt-", "glrt-", "glptt-", "gloas-", "glcbt-", "glft-", "glimt-", "glsoat-"),
    _key("slack_token", r"\bxox[abposer]-(?:\d+-)*[A-Za-z0-9-]{10,120}", "xox"),
    _key("slack_app_token", r"\bxapp-\d-[A-Z0-9]+-\d+-[a-z0-9]+", "xapp-"),
    _key("slack_webhook", r"hooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,80}", "hooks.slack.com"),
    _key("discord_webhook", r"discord(?:app)?\.com/api/webhooks/\d{17,20}/[A-Za-z0-9_-]{60,72}", "/api/webhooks/"),
    _key("discord_token", r"\b[MNO][A-Za-z\d_-]{23,25}\.[\w-]{6}\.[\w-]{27,38}\b", ".", bits=4.0),
    _key("stripe_key", r"\b(?:sk|rk)_(?:live|test|prod)_[A-Za-z0-9]{16,99}\b", "k_live_", "k_test_", "k_prod_"),
    _key("stripe_webhook", r"\bwhsec_[A-Za-z0-9+/]{32,64}", "whsec_"),
    _key("google_api_key", r"\bAIza[\w-]{35}", "AIza"),
    _key("google_oauth", r"\bya29\.[\w-]{20,250}", "ya29."),
    _key("google_client_secret", r"\bGOCSPX-[\w-]{28}", "GOCSPX-"),
    _key("openai_key", r"\bsk-(?:proj|svcacct|admin|None)-[\w-]{20,200}|\bsk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20}\b|\bsk-[A-Za-z0-9]{48}\b", "sk-", bits=3.5),
    _key("anthropic_key", r"\bsk-ant-[a-z0-9]{2,10}-[\w-]{40,120}", "sk-ant-"),
    _key("openrouter_key", r"\bsk-or-v1-[0-9a-f]{64}\b", "sk-or-v1-"),
    _key("huggingface_token", r"\b(?:hf_[A-Za-z0-9]{34,40}|api_org_[A-Za-z]{34})\b", "hf_", "api_org_"),
    _key("groq_key", r"\bgsk_[A-Za-z0-9]{48,56}\b", "gsk_"),
    _key("xai_key", r"\bxai-[A-Za-z0-9]{70,90}\b", "xai-"),
    _key("perplexity_key", r"\bpplx-[A-Za-z0-9]{40,60}\b", "pplx-"),
    _key("replicate_token", r"\br8_[A-Za-z0-9]{37}\b", "r8_"),
    _key("npm_token", r"\bnpm_[A-Za-z0-9]{36}\b", "npm_"),
    _key("pypi_token", r"\bpypi-AgE[A-Za-z0-9_-]{50,250}", "pypi-AgE"),
    _key("rubygems_key", r"\brubygems_[a-f0-9]{48}\b", "rubygems_"),
    _key("sendgrid_key", r"\bSG\.[\w-]{16,32}\.[\w-]{30,64}", "SG."),
    _key("mailgun_key", r"\bkey-[0-9a-f]{32}\b", "key-"),
    _key("mailchimp_key", r"\b[0-9a-f]{32}-us\d{1,2}\b", "-us"),
    _key("twilio_key", r"\bSK[0-9a-fA-F]{32}\b", "SK"),
    _key("telegram_token", r"\b\d{8,10}:AA[\w-]{33}\b", ":AA"),
    _key("jwt", r"\beyJ[\w-]{10,1000}\.eyJ[\w-]{10,1000}\.[\w-]{10,1000}", "eyJ"),
    _key("private_key", r"(?s)-----BEGIN[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----.*?(?:-----END[A-Z ]{0,40}PRIVATE KEY(?: BLOCK)?-----|\z)", "PRIVATE KEY"),
    _key("age_key", r"\bAGE-SECRET-KEY-1[A-Z0-9]{58}\b", "AGE-SECRET-KEY-1"),
    _key("square_token", r"\b(?:sq0(?:atp|csp)-[\w-]{22,43}|EAAA[\w-]{60})", "sq0atp-", "sq0csp-", "EAAA"),
    _key("shopify_token", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b", "shpat_", "shpca_", "shppa_", "shpss_"),
    _key("digitalocean_token", r"\bdo[opr]_v1_[0-9a-f]{64}\b", "_v1_"),
    _key("databricks_token", r"\bdapi[0-9a-f]{32}(?:-\d)?\b", "dapi"),
    _key("vault_token", r"\bhv[sbr]\.[\w-]{24,300}", "hvs.", "hvb.", "hvr."),
    _key("terraform_token", r"\b[A-Za-z0-9]{14}\.atlasv1\.[\w-]{60,70}", ".atlasv1."),
    _key("grafana_token", r"\bgl(?:c_[A-Za-z0-9+/]{32,400}={0,2}|sa_[A-Za-z0-9]{32}_[0-9a-fA-F]{8})", "glc_", "glsa_"),
    _key("newrelic_key", r"\bNR(?:AK|JS|II)-[A-Za-z0-9-]{19,32}", "NRAK-", "NRJS-", "NRII-"),
    _key("linear_key", r"\blin_(?:api|oauth)_[A-Za-z0-9]{32,64}\b", "lin_api_", "lin_oauth_"),
    _key("notion_token", r"\b(?:ntn_\d{11}[A-Za-z0-9]{35}|secret_[A-Za-z0-9]{43})\b", "ntn_", "secret_"),
    _key("airtable_token", r"\bpat[A-Za-z0-9]{14}\.[0-9a-f]{64}\b", "pat"),
    _key("figma_token", r"\bfigd_[\w-]{40,60}", "figd_"),
    _key("postman_key", r"\bPMAK-[0-9a-f]{24}-[0-9a-f]{34}\b", "PMAK-"),
    _key("pulumi_token", r"\bpul-[0-9a-f]{40}\b", "pul-"),
    _key("doppler_token", r"\bdp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._-]{40,60}", "dp."),
    _key("docker_token", r"\bdckr_pat_[\w-]{27}", "dckr_pat_"),
    _key("azure_storage_key", r"AccountKey=([A-Za-z0-9+/]{86}==)", "AccountKey=", group=1),
    _key("azure_client_secret", r"\b[\w~.-]{3}\dQ~[\w~.-]{31,34}", "Q~"),
    _key("mapbox_token", r"\bsk\.eyJ[\w-]{20,200}\.[\w-]{22}", "sk.eyJ"),
    _key("sentry_token", r"\bsntry[su]_[A-Za-z0-9+/=_]{40,250}", "sntrys_", "sntryu_"),
    _key("planetscale_token", r"\bpscale_(?:tkn|pw|oauth)_[\w=.-]{32,64}", "pscale_"),
    _key("facebook_token", r"\bEAA[CGMBKD][A-Za-z0-9]{80,300}\b", "EAA"),
    _key("dynatrace_token", r"\bdt0[a-z]\d\d\.[A-Z0-9]{24}\.[A-Z0-9]{64}\b", "dt0"),
    _key("atlassian_token", r"\bATATT3[\w=-]{150,250}", "ATATT3"),
    _key("bearer", r"(?i)\bauthorization[\"']?\s{0,4}[:=]\s{0,4}[\"']?(?:bearer|basic|token)\s{1,4}([A-Za-z0-9+/._~=-]{16,1000})", "uthorization", "UTHORIZATION", group=1, bits=3.5),
)  # fmt: skip
"""What issuers say of their own keys, in the order in which they are tried."""

ANYWHERE = SecretRule("assigned", ASSIGNED, ASSIGNED_NEEDLES, group=1, bits=ASSIGNED_BITS)


def looks_random(value: str, bits: float) -> bool:
    """Whether what stands behind a word is a secret rather than a placeholder, a name or a piece of code."""
    low = value.lower()
    if any(piece in low for piece in PLACEHOLDERS) or low[0] in "$%@*.-/":
        return False
    kinds = (any(map(str.isdigit, value)), any(map(str.islower, value)), any(map(str.isupper, value)))
    signs = any(not char.isalnum() for char in value.strip("="))
    if not kinds[0] and not (signs and kinds[1] and kinds[2]):
        return False  # only letters: a word, a name in code, a type
    return sum(kinds) + signs >= 2 and entropy_at_least(value, bits)


def accepted(rule: SecretRule, value: str) -> bool:
    """Whether a value that a rule's pattern found counts: not all one sign, not a placeholder, random enough."""
    if rule is ANYWHERE:
        return looks_random(value, rule.bits)
    low = value.lower()
    if any(word in low for word in rule.stop) or "xxxxx" in low or "....." in low or "*****" in low:
        return False
    return entropy_at_least(value, rule.bits)
