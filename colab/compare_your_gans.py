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
# # Compare your GANs
#
# Which generator represents my pictures better, and is the difference more than chance? Creswell & Bharath's answer:
# invert pictures that none of them has seen into each, and compare the errors picture by picture.

# %%
try:
    import tfinvert as ti
except ImportError:
    # In Colab: put the repository's address (or the path of an uploaded wheel) in place of the dot.
    # %pip install -q .
    import tfinvert as ti

from pathlib import Path

from IPython.display import Image

from tfinvert.experiments import compare, significance
from tfinvert.experiments.datasets import pictures
from tfinvert.experiments.training import train
from tfinvert.report.compare import compare as draw
from tfinvert.settings import TrainingSettings

# %% [markdown]
# Two generators: the one that comes with tfinvert, and one that learns glyphs here, for a few minutes only. Your own
# go in their place: `ti.load_generator("a.h5", prior=ti.normal(), value_range=(-1, 1))`.

# %%
data = pictures("glyphs", (32, 32, 1), limit=6_000)
made = train(TrainingSettings(latent=32, epochs=4), data.pixels, Path("runs/short_gan"))
generators = {"built-in": ti.load_generator(), "short": ti.load_generator(made)}

# %% [markdown]
# The same pictures, solver, steps, starts and seeds for all.

# %%
targets = ti.images.load("glyphs", like=compare.scale(list(generators.values())), limit=40)
found = []
for name, generator in generators.items():
    images = ti.images.load("glyphs", like=generator, limit=40)
    inversion = ti.Inverter(generator, solver=ti.Adam(steps=200), restarts=4, batch_size=40)(images)
    better = compare.improved(inversion.start_losses)
    found.append(compare.represent(name, generator, targets, inversion.images, improved=better))
for row in compare.table(found):
    print({key: row[key] for key in ("generator", "n", "mse", "low", "high", "psnr", "improved")})

# %% [markdown]
# Wilcoxon's test looks at the differences of the pairs, and the figure at the pictures that speak most for either.

# %%
pairs = significance.pairs({each.name: each.error for each in found})
print(pairs[0])
Image(draw(found, pairs, "runs/comparison.png", "glyphs of unseen fonts"))
