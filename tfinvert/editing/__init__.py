"""Edits of images by their codes, and by what lies behind the dense layer: from a run's rows to other images.

`points.py` says what an image is here, `paths.py` holds the geometry, `edits.py` what is done with images,
`directions.py` and `projection.py` what their names say; `scenes.py` is all of it as asked for by flags.
"""

from tfinvert.editing.directions import Principal, principal, sums, units
from tfinvert.editing.edits import circle, combined, drawn, gap, moved, path, switched
from tfinvert.editing.points import Place, Points, joined, place_of, points_of
from tfinvert.editing.projection import Projected, project
from tfinvert.editing.scenes import Scene, scenes

__all__ = [
    "Place",
    "Points",
    "Principal",
    "Projected",
    "Scene",
    "circle",
    "combined",
    "drawn",
    "gap",
    "joined",
    "moved",
    "path",
    "place_of",
    "points_of",
    "principal",
    "project",
    "scenes",
    "sums",
    "switched",
    "units",
]
