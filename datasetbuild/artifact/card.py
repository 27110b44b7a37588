"""The dataset card: README.md with Hugging Face's metadata header, so that `load_dataset("build/NAME")` just works.

Header keys as documented for dataset repositories: `configs` with `data_files` per split, `license`, `pretty_name`.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any


def make_card(manifest: Mapping[str, Any], description: str | None) -> str:
    """README.md of an artifact."""
    parts = [_header(manifest), f"# {manifest['name']}", description or "", _numbers(manifest), _loading(manifest)]
    parts += [_sources(manifest), _splits(manifest), _subsets(manifest), _lost(manifest), _mix(manifest), _tokens(manifest)]
    parts += [_exports(manifest), _reproduce(manifest)]
    return "\n\n".join(part for part in parts if part) + "\n"


def _header(manifest: Mapping[str, Any]) -> str:
    import yaml

    licenses = sorted({source["license"] for source in manifest["sources"].values() if source["license"]})
    header: dict[str, Any] = {"pretty_name": manifest["name"]}
    if len(licenses) == 1:
        header["license"] = licenses[0].lower()
    elif licenses:
        header |= {"license": "other", "license_name": " AND ".join(licenses)}
    if any(source.get("generated_by") for source in manifest["sources"].values()):
        header["tags"] = ["synthetic"]
    splits = [name for name, split in manifest["splits"].items() if split["rows"]]
    files = [{"split": name, "path": f"data/{name}-*.parquet"} for name in splits]
    header["configs"] = [{"config_name": "default", "data_files": files}]
    for name, subset in manifest["subsets"].items():
        if not subset["files"]:
            continue  # too few records for so small a share
        train = {"split": "train", "path": [f"data/{file}" for file in subset["files"]]}
        others = [one for one in files if one["split"] != "train"]
        header["configs"].append({"config_name": f"subset-{name}", "data_files": [train, *others]})
    return "---\n" + yaml.safe_dump(header, sort_keys=False, allow_unicode=True) + "---"


def _numbers(manifest: Mapping[str, Any]) -> str:
    counts = manifest["counts"]
    total = counts["sources"][-1]
    return (
        f"Built by `dsbuild` from {total['in']} rows: {total['kept']} kept, {counts['dropped']} dropped, "
        f"{counts['quarantined']} quarantined. `ledger.parquet` holds one line per input row and says why."
    )


def _loading(manifest: Mapping[str, Any]) -> str:
    name = manifest["name"]
    place = f".dsbuild/variants/{name}-{manifest['key'][:10]}" if manifest["overrides"] else f"build/{name}"
    return f'```python\nfrom datasets import load_dataset\n\ndataset = load_dataset("{place}")\n```'


def _table(title: str, head: list[str], lines: list[list[Any]]) -> str:
    if not lines:
        return ""
    rows = [head, ["---"] * len(head), *lines]
    return f"## {title}\n\n" + "\n".join("| " + " | ".join("" if cell is None else str(cell) for cell in row) + " |" for row in rows)


def _sources(manifest: Mapping[str, Any]) -> str:
    kept = {line["source"]: line for line in manifest["counts"]["sources"]}
    lines = [
        [name, source["format"], source["license"] or "not stated", len(source["files"]), kept[name]["in"], kept[name]["kept"]]
        for name, source in manifest["sources"].items()
    ]
    table = _table("Sources", ["source", "format", "license", "files", "rows in", "kept"], lines)
    return "\n\n".join([table, *_generated(manifest)])


def _generated(manifest: Mapping[str, Any]) -> list[str]:
    """The sources that a model wrote, a paragraph each."""
    return [
        f"The answers of `{name}` were written by {given['model']}; its terms: {given.get('terms') or 'not stated'}."
        for name, source in manifest["sources"].items()
        if (given := source.get("generated_by"))
    ]


def _splits(manifest: Mapping[str, Any]) -> str:
    lines = [[name, split["records"], split["rows"], split["requested"]] for name, split in manifest["splits"].items()]
    return _table("Splits", ["split", "records", "rows (copies counted)", "requested"], lines)


def _subsets(manifest: Mapping[str, Any]) -> str:
    if not manifest["subsets"]:
        return ""
    lines = [[f"`subset-{name}`", one["records"], one["rows"]] for name, one in manifest["subsets"].items()]
    name = next(iter(manifest["subsets"]))
    text = f'Each holds the smaller ones: `load_dataset("build/{manifest["name"]}", "subset-{name}")`.'
    return _table("Nested subsets of train", ["configuration", "records", "rows"], lines) + "\n\n" + text


def _lost(manifest: Mapping[str, Any]) -> str:
    lines = [[line["stage"], line["reason"], line["rule"], line["rows"]] for line in manifest["counts"]["reasons"]]
    return _table("Rows that are not here", ["stage", "reason", "rule", "rows"], lines)


def _mix(manifest: Mapping[str, Any]) -> str:
    mix = manifest["mix"]
    if not mix:
        return ""
    lines = [
        [share["source"], share["requested_share"], share["achieved_share"], share["achieved"], share["passes"], share["capped"]]
        for share in mix["shares"]
    ]
    head = ["source", "requested", "achieved", mix["unit"], "passes", "capped by"]
    return _table("Mix of the train split", head, lines)


def _tokens(manifest: Mapping[str, Any]) -> str:
    tokens = manifest["tokens"]
    if not tokens:
        return ""
    names = ("min", "median", "mean", "p95", "max", "total", "trained")
    table = _table("Tokens", list(names), [[tokens[name] for name in names]])
    return f"{table}\n\n95 % of the rows fit `max_seq_length` {tokens['max_seq_length']}."


def _exports(manifest: Mapping[str, Any]) -> str:
    """Where each export stands, and what was lowered for a consumer that cannot carry it. Tokens are columns of `data/`
    where the recipe asks for no files of theirs."""
    lines = []
    for folder, export in (manifest.get("exports") or {}).items():
        rows = ", ".join(f"{split} {count}" for split, count in export["rows"].items())
        lowered = ", ".join(f"{name} ({count} records)" for name, count in export["lowered"].items())
        columns = export["profile"] == "tokens" and not export["params"]["files"]
        place = "data" if columns else f"export/{folder}"
        lines.append([f"`{place}`", f"{export['profile']} (version {export['version']})", rows, lowered or "nothing"])
    return _table("Exports", ["folder", "profile", "rows", "lowered"], lines)


def _reproduce(manifest: Mapping[str, Any]) -> str:
    command = shlex.join(["dsbuild", f"recipe={manifest['recipe']}", *manifest["overrides"]])
    return f"## Reproduce\n\n```\n{command}\n```\n\nkey `{manifest['key']}`, records `{manifest['records']}`"
