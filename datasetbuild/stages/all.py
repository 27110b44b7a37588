import datasetbuild.builtin  # noqa: F401
