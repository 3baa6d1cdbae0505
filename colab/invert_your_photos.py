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
# # Invert your photos
#
# Given a generator G and pictures x, find the codes z with G(z) ≈ x. This notebook starts with the generator and
# the pictures that come with tfinvert; put your own in their place in the second cell.

# %%
try:
    import tfinvert as ti
except ImportError:
    # In Colab: put the repository's address (or the path of an uploaded wheel) in place of the dot.
    # %pip install -q .
    import tfinvert as ti

# %% [markdown]
# Four lines are the whole job. `load_generator("my_generator.h5", prior=ti.normal(), value_range=(-1, 1))` takes
# any Keras file; `ti.images.load("photos/*.png", like=generator)` any pictures.

# %%
generator = ti.load_generator()
images = ti.images.load(like=generator, limit=24)
found = ti.Inverter(generator, restarts=4)(images)
ti.report.grid(images, found, generator)

# %% [markdown]
# `found` holds a code, a reconstruction, a loss and a status for each picture.

# %%
for name, loss, message in list(zip(images.ids, found.loss.numpy(), found.messages, strict=True))[:5]:
    print(f"{name:35} {loss:.4f}  {message}")

# %% [markdown]
# The same inside a `tf.data` pipeline:

# %%
invert = ti.Inverter(generator, solver=ti.Adam(steps=50), restarts=1)
dataset = ti.images.dataset(like=generator, limit=8).batch(4)
codes = dataset.map(lambda ids, pixels, labels: (ids, invert(pixels, ids=ids).codes))
for ids, z in codes:
    print(ids.numpy()[0].decode(), z.shape)
