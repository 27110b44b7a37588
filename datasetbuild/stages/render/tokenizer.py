"""Which tokenizer a recipe means: resolved once through transformers (0.65 s to import), then kept as one JSON file.

`fingerprint` says cheaply whether the kept file still holds; `TokenizerSpec` is all that rendering and encoding need,
small enough to read in a worker, with a digest over everything that can change a text or a token.
"""

from __future__ import annotations

import difflib
import fnmatch
import os
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import orjson

from datasetbuild.errors import BuildError, Fault, RecipeError, SourceError
from datasetbuild.hashing import digest, file_digest

TOKENIZER_FILES: tuple[str, ...] = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "config.json",
    "chat_template.jinja",
    "chat_template.json",
    "additional_chat_templates/*.jinja",
    "*.model",
    "vocab.*",
    "merges.txt",
    "*.tiktoken",
)
"""The files of a folder that can change what a tokenizer does."""


class TokenizerError(SourceError):
    """The tokenizer that the recipe names cannot be used."""


PLAIN_CLASSES = ("PreTrainedTokenizerFast", "TokenizersBackend")
BLANKS = (" ", "\n", "\t", "\r")
SPECIAL_TOKENS = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


@dataclass(frozen=True)
class TokenizerSpec:
    """A fast tokenizer and its chat templates, as data.

    json: text of `tokenizer.json`, without truncation and padding. chat_template: the tokenizer's own, or None;
    tool_template: its template for rows with tools, where it has one apart. special: name -> token, as templates see
    them (`bos_token`, `eos_token`, ...).
    """

    name: str
    json: str = field(repr=False)
    chat_template: str | None = field(default=None, repr=False)
    tool_template: str | None = field(default=None, repr=False)
    special: dict[str, str] = field(default_factory=dict)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (hex) over all that can change a text or a token; the name and place are not part of it."""
        return digest({key: value for key, value in asdict(self).items() if key != "name"})

    @cached_property
    def added(self) -> dict[str, int]:
        """Added tokens: string -> id. These match anywhere in a text, before any other rule."""
        return {token["content"]: token["id"] for token in orjson.loads(self.json).get("added_tokens") or []}

    @cached_property
    def control(self) -> tuple[str, ...]:
        """Strings that a model never reads as text: special tokens, the named ones (bos, eos, ...), and white space that another
        token swallows where it stands beside it (`</s>` of Phi-3)."""
        added = orjson.loads(self.json).get("added_tokens") or []
        marked = {token["content"] for token in added if token.get("special")}
        marked |= {token["content"] + blank for token in added if token.get("rstrip") for blank in BLANKS}
        marked |= {blank + token["content"] for token in added if token.get("lstrip") for blank in BLANKS}
        return tuple(sorted(token for token in marked | set(self.special.values()) if token.strip()))

    @property
    def bos(self) -> str | None:
        return self.special.get("bos_token")

    @property
    def eos(self) -> str | None:
        return self.special.get("eos_token")

    def __hash__(self) -> int:
        return hash(self.digest)


def fingerprint(tokenizer: str, revision: str | None, project: Path) -> str:
    """What a kept spec is filed under: the digest of a folder's tokenizer files, or `id@revision` on the Hub."""
    folder = _folder(tokenizer, revision, project)
    if folder is None:
        return f"{tokenizer}@{revision}"
    return digest({path.relative_to(folder).as_posix(): file_digest(path) for path in _files(folder)})


def resolve(tokenizer: str, revision: str | None, project: Path) -> TokenizerSpec:
    """The tokenizer at a folder (relative to the project) or of a Hub id at a revision; none of its code is run."""
    folder = _folder(tokenizer, revision, project)
    if folder is not None:
        _files(folder)
        if plain := _plain(tokenizer, folder):
            return plain
    loaded = _load(tokenizer, revision, folder)
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise TokenizerError(
            f"tokenizer {tokenizer!r} is a slow one ({type(loaded).__name__}) without a tokenizer.json",
            hint="convert it once, AutoTokenizer.from_pretrained(...).save_pretrained(FOLDER), and name the FOLDER",
        )
    backend.no_truncation()
    backend.no_padding()
    named = loaded.chat_template if isinstance(loaded.chat_template, dict) else {"default": loaded.chat_template}
    special = {name: str(token) for name, token in loaded.special_tokens_map.items() if isinstance(token, str)}
    return TokenizerSpec(tokenizer, backend.to_str(), named.get("default"), named.get("tool_use"), special)


