"""The plan: a checked recipe as the steps that carry it out. Plain values, no I/O, cheap to send to a worker."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from datasetbuild.op import Needs, find, loaded_code, operators

if TYPE_CHECKING:
    from datasetbuild.plan.lockfile import Pins
    from datasetbuild.stages.write.carry import Export


@dataclass(frozen=True)
class FactStep:
    """A fact to be measured under a name: a filter's name, or the fact's own when only `dedup.keep` asks for it.

    params: once resolved (`engine.resolve`), files stand in them by content. prepared: digest of what the fact's
    `prepare` made of them, in the cache. places: where the models that it names lie on this machine, by parameter; they
    stand in `params` by content, and so in every key.
    """

    name: str
    fact: str
    params: dict[str, Any]
    prepared: str | None = None
    places: dict[str, str] = field(default_factory=dict)

    @property
    def identity(self) -> dict[str, Any]:
        known = find("fact", self.fact).identity(self.params)
        return known | ({"prepared": self.prepared} if self.prepared else {})

    @property
    def needs(self) -> Needs:
        return find("fact", self.fact).needs

    @property
    def needs_render(self) -> bool:
        return self.needs == "render"

    @property
    def dear(self) -> bool:
        """Whether it is measured for the records that pass all other rules, and for no others."""
        return find("fact", self.fact).dear


@dataclass(frozen=True)
class SectionStep:
    """A section of the recipe that measures something of every record. params, prepared: as in `FactStep`."""

    name: str
    params: dict[str, Any]
    prepared: str | None = None

    @property
    def identity(self) -> dict[str, Any]:
        known = find("section", self.name).identity(self.params)
        return known | ({"prepared": self.prepared} if self.prepared else {})


@dataclass(frozen=True)
class ExportStep:
    """One export: a profile with its parameters, and the folder below `export/` that it is written into."""

    profile: str
    folder: str
    params: dict[str, Any]

    @property
    def version(self) -> int:
        return find("profile", self.profile).version

    @property
    def identity(self) -> dict[str, Any]:
        from datasetbuild.stages.write.seal import codec_versions

        known = find("profile", self.profile).identity(self.params) | {"folder": self.folder}
        codec = codec_versions(self.params.get("compression"))
        return known | ({"codec": codec} if codec else {})

    @property
    def wants_text(self) -> bool:
        """Whether its rows are what the template gives, as text."""
        return bool(getattr(self.open().form, "text", False))

    @property
    def wants_ids(self) -> bool:
        """Whether its rows are tokens."""
        from datasetbuild.stages.write.carry import Tokens

        return isinstance(self.open().form, Tokens)

    def open(self) -> Export:
        """What is to be written, and what it can carry."""
        export: Export = find("profile", self.profile).function(**self.params)
        return export


@dataclass(frozen=True)
class CheckStep:
    """One check of the result: a check with its parameters, and what its failing means (`warn` or `error`)."""

    name: str
    check: str
    severity: str
    params: dict[str, Any]

    @property
    def identity(self) -> dict[str, Any]:
        return find("check", self.check).identity(self.params) | {"severity": self.severity}

    @property
    def columns(self) -> list[str]:
        """The facts and columns that it names."""
        named = [self.params.get(key) for key in ("fact", "column", "per")] + list(self.params.get("facts") or ())
        return [name for name in named if name]


@dataclass(frozen=True)
class ShardPlan:
    """All that a worker needs to know to measure one shard of one source; the same for all shards of the source.

    spec: digest of the resolved tokenizer in the cache, once the template has been resolved. texts, ids: whether an
    export wants what was rendered as text, or as token ids.
    """

    source: str
    params: dict[str, Any]
    clean: dict[str, Any] | None
    facts: tuple[FactStep, ...]
    exact: dict[str, Any] | None
    near: dict[str, Any] | None
    template: dict[str, Any] | None
    spec: str | None = None
    plugins: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    system: dict[str, Any] | None = None
    decontaminate: SectionStep | None = None
    texts: bool = False
    ids: bool = False


@dataclass(frozen=True)
class Plan:
    """The whole build. bounds: filter name -> the rule's bounds, in the recipe's order.

    reports: what the `prepare` of facts had to say, by the name of the filter.
    code: digests of the plugins as the keys have them (`op.load_plugins`).
    pins: what the lock holds the build to, None where there is none.
    near: how near-duplicates are found, also where none is dropped (`drop_near` false): a split must not part them.
    """

    name: str
    seed: int
    sources: dict[str, dict[str, Any]]
    on_bad_row: dict[str, Any]
    clean: dict[str, Any] | None
    facts: tuple[FactStep, ...]
    bounds: dict[str, dict[str, Any]]
    keep: tuple[str, ...]
    exact: dict[str, Any] | None
    near: dict[str, Any] | None
    drop_near: bool
    split: dict[str, Any]
    mix: dict[str, Any] | None
    template: dict[str, Any] | None
    export: tuple[ExportStep, ...]
    engine: dict[str, Any] = field(default_factory=dict)
    spec: str | None = None
    plugins: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    system: dict[str, Any] | None = None
    reports: dict[str, dict[str, Any]] = field(default_factory=dict)
    pins: Pins | None = None
    semantic: dict[str, Any] | None = None
    substring: dict[str, Any] | None = None
    contradictions: dict[str, Any] | None = None
    decontaminate: SectionStep | None = None
    embeddings: dict[str, Any] = field(default_factory=dict)
    topics: dict[str, Any] | None = None
    select: dict[str, Any] | None = None
    checks: tuple[CheckStep, ...] = ()
    subsets: tuple[float, ...] = ()

    def shard_plan(self, source: str) -> ShardPlan:
        return ShardPlan(
            source=source,
            params=self.sources[source],
            clean=self.clean,
            facts=tuple(step for step in self.facts if not step.dear),
            exact=self.exact,
            near=self.near,
            template=self.template,
            spec=self.spec,
            plugins=self.plugins,
            code=self.code,
            system=self.system,
            decontaminate=self.decontaminate,
            texts=self.template is not None and any(step.wants_text for step in self.export),
            ids=self.template is not None and any(step.wants_ids for step in self.export),
        )

    @property
    def dear(self) -> tuple[FactStep, ...]:
        """The facts that are measured last."""
        return tuple(step for step in self.facts if step.dear)

    @property
    def cut(self) -> dict[str, Any] | None:
        """How words that records share are cut out of all but one; None where they are not."""
        return self.substring if self.substring and self.substring["action"] == "cut" else None

    @property
    def embeds(self) -> bool:
        """Whether records have to become vectors."""
        return self.semantic is not None or self.topics is not None or bool(self.select and self.select["diverse"])

    @property
    def fractions(self) -> dict[str, float]:
        """The splits with their fractions; those set to null or 0 are left out."""
        own = find("section", "split").parameters
        return {name: float(share) for name, share in self.split.items() if name not in own and share}


EXPORT_WORDS = ("profile", "folder")
"""Keys of an export beside its profile's own."""

