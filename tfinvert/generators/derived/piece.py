"""A piece of a generator as a Keras layer, which can stand in other models and is saved with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tfinvert.errors import BadInput
from tfinvert.generators.graphs.definition import by_name, node_of, only, reaches, upstream
from tfinvert.generators.graphs.frozen import part, without_weights
from tfinvert.generators.safety.graphs import computing_graph

_FILE = "graph.pb"


@keras.saving.register_keras_serializable("tfinvert")
class Piece(keras.layers.Layer):
    """A frozen piece of a generator's graph. It has no weights to train; gradients go through it.

    Called with the tensors that go in, in their order: one, or a list of several. Made by `tfinvert.split`.

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

    def uses(self, name: str, but: str | None = None) -> bool:
        """Whether its values depend on this one of its inputs, and that not only through another tensor."""
        return reaches(self._known(), name, self.output_name, but)

    def ending_at(self, output: str, output_shape: Sequence[int]) -> Piece | None:
        """The piece with these inputs that gives another tensor; None where the first of them does not lead to it."""
        nodes = by_name(self._known())
        if node_of(output) not in nodes or node_of(self.names[0]) not in upstream(nodes, [output]):
            return None
        definition = only(self._known(), upstream(nodes, [output, *self.names]))
        return Piece(self.names, output, output_shape, definition, name=self.name)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        first = inputs[0] if isinstance(inputs, (list, tuple)) else inputs
        return keras.KerasTensor((first.shape[0], *self.given_shape), "float32")

    def get_config(self) -> dict[str, Any]:
        own = {"inputs": self.names, "output": self.output_name, "output_shape": list(self.given_shape)}
        return {**super().get_config(), **own}

    def save_assets(self, folder: str) -> None:
        Path(folder, _FILE).write_bytes(self._known().SerializeToString())

    def load_assets(self, folder: str) -> None:
        self._definition, self._function = computing_graph(Path(folder, _FILE).read_bytes(), self.name), None

    def _known(self) -> Any:
        if self._definition is None:
            raise BadInput(f"{self.name} has no graph", "expected one from tfinvert.split, or a whole saved model")
        return self._definition

    def _prepared(self) -> Callable[..., tf.Tensor]:
        definition, weights = without_weights(self._known())
        return part(definition, self.names, self.output_name, weights)