def _plain(name: str, folder: Path) -> TokenizerSpec | None:
    """The tokenizer of a folder that holds nothing but a fast tokenizer as it is, read without transformers (0.7 s).

    That is: the class is the plain one, there is no code and no second file that adds tokens, and every special token of
    the config is one of `tokenizer.json`. Anything else, transformers resolves; the tests hold that both agree.
    """
    from tokenizers import Tokenizer

    config = _json(folder / "tokenizer_config.json")
    more = ("special_tokens_map.json", "added_tokens.json", "additional_chat_templates")
    known = (*SPECIAL_TOKENS, "additional_special_tokens", "chat_template", "model_max_length", "tokenizer_class", "clean_up_tokenization_spaces")
    if (
        config.get("tokenizer_class") not in PLAIN_CLASSES
        or not set(config) <= set(known)
        or any((folder / file).exists() for file in more)
        or not (folder / "tokenizer.json").is_file()
    ):
        return None
    try:
        backend = Tokenizer.from_file(str(folder / "tokenizer.json"))
    except Exception:  # bare exceptions of Rust: a broken file, of which transformers says what is wrong
        return None
    special = {token: config[token] for token in SPECIAL_TOKENS if config.get(token) is not None}
    marked = {token.content for token in backend.get_added_tokens_decoder().values() if token.special}
    named = [*special.values(), *(config.get("additional_special_tokens") or [])]
    if not all(isinstance(token, str) and token in marked for token in named):
        return None
    backend.no_truncation()
    backend.no_padding()
    own = folder / "chat_template.jinja"
    template = own.read_text("utf-8") if own.is_file() else config.get("chat_template")
    return TokenizerSpec(name, backend.to_str(), template, None, special) if isinstance(template, str | None) else None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = orjson.loads(path.read_bytes())
    except (FileNotFoundError, orjson.JSONDecodeError):
        return {}
    return found if isinstance(found, dict) else {}


def save_spec(spec: TokenizerSpec, path: Path) -> None:
    """Write the spec as one JSON file, by rename: complete or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    part.write_bytes(orjson.dumps(asdict(spec)))
    part.replace(path)


def load_spec(path: Path) -> TokenizerSpec:
    """Read what `save_spec` wrote; needs neither transformers nor the network."""
    try:
        return TokenizerSpec(**orjson.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError) as error:
        raise BuildError(
            f"{path}: not a tokenizer kept by this program ({error})", hint=f"delete it: rm {path}"
        ) from error


def _folder(tokenizer: str, revision: str | None, project: Path) -> Path | None:
    """The folder that the recipe means, or None for a Hub id with its revision."""
    folder = project / Path(tokenizer).expanduser()
    if folder.is_dir():
        return folder
    if folder.is_file():
        raise TokenizerError(
            f"tokenizer {tokenizer!r} is a file", hint=f"name its folder: template.tokenizer={Path(tokenizer).parent}"
        )
    if tokenizer.startswith((".", "/", "~")) or tokenizer.count("/") > 1 or tokenizer.endswith("/"):
        raise TokenizerError(
            f"there is no folder {folder}", hint="template.tokenizer takes a folder of the project, or a Hub id"
        )
    if revision is None:
        message = f"{tokenizer!r} is not a folder of {project}; as a Hub id it needs a pinned revision"
        show = f"python -c \"from huggingface_hub import model_info; print(model_info('{tokenizer}').sha)\""
        folders = sorted(path.name for path in folder.parent.glob("*/")) if folder.parent.is_dir() else []
        near = difflib.get_close_matches(folder.name, folders, n=1)
        meant = f"did you mean {(Path(tokenizer).parent / near[0]).as_posix()!r}? Else " if near else ""
        suggestion = f"{meant}set it to a commit; this prints the newest: {show}"
        raise RecipeError([Fault("template.revision", message, suggestion=suggestion)])
    return None


def _files(folder: Path) -> list[Path]:
    """The tokenizer files of a folder, sorted; an error when it has none."""
    names = sorted(path for path in [*folder.glob("*"), *folder.glob("additional_chat_templates/*")] if path.is_file())
    found = [
        path for path in names if any(fnmatch.fnmatch(path.relative_to(folder).as_posix(), p) for p in TOKENIZER_FILES)
    ]
    if not [path for path in found if path.name != "config.json"]:
        raise TokenizerError(
            f"no tokenizer in {folder}: it has no tokenizer.json",
            hint="fetch its files again, or write them: tokenizer.save_pretrained(FOLDER)",
        )
    return found


def _load(tokenizer: str, revision: str | None, folder: Path | None) -> Any:
    os.environ.setdefault("TRANSFORMERS_NO_ADVISORY_WARNINGS", "1")
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    try:
        if folder is None:
            return AutoTokenizer.from_pretrained(tokenizer, revision=revision, trust_remote_code=False)
        if not [name for name in ("tokenizer_config.json", "config.json") if (folder / name).is_file()]:
            fast: Any = PreTrainedTokenizerFast  # AutoTokenizer wants a config that a bare tokenizer.json does not need
            return fast(tokenizer_file=str(folder / "tokenizer.json"))
        return AutoTokenizer.from_pretrained(str(folder), trust_remote_code=False)
    except (
        Exception
    ) as error:  # transformers raises OSError, ValueError, KeyError, ImportError and bare Exceptions of Rust
        first = (str(error).strip().splitlines() or [""])[0]
        why = f"{type(error).__name__}: {first}" if isinstance(error, LookupError) or not first else first
        raise TokenizerError(_not_loaded(tokenizer, revision, folder, why), hint=_next_step(folder)) from error


def _not_loaded(tokenizer: str, revision: str | None, folder: Path | None, why: str) -> str:
    place = f"in {folder}" if folder is not None else f"{tokenizer}@{revision} of the Hugging Face Hub"
    return f"the tokenizer {place} cannot be loaded: {why}"


def _next_step(folder: Path | None) -> str:
    if folder is not None:
        return (
            "if its files are damaged, fetch them again; code in a tokenizer's folder is not run: "
            "tokenizer.save_pretrained(FOLDER) writes a plain one"
        )
    return "check network, id and revision (HF_TOKEN for gated models), or download it once and name the folder"
