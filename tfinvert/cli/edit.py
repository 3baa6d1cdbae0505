"""Edits the images of a run that `tfinvert invert` has finished: paths between them, other classes, directions.

    tfinvert edit --run=runs/photos --ids=cat.png,dog.png --path --gap

Each edit is a flag, and writes OUT/EDIT.png, and films of those that move, OUT/EDIT.gif and OUT/EDIT.webp; what an
earlier command left of the same edit goes. Images are told by their ids in the run, or by their files' names. Runs in
two steps (--split=first_dense) are edited behind the dense layer, others at the code; the ways from G1(z*) to
G1(z*) + delta, between images and to generated ones are those of Pividori et al., the great circle, unit directions and
spherical paths those of Egan et al.
"""

import math

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start
from tfinvert.errors import BadInput

shared.define_run()
shared.define_editing()
flags.adopt_module_key_flags(shared)
flags.DEFINE_float("fps", 12, "Frames a second.", lower_bound=0.1, upper_bound=100)
flags.DEFINE_list("films", ["gif", "webp"], "Some of gif, webp, mp4 (pip install 'tfinvert[video]'), frames; or none.")
flags.DEFINE_string("out", None, "Folder for what is written; default: RUN/edits.")


def main(argv: list[str]) -> int:
    return start.run(argv, _edit, "stopped; what is written is whole")


def _edit() -> None:
    from tfinvert.editing import scenes
    from tfinvert.remote import path_of
    from tfinvert.report import editing as report
    from tfinvert.runs.files import writable

    given = flags.FLAGS
    films = [kind for kind in given.films if kind != "none"]
    report.check(films)
    if math.isnan(given.fps):
        raise BadInput("fps=nan", "expected frames a second, such as 12")
    run = shared.open_run()
    place, made = scenes(run, shared.editing())
    out = writable(given.out or path_of(given.run) / "edits")
    for scene in made:
        frames = report.frames(scene, place, run)
        title = f"{scene.name}: {place.generator.name}"
        written = report.write(frames, out, scene.name, films if scene.moves else [], given.fps, title)
        logging.info("see %s", ", ".join(map(str, written)))
