"""Trains a small GAN on pictures, from a seed.

    tfinvert train --out=runs/glyphs
    tfinvert train --dataset=omniglot --data_dir=data --latent=100 --objective=wgan --out=runs/omniglot

writes OUT/generator.keras, which carries its prior and value range, OUT/samples.png and OUT/losses.csv after every
epoch, and OUT/losses.png at the end. A run that was stopped or killed goes on with its last whole epoch when it is
started again. Without flags it trains the built-in generator of glyphs; see tfinvert/builtin/CARD.md for the run that
made the file in the package.
"""

from absl import flags, logging

from tfinvert.cli import flags as shared
from tfinvert.cli import start

shared.define_limits()
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
flags.DEFINE_enum(
    "architecture",
    "dcgan",
    ["dcgan", "pixel_shuffle", "conditional", "attention"],
    "A DCGAN; one whose last doubling makes channels pixels; one that takes a class (of labelled pictures, of "
    "folders, or of glyphs); one in BigGAN's style, with a class and self-attention.",
)
flags.DEFINE_enum(
    "objective",
    "standard",
    ["standard", "plain", "noise", "soft_labels", "wgan", "wgan_gp"],
    "What is played for: the usual game with the R1 penalty, without, with decaying noise, with soft labels; the "
    "Wasserstein distance with clipped weights, with a penalty on slopes.",
)
flags.DEFINE_enum("prior", "normal", ["normal", "uniform"], "What codes are drawn from: N(0, 1) or U(-1, 1).")
flags.DEFINE_integer("latent", 64, "Entries of a code.", lower_bound=1)
flags.DEFINE_enum("resolution", "32", ["28", "32", "64", "128"], "Height and width of the images.")
flags.DEFINE_bool("colour", False, "Three channels instead of one.")
flags.DEFINE_integer("epochs", 40, "Passes over the images.", lower_bound=1)
flags.DEFINE_integer("batch_size", 64, "Images for each step.", lower_bound=1)
flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_float16", "mixed_bfloat16"],
    "What is computed in; the mixed ones are faster on GPUs that have them, and slower without.",
)
flags.DEFINE_bool("tensorboard", False, "Write losses and samples for TensorBoard too, into OUT/tensorboard.")
flags.DEFINE_integer("seed", 0, "Fixes images, weights, order and codes.", lower_bound=0, upper_bound=2**32 - 1)


def main(argv: list[str]) -> int:
    return start.run(argv, _train, "stopped; what whole epochs gave is kept, and started again it goes on from there")


def _train() -> None:
    from tfinvert.experiments.datasets import pictures
    from tfinvert.experiments.training import CONDITIONAL, Training
    from tfinvert.report.training import losses
    from tfinvert.runs.files import writable

    values, out = flags.FLAGS, writable(flags.FLAGS.out)
    size, by_class = int(values.resolution), values.architecture in CONDITIONAL
    channels = 3 if values.colour else 1
    data = pictures(
        values.dataset,
        (size, size, channels),
        limit=values.images,
        held_out=values.held_out,
        folder=values.data_dir,
        download=values.download,
        by_class=by_class,
        seed=values.seed,
        limits=shared.limits(),
    )
    classes = len(data.classes) or (int(data.labels.max()) + 1 if by_class and data.labels is not None else None)
    training = Training(
        values.architecture,
        values.objective,
        values.prior,
        values.latent,
        size,
        channels,
        values.epochs,
        values.batch_size,
        values.seed,
        classes if by_class else None,
        values.precision,
    )
    more = {"data": values.dataset, "script": "`tfinvert train`", "class_names": data.classes, "unseen": data.unseen}
    made = training.run(
        data.pixels,
        out,
        {name: value for name, value in more.items() if value},
        labels=data.labels,
        show=True,
        tensorboard=values.tensorboard,
    )
    picture = losses(out / "losses.csv", out / "losses.png", f"{values.dataset}: {values.objective}")
    logging.info("see %s, %s and %s", made, out / "samples.png", picture)
