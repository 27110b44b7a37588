"""Format `documents`: text to generate from, which is no conversation yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import NoReturn

from datasetbuild.errors import RecordError
from datasetbuild.op import source_format
from datasetbuild.record import Reason
from datasetbuild.stages.normalize.conversation import Conversation
from datasetbuild.stages.normalize.fields import Raw

NOT_TRAINED = "documents are no conversations: nobody speaks in them, so there is nothing to train on"
INSTEAD = (
    "`format: completion` trains on the text itself, `format: table` puts {{ text }} and {{ title }} into turns; "
    "both with `reader: documents`"
)


@source_format(version=1)
def documents() -> Callable[[Raw], Conversation]:
    """Documents (.pdf, .docx, .pptx, .odt, .epub, .rtf, .html, .md, .txt) as text, for a source that generates from it.

    guide.pdf   ->   {"text": "1. Introduction ...", "title": "The guide", "page": 1}, a row for each page

    Pages of a PDF are rows; of any other document the whole. Everything but .md and .txt is converted to Markdown by
    kreuzberg: pip install 'datasetbuild[documents]'. A recipe cannot train on documents as they are. To train on the
    text itself say `format: completion`, and for turns that a template makes of it `format: table`, both with `reader:
    documents`.
    """

    def convert(row: Raw) -> NoReturn:
        del row
        raise RecordError(Reason.NO_ASSISTANT_TURN, f"{NOT_TRAINED}; {INSTEAD}")

    return convert
