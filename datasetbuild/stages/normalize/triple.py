"""Format `triple`: {system, instruction, response}."""

from __future__ import annotations

from collections.abc import Callable

from datasetbuild.op import source_format
from datasetbuild.stages.normalize.conversation import Conversation, said
from datasetbuild.stages.normalize.fields import Columns, Fields, Raw


@source_format(version=1)
def triple(*, columns: Columns | None = None) -> Callable[[Raw], Conversation]:
    """Rows with a system message, an instruction and a response.

    {"system": "You are a pirate.", "instruction": "Greet me.", "response": "Ahoy!"}

    An empty or null `system` means none.

    columns: field of the format -> name in the file (dotted paths too): system, instruction, response.
    """
    fields = Fields({"system": "system", **(columns or {})}, required=("instruction", "response"), optional=("system",))
    system, instruction, response = fields.text("system"), fields.text("instruction"), fields.text("response")

    def convert(row: Raw) -> Conversation:
        return said(system(row) or None, str(instruction(row)), str(response(row)))

    return convert
