"""Print the version."""

from __future__ import annotations

import argparse

from datasetbuild import __version__


def add_arguments(parser: argparse.ArgumentParser) -> None:
    del parser


def run(args: argparse.Namespace) -> int:
    del args
    print(f"dsbuild {__version__}")
    return 0
