"""`tfinvert tune` in a clone, before it is installed; see tfinvert/cli/tune.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfinvert.cli.main import main

if __name__ == "__main__":
    main(["tfinvert", "tune", *sys.argv[1:]])
