"""`python -m datasetbuild` is `dsbuild`: for `-m`, Python puts the folder it is run in on its path, where a module that lies
there would be taken for a package's, or become part of a plugin without any key that knows of it."""

import sys
from pathlib import Path

if __name__ == "__main__" and not sys.flags.safe_path and Path(sys.path[0]).resolve() != Path(__file__).resolve().parent.parent:
    del sys.path[0]

from datasetbuild.cli import main

if __name__ == "__main__":
    raise SystemExit(main())
