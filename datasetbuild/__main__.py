"""`python -m datasetbuild` is `dsbuild`."""

from datasetbuild.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
