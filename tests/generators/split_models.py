"""Models that can be split, by what is special about where they can."""

import keras
import tf_keras
from generator_models import LATENT, labelled, randomise, sequential


def model(*layers, shape=(LATENT,), maker=keras):
    return randomise(maker.Sequential([maker.layers.Input(shape), *layers]))


def images(maker=keras):
    """[32] to [8, 8, 3]."""
    layers = maker.layers
    return [
        layers.BatchNormalization(),
        layers.LeakyReLU(),
        layers.Reshape((4, 4, 2)),
        layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh"),
    ]


def nested():
    codes = keras.Input((LATENT,))
    return randomise(keras.Model(codes, sequential()(keras.layers.Activation("tanh")(codes))))


def scaled_by_class():
    """As in conditional batch norm: a narrow dense layer of the label scales what comes later."""
    codes, label = keras.Input((LATENT,), name="z"), keras.Input((5,), name="y")
    hidden = keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48)(codes))
    scale = keras.layers.Reshape((1, 1, 3))(keras.layers.Dense(3, use_bias=False)(label))
    return randomise(keras.Model([codes, label], keras.layers.Activation("tanh")(hidden * scale)))


def round_the_layer():
    codes = keras.Input((LATENT,))
    hidden = keras.layers.Dense(4 * LATENT)(codes)
    both = keras.layers.Reshape((2, 2, LATENT))(hidden) + keras.layers.Reshape((1, 1, LATENT))(codes)
    return randomise(keras.Model(codes, keras.layers.Conv2D(3, 1, activation="tanh")(both)))


def round_the_layer_with_labels():
    """As in BigGAN: the code and the class drive later layers too."""
    codes, label = keras.Input((LATENT,), name="z"), keras.Input((5,), name="y")
    hidden = keras.layers.Reshape((4, 4, 3))(keras.layers.Dense(48)(codes))
    both = keras.layers.Concatenate()([codes, keras.layers.Dense(6, use_bias=False)(label)])
    scale = keras.layers.Reshape((1, 1, 3))(keras.layers.Dense(3, use_bias=False)(both))
    return randomise(keras.Model([codes, label], keras.layers.Activation("tanh")(hidden * (1 + scale))))


def from_one_pixel(maker=keras, bias=True):
    """As PyTorch's DCGAN: a transposed convolution of a 1x1 map is the dense layer."""
    layers = maker.layers
    first = layers.Conv2DTranspose(8, 4, use_bias=bias)
    last = layers.Conv2DTranspose(3, 3, strides=2, padding="same", activation="tanh")
    return model(layers.Reshape((1, 1, LATENT)), first, layers.BatchNormalization(), layers.ReLU(), last, maker=maker)


MODELS = {
    "batch-norm": sequential,
    "no-bias": lambda: model(keras.layers.Dense(32, use_bias=False), *images()),
    "fused-activation": lambda: model(keras.layers.Dense(32, "softplus"), *images()),
    "two-dense": lambda: model(keras.layers.Dense(10, "tanh"), keras.layers.Dense(32), *images()),
    "tf_keras": lambda: model(tf_keras.layers.Dense(32, "relu"), *images(tf_keras), maker=tf_keras),
    "code-is-an-image": lambda: model(keras.layers.Flatten(), keras.layers.Dense(32), *images(), shape=(1, 1, LATENT)),
    "nested": nested,
    "integer-labels": labelled,
    "one-hot-labels": lambda: labelled(one_hot=True),
    "labels-first": lambda: labelled(code_first=False),
    "labels-behind-the-layer": scaled_by_class,
    "round-the-layer": round_the_layer,
    "round-the-layer-with-labels": round_the_layer_with_labels,
    "from-one-pixel": from_one_pixel,
    "from-one-pixel-no-bias": lambda: from_one_pixel(bias=False),
    "from-one-pixel-tf_keras": lambda: from_one_pixel(tf_keras),
    "code-is-one-pixel": lambda: model(
        keras.layers.Conv2D(32, 1), keras.layers.Flatten(), *images(), shape=(1, 1, LATENT)
    ),
}
SHAPES = {  # of the values at the cut; of the others 32
    "two-dense": (10,),
    "labels-behind-the-layer": (48,),
    "round-the-layer": (4 * LATENT,),
    "round-the-layer-with-labels": (48,),
    "from-one-pixel": (4, 4, 8),
    "from-one-pixel-no-bias": (4, 4, 8),
    "from-one-pixel-tf_keras": (4, 4, 8),
    "code-is-one-pixel": (1, 1, 32),
}
