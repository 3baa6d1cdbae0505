"""Trains a small GAN on pictures, from a seed.

    python bin/train.py --out=runs/glyphs
    python bin/train.py --dataset=omniglot.zip --latent=100 --prior=uniform --objective=wgan --out=runs/omniglot

writes OUT/generator.keras, which carries its prior and value range, OUT/samples.png and OUT/losses.csv after every
epoch, and OUT/losses.png at the end. A run that was stopped or killed goes on with its last whole epoch when it is
started again. Without flags it trains the built-in generator of glyphs; see tfinvert/builtin/CARD.md for the run that
made the file in the package.
"""

import types
from pathlib import Path

from absl import app, flags, logging

import _start

flags.DEFINE_string("dataset", "glyphs", "glyphs of matplotlib's fonts, or pictures as --images of bin/invert.py.")
flags.DEFINE_string("out", "runs/train", "Folder for the generator, its samples and the run's state.")
flags.DEFINE_integer("images", 40_000, "Pictures that are drawn or read for training.", lower_bound=64)
flags.DEFINE_enum("architecture", "dcgan", ["dcgan", "pixel_shuffle"], "How the generator doubles its maps at the end.")
flags.DEFINE_enum(
    "objective", "standard", ["standard", "soft_labels", "noise", "wgan", "wgan_gp"],
    "What is played for: with the R1 penalty, soft labels, decaying noise, clipped weights, a penalty on slopes.",
)  # fmt: skip
flags.DEFINE_enum("prior", "normal", ["normal", "uniform"], "What codes are drawn from: N(0, 1) or U(-1, 1).")
flags.DEFINE_integer("latent", 64, "Entries of a code.", lower_bound=1)
flags.DEFINE_enum("resolution", "32", ["28", "32", "64", "128"], "Height and width of the images.")
flags.DEFINE_bool("colour", False, "Three channels instead of one.")
flags.DEFINE_integer("epochs", 40, "Passes over the images.", lower_bound=1)
flags.DEFINE_integer("seed", 0, "Fixes images, weights, order and codes.")


def main(argv: list[str]) -> int:
    return _start.run(argv, _train, "stopped; what whole epochs gave is kept, and started again it goes on from there")


def _train() -> None:
    from tfinvert.experiments.training import Training
    from tfinvert.report.training import losses

    values, out = flags.FLAGS, Path(flags.FLAGS.out)
    training = Training(
        values.architecture, values.objective, values.prior, values.latent, int(values.resolution),
        3 if values.colour else 1, values.epochs, seed=values.seed,
    )  # fmt: skip
    made = training.run(_pictures(training.image_shape), out, {"data": values.dataset, "script": "bin/train.py"})
    picture = losses(out / "losses.csv", out / "losses.png", f"{values.dataset}: {values.objective}")
    logging.info("see %s, %s and %s", made, out / "samples.png", picture)


def _pictures(shape: tuple[int, int, int]):
    """float32 [N, H, W, C] in [-1, 1]."""
    import tfinvert
    from tfinvert.errors import BadInput
    from tfinvert.experiments.training import RANGE
    from tfinvert.images import glyphs

    if flags.FLAGS.dataset == "glyphs":
        if shape != (32, 32, 1):
            raise BadInput(f"glyphs at {list(shape)}", "they are drawn at [32, 32, 1]; leave out the other flags")
        return glyphs.training_set(flags.FLAGS.images, flags.FLAGS.seed).astype("float32") / 127.5 - 1
    like = types.SimpleNamespace(image_shape=shape, value_range=RANGE)
    return tfinvert.images.load(flags.FLAGS.dataset, like, limit=flags.FLAGS.images).pixels


if __name__ == "__main__":
    app.run(main)
