"""Generators: codes in, images out, whatever file or object they come from.

`generator.py` says what a generator is, `load.py` is the front door, the other files read one kind each.
"""

import tfinvert.backend  # noqa: F401
from tfinvert.generators.derived.mixture import mixture
from tfinvert.generators.derived.split import layers, split
from tfinvert.generators.generator import Generator
from tfinvert.generators.load import load_generator

__all__ = ["Generator", "layers", "load_generator", "mixture", "split"]
