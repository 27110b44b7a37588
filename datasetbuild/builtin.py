"""Import this to have every operator of ours registered: formats, facts and the sections of a recipe."""

from __future__ import annotations

import datasetbuild.engine.local
import datasetbuild.recipe.licenses
import datasetbuild.recipe.top
import datasetbuild.stages.annotate.endings
import datasetbuild.stages.annotate.fences
import datasetbuild.stages.annotate.form
import datasetbuild.stages.annotate.kinds
import datasetbuild.stages.annotate.language
import datasetbuild.stages.annotate.lengths
import datasetbuild.stages.annotate.quality
import datasetbuild.stages.annotate.red_flags
import datasetbuild.stages.annotate.references
import datasetbuild.stages.annotate.repetition
import datasetbuild.stages.annotate.stock
import datasetbuild.stages.annotate.style
import datasetbuild.stages.annotate.toxicity
import datasetbuild.stages.annotate.wording
import datasetbuild.stages.check
import datasetbuild.stages.clean
import datasetbuild.stages.contradictions
import datasetbuild.stages.decontaminate
import datasetbuild.stages.dedup
import datasetbuild.stages.embed
import datasetbuild.stages.embed.topics
import datasetbuild.stages.mix
import datasetbuild.stages.normalize
import datasetbuild.stages.render
import datasetbuild.stages.select
import datasetbuild.stages.split
import datasetbuild.stages.write.profiles  # noqa: F401
