"""How much better images are represented behind the first dense layer than by a code: real ones and generated ones.

    python bin/gap.py --generator=dcgan.keras --images='photos/*.png' --samples=100 --out=runs/gap

inverts the images, and as many of the generator's own, in two steps, and writes OUT/gap.csv and OUT/gap.png: figure 5
of Pividori et al., "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images". Without flags
it takes the built-in generator and its glyphs. How images are inverted say the flags of bin/invert.py.
"""

import _flags
from absl import app, flags, logging

import _start

_flags.define_generator()
_flags.define_inversion()
flags.adopt_module_key_flags(_flags)
flags.DEFINE_integer("samples", None, "Generated images; default: as many as there are others.", lower_bound=1)
flags.DEFINE_string("out", "runs/gap", "Folder for gap.csv and gap.png.")


def main(argv: list[str]) -> int:
    return _start.run(argv, _gap, "stopped; nothing was written")


def _gap() -> None:
    import dataclasses

    import numpy as np

    from tfinvert.experiments import gap
    from tfinvert.report.gap import gap as draw
    from tfinvert.runs.files import writable, write_table

    out, job = writable(flags.FLAGS.out), _flags.job()
    if job.split is None:
        job = dataclasses.replace(job, split="first_dense")
    generator = job.load()
    inverter, loss, search = job.inverter(generator), job.objective(), job.classes_of(generator)
    real = job.sources(generator).all()
    labels = search(real.pixels, real.ids) if search is not None else real.labels
    if generator.condition is None:
        labels = None
    count = flags.FLAGS.samples or len(real.pixels)
    turns = None if generator.condition is None else generator.condition.turns(np.arange(count))
    own = generator.sample(count, seed=job.seed, labels=turns)[1]
    sets = [gap.measure("generated", inverter, loss, own, labels=turns)]
    logging.info("%d generated images done", count)
    sets.append(gap.measure("real", inverter, loss, real.pixels, real.ids, labels))
    for row in gap.table(sets):
        logging.info("%s", "  ".join(f"{key} {value}" for key, value in row.items() if value != ""))
    write_table(out / "gap.csv", gap.table(sets))
    picture = draw(sets, out / "gap.png", f"{generator.name}: {count} generated and {len(real.pixels)} real images")
    logging.info("see %s and %s", out / "gap.csv", picture)


if __name__ == "__main__":
    app.run(main)
