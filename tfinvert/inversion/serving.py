"""An inverter as a `tf.Module`, which `tf.saved_model.save` writes for TensorFlow Serving and other programs."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import python_in
from tfinvert.inversion.inverter import Inverter
from tfinvert.inversion.two_step import TwoStep


class Served(tf.Module):
    """See `servable`."""

    def __init__(self, function: tf.types.experimental.ConcreteFunction) -> None:
        super().__init__()
        self.invert = function
        self.parameters = list(function.graph.variables)  # else they would not be saved

    def __call__(self, **given: Any) -> dict[str, tf.Tensor]:
        """What the inverter finds, by the names of its fields."""
        return self.invert(**given)


def servable(inverter: Inverter | TwoStep) -> Served:
    """An inverter as a module: `tf.saved_model.save(servable(inverter), "folder")`.

    Its one signature takes `images` [B, H, W, C] in the generator's value range, `ids` (strings [B], which seed the
    images' starts), `labels` int32 [B] for a class-conditional generator, and what else it takes, by name. It gives the
    fields of `Inversion` or `TwoStepInversion` by their names. It can be loaded where tfinvert is not installed.

    Raises:
      BadInput: the generator calls Python, which no file can hold, or this is no inverter.

    >>> from tfinvert import Adam, load_generator
    >>> served = servable(Inverter(load_generator(), solver=Adam(steps=1)))
    >>> found = served(images=tf.zeros([2, 32, 32, 1]), ids=tf.constant(["one", "other"]))
    >>> found["codes"].shape
    TensorShape([2, 64])
    """
    if not isinstance(inverter, (Inverter, TwoStep)):
        raise BadInput(f"servable({type(inverter).__name__})", "expected an Inverter or a TwoStep")
    generator = inverter.generator
    specs = {
        "images": tf.TensorSpec([None, *generator.image_shape], tf.float32, "images"),
        "ids": tf.TensorSpec([None], tf.string, "ids"),
        **({} if generator.condition is None else {"labels": tf.TensorSpec([None], tf.int32, "labels")}),
        **{name: tf.TensorSpec([None, *shape], tf.float32, name) for name, shape in generator.holds.items()},
    }

    def invert(images: tf.Tensor, ids: tf.Tensor, labels: Any = None, **held: tf.Tensor) -> dict[str, tf.Tensor]:
        return inverter(images, ids, labels, held=held)._asdict()

    function = tf.function(invert, autograph=False).get_concrete_function(**specs)
    if python_in(function.graph.as_graph_def()):
        raise BadInput(f"{generator.name} cannot be saved", "it calls Python: use TensorFlow operations throughout")
    return Served(function)
