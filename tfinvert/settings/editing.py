"""The settings of an editing of a run's images."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from tfinvert.settings.field import Settings, setting, within


@dataclasses.dataclass(frozen=True)
class EditsWanted(Settings):
    """Which edits are made: those that are neither None nor False."""

    path: bool = setting(False, "The path through all images.", bool)
    circle: bool = setting(
        False, "The great circle from an image back to it, through the second if there is one.", bool
    )
    gap: bool = setting(False, "From the code's reconstruction to that behind the dense layer.", bool)
    random: int | None = setting(None, "From each image to so many that are generated.", int, least=1)
    switch: Sequence[int] | None = setting(
        None, "Each image in these classes, such as 3,7; the code is held.", int, several=True
    )
    project: bool = setting(False, "The nearest that a code can make of each image's values in the dense layer.", bool)
    arithmetic: Sequence[float] | None = setting(
        None, "The sum of the images' codes by these weights, such as 1,-1,1.", float, several=True
    )
    principal: int | None = setting(
        None, "Each image moved along so many principal directions of the run's codes.", int
    )
    direction: Sequence[str] | None = setting(
        None,
        "Each image moved along these: files of `tfinvert direction`, or sefa:1, sefa:2, ..., in which the first map's "
        "weights are largest.",
        several=True,
    )
    units: Sequence[int] | None = setting(
        None, "Images of the unit directions of these entries of a code, and of their sums.", int, several=True
    )

    @property
    def names(self) -> list[str]:
        """Of these edits."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return [name for name, value in values.items() if value is not None and value is not False]


@dataclasses.dataclass(frozen=True)
class Motion(Settings):
    """How edits move images."""

    way: str = setting("linear", "Of --path and --random.", choices=("linear", "spherical"))
    closed: bool = setting(False, "Paths lead back to where they began.", bool)
    frames: int = setting(24, "From one image to the next; a circle has four times as many.", int, least=1)
    strength: Sequence[float] = setting(
        (-2.0, 2.0), "From where to where along --direction, in standard deviations of codes.", float, several=True
    )
    size: float = setting(1.0, "Length of the unit directions.", float)
    seed: int = setting(0, "Fixes all that is drawn.", int, least=0, most=2**32 - 1)


@dataclasses.dataclass(frozen=True)
class EditSettings(Settings):
    """Which images of a run are edited, where, and how."""

    ids: Sequence[str] = setting(
        (),
        "Images of the run, with commas between; where an id has one: '\"a,b.png\",c.png'. Default: the only one.",
        several=True,
    )
    at: str | None = setting(
        None, "Where images are edited; default: dense, if the run has a delta.", choices=("code", "dense")
    )
    label: int | None = setting(None, "The class of all images; default: each its own.", int)
    wanted: EditsWanted = within(EditsWanted)
    motion: Motion = within(Motion)
