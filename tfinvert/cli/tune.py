"""Tunes the generator of a run to its images: its weights are moved a little, so that the codes found give them.

    tfinvert tune --run=runs/photos --ids=cat.png --out=runs/cat
    tfinvert edit --run=runs/photos --generator=runs/cat/generator.keras --ids=cat.png --principal=3

writes OUT/generator.keras, a generator as any other, OUT/tuning.csv, how near the images are before and after and how
far other images moved, and OUT/tuning.png. With --each every image gets a generator of its own, in OUT/NAME. For runs
at the code, or behind a mapping (--behind=w); of runs in two steps the codes alone are tuned to. Roich et al. 2021,
"Pivotal Tuning for Latent-based Editing of Real Images".
"""

import functools
import statistics
from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_run()
shared.define_tuning()
flags.adopt_module_key_flags(shared)
flags.DEFINE_list("ids", None, "By id or its last part; where an id has a comma: '\"a,b.png\",c.png'; default: all.")
flags.DEFINE_bool("each", False, "A generator for each image by itself, in OUT/NAME; default: one for all of them.")
flags.DEFINE_string("out", None, "Folder for what is written; default: RUN/tuned.")


def main(argv: list[str]) -> int:
    return start.run(argv, _tune, "stopped; what is written is whole")


def _tune() -> None:
    from tqdm import tqdm

    from tfinvert.remote import path_of
    from tfinvert.report.tuning import figure
    from tfinvert.tuning import of_run

    values = flags.FLAGS
    settings, score, run = shared.tuning(), shared.scoring(), shared.open_run()
    out = path_of(values.out or path_of(values.run) / "tuned")
    tuner = of_run.opened(run, score)
    todo = of_run.tasks(run, out, values.ids or None, values.each)
    for task in todo:
        with tqdm(total=settings.steps, unit=" steps", disable=None) as bar:
            found = of_run.tuned(run, tuner, task, settings, score, functools.partial(_show, bar))
        if found is None:
            logging.info("%s was tuned so before", task.folder / of_run.GENERATOR)
            continue
        figure(task.targets, found, task.ids, run.job.images.shown_channels).write(task.folder / "tuning.png")
        before, after = (statistics.median(map(float, each)) for each in (found.psnr_before, found.psnr_after))
        what = task.ids[0] if len(task.ids) == 1 else f"{len(task.ids)} images"
        logging.info("%s: %.2f dB before, %.2f tuned; %s", what, before, after, found.drift.told)
        logging.info("see %s and %s", task.folder / of_run.GENERATOR, task.folder / "tuning.png")


def _show(bar: Any, step: int, loss: float, change: float) -> None:
    bar.set_postfix(loss=f"{loss:.5f}", change=f"{change:.5f}", refresh=False)
    bar.update()
