"""A piece of a generator as a Keras layer, which can stand in other models and is saved with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.frozen import part
from tfinvert.generators.graphs import make_placeholder
from tfinvert.generators.saved_safety import refuse_graph

_FILE = "graph.pb"
_LARGE = 2**14  # entries from which on a constant is held once, and not in every graph that the layer goes into


@keras.saving.register_keras_serializable("tfinvert")
class Piece(keras.layers.Layer):
    """A frozen piece of a generator's graph. It has no weights to train; gradients go through it.

    Called with the tensors that go in, in their order: one, or a list of several. Made by `Generator.split`.

    Args:
      inputs: names of the placeholders.
      output: name of the tensor that comes out.
      output_shape: its shape without the batch.
      definition: GraphDef; None for a layer that is read from a file, which brings it along.
    """

    def __init__(
        self, inputs: Sequence[str], output: str, output_shape: Sequence[int], definition: Any = None, **more: Any
    ) -> None:
        super().__init__(trainable=False, autocast=False, **{k: v for k, v in more.items() if k != "trainable"})
        self.names, self.output_name, self.given_shape = list(inputs), output, tuple(output_shape)
        self._definition = definition
        self._function: Callable[..., tf.Tensor] | None = None
        self.built = True

    def call(self, inputs: Any) -> tf.Tensor:
        values = list(inputs) if isinstance(inputs, (list, tuple)) else [inputs]
        if len(values) != len(self.names):
            raise BadInput(f"{len(values)} inputs for {self.name}", f"expected {len(self.names)}: {self.names}")
        if self._function is None:
            with tf.init_scope():  # not inside the graph that is being traced
                self._function = self._prepared()
        return tf.reshape(self._function(*values), [-1, *self.given_shape])

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        first = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        return keras.KerasTensor((first.shape[0], *self.given_shape), "float32")

    def get_config(self) -> dict[str, Any]:
        own = {"inputs": self.names, "output": self.output_name, "output_shape": list(self.given_shape)}
        return {**super().get_config(), **own}

    def save_assets(self, folder: str) -> None:
        Path(folder, _FILE).write_bytes(self._known().SerializeToString())

    def load_assets(self, folder: str) -> None:
        definition = tf.compat.v1.GraphDef.FromString(Path(folder, _FILE).read_bytes())
        refuse_graph(definition, self.name)
        self._definition, self._function = definition, None

    def _known(self) -> Any:
        if self._definition is None:
            raise BadInput(f"{self.name} has no graph", "expected one from Generator.split, or a whole saved model")
        return self._definition

    def _prepared(self) -> Callable[..., tf.Tensor]:
        definition, weights = tf.compat.v1.GraphDef(), {}
        definition.CopyFrom(self._known())
        for node in definition.node:
            if node.op == "Const":
                value = node.attr["value"].tensor
                if tf.TensorShape(value.tensor_shape).num_elements() >= _LARGE:
                    weights[f"{node.name}:0"] = tf.constant(tf.make_ndarray(value))
                    make_placeholder(node, value.dtype)
        return part(definition, self.names, self.output_name, weights)
