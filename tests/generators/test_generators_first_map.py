"""The first linear map of the code, whatever its layer is called: where it ends, and what is none."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, codes_for
from split_models import MODELS, model

import tfinvert as ti


@pytest.mark.parametrize("kind", ["no-bias", "fused-activation", "batch-norm"])
def test_the_cut_is_behind_the_bias_and_before_the_activation(kind):
    made = MODELS[kind]()
    generator = ti.load_generator(made)
    codes = codes_for(generator)
    kernel, *bias = (each.numpy() for each in made.layers[0].weights)
    expected = codes @ kernel + (bias[0] if bias else 0)
    np.testing.assert_allclose(ti.split(generator).head(codes), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["from-one-pixel", "from-one-pixel-no-bias", "from-one-pixel-tf_keras"])
def test_a_convolution_of_one_pixel_is_cut_behind_its_bias(kind):
    made = MODELS[kind]()
    generator = ti.load_generator(made)
    codes = codes_for(generator)
    kernel, *bias = (each.numpy() for each in made.layers[1].weights)  # [4, 4, 8, LATENT]
    expected = np.einsum("hwcd,bd->bhwc", kernel, codes) + (bias[0] if bias else 0)
    np.testing.assert_allclose(ti.split(generator).head(codes), expected, atol=1e-5)


def test_a_convolution_of_more_pixels_is_not_the_first_map_of_a_code():
    layers = keras.layers
    made = model(layers.Conv2DTranspose(3, 3, activation="tanh"), shape=(2, 2, LATENT))
    with pytest.raises(ti.BadInput, match="no dense layer and no convolution of a 1x1 map"):
        ti.split(ti.load_generator(made))


def test_a_function_can_be_split_too():
    matrix = np.random.default_rng(0).normal(size=(12, LATENT)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(tf.linalg.matmul(codes, matrix, transpose_b=True)), [-1, 2, 2, 3]),
        prior=ti.normal(LATENT),
        value_range=(0, 1),
    )
    parts = ti.split(generator)
    codes = codes_for(generator)
    np.testing.assert_allclose(parts.head(codes), codes @ matrix.T, atol=1e-5)
    np.testing.assert_allclose(parts.tail(codes @ matrix.T), generator(codes), atol=1e-5)


def test_a_dense_layer_may_be_an_einsum():
    matrix = np.random.default_rng(0).normal(size=(LATENT, 2, 2, 3)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.sigmoid(tf.einsum("bd,dhwc->bhwc", codes, matrix)), prior=ti.normal(LATENT), value_range=(0, 1)
    )
    codes = codes_for(generator)
    head, tail = ti.split(generator)
    np.testing.assert_allclose(head(codes), np.einsum("bd,dhwc->bhwc", codes, matrix), atol=1e-5)
    np.testing.assert_allclose(tail(head(codes)), generator(codes), atol=1e-5)
