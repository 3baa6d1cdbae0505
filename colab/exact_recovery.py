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
# # Find the exact code again
#
# Was this picture made by this generator, and from which code? `ti.Recovery` looks until it can say so, and how sure it
# is. The papers by Lipton & Tripathi and by Egan, Zhang & Shen ask the same; `docs/recovery.md` has what was measured.

# %%
try:
    import tfinvert as ti
except ImportError:
    # In Colab: put the repository's address (or the path of an uploaded wheel) in place of the dot.
    # %pip install -q .
    import tfinvert as ti

import numpy as np

# %% [markdown]
# Draw codes from the prior and make their images. Your own generator goes in place of the built-in one:
# `ti.load_generator("my_generator.h5", prior=ti.normal(), value_range=(-1, 1))`.

# %%
generator = ti.load_generator()
codes, made = generator.sample(16, seed=1)
recovery = ti.Recovery(generator)
found = recovery(made)
error = np.mean((found.codes - codes.numpy()) ** 2, axis=1)
for message, value in list(zip(found.messages, error, strict=True))[:5]:
    print(f"{message:15} ||z - z'||^2 / d = {value:.1e}")

# %% [markdown]
# People have files, not float tensors. Rounded to 8 bits, as in a PNG, an image tells less of its code; `deviation`
# says how much less, for each entry of the code: a standard error, to be held against the real one.

# %%
unit = np.asarray(generator.to_unit(made))
rounded = generator.from_unit(np.round(unit * 255).astype(np.float32) / 255)
found = recovery(rounded)
error = np.sqrt(np.mean((found.codes - codes.numpy()) ** 2, axis=1))
for message, value, stated in list(zip(found.messages, error, found.deviation, strict=True))[:5]:
    print(f"{message:15} error {value:.1e}, predicted {np.sqrt(np.mean(np.square(stated))):.1e}")

# %% [markdown]
# And pictures that the generator has not made: glyphs of fonts that it has never seen.

# %%
others = ti.images.load(like=generator, limit=8)
found = ti.Recovery(generator, attempts=1)(others.pixels)
print(found.messages)
ti.report.grid(others, found, generator)
