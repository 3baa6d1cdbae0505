"""Codes as features: the nearest images by code, and how well neighbours tell an image's class.

    tfinvert embed --run=runs/digits --k=1,5,15 --projector

writes RUN/embedding/neighbours.csv and neighbours.png; where the run knows its images' classes, accuracy.csv: the share
of images whose class is that of most of their k nearest others, by codes, by pixels and by the pixels of the
reconstructions from codes alone. --projector writes RUN/embedding/projector, which `tensorboard --logdir` shows with
thumbnails. Images that are not where they were any more are left out; where none is, the pixels are.
"""

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_run(generator=False)
flags.adopt_module_key_flags(shared)
flags.DEFINE_list("k", ["1", "5", "15"], "How many neighbours; several numbers give several rows.")
flags.DEFINE_bool("projector", False, "Write the codes for TensorBoard's embedding projector.")
flags.DEFINE_string("out", None, "Folder for what is written; default: RUN/embedding.")


def main(argv: list[str]) -> int:
    return start.run(argv, _embed, "stopped; what is written is whole")


def _embed() -> None:
    from tfinvert.errors import BadInput
    from tfinvert.experiments import embedding
    from tfinvert.images.shown import told
    from tfinvert.remote import path_of
    from tfinvert.report.embedding import NEAREST, nearest, projector
    from tfinvert.runs.files import writable, write_table

    values = flags.FLAGS
    run = shared.open_run()
    counts = start.numbers("k", values.k, int)
    if not counts or min(counts) < 1:
        raise BadInput(f"--k={','.join(values.k)}", "expected numbers from 1 on")
    found = embedding.embedded(run)
    out = writable(values.out or path_of(values.run) / "embedding")
    near = embedding.nearest(found, max(*counts, NEAREST))
    write_table(
        out / "neighbours.csv",
        [
            {"id": found.ids[row], "rank": rank, "neighbour": found.ids[place], "distance": f"{distance:.6g}"}
            for row, (places, distances) in enumerate(zip(*near["codes"].first(max(counts)), strict=True))
            for rank, (place, distance) in enumerate(zip(places, distances, strict=True), 1)
        ],
    )
    note = told(run.image_shape, run.job.images.shown_channels)
    title = ", ".join(filter(None, [f"{len(found.ids)} images of {values.run}", note]))
    picture = nearest(found, near, out / "neighbours.png", title)
    logging.info("see %s and %s", out / "neighbours.csv", picture)
    if values.projector:
        logging.info("tensorboard --logdir=%s", projector(found, out / "projector"))
    if found.labels is None or len(found.ids) < embedding.LEAST:
        logging.info("no accuracy: it takes classes of all images, and %d images or more", embedding.LEAST)
        return
    rows = embedding.table(found, near, counts)
    for row in rows:
        logging.info("%s", "  ".join(f"{name} {value}" for name, value in row.items()))
    write_table(out / "accuracy.csv", rows)
    logging.info("see %s", out / "accuracy.csv")
