"""Reading: from files to shards of raw rows, each row with its place, and none of them lost.

`resolve` finds the files of a source, `cut` cuts a file where its content says, `load` gives the rows of such shards.
"""

from __future__ import annotations

from datasetbuild.stages.read.blobs import SMALL, Blobs, sound
from datasetbuild.stages.read.boundaries import ends
from datasetbuild.stages.read.files import resolve
from datasetbuild.stages.read.readers import READERS, Reader
from datasetbuild.stages.read.rows import MAX_ROW_BYTES, RawRows, RawShard
from datasetbuild.stages.read.shards import by_spans, cut, load

__all__ = ["MAX_ROW_BYTES", "READERS", "SMALL", "Blobs", "RawRows", "RawShard", "Reader", "by_spans", "cut", "ends", "load", "resolve", "sound"]
