"""Edits the images of a run that `tfinvert invert` has finished: paths between them, other classes, directions.

    tfinvert edit --run=runs/photos --ids=cat.png,dog.png --path --gap

Each edit is a flag, and writes OUT/EDIT.png, and films of those that move, OUT/EDIT.gif and OUT/EDIT.webp; what an
earlier command left of the same edit goes. Images are told by their ids in the run, or by their files' names. Runs in
two steps (--split=first_dense) are edited behind the dense layer, others at the code; the ways from G1(z*) to
G1(z*) + delta, between images and to generated ones are those of Pividori et al., the great circle, unit directions and
spherical paths those of Egan et al.
"""

from pathlib import Path
from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_run()
flags.adopt_module_key_flags(shared)
flags.DEFINE_list("ids", [], "Images of the run, with commas between; where an id has one: '\"a,b.png\",c.png'.")
flags.DEFINE_enum("at", None, ["code", "dense"], "Where images are edited; default: dense, if the run has a delta.")
flags.DEFINE_integer("label", None, "The class of all images; default: each its own.")
flags.DEFINE_bool("path", False, "The path through all images.")
flags.DEFINE_bool("circle", False, "The great circle from an image back to it, through the second if there is one.")
flags.DEFINE_bool("gap", False, "From the code's reconstruction to that behind the dense layer.")
flags.DEFINE_integer("random", None, "From each image to so many that are generated.")
flags.DEFINE_list("switch", None, "Each image in these classes, such as 3,7; the code is held.")
flags.DEFINE_bool("project", False, "The nearest that a code can make of each image's values in the dense layer.")
flags.DEFINE_list("arithmetic", None, "The sum of the images' codes by these weights, such as 1,-1,1.")
flags.DEFINE_integer("principal", None, "Each image moved along so many principal directions of the run's codes.")
flags.DEFINE_list("units", None, "Images of the unit directions of these entries of a code, and of their sums.")
flags.DEFINE_float("size", 1.0, "Length of the unit directions.")
flags.DEFINE_enum("way", "linear", ["linear", "spherical"], "Of --path and --random.")
flags.DEFINE_bool("closed", False, "Paths lead back to where they began.")
flags.DEFINE_integer("frames", 24, "From one image to the next; a circle has four times as many.")
flags.DEFINE_float("fps", 12, "Frames a second.", lower_bound=0.1)
flags.DEFINE_list("films", ["gif", "webp"], "Some of gif, webp, mp4 (pip install 'tfinvert[video]'), frames; or none.")
flags.DEFINE_integer("seed", 0, "Fixes all that is drawn.", lower_bound=0, upper_bound=2**32 - 1)
flags.DEFINE_string("out", None, "Folder for what is written; default: RUN/edits.")

_NUMBERS = {"switch": int, "arithmetic": float, "units": int}


def main(argv: list[str]) -> int:
    return start.run(argv, _edit, "stopped; what is written is whole")


def _edit() -> None:
    import dataclasses

    from tfinvert.editing import Edits
    from tfinvert.report import editing as report
    from tfinvert.runs.files import writable

    given = flags.FLAGS
    films = [kind for kind in given.films if kind != "none"]
    report.check(films)
    values: dict[str, Any] = {field.name: given[field.name].value for field in dataclasses.fields(Edits)}
    for name, kind in _NUMBERS.items():
        if values[name] is not None:
            values[name] = start.numbers(name, values[name], kind)
    run = shared.open_run()
    place, scenes = Edits(**values).scenes(run)
    out = writable(given.out or Path(given.run) / "edits")
    for scene in scenes:
        frames = report.frames(scene, place, run)
        title = f"{scene.name}: {place.generator.name}"
        written = report.write(frames, out, scene.name, films if scene.moves else [], given.fps, title)
        logging.info("see %s", ", ".join(map(str, written)))