RULE_WORDS = ("min", "max", "robust_z", "by", "allow", "deny")

CHECK_WORDS = ("check", "severity")
"""Keys of a check beside its operator's own."""

RENDERED = {"tokens"}
"""Facts that are columns of the ledger already, so that a check that names them measures nothing more."""


def make_plan(config: dict[str, Any]) -> Plan:
    """The plan of a checked, filled-in recipe."""
    dedup = config.get("dedup") or {}
    filters = {name: entry for name, entry in (config.get("filters") or {}).items() if entry is not None}
    facts = {name: _fact_step(name, entry) for name, entry in filters.items()}
    bounds = {name: {word: entry[word] for word in RULE_WORDS if entry.get(word) is not None} for name, entry in filters.items()}
    template, select, decontaminate = (config.get(name) for name in ("template", "select", "decontaminate"))
    keep = tuple(dedup.get("keep") or ())
    better = select["by"] if select else ()
    better = [better] if isinstance(better, str) else better
    checks = tuple(_check_steps(config))
    checked = {name for check in checks for name in check.columns} - RENDERED
    known = {op.name for op in operators("fact")}
    named = [*_strata(config, bounds), *sorted(checked)]
    for name in (*(name.removeprefix("-") for name in (*keep, *better)), *named):
        if name not in facts and name in known:
            facts[name] = FactStep(name, name, find("fact", name).fill({}))
    return Plan(
        name=config["name"],
        seed=config["seed"],
        sources={name: entry for name, entry in config["sources"].items() if entry is not None},
        on_bad_row=config.get("on_bad_row") or {"max": 0},
        clean=_clean(config),
        facts=tuple(facts.values()),
        bounds=bounds,
        keep=keep,
        exact=dedup.get("exact"),
        near=dedup.get("near") or _guard(config["split"]),
        drop_near=dedup.get("near") is not None,
        split=config["split"],
        mix=config.get("mix"),
        template=template if template and template.get("tokenizer") else None,
        export=tuple(_export_steps(config)),
        engine=config.get("engine") or {},
        plugins=tuple(config.get("plugins") or ()),
        code=loaded_code(),
        system=template.get("system") if template else None,
        semantic=dedup.get("semantic"),
        substring=dedup.get("substring"),
        contradictions=config.get("contradictions"),
        decontaminate=SectionStep("decontaminate", decontaminate) if decontaminate else None,
        embeddings=config.get("embeddings") or {},
        topics=config.get("topics"),
        select=select and {**select, "by": list(better)},
        checks=checks,
        subsets=tuple(sorted({float(share) for share in config.get("subsets") or ()} - {1.0})),
    )


