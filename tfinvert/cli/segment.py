"""Segments the images of a run by the self-attention of its generator.

    tfinvert segment --run=runs/photos --clusters=8,20,40

writes for each image RUN/segmentation/NAME.png, a figure of its regions in their mean colours and over the image, and
RUN/segmentation/labels/NAME-CLUSTERS.png, whose pixels are the numbers of the regions (section 5 of Pividori et al.,
"Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images"). The generator must have an
attention map; that of a run in two steps (--split) is taken behind the cut.
"""

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_run()
flags.adopt_module_key_flags(shared)
flags.DEFINE_list("ids", None, "By id or its last part; where an id has a comma: '\"a,b.png\",c.png'; default: all.")
flags.DEFINE_list("clusters", ["8", "20", "40"], "How many regions; several numbers give several segmentations.")
flags.DEFINE_enum(
    "grouping",
    "alike",
    ["alike", "mutual"],
    "Which places are joined: those that attend to the same and lie near, or those that attend to each other.",
)
flags.DEFINE_string("attention", None, "Layer, operation or tensor; default: the largest attention map.")
flags.DEFINE_string("out", None, "Folder for the figures and labels; default: RUN/segmentation.")


def main(argv: list[str]) -> int:
    return start.run(argv, _segment, "stopped; what was written stays")


def _segment() -> int:
    from tfinvert.remote import path_of
    from tfinvert.report.segmentation import segmentations
    from tfinvert.segmentation import Segmenter

    values = flags.FLAGS
    clusters = start.numbers("clusters", values.clusters, int)
    run = shared.open_run()
    ids = run.known(values.ids) if values.ids else None  # told before the generator is loaded
    out = path_of(values.out or path_of(values.run) / "segmentation")
    segmenter = Segmenter(run, run.load(), clusters, values.attention, grouping=values.grouping)
    done, missing = segmentations(run, segmenter, out, ids)
    logging.info("%d images: see %s, and %s for labels", done, out, out / "labels")
    return 3 if missing else 0
