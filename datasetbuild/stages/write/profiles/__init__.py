"""The profiles: what every consumer reads, one file each. Importing this registers all of them."""

from __future__ import annotations

from datasetbuild.stages.write.profiles import (
    alpaca,
    axolotl,
    fireworks,
    llama_factory,
    messages,
    mistral,
    openai,
    oumi,
    prompt_completion,
    sharegpt,
    text,
    together,
    tokens,
    torchtune,
    trl,
    unsloth,
)

__all__ = [
    "alpaca",
    "axolotl",
    "fireworks",
    "llama_factory",
    "messages",
    "mistral",
    "openai",
    "oumi",
    "prompt_completion",
    "sharegpt",
    "text",
    "together",
    "tokens",
    "torchtune",
    "trl",
    "unsloth",
]
