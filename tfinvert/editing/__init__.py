"""Edits of images by their codes, and by what lies behind the dense layer: from a run's rows to other images.

`points.py` says what an image is here, `paths.py` holds the geometry, `edits.py` what is done with images,
`directions.py` and `projection.py` what their names say, `attributes.py` directions that mean something, of the
examples in `examples.py`; `scenes.py` is all of it as asked for by flags.
"""

from tfinvert.editing.attributes import Direction, learnt, of_first_map, read_direction
from tfinvert.editing.directions import Principal, principal, sums, units
from tfinvert.editing.edits import along, circle, combined, drawn, gap, moved, path, switched
from tfinvert.editing.points import Place, Points, joined, place_of, points_of
from tfinvert.editing.projection import Projected, project
from tfinvert.editing.scenes import Scene, scenes

__all__ = [
    "Direction",
    "Place",
    "Points",
    "Principal",
    "Projected",
    "Scene",
    "along",
    "circle",
    "combined",
    "drawn",
    "gap",
    "joined",
    "learnt",
    "moved",
    "of_first_map",
    "path",
    "place_of",
    "points_of",
    "principal",
    "project",
    "read_direction",
    "scenes",
    "sums",
    "switched",
    "units",
]
