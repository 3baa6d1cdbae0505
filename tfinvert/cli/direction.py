"""Finds the direction of codes along which an attribute changes: a smile, a class, the background.

    tfinvert direction --run=runs/photos --labels=smiles.csv --attribute=1 --out=smile.npz
    tfinvert direction --generator=dcgan.keras --classifier=smiles.keras --attribute=1 --out=smile.npz
    tfinvert edit --run=runs/photos --ids=ann.png --direction=smile.npz --strength=-2,2

Examples are the images of a run, by their labels or the run's own classes, or samples of a generator, by the outputs of
your classifier: a Keras model of images. What tells those with the attribute from those without is the direction
(logistic regression; Shen et al. 2020, "Interpreting the Latent Space of GANs for Semantic Face Editing"). Directions
without examples need no file: `tfinvert edit --direction=sefa:1,sefa:2`.
"""

from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start
from tfinvert.errors import BadInput
from tfinvert.settings import GeneratorSettings

shared.define_generator()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string("run", None, "A run whose images are the examples; with --classifier, whose generator is sampled.")
flags.DEFINE_string("labels", None, "Labels of the run's images, as of `tfinvert invert`; default: the run's classes.")
flags.DEFINE_string("classifier", None, "A Keras model [B, H, W, C] -> [B, K], or [B, 1]; images fit its size.")
flags.DEFINE_list("classifier_range", ["0", "1"], "What black and white are to the classifier.")
flags.DEFINE_integer(
    "attribute",
    None,
    "The label that images with the attribute have; default: 1. Or which of the classifier's outputs; default: the "
    "last. Outputs are rivals: the largest of the others is subtracted.",
)
flags.DEFINE_string("name", None, "Name of the attribute; default: that of the OUT file.")
flags.DEFINE_enum(
    "at", None, ["code", "dense"], "Where the direction is found; default: dense, if the run has a delta."
)
flags.DEFINE_integer("samples", 3000, "How many samples the classifier looks at.", lower_bound=60)
flags.DEFINE_integer("seed", 0, "Fixes the samples.", lower_bound=0, upper_bound=2**32 - 1)
flags.DEFINE_string("out", "direction.npz", "The file.")


def main(argv: list[str]) -> int:
    return start.run(argv, _find, "stopped; nothing was written")


def _find() -> None:
    from tfinvert import split
    from tfinvert.editing import Place, place_of
    from tfinvert.editing.attributes import SUFFIX, learnt
    from tfinvert.remote import path_of
    from tfinvert.runs.files import writable

    values, out = flags.FLAGS, path_of(flags.FLAGS.out)
    _check(out.suffix == SUFFIX)
    run = None if values.run is None else shared.open_run()
    generator = shared.load_generator() if run is None else run.load()
    if run is None:
        place = Place(generator, split(generator) if values.at == "dense" else None)
    else:
        place = place_of(run, generator, values.at)
    writable(out.parent)
    found = _examples(run, place)
    direction = learnt(
        found.values,
        found.positive,
        values.name or out.stem,
        found.every,
        at="code" if place.split is None else "dense",
        cut=_cut(run) if place.split is not None else None,
        behind=values.behind if run is None else run.job.generator.behind,
        fingerprint=generator.about.tuned_from or generator.about.fingerprint,
    )
    logging.info(
        "%s: %d examples with it, %d without; %.0f%% of the fifth kept for testing are told apart (chance is 50%%)",
        direction.name,
        found.positive.sum(),
        (~found.positive).sum(),
        100 * (direction.accuracy or 0),
    )
    logging.info("see %s; to move along it: tfinvert edit --run=... --direction=%s", direction.write(out), out)


def _check(suffix: bool) -> None:
    """What flags say that does not go together."""
    values = flags.FLAGS
    if not suffix:
        raise BadInput(f"--out={values.out}", "expected a name that ends in .npz")
    if values.run is None and values.classifier is None:
        raise BadInput("neither --run nor --classifier", "expected images with labels, or a classifier of samples")
    if values.labels is not None and (values.run is None or values.classifier is not None):
        raise BadInput("--labels", "expected them with --run, and without --classifier, which labels samples")
    told = [name for name in shared.said(GeneratorSettings) if name not in ("--generator", "--allow_unsafe")]
    if values.run is not None and told:
        raise BadInput(f"{', '.join(told)} with --run", "the run says it: leave it out")


def _cut(run: Any) -> str:
    return "first_dense" if run is None else run.job.beyond.at[-1]


def _examples(run: Any, place: Any) -> Any:
    from tfinvert.editing import examples
    from tfinvert.generators.opening import range_of

    values = flags.FLAGS
    if values.classifier is None:
        return examples.of_run(run, place, 1 if values.attribute is None else values.attribute, values.labels)
    bounds = range_of(start.numbers("classifier_range", values.classifier_range, float))
    classify = examples.classifier(values.classifier, place.generator.image_shape, bounds)
    behind = values.behind if run is None else run.job.generator.behind
    whole = place.generator if behind is None else shared.whole() if run is None else run.whole()
    points = examples.codes_of(whole, values.samples, values.seed, behind)
    return examples.drawn(place, classify, values.attribute, points)
