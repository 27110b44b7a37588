"""Write docs/reference/exports.md: what each profile carries, from the profiles themselves. `--check` only says if it is stale."""

from __future__ import annotations

import sys
from pathlib import Path

import datasetbuild.builtin  # noqa: F401
from datasetbuild.op import operators
from datasetbuild.stages.write.carry import Carries

PAGE = Path(__file__).resolve().parent / "reference" / "exports.md"

HEAD = """\
<!-- Written by docs/write_exports.py from the profiles. Edit them, not this page. -->
# What an export carries

`export` in a recipe lists profiles: a name, or a mapping with the profile's parameters and, for a second export of the
same profile, a `folder`.

<!-- part -->
```yaml
template: {tokenizer: examples/tokenizer, chat_template: chatml}
export:
  - messages
  - tokens
  - {profile: trl, shards: 4, compression: zstd}
  - {profile: openai, on_weight: round}
  - {profile: axolotl, folder: axolotl_tokens, rows: tokens}
```

Each is written to `export/FOLDER` of the artifact, in the order of `data/`. A record that holds what a profile cannot
carry stops the build, named by file and line, unless the recipe names a rule (`on_weight`, `on_tools`, ...) that lowers
it; the manifest counts what each rule lowered (`exports.FOLDER.lowered`). `dsbuild ops PROFILE` prints a profile's manual.

A weight of 1 on an answer, and of 0 on any other turn, is what trainers do by themselves: every profile carries it.
`binary` carries 0 and 1, `float` any weight; where the column says *answers*, only those of the assistant's turns.
Tools: `openai` has tools, calls with ids and results; `calls` names and arguments, and no text beside them.

"""

TOKENS = """
`tokens` in the last column: `rows: tokens` writes the rendered tokens with their proved labels instead, for trainers
that take them as they are; these carry all that the template wrote, and weights of 0 and 1.

`text` and `trl` with messages leave masks to the trainer. The build warns where the chat template starts with a BOS that
the tokenizer would add again, and where a template does not mark what is generated.

## Files

JSON Lines are `SPLIT.jsonl`, with `shards: N` `SPLIT-00000-of-0000N.jsonl`, with `compression` `.gz` or `.zst` after it;
gzip holds no time. Parquet files are `SPLIT-00000-of-0000N.parquet`, cut as `data/` is. Every file is in the manifest
with its SHA-256. The versions of zlib and zstd are part of the build's key where they are used.
"""


def page() -> str:
    """The page as it should be."""
    head = [
        "profile",
        "weights",
        "tools",
        "thinking",
        "system",
        "names",
        "columns",
        "order of turns",
        "limits of a file",
        "tokens",
    ]
    lines = [head, ["---"] * len(head)]
    for op in operators("profile"):
        one: Carries = op.carries
        lines.append(
            [
                f"[`{op.name}`](profiles.md#{op.name})",
                one.weights + (" (answers)" if one.weights != "none" and one.weighs == "assistant" else ""),
                one.tools,
                *("yes" if held else "no" for held in (one.reasoning, one.system, one.names, one.columns)),
                _order(one),
                _limits(one),
                "yes" if one.tokens else "no",
            ]
        )
    table = "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    sources = "\n".join(
        f"- `{op.name}`: {op.carries.documented}" for op in operators("profile") if op.carries.documented
    )
    return f"{HEAD}{table}{TOKENS}\n## Where the rules are documented\n\n{sources}\n"


def _order(one: Carries) -> str:
    words = {
        "any": "any",
        "single_users": "no two user turns in a row",
        "alternating": "user and assistant alternate",
        "pair": "one pair",
    }
    last = ", the assistant last" if one.answer_last else ""
    return words[one.order] + last + (", only the last answer is trained" if one.answers == "last" else "")


def _limits(one: Carries) -> str:
    found = [f"from {one.min_rows} rows"] if one.min_rows > 1 else []
    found += [f"to {one.max_rows:,} rows"] if one.max_rows else []
    found += [f"{one.max_bytes >> 20:,} MB"] if one.max_bytes else []
    return ", ".join(found) or "none"


if __name__ == "__main__":
    text = page()
    if "--check" in sys.argv:
        sys.exit(
            0
            if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == text
            else f"{PAGE} is stale: python docs/write_exports.py"
        )
    PAGE.write_text(text, encoding="utf-8")
