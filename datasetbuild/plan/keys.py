"""Keys: everything that can change a byte of a step's result, and nothing else (law 3).

An action key names one step on one shard: operator, version, filled-in parameters, the digest of its input, and the
versions of the packages that do the work. A step key in the manifest is the same for a whole build. Not in any key:
paths, times, hosts, worker counts, shard sizes.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from datasetbuild.hashing import digest
from datasetbuild.op import find, version_of
from datasetbuild.plan.steps import FactStep, Plan, SectionStep, ShardPlan
from datasetbuild.record import KEY_COLUMNS, record_schema

FORMAT_VERSION = 2
"""Version of what a build writes; raised whenever the same recipe would give other bytes for a reason of ours."""

REPORT_VERSION = 8
"""Version of report.html and of the card; raised whenever the same artifact would get another page."""

WRITE_VERSION = 3
"""Version of how an artifact is written; raised whenever the same rows would get other files or another digest of records."""

BOUNDS_VERSION = 2
"""Version of how bounds are looked up in the data; raised whenever the same values would give a rule another bound."""

CACHE_VERSION = 2
"""Version of how the cache names what it holds; raised whenever results of an earlier version could not be read. Nothing but the
cache's own keys depends on it."""

PACKAGES = {
    "cut": ("orjson", "pyarrow", "pyyaml"),
    "prepare": ("orjson", "jinja2", "polars", "ftfy"),
    "fact": ("polars",),
    "dedup": ("polars", "numpy", "datasketch"),
    "gather": ("polars", "numpy"),
    "embed": ("polars", "numpy"),
    "render": ("jinja2", "tokenizers", "transformers"),
    "write": ("pyarrow", "orjson"),
}
"""The packages whose version can change the result of a step."""

ORIGIN = ("path", "sql", "query", "hub", "revision", "config", "split")
"""Source parameters that say where rows come from: what they are is in the digests of their files."""

OUTSIDE_SHARD = (*ORIGIN, "limit", "priority", "on_bad_row", "license", "generated_by")
"""Source parameters that the key plane reads; they change no shard."""


@lru_cache
def versions(step: str) -> dict[str, str | None]:
    """Installed versions of the packages that a step's result depends on."""
    return {package: version_of(package) for package in PACKAGES[step]}


def action_key(step: str, **parts: Any) -> str:
    """Key of one action: SHA-256 over its parts, the versions of format and cache, and those of the packages."""
    return digest({"step": step, "format": FORMAT_VERSION, "cache": CACHE_VERSION, "packages": versions(step), **parts})


def source_identity(params: dict[str, Any]) -> dict[str, Any]:
    """What of a source's parameters decides how its rows become records."""
    inside = {key: value for key, value in params.items() if key not in OUTSIDE_SHARD}
    return {"format_version": find("format", params["format"]).version, "params": inside}


def clean_identity(clean: dict[str, Any] | None) -> dict[str, Any] | None:
    """How text is cleaned, and what is done about personal data, with the version of the model that finds names."""
    if clean is None:
        return None
    known, pii = find("section", "clean").identity(clean), clean.get("pii")
    if not pii:
        return known
    model = pii.get("names_model") if pii["name"] != "keep" else None
    names = {package: version_of(package) for package in ("spacy", model)} if model else {}
    return known | {"pii": find("section", "clean.pii").identity(pii) | ({"names": names} if names else {})}


def changing(system: dict[str, Any] | None) -> dict[str, Any] | None:
    """The system prompt policy when it changes records, or which of them there are; None when it only looks."""
    return system if system and system["policy"] in ("require", "strip", "default") else None


def template_identity(template: dict[str, Any]) -> dict[str, Any]:
    """What renders and masks. `max_tokens` is in it only where rows are cut off there: otherwise it is a filter's bound.
    The tokenizer and template stand in it by content (`digest`, put there when they were resolved), not by path."""
    outside = ("tokenizer", "revision", "chat_template", "max_tokens", "overflow", "system")
    op = find("section", "template")
    cut = {"cut": template["max_tokens"]} if template.get("overflow") == "truncate" else {}
    return {"op": "template", "version": op.version, **{k: v for k, v in template.items() if k not in outside}, **cut}


def prepare_key(plan: ShardPlan, shard_digest: str) -> str:
    """Key of a shard's records: its rows, read, normalized and cleaned."""
    return action_key(
        "prepare",
        source=plan.source,
        reads=source_identity(plan.params),
        clean=clean_identity(plan.clean),
        shard=shard_digest,
        columns=[*record_schema(), *KEY_COLUMNS],
        system=changing(plan.system),
    )


def cut_key(prepared: dict[str, str], spans: str) -> str:
    """Key of a shard's records without the words that others keep. prepared: digests of its `records` and `keys` before."""
    version = find("section", "dedup.substring").version
    return action_key("dedup", column="cut", version=version, records=prepared["records"], keys=prepared["keys"], spans=spans)


def fact_key(step: FactStep, records: str, rendered: dict[str, Any] | None) -> str:
    return action_key("fact", fact=step.identity, records=records, rendered=rendered)


ASKED = "asked"
"""In place of the rows of a dear fact: that the shard has been asked at all, for a forecast."""


def dear_key(step: FactStep, records: str, rows: str) -> str:
    """A dear fact of some records of a shard. rows: digest of which."""
    return action_key("fact", dear=step.identity, records=records, rows=rows)


