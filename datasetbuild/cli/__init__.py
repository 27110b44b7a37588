"""The words that a person types: verbs, flags and Hydra overrides. Parses, calls, prints; no logic.

Only the standard library and `process` are imported here, so that `dsbuild --help` takes 50 ms; a verb's module is imported when the
verb is used.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import sys
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from importlib import import_module
from typing import TYPE_CHECKING, NoReturn

from datasetbuild import process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

UNREAD = 141
"""Exit code when whoever reads what we print has enough (`| head`): that of `git` and `cat`, which SIGPIPE (13) ends."""

VERBS = {
    "build": "build the dataset of a recipe (the default verb)",
    "plan": "say what a build would do, and why, without doing it",
    "explain": "say which part of an artifact's key differs, old and new, and what set it",
    "show": "print the composed recipe, or where each value was set",
    "verify": "build again from nothing and compare every byte with the manifest",
    "lock": "pin what recipes are made from in dsbuild.lock, or check that it still is",
    "diff": "compare two versions of a dataset: which rows differ, and why",
    "log": "list the versions of a dataset in git, and what changed in each",
    "why": "tell one row's whole story: where from, which facts, which rule or twin, which split",
    "report": "find the report of what is built, open it, or print it in short for a pull request",
    "check": "run the recipe's checks on what is built, without building",
    "ops": "list the operators that a recipe can name, or print the manual of one",
    "init": "make a new project that builds, in an empty folder",
    "dvc": "keep dvc.yaml in step with the recipes, or record what was built",
    "cache": "list, verify or empty the cache",
    "textconv": "print a manifest or ledger as lines, for `git diff`",
    "schema": "print the JSON Schema of recipes, for editors and CI",
}

EPILOG = """\
overrides:
  recipe=NAME            recipes/NAME.yaml of this project
  key.path=value         set a value:      filters.response_chars.min=80
  ~key.path              remove a key:     ~sources.chat
  +key.path=value        add a key:        +sources.web={path: web.jsonl, format: messages}
  group=option           choose from conf: template=llama2

exit codes:
  0 done   1 build failed   2 usage   3 recipe invalid   4 an input is not what it was, or not as locked
  5 a check of the result failed   6 git or DVC is missing or failed
  10 changes pending (with --check)   130 interrupted   141 nobody reads what is printed
"""


class Parser(argparse.ArgumentParser):
    """argparse whose usage errors go through our own error path."""

    def error(self, message: str) -> NoReturn:
        from datasetbuild.errors import UsageError

        raise UsageError(message, hint=f"see `{self.prog} --help`")


OF_EVERY_VERB = ("-C", "--directory", "-q", "--quiet", "--json")
"""Flags that may stand before the verb."""

NO_ROOM = ("failed to map segment", "Cannot allocate memory", "Not enough memory")
"""What the loader says of a package for whose code there is no memory left, and orjson of a text, in place of a MemoryError."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line; returns the exit code. Nothing but a bug of ours leaves a traceback."""
    process.set_up()
    words = list(sys.argv[1:] if argv is None else argv)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name) or open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115  (None where `>&-` closed it)
        setattr(sys, name, stream)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows no UTF-8 is no reason to fail
    try:
        return _answer(words)
    except BrokenPipeError:  # in the middle of telling what went wrong
        _unread()
        return UNREAD


def _answer(words: list[str]) -> int:
    try:
        code = _run(words)
        print(end="", flush=True)
        return code
    except KeyboardInterrupt:
        print("dsbuild: interrupted; nothing was published", file=sys.stderr)
        return 130
    except Exception as error:
        if isinstance(error, BrokenPipeError) and _unread():
            return UNREAD
        from datasetbuild.errors import DatasetBuildError

        if isinstance(error, DatasetBuildError):
            print(f"dsbuild: {error.message}", file=sys.stderr)
            if error.hint:
                print(_indented(f"  -> {error.hint}"), file=sys.stderr)
            return error.exit_code
        if isinstance(error, OSError):
            sentence, remedy = _told(error)
            print(f"dsbuild: {sentence}\n  -> {remedy}", file=sys.stderr)
            return 1
        if isinstance(error, MemoryError) or (isinstance(error, ImportError | ValueError) and any(sign in str(error) for sign in NO_ROOM)):
            print("dsbuild: out of memory\n  -> smaller shards need less: engine.shard_bytes=1000000 -j 1", file=sys.stderr)
            return 1
        raise