def _strata(config: dict[str, Any], bounds: dict[str, dict[str, Any]]) -> list[str]:
    """The columns that records are told apart by: strata of the split, caps of the mix, categories of rules."""
    caps = (config.get("mix") or {}).get("caps") or {}
    return [*(config["split"].get("stratify") or ()), *caps, *(rule["by"] for rule in bounds.values() if "by" in rule)]


def _clean(config: dict[str, Any]) -> dict[str, Any] | None:
    """How text is cleaned; hashes of personal data hang on the seed, and nothing else of cleaning does."""
    clean = config.get("clean")
    pii = (clean or {}).get("pii")
    if not clean or not pii or pii["salt"] is not None or "hash" not in pii.values():
        return clean
    return clean | {"pii": pii | {"salt": config["seed"]}}


def _check_steps(config: dict[str, Any]) -> Iterator[CheckStep]:
    for name, entry in (config.get("checks") or {}).items():
        params = {key: value for key, value in entry.items() if key not in CHECK_WORDS}
        yield CheckStep(name, entry["check"], entry["severity"], params)


def _guard(split: dict[str, Any]) -> dict[str, Any] | None:
    """How near-duplicates are found for the split alone, when the recipe drops none: with the defaults of `dedup.near`."""
    own = find("section", "split").parameters
    several = sum(bool(share) for name, share in split.items() if name not in own) > 1
    return find("section", "dedup.near").fill({}) if several and "near_duplicates" in split["group"] else None


def _export_steps(config: dict[str, Any]) -> Iterator[ExportStep]:
    """The exports; `tokens` is left out where the recipe has no template to make any."""
    template = config.get("template")
    for entry in config.get("export") or ():
        params = {key: value for key, value in entry.items() if key not in EXPORT_WORDS}
        if entry["profile"] != "tokens" or (template and template.get("tokenizer")):
            yield ExportStep(entry["profile"], entry["folder"], params)


def _fact_step(name: str, entry: dict[str, Any]) -> FactStep:
    fact = entry.get("fact") or name
    given = {key: value for key, value in entry.items() if key not in (*RULE_WORDS, "fact")}
    return FactStep(name, fact, find("fact", fact).fill(given))
