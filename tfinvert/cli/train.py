"""Trains a small GAN on pictures, from a seed.

    tfinvert train --out=runs/glyphs
    tfinvert train --dataset=omniglot --data_dir=data --latent=100 --objective=wgan --out=runs/omniglot

writes OUT/generator.keras, which carries its prior and value range, OUT/samples.png and OUT/losses.csv after every
epoch, with --score the first two after every better one, and OUT/losses.png at the end. A run that was stopped or
killed goes on with its last whole epoch when it is started again. Without flags it trains the built-in generator of
glyphs; see tfinvert/builtin/CARD.md for the run that made the file in the package.
"""

from typing import Any

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_training()
flags.adopt_module_key_flags(shared)
flags.DEFINE_string(
    "dataset",
    "glyphs",
    "glyphs of matplotlib's fonts, omniglot, mnist, fashion_mnist, cifar10, celeb_a, another name of TensorFlow "
    "Datasets, or pictures as --images of `tfinvert invert`.",
)
flags.DEFINE_string("data_dir", ".", "Where the files of named datasets are looked for, before Keras's and TFDS's.")
flags.DEFINE_bool("download", False, "Fetch a named dataset that is not there.")
flags.DEFINE_list("held_out", None, "Folders of the dataset kept for tests; default: Balinese,Tagalog of omniglot.")
flags.DEFINE_string("out", "runs/train", "Folder for the generator, its samples and the run's state.")
flags.DEFINE_integer("images", 40_000, "Pictures that are drawn or read for training.", lower_bound=64)
flags.DEFINE_integer(
    "keep",
    None,
    "So many of the pictures are not trained on but written to OUT/unseen.npz, for tests and for --score: the same "
    "ones for any seed, unless --images takes some of them only. Default: 1000 with --score, else none.",
    lower_bound=0,
)
flags.DEFINE_bool("colour", False, "Three channels instead of one.")
flags.DEFINE_bool("by_class", False, "The generator takes a class: the labels of pictures, their folders, or glyphs.")
flags.DEFINE_bool("tensorboard", False, "Write losses and samples for TensorBoard too, into OUT/tensorboard.")


_KEPT = 1000  # pictures that samples are held against, where nothing else is said


def main(argv: list[str]) -> int:
    return start.run(argv, _train, "stopped; what whole epochs gave is kept, and started again it goes on from there")


def _train() -> None:
    from tfinvert.experiments.training import HERE, UNSEEN, train
    from tfinvert.generators.readers.card import read_card
    from tfinvert.report.training import losses
    from tfinvert.runs.files import here, writable

    values, out = flags.FLAGS, writable(here(flags.FLAGS.out, HERE))
    score = shared.scoring()
    data, unseen, classes = _pictures((_KEPT if score else 0) if values.keep is None else values.keep)
    settings = shared.training(channels=3 if values.colour else 1, classes=classes)
    more = {
        "data": values.dataset,
        "script": "`tfinvert train`",
        "class_names": data.classes,
        "unseen": data.unseen if unseen is None else str(out / UNSEEN),
    }
    made = train(
        settings,
        data.pixels,
        out,
        {name: value for name, value in more.items() if value},
        labels=data.labels,
        unseen=unseen,
        score=score,
        show=True,
        tensorboard=values.tensorboard,
    )
    picture = losses(out / "losses.csv", out / "losses.png", f"{values.dataset}: {values.objective}")
    logging.info("see %s, %s and %s", made, out / "samples.png", picture)
    if score is not None:
        card = read_card(made)
        logging.info("%s is of epoch %s, the best by its KID, %.1f", made.name, card["trained"], card["kid"])
    if unseen is not None:
        logging.info("%d pictures were not trained on: --images=%s", len(unseen.pixels), out / UNSEEN)


def _pictures(keep: int) -> Any:
    """Those that are trained on, so many that are not, or None, and how many classes there are, if any are wanted."""
    from tfinvert.errors import BadInput
    from tfinvert.experiments.datasets import parted, pictures

    values, size = flags.FLAGS, int(flags.FLAGS.resolution)
    found = pictures(
        values.dataset,
        (size, size, 3 if values.colour else 1),
        limit=values.images,
        held_out=values.held_out,
        folder=values.data_dir,
        download=values.download,
        by_class=values.by_class,
        seed=values.seed,
        limits=shared.limits(),
    )
    classes = None
    if values.by_class and found.labels is not None:
        classes = len(found.classes) or int(found.labels.max()) + 1
    if values.keep is None and not keep < len(found.pixels):
        raise BadInput(f"--score of {len(found.pixels)} pictures", f"it keeps {keep} of them: say --keep, such as 100")
    return (*parted(found, keep), classes) if keep else (found, None, classes)
