"""Datasets of the Hugging Face Hub, or of a folder that `datasets` reads, as JSON Lines: at one commit, one split."""

from __future__ import annotations

import re
from pathlib import Path
from typing import IO, Any

from datasetbuild.errors import SourceError
from datasetbuild.op import did_you_mean
from datasetbuild.stages.read.columnar import rows_of_batches
from datasetbuild.stages.read.files import shown

COMMIT = re.compile(r"[0-9a-f]{40}")
BATCH = 1024


def is_folder(hub: str) -> bool:
    """Whether a folder is meant and not a dataset of the Hub: `./faq`, `../faq`, `/data/faq`."""
    return hub.startswith((".", "/", "~"))


def name_of(hub: str, revision: str | None, config: str | None, split: str | None) -> str:
    """What people know the rows by: hub://org/name@0123456789ab/config/split."""
    commit = f"@{revision[:12]}" if revision else ""
    return "/".join(part for part in (f"hub://{hub.rstrip('/')}{commit}", config, split or "train") if part)


def fetch(
    hub: str, revision: str | None, config: str | None, split: str | None, project: Path, work: Path, out: IO[bytes]
) -> None:
    """Write the rows of a split, one JSON object a line, in their order."""
    import pyarrow as pa

    dataset = _load(hub, revision, config, split or "train", project, work)
    table = dataset.with_format("arrow")
    batches = (
        pa.record_batch(chunk)
        for start in range(0, len(dataset), BATCH)
        for chunk in table[start : start + BATCH].combine_chunks().to_batches()
    )
    for row in rows_of_batches(batches):
        if row.fault:
            raise SourceError(
                f"{name_of(hub, revision, config, split)}: row {row.line} is {row.fault[1]}",
                hint="images and sound cannot be carried: choose a dataset of text",
            )
        out.write(row.raw + b"\n")


def _load(hub: str, revision: str | None, config: str | None, split: str, project: Path, work: Path) -> Any:
    import datasets

    folder = is_folder(hub)
    if folder and not (project / Path(hub).expanduser()).is_dir():
        raise SourceError(
            f"no folder {hub}", hint="`hub: org/name` is a dataset of the Hub, `hub: ./folder` one on disk"
        )
    where: dict[str, Any] = {"path": str(project / Path(hub).expanduser()) if folder else hub, "name": config}
    where |= {"cache_dir": str(work)} if folder else {"revision": revision}
    bars = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        known = datasets.get_dataset_split_names(where["path"], config, **({} if folder else {"revision": revision}))
        if split not in known:
            raise SourceError(f"{hub} has no split {split!r}", hint=did_you_mean(split, list(known)))
        return datasets.load_dataset(**where, split=split)
    except SourceError:
        raise
    except Exception as error:
        raise _failed(hub, revision, error, project) from None
    finally:
        if not bars:
            datasets.enable_progress_bars()


def _failed(hub: str, revision: str | None, error: Exception, project: Path) -> SourceError:
    """What `datasets` and its clients say, of whatever type, in one line."""
    said = " ".join(str(error).split())
    said = said.replace(str(project), shown(project, project))
    if is_folder(hub):
        return SourceError(
            f"{hub} cannot be read by `datasets`: {said}", hint="is it a folder that load_dataset reads?"
        )
    if isinstance(error, ConnectionError) or "connect" in said.lower() or "offline" in said.lower():
        return SourceError(
            f"the Hub cannot be reached for {hub}: {said[:300]}",
            hint="check the network, HF_ENDPOINT and HF_HUB_OFFLINE; what was fetched once is read from the cache",
        )
    return SourceError(
        f"{hub} at revision {revision} cannot be loaded: {said[:300]}",
        hint="look at the name and the commit; for a private dataset set HF_TOKEN in the environment",
    )
