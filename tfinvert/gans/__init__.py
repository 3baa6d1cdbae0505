"""GANs, and how they are trained."""

import tfinvert.backend  # noqa: F401
