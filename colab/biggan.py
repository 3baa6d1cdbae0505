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
# # BigGAN: your photos, behind the dense layer, and in another class
#
# Photographs are not in the range of BigGAN, but nearly in that of the part behind its first dense layer: Pividori,
# Grinblat & Uzal, "Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural Images". A GPU helps: on
# two CPU cores a step of four images takes five seconds.

# %%
try:
    import tfinvert as ti
except ImportError:
    # In Colab: put the repository's address (or the path of an uploaded wheel) in place of the dot.
    # %pip install -q .
    import tfinvert as ti

import numpy as np
from ipywidgets import interact
from PIL import Image

from tfinvert.editing import Place, Points, path, switched

# %% [markdown]
# TF-Hub's BigGAN is downloaded once. 207 is ImageNet's number of the golden retriever.

# %%
generator = ti.from_saved_model("https://tfhub.dev/deepmind/biggan-128/2", truncation=0.5)
label = 207
print(generator.image_shape, generator.condition.classes, "classes")

# %% [markdown]
# Your photos: `images = ti.images.load("dogs/*.jpg", like=generator)`. Until you have put them in Colab's files, two
# images of the class with bright dots stand for them: no code makes such dots.

# %%
pixels = generator.sample(2, seed=3, labels=label)[1].numpy()
pixels[:, ::2, ::3] = generator.value_range[1]
images = ti.images.load(np.asarray(generator.to_unit(pixels)), like=generator)

# %% [markdown]
# The code first, then what is added to the dense layer's values. The paper's loss has InceptionV3's features, too.

# %%
steps = 300
loss = ti.Pixel() + ti.Features("mixed8")
invert = ti.TwoStep(ti.Inverter(generator, loss, ti.Adam(steps=steps), restarts=1, batch_size=2))
found = invert(images.pixels, labels=label)
print("mean squared error by the code", found.mse_latent.numpy(), "share of zeros in delta", found.delta_zeros.numpy())
ti.report.grid(images, found, generator)

# %% [markdown]
# From the first image to the second behind the dense layer; codes move along where the blocks need them. Move the
# slider.

# %%
place = Place(generator, ti.split(generator))
shape = (-1, *place.split.tail.space.shape)
points = Points(found.codes.numpy(), np.full(2, label, np.int32), found.delta.numpy().reshape(shape))
frames = np.uint8(255 * place.images(path(place, points, 16)))


# %%
@interact(frame=(0, len(frames) - 1))
def show(frame=0):
    return Image.fromarray(np.squeeze(frames[frame])).resize((256, 256))


# %% [markdown]
# The same images in other classes, code and delta held: a Samoyed, a tabby cat, a lion.

# %%
others = [258, 281, 291]
switched_images = np.uint8(255 * place.images(switched(place, points, others)))
Image.fromarray(np.squeeze(np.concatenate(list(switched_images), axis=1)))
