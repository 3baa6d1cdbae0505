"""`tfinvert invert` in a clone, before it is installed; see tfinvert/cli/invert.py."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tfinvert.cli.main import main

if __name__ == "__main__":
    main(["tfinvert", "invert", *sys.argv[1:]])
