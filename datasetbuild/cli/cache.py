"""Look after the cache: `ls` says what it holds, `verify` finds damaged files, `gc` removes what was used longest ago."""

from __future__ import annotations

import argparse
import json
import re
import sys
from typing import Any

from datasetbuild.cli.project import find_project

UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("action", choices=("ls", "verify", "gc"))
    parser.add_argument("--budget", type=size, default=0, metavar="SIZE", help="gc: what may stay, such as 5G (default: nothing)")
    parser.add_argument("--dry-run", action="store_true", help="gc: say what would go, and remove nothing")


def run(args: argparse.Namespace) -> int:
    from datasetbuild.engine import upkeep
    from datasetbuild.engine.cache import Cache

    cache = Cache(find_project(args.directory) / ".dsbuild" / "cache")
    if args.action == "ls":
        kinds = upkeep.contents(cache)
        document: dict[str, Any] = {kind.name: {"files": kind.files, "bytes": kind.bytes} for kind in kinds}
        text = "".join(f"{kind.name:<8} {kind.files:>8} files {human(kind.bytes):>10}\n" for kind in kinds)
        text += f"{'total':<8} {sum(k.files for k in kinds):>8} files {human(sum(k.bytes for k in kinds)):>10}\n"
    elif args.action == "verify":
        looked, damaged = upkeep.verify(cache)
        document = {"looked": looked, "damaged": damaged}
        text = "".join(f"damaged, removed: {name}\n" for name in damaged) + f"{looked} files looked at, {len(damaged)} damaged\n"
    else:
        cleared = upkeep.clear(cache, args.budget, dry_run=args.dry_run)
        document = vars(cleared)
        verb = "would remove" if args.dry_run else "removed"
        text = f"{verb} {cleared.files} files, {human(cleared.bytes)}\n"
    sys.stdout.write(json.dumps(document, indent=1) + "\n" if args.json else text)
    return 0


def size(text: str) -> int:
    """Bytes of a size such as 500M or 2.5G (powers of 1024)."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", text, re.IGNORECASE)
    if not found:
        raise argparse.ArgumentTypeError(f"{text!r} is no size; write 500M or 2G")
    return int(float(found[1]) * UNITS[found[2].upper()])


def human(count: int) -> str:
    """Bytes for people."""
    amount = float(count)
    for unit in ("B", "KiB", "MiB", "GiB"):
        if amount < 1024 or unit == "GiB":
            return f"{amount:.0f} {unit}" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1024
    raise AssertionError("unreachable")
