"""Print the JSON Schema of recipe files, for editors (`# yaml-language-server: $schema=`) and CI."""

from __future__ import annotations

import argparse
import sys


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace) -> int:
    import json

    from datasetbuild.recipe.schema import published_schema, register_operators

    del args
    register_operators()
    sys.stdout.write(json.dumps(published_schema(), indent=1) + "\n")
    return 0
