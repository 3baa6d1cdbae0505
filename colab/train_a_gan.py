# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---
# %% [markdown]
# # Train a GAN, and invert it
#
# A small GAN learns glyphs (or your pictures), and then finds the codes of pictures that it has never seen.

# %%
try:
    import tfinvert as ti
except ImportError:
    # In Colab: put the repository's address (or the path of an uploaded wheel) in place of the dot.
    # %pip install -q .
    import tfinvert as ti

from pathlib import Path

from PIL import Image

from tfinvert.experiments.datasets import pictures
from tfinvert.experiments.training import train
from tfinvert.settings import TrainingSettings

# %% [markdown]
# `pictures("my_folder", (32, 32, 1))` takes your own; `pictures("mnist", (32, 32, 1), download=True)` fetches a known
# dataset. The glyphs are drawn.

# %%
data = pictures("glyphs", (32, 32, 1), limit=12_000)
print(data.pixels.shape, data.pixels.min(), data.pixels.max())

# %% [markdown]
# Ten epochs take some minutes on a CPU. If the run is stopped, the same cell goes on with it. `objective` may be
# standard, plain, noise, soft_labels, wgan or wgan_gp.

# %%
out = Path("runs/glyph_gan")
made = train(TrainingSettings(objective="standard", latent=64, epochs=10), data.pixels, out)
Image.open(out / "samples.png")

# %% [markdown]
# The file carries its prior and range, so it is loaded by itself. The glyphs below are of other fonts.

# %%
generator = ti.load_generator(made)
unseen = ti.images.load("glyphs", like=generator, limit=24)
found = ti.Inverter(generator, solver=ti.Adam(steps=300), restarts=4)(unseen)
ti.report.grid(unseen, found, generator)
