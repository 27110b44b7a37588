"""Check tests the dataset as a whole, after it was built: it changes nothing, and says what is not as it should be.

A check is an operator over the ledger (`subject.Subject`): its bounds are its parameters, its finding names what it measured
and, where single rows are at fault, those rows. Severity is the recipe's: `warn` speaks, `error` keeps the dataset from
being published.
"""

from __future__ import annotations

import datasetbuild.stages.check.categories
import datasetbuild.stages.check.facts
import datasetbuild.stages.check.limits
import datasetbuild.stages.check.splits  # noqa: F401
