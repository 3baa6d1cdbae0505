"""The perceptual loss: how far two images are apart in the eyes of a network that was trained on photographs."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tfinvert.errors import BadInput, short
from tfinvert.losses.terms import Prior, Term
from tfinvert.objective import Objective
from tfinvert.remote import local, path_of


class _Network(NamedTuple):
    """One of `keras.applications`."""

    build: Callable[..., keras.Model]
    prepare: Callable[[tf.Tensor], tf.Tensor]  # of pixels from 0 to 255
    size: int  # what it was trained on
    least: int  # what its layers need


_APPLICATIONS = {
    "InceptionV3": _Network(keras.applications.InceptionV3, keras.applications.inception_v3.preprocess_input, 299, 75),
    "VGG16": _Network(keras.applications.VGG16, keras.applications.vgg16.preprocess_input, 224, 32),
    "VGG19": _Network(keras.applications.VGG19, keras.applications.vgg19.preprocess_input, 224, 32),
    "MobileNetV2": _Network(keras.applications.MobileNetV2, keras.applications.mobilenet_v2.preprocess_input, 224, 32),
}
NETWORKS = tuple(_APPLICATIONS)


@dataclasses.dataclass(frozen=True)
class Features(Term):
    """Mean squared difference of a network's features, one value per image.

    The default is that of Pividori et al. ("Exploiting GAN Internal Capacity for High-Quality Reconstruction of Natural
    Images", section 3.1): InceptionV3's `mixed8`, which others call Mixed_7a, 8 x 8 x 1280 values of an image of
    299 x 299. Images are resized (bilinear) and scaled here, and grey ones repeated to three channels. The targets'
    features are computed once.

    Args:
      layer: of the network, whose output is compared; None for a model's own output.
      network: "InceptionV3", "VGG16", "VGG19" or "MobileNetV2" from `keras.applications`; a `keras.Model`; any function
        of images [B, size, size, 3], such as a TF-Hub feature module; or the file of a Keras model.
      weights: of one of `keras.applications`: "imagenet" for those in Keras's cache, which downloads them once; or a
        file of them without the top.
      size: height and width that images are brought to; default: what the network was trained on. Half the size takes a
        quarter of the time; models whose layers are all convolutions and the like are made anew for another size.
      value_range: (low, high) that a model or function of yours takes pixels in; those of `keras.applications` know.
      places: whether features are compared place by place; else their means over all places are.

    Raises:
      BadInput: the network, its layer or its weights cannot be had, or the size is too small for it. An inverter of
        images of other than 1 or 3 channels, or of series, says so when it is made.
    """

    layer: str | None = "mixed8"
    network: Any = "InceptionV3"
    weights: str | Path = "imagenet"
    size: int | None = None
    value_range: Sequence[float] = (-1.0, 1.0)
    places: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.network, str) and self.network in _APPLICATIONS:
            least = _APPLICATIONS[self.network].least
            if self.size is not None and self.size < least:
                raise BadInput(f"size={self.size} for {self.network}", f"expected at least {least}")
        elif not callable(self.network) and not path_of(self.network).is_file():
            raise BadInput(
                f"perceptual network {self.network!r}", f"expected one of {', '.join(NETWORKS)}, or a model's file"
            )

    def averaged(self) -> Features:
        """The same, averaged over places: what is in an image, wherever it is."""
        return dataclasses.replace(self, places=False)

    def __getstate__(self) -> dict[str, Any]:
        """The arguments: for pickles, which cannot hold functions made of them."""
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}

    def prepare(self, targets: tf.Tensor) -> tf.Tensor:
        """The features [B, ...] of images [B, H, W, C] in [0, 1].

        Raises:
          BadInput: they have other than 1 or 3 channels, or are series.
        """
        shape = targets.shape[1:]
        if len(shape) != 3 or shape[-1] not in (1, 3):
            raise BadInput(
                f"a perceptual loss of {'images' if len(shape) == 3 else 'series'} {list(shape)}",
                "expected images of 1 or 3 channels, which its network takes: leave it out (--features, --score)",
            )
        function, prepare, size = self._prepared
        images = tf.cast(targets, tf.float32)
        if images.shape[-1] == 1:
            images = tf.repeat(images, 3, axis=-1)
        if list(images.shape[1:3]) != [size, size]:
            images = tf.image.resize(images, [size, size], antialias=False)
        features = function(prepare(images))
        if not self.places and len(features.shape) > 2:
            features = tf.reduce_mean(features, axis=list(range(1, len(features.shape) - 1)))
        return tf.cast(tf.reshape(features, [tf.shape(images)[0], features.shape[1:].num_elements()]), targets.dtype)

    def bind(self, targets: tf.Tensor, prior: Prior, prepared: Any = None) -> Objective:
        known = self.prepare(targets) if prepared is None else tf.cast(prepared, targets.dtype)

        def residuals(codes: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
            return (self.prepare(images) - known) * tf.math.rsqrt(tf.cast(known.shape[1], images.dtype))

        return Objective(lambda codes, images: tf.reduce_sum(tf.square(residuals(codes, images)), axis=1), residuals)

    @functools.cached_property
    def _prepared(self) -> tuple[Callable[[tf.Tensor], tf.Tensor], Callable[[tf.Tensor], tf.Tensor], int]:
        """The function of prepared images, what prepares images in [0, 1], and their size."""
        with tf.init_scope():  # a loss may first be looked at while a graph is traced
            known = _APPLICATIONS.get(self.network) if isinstance(self.network, str) else None
            if known is not None:
                model = self._cut(self._application(known))
                return _quiet(model), lambda images: known.prepare(255 * images), self.size or known.size
            model = self.network if callable(self.network) else read_network(path_of(self.network))
            low, high = self.value_range
            size = self.size or _own_size(model)
            scale = lambda images: low + (high - low) * images
            return _quiet(_at(self._cut(model), size) if isinstance(model, keras.Model) else model), scale, size

    def _application(self, known: _Network) -> keras.Model:
        size, weights = self.size or known.size, str(self.weights)
        file = str(local(path_of(weights)))  # a name such as "imagenet" stays as it is
        try:
            return known.build(include_top=False, weights=file, input_shape=(size, size, 3))
        except Exception as error:  # of the network, of the file, or of the cache
            what = "cannot be downloaded" if weights == "imagenet" else "cannot be read"
            raise BadInput(
                f"the weights {weights} of {self.network} {what} ({' '.join(str(error).split())[:160]})",
                "give a file of them (--features_weights, --score_weights), or that of a whole model as the network",
            ) from error

    def _cut(self, model: keras.Model) -> keras.Model:
        """The model up to the layer."""
        names = [layer.name for layer in model.layers]
        if self.layer is None or self.layer == names[-1]:
            return model
        if self.layer not in names:
            near = difflib.get_close_matches(self.layer, names, n=3, cutoff=0.4) or names[-3:]
            raise BadInput(f"layer {self.layer!r} of the perceptual network", f"near it are {', '.join(near)}")
        return keras.Model(model.inputs, model.get_layer(self.layer).output)


def _quiet(model: Any) -> Callable[[tf.Tensor], tf.Tensor]:
    return (lambda images: model(images, training=False)) if isinstance(model, keras.layers.Layer) else model


def read_network(path: Path, what: str = "perceptual network") -> keras.Model:
    """A Keras model of images from a file.

    Raises:
      BadInput: there is none; `what` says what it was to be.
    """
    if not path.is_file():
        raise BadInput(f"{what} {path}: no such file", "expected a whole Keras model")
    file = local(path)
    try:
        return keras.saving.load_model(file, compile=False)
    except Exception as error:
        raise BadInput(
            f"{what} {path.name} cannot be read ({' '.join(str(error).split())[:160]})", "expected a whole Keras model"
        ) from error


def _at(model: keras.Model, size: int) -> keras.Model:
    """The model for images of this size, with the same weights.

    Raises:
      BadInput: one of its layers needs the size that it was made for.
    """
    _, *shape = getattr(model, "input_shape", None) or (None, size, size, 3)
    if len(shape) != 3 or shape[0] in (None, size):
        return model
    try:
        made = keras.models.clone_model(model, input_tensors=keras.Input((size, size, shape[-1])))
        made.set_weights(model.get_weights())
    except (ValueError, TypeError, RuntimeError) as error:
        raise BadInput(
            f"a perceptual network of images of {shape[0]} at size={size} ({short(error)})",
            f"leave the size out, or say one that its layers can take, such as {shape[0]}",
        ) from error
    return made


def _own_size(model: Any) -> int:
    """The size of the images that a model takes, if it says one."""
    shape = getattr(model, "input_shape", None)
    if isinstance(shape, tuple) and len(shape) == 4 and shape[1] is not None and shape[1] == shape[2]:
        return int(shape[1])
    raise BadInput("a perceptual network that does not say how large its images are", "give size=, such as 299")