FIRST_USER = {"on": "first_user"}
"""What every build compares, for its splits; `dedup.exact` may ask for the same."""


def exact_key(params: dict[str, Any], records: str) -> str:
    """Also the key of the first user messages (`FIRST_USER`)."""
    return action_key("dedup", column="exact", version=find("section", "dedup.exact").version, params=params, records=records)


def near_key(params: dict[str, Any], records: str) -> str:
    """The key of a shard's sketch: what it is of, and not how pairs are found."""
    sketched = {name: params[name] for name in ("on", "ngram")}
    return action_key("dedup", column="near", version=find("section", "dedup.near").version, params=sketched, records=records)


def contamination_key(step: SectionStep, records: str) -> str:
    """What a shard holds of the benchmarks: the bound on the overlap is not in it."""
    op = find("section", step.name)
    return action_key("fact", contamination=op.version, index=step.prepared, ngram=step.params["ngram"], records=records)


def runs_key(params: dict[str, Any], records: str, positions: str | None = None) -> str:
    """A shard's fingerprints of long runs of words; or, with positions (a digest), every run of those records."""
    wanted = {"on": params["on"], "words": params["words"]}
    parts = {"version": find("section", "dedup.substring").version, "by_turn": params["action"] == "cut", "params": wanted}
    return action_key("dedup", column="substring", **parts, records=records, positions=positions)


def prompts_key(params: dict[str, Any], records: str, positions: str | None = None) -> str:
    """The prompts of a shard, by which answers are compared; or, with positions (a digest), the answers of those records."""
    parts = {"min_words": params["min_words"], "version": find("section", "contradictions").version, "positions": positions}
    return action_key("dedup", column="contradictions", records=records, **parts)


def embeddings_identity(params: dict[str, Any]) -> dict[str, Any]:
    """How records become vectors. A model in a folder stands here by its content (`content`, put there when the plan was
    resolved) and not by its path."""
    known = find("section", "embeddings").identity(params)
    if not params.get("content"):
        return known
    return {**known, "params": {**known["params"], "name": None}, "content": params["content"]}


def embed_key(params: dict[str, Any], records: str, rare: str) -> str:
    """Vectors of a shard. rare: digest of the words' counts, `words` for the counting itself, empty for a model."""
    return action_key("embed", params=embeddings_identity(params), records=records, rare=rare)


def render_key(template: dict[str, Any], records: str, *, ids: bool) -> str:
    """Key of rendered rows, with their token ids or without."""
    return action_key("render", template=template_identity(template), records=records, ids=ids)


def texts_key(template: dict[str, Any], records: str, rendered: str) -> str:
    """Key of the texts that rows were rendered from: of the very rows that stand in `rendered`."""
    return action_key("render", texts=template_identity(template), records=records, rendered=rendered)


def step_keys(plan: Plan, inputs: dict[str, list[dict[str, Any]]]) -> dict[str, Any]:
    """The parts of a build's key, step by step, to be stored in its manifest, so that any change can be explained.

    inputs: for every source its files, each with `file` (as the artifact names it) and `sha256`.
    """
    return {
        "format": FORMAT_VERSION,
        "report": REPORT_VERSION,
        "write": WRITE_VERSION,
        "packages": {package: version for step in PACKAGES for package, version in versions(step).items()},
        "seed": plan.seed,
        "order": _order(plan),
        "on_bad_row": plan.on_bad_row,
        "sources": {
            name: {
                "files": inputs[name],
                **source_identity(params),
                "outside": {key: params.get(key) for key in OUTSIDE_SHARD if key not in ORIGIN and (key != "generated_by" or params.get(key))},
            }
            for name, params in plan.sources.items()
        },
        "clean": clean_identity(plan.clean),
        "facts": {step.name: step.identity for step in plan.facts},
        "bounds": BOUNDS_VERSION,
        "filters": plan.bounds,
        "dedup": {
            "keep": list(plan.keep),
            "exact": _section("dedup.exact", plan.exact),
            "near": _section("dedup.near", plan.near),
            "drop_near": plan.drop_near,
            "semantic": _section("dedup.semantic", plan.semantic),
            "substring": _section("dedup.substring", plan.substring),
        },
        "contradictions": _section("contradictions", plan.contradictions),
        "decontaminate": plan.decontaminate and plan.decontaminate.identity,
        "embeddings": embeddings_identity(plan.embeddings) if plan.embeds else None,
        "topics": _section("topics", plan.topics),
        "select": _section("select", plan.select),
        "split": _section("split", plan.split),
        "mix": _section("mix", plan.mix),
        "system": plan.system,
        "template": plan.template
        and {
            **template_identity(plan.template),
            "max_tokens": plan.template.get("max_tokens"),
            "overflow": plan.template.get("overflow"),
        },
        "export": [step.identity for step in plan.export],
        "subsets": list(plan.subsets),
        "checks": {step.name: step.identity for step in plan.checks},
    }


def _order(plan: Plan) -> dict[str, list[str]]:
    """Orders in which a recipe names things and that decide bytes: of the rows, of the first rule that fails, of the
    ranges of the splits. A digest is of sorted keys, so they must be lists to be in it."""
    caps = plan.mix["caps"] if plan.mix else {}
    return {"sources": [*plan.sources], "filters": [*plan.bounds], "split": [*plan.fractions], "caps": [*caps]}


def _section(name: str, params: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if params is None else find("section", name).identity(params)
