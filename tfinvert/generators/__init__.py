"""Generators: codes in, images out, whatever file or object they come from.

`generator.py` says what a generator is, `held.py` what it takes beside codes, `load.py` has the front doors. Rooms:
`readers/` read files and models, `safety/` keeps out what they must not do, `graphs/` takes graphs apart, `derived/`
makes generators of generators.
"""

import tfinvert.backend  # noqa: F401
from tfinvert.generators.derived import pickled  # noqa: F401  (it tells `pickle` of generators)
from tfinvert.generators.derived.mixture import mixture
from tfinvert.generators.derived.smoothed import smoothed
from tfinvert.generators.derived.split import behind, layers, split
from tfinvert.generators.generator import Generator
from tfinvert.generators.load import from_function, from_keras, from_saved_model, load_generator

__all__ = [
    "Generator",
    "behind",
    "from_function",
    "from_keras",
    "from_saved_model",
    "layers",
    "load_generator",
    "mixture",
    "smoothed",
    "split",
]
