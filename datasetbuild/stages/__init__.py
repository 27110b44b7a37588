"""What happens to a record: the stages of the river, in the order in which it passes them.

A stage knows records, operators, hashes and errors; it knows no engine, no Hydra, no DVC. `datasetbuild.builtin` imports them
all, which registers their operators.
"""
