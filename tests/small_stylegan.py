"""A generator in the form of StyleGAN (Karras et al., as keras.io has it): mapping, styles, noise, synthesis."""

from __future__ import annotations

import keras
import tensorflow as tf
from keras import layers

import tfinvert as ti

SIZES = (4, 8, 16, 32)
NOISE = tuple(f"noise_{size}" for size in SIZES)


def small_stylegan(latent=8, width=8, channels=4, sizes=SIZES, classes=None, one_hot=False):
    """Inputs z [latent] and noise_4 [4, 4, 1], noise_8 and so on, one for each size; images [sizes[-1], same, 1].

    The mapping ends in the layer "w" [width]; "w_plus" [2 * len(sizes), width] has w for each layer's style. With
    `classes` there is an input y besides, which only the mapping sees.
    """
    z = layers.Input((latent,), name="z")
    noise = {size: layers.Input((size, size, 1), name=f"noise_{size}") for size in sizes}
    inputs, w = [z, *noise.values()], z
    if classes:
        y = layers.Input((classes,), name="y") if one_hot else layers.Input((1,), dtype="int32", name="y")
        inputs.append(y)
        w = layers.Concatenate()(
            [z, layers.Dense(4)(y) if one_hot else layers.Flatten()(layers.Embedding(classes, 4)(y))]
        )
    for number in range(3):
        w = layers.Dense(width, name=f"mapping_{number}")(w)
        w = layers.LeakyReLU(negative_slope=0.2, name="w" if number == 2 else None)(w)
    styles = layers.RepeatVector(2 * len(sizes), name="w_plus")(w)
    images = _constant(styles, sizes[0], channels)
    for number, size in enumerate(sizes):
        if number:
            images = layers.UpSampling2D(interpolation="bilinear")(images)
        for half in range(2):
            if number or half:
                images = layers.Conv2D(channels, 3, padding="same")(images)
            strength = keras.initializers.RandomNormal(stddev=0.1, seed=size + half)
            images = layers.Add()(
                [images, layers.Conv2D(channels, 1, use_bias=False, kernel_initializer=strength)(noise[size])]
            )
            images = layers.LeakyReLU(negative_slope=0.2)(images)
            images = _styled(images, _style(styles, 2 * number + half), channels)
    images = layers.Conv2D(1, 1, activation="tanh", name="to_grey")(images)
    return keras.Model(inputs, images, name="small_stylegan")


def _style(styles, number):
    """One layer's w: [width]."""
    return layers.Flatten()(layers.Cropping1D((number, styles.shape[1] - 1 - number))(styles))


def _constant(styles, size, channels):
    """What the synthesis begins with, the same for all codes: a bias."""
    nothing = layers.Rescaling(0.0)(_style(styles, 0))
    values = layers.Dense(size * size * channels, bias_initializer="random_normal")(nothing)
    return layers.Reshape((size, size, channels))(values)


def _styled(images, style, channels):
    """Adaptive instance normalisation."""
    images = layers.LayerNormalization(axis=[1, 2], center=False, scale=False)(images)
    scale = layers.Reshape((1, 1, channels))(layers.Dense(channels, bias_initializer="ones")(style))
    shift = layers.Reshape((1, 1, channels))(layers.Dense(channels)(style))
    return layers.Add()([layers.Multiply()([images, scale]), shift])


def taught_glyphs(path, steps=1200):
    """A file of such a generator with 62,145 weights that was taught the built-in generator's images, code by code."""
    keras.utils.set_random_seed(0)
    teacher, pupil = ti.load_generator(), small_stylegan(64, 64, 16)
    optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(3e-3, steps))

    @tf.function
    def step():
        z = tf.random.normal([32, 64])
        noise = [tf.random.normal([32, size, size, 1]) for size in SIZES]
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean((pupil([z, *noise]) - teacher(z)) ** 2)
        optimizer.apply(tape.gradient(loss, pupil.trainable_variables), pupil.trainable_variables)

    for _ in range(steps):
        step()
    pupil.save(path)
