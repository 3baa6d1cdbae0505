"""Trains a small DCGAN on 32x32 grey pictures, from a seed.

    python bin/train.py --out=runs/glyphs
    python bin/train.py --dataset=omniglot.zip --latent=100 --prior=uniform --epochs=110 --out=runs/omniglot

writes OUT/generator.keras, which carries its prior and value range, and OUT/samples.png. Without flags it trains the
built-in generator of glyphs; see tfinvert/builtin/CARD.md for the run that made the file in the package.
"""

import functools
import types
from pathlib import Path

from absl import app, flags

import _start

_DATASET = flags.DEFINE_string("dataset", "glyphs", "glyphs of matplotlib's fonts, or pictures as --images takes them.")
_OUT = flags.DEFINE_string("out", "runs/train", "Folder for generator.keras and samples.png.")
_IMAGES = flags.DEFINE_integer("images", 40_000, "Pictures that are drawn or read for training.", lower_bound=64)
_EPOCHS = flags.DEFINE_integer("epochs", 40, "Passes over the images.", lower_bound=1)
_LATENT = flags.DEFINE_integer("latent", 64, "Entries of a code.", lower_bound=1)
_PRIOR = flags.DEFINE_enum("prior", "normal", ["normal", "uniform"], "What codes are drawn from: N(0, 1) or U(-1, 1).")
_SEED = flags.DEFINE_integer("seed", 0, "Fixes images, weights, order and codes.")
_BATCH = 64


def main(argv: list[str]) -> int:
    return _start.run(argv, _train, "stopped; what whole epochs gave is kept")


def _train() -> None:
    import keras
    import numpy as np
    import tensorflow as tf
    from PIL import Image

    from tfinvert import normal, uniform
    from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
    from tfinvert.gans.gan import GAN
    from tfinvert.generators.card import write_card

    keras.utils.set_random_seed(_SEED.value)
    images = _pictures()
    prior = {"normal": normal, "uniform": uniform}[_PRIOR.value](_LATENT.value)
    draw = {
        "normal": tf.random.stateless_normal,
        "uniform": functools.partial(tf.random.stateless_uniform, minval=-1, maxval=1),
    }[_PRIOR.value]
    gan = GAN(dcgan_generator(_LATENT.value), dcgan_discriminator(), _LATENT.value, draw=draw, seed=_SEED.value)
    steps = _EPOCHS.value * (len(images) // _BATCH)
    rate = keras.optimizers.schedules.CosineDecay(4e-4, steps, alpha=0.05)
    gan.compile(keras.optimizers.Adam(rate, 0.5, 0.99), keras.optimizers.Adam(rate, 0.5, 0.99))
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    codes = draw((160, _LATENT.value), seed=(1, 1))

    def save(epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % 5 == 0 or epoch + 1 == _EPOCHS.value:
            gan.averaged.save(out / "generator.keras")
            write_card(
                out / "generator.keras", prior, (-1, 1),
                data=_DATASET.value, script="bin/train.py", seed=_SEED.value, epochs=epoch + 1,
            )  # fmt: skip
            grid = np.asarray(gan(codes)).reshape(8, 20, 32, 32).transpose(0, 2, 1, 3).reshape(256, 640)
            Image.fromarray(np.uint8(np.clip(127.5 * (grid + 1), 0, 255))).save(out / "samples.png")

    gan.fit(
        images[: len(images) // _BATCH * _BATCH], batch_size=_BATCH, epochs=_EPOCHS.value, verbose=2,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=save)],
    )  # fmt: skip


def _pictures():
    """float32 [N, 32, 32, 1] in [-1, 1]."""
    import tfinvert
    from tfinvert.errors import BadInput
    from tfinvert.images import glyphs

    if _DATASET.value == "glyphs":
        return glyphs.training_set(_IMAGES.value, _SEED.value).astype("float32") / 127.5 - 1
    like = types.SimpleNamespace(image_shape=(32, 32, 1), value_range=(-1.0, 1.0))
    images = tfinvert.images.load(_DATASET.value, like, limit=_IMAGES.value).pixels
    if len(images) < _BATCH:
        raise BadInput(f"{len(images)} pictures in {_DATASET.value}", f"expected at least {_BATCH}")
    return images


if __name__ == "__main__":
    app.run(main)