def _unread() -> bool:
    """Whether nobody reads what we print any more. It goes nowhere then, so that Python does not stumble over it when it ends."""
    import select

    watched = select.poll()
    for stream in (sys.stdout, sys.stderr):
        watched.register(stream.fileno(), 0)
    closed = [number for number, event in watched.poll(0) if event & (select.POLLERR | select.POLLHUP)]
    for number in closed:
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    return bool(closed)


def _run(words: list[str]) -> int:
    _check_words(words)
    verb, rest = _verb(words)
    if verb is None:
        _overview().print_help()
        return 0
    module = import_module(f"datasetbuild.cli.{verb}")
    parser = Parser(
        prog=f"dsbuild {verb}",
        description=module.__doc__,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("-C", "--directory", default=".", metavar="DIR", help="work in this project directory")
    parser.add_argument("--json", action="store_true", help="print one JSON document on stdout")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing but errors, and a document that was asked for (--json, --csv, --md)")
    module.add_arguments(parser)
    args = parser.parse_intermixed_args(rest)
    with _hushed(args) if args.quiet else nullcontext():
        return int(module.run(args))


@contextmanager
def _hushed(args: argparse.Namespace) -> Iterator[None]:
    """Nothing on stderr, and on stdout no more than a document that was asked for. What goes wrong is raised, and told by `main`."""
    asked = args.json or getattr(args, "csv", False) or getattr(args, "md", False)
    with open(os.devnull, "w", encoding="utf-8") as nothing, redirect_stderr(nothing), nullcontext() if asked else redirect_stdout(nothing):
        yield


def _check_words(words: list[str]) -> None:
    if all(map(str.isascii, words)):
        return
    from datasetbuild.errors import NO_UTF8, UsageError, foreign

    for word in words:
        if told := foreign(word):
            raise UsageError(f"the argument {told} is not UTF-8", hint=NO_UTF8)


def _verb(words: list[str]) -> tuple[str | None, list[str]]:
    """The verb and the other words. The first word is a verb when it looks like one, flags of every verb aside (`-C DIR plan`, as
    with git); without any, it is `build`."""
    if not words or words[0] in ("-h", "--help"):
        return None, []
    if words[0] in ("-V", "--version"):
        return "version", []
    at = 0
    while words[at : at + 1] and (words[at] in OF_EVERY_VERB or words[at].startswith("--directory=")):
        at += 2 if words[at] in ("-C", "--directory") else 1
    if not re.fullmatch(r"[a-z][a-z-]*", "".join(words[at : at + 1])):
        return "build", words
    if words[at] not in VERBS:
        from datasetbuild.errors import UsageError
        from datasetbuild.op import did_you_mean

        raise UsageError(f"no verb {words[at]!r}", hint=did_you_mean(words[at], list(VERBS)))
    return words[at], words[:at] + words[at + 1 :]


def _overview() -> argparse.ArgumentParser:
    lines = "\n".join(f"  {name:<10} {what}" for name, what in VERBS.items())
    return argparse.ArgumentParser(
        prog="dsbuild",
        usage="dsbuild [VERB] recipe=NAME [override ...] [flags]",
        description=f"The build system for LLM fine-tuning datasets.\n\nverbs:\n{lines}\n\n`dsbuild VERB --help` says more.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        add_help=True,
    )


def _indented(hint: str) -> str:
    return hint.replace("\n", "\n     ")


def _told(error: OSError) -> tuple[str, str]:
    """What went wrong outside, and the next step. Whatever it was, nothing was published."""
    import errno

    if in_the_way := _in_the_way(error):
        name, what, wanted = in_the_way
        return f"{name} is a {what}, where a {wanted} is needed", f"mv {name} {name}.old, then run again"
    place = f"{error.filename}: " if error.filename else ""
    remedy = "mend that, then run again: the artifact stands as it was"
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", None)):
        remedy = "make room, then run again: what was measured is kept, and the artifact stands as it was"
    elif error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        remedy = "make it readable and writable for you, then run again"
    return f"{place}{error.strerror or error}", remedy


def _in_the_way(error: OSError) -> tuple[str, str, str] | None:
    """The file that stands where a folder is needed, or the folder where a file is; None when it is something else."""
    for name in filter(None, (error.filename, error.filename2)):
        path = os.path.abspath(os.fsdecode(name))
        if isinstance(error, IsADirectoryError) and os.path.isdir(path):
            return os.path.relpath(path), "folder", "file"
        while isinstance(error, NotADirectoryError | FileExistsError) and not os.path.isdir(path):
            if os.path.exists(path):
                return os.path.relpath(path), "file", "folder"
            path = os.path.dirname(path)
    return None
