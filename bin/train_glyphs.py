"""Trains the built-in generator: glyphs of matplotlib's fonts, from a seed.

    python bin/train_glyphs.py --out=runs/glyphs

writes OUT/generator.keras and OUT/samples.png. See tfinvert/builtin/CARD.md for the run that made the file in
the package.
"""

from pathlib import Path

from absl import app, flags

import _start

_OUT = flags.DEFINE_string("out", "runs/train_glyphs", "Folder for generator.keras and samples.png.")
_IMAGES = flags.DEFINE_integer("images", 40_000, "Glyphs that are drawn for training.", lower_bound=64)
_EPOCHS = flags.DEFINE_integer("epochs", 40, "Passes over the images.", lower_bound=1)
_LATENT = flags.DEFINE_integer("latent", 64, "Entries of a code.", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "Fixes images, weights, order and codes.")


def main(argv: list[str]) -> None:
    del argv
    _start.prepare()
    import keras
    import numpy as np
    from PIL import Image

    from tfinvert.gans.architectures import dcgan_discriminator, dcgan_generator
    from tfinvert.gans.gan import GAN
    from tfinvert.images import glyphs

    keras.utils.set_random_seed(_SEED.value)
    images = glyphs.training_set(_IMAGES.value, _SEED.value).astype("float32") / 127.5 - 1
    gan = GAN(dcgan_generator(_LATENT.value), dcgan_discriminator(), _LATENT.value, seed=_SEED.value)
    steps = _EPOCHS.value * (len(images) // 64)
    rate = keras.optimizers.schedules.CosineDecay(4e-4, steps, alpha=0.05)
    gan.compile(keras.optimizers.Adam(rate, 0.5, 0.99), keras.optimizers.Adam(rate, 0.5, 0.99))
    out = Path(_OUT.value)
    out.mkdir(parents=True, exist_ok=True)
    codes = keras.random.normal((160, _LATENT.value), seed=1)

    def save(epoch: int, logs: dict | None = None) -> None:
        if (epoch + 1) % 5 == 0 or epoch + 1 == _EPOCHS.value:
            gan.averaged.save(out / "generator.keras")
            grid = np.asarray(gan(codes)).reshape(8, 20, 32, 32).transpose(0, 2, 1, 3).reshape(256, 640)
            Image.fromarray(np.uint8(np.clip(127.5 * (grid + 1), 0, 255))).save(out / "samples.png")

    from tfinvert import normal
    from tfinvert.generators.card import write_card

    gan.fit(
        images[: len(images) // 64 * 64], batch_size=64, epochs=_EPOCHS.value, verbose=2,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=save)],
    )  # fmt: skip
    write_card(
        out / "generator.keras", normal(_LATENT.value), (-1, 1),
        name="glyphs", data="tfinvert.images.glyphs", script="bin/train_glyphs.py", seed=_SEED.value,
    )  # fmt: skip


if __name__ == "__main__":
    app.run(main)
