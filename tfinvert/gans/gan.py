"""Adversarial training as a `keras.Model`: `compile`, `fit` and Keras's callbacks work on it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from tfinvert.gans.fused import fused
from tfinvert.gans.objectives import Objective, Standard
from tfinvert.gans.views import View

Feed = Callable[[Any, Any], Any]  # codes [B, d] and labels [B, 1] -> what a generator takes


class GAN(keras.Model):
    """A generator and a discriminator that play for an objective, and an averaged generator.

    `fit` takes images [B, H, W, C], and (images, labels [B]) where the networks take a class. Codes and all else that
    is random depend on the seed and on the number of the step, so that a run which is taken up again goes on alike.

    Args:
      generator: [B, d] -> images [B, H, W, C]; or ([B, d], labels [B, 1]), or what `feed` makes of them.
      discriminator: images [B, H, W, C] -> logits [B, 1]; or (images, labels [B, 1]).
      latent: d, entries of a code.
      draw: (shape, seed) -> codes from the prior; default the standard normal.
      objective: what they play for.
      views: what the discriminator sees in place of images, one after the other; default the images themselves.
      decay: of the averaged generator's weights, `averaged`, per step of the generator; less in the first steps. It
        computes in the precision of its weights, whatever is trained in: inversion needs that.
      seed: fixes what is drawn.
      feed: what a generator that takes classes is given, of codes and labels [B, 1]; default: a list of both.
    """

    def __init__(
        self,
        generator: keras.Model,
        discriminator: keras.Model,
        latent: int,
        draw: Callable = tf.random.stateless_normal,
        objective: Objective | None = None,
        views: Sequence[View] = (),
        decay: float = 0.999,
        seed: int = 0,
        feed: Feed | None = None,
    ) -> None:
        super().__init__()
        self.generator, self.discriminator = fused(generator), fused(discriminator)
        self.averaged = keras.models.clone_model(generator, clone_function=_whole)
        self.averaged.set_weights(generator.get_weights())
        self.draw, self.views = draw, tuple(views)
        self.feed = (lambda codes, labels: [codes, labels]) if feed is None else feed
        self.objective = Standard() if objective is None else objective
        self.latent, self.decay, self.seed = latent, decay, seed
        self._means = [keras.metrics.Mean(name) for name in ("generator", "discriminator")]
        self.count = self.add_weight(shape=(), dtype="int64", trainable=False, name="count")
        self.built = True  # its parts are: callbacks that save weights ask

    def compile(self, generator_optimizer: Any, discriminator_optimizer: Any) -> None:
        """Takes one Keras optimizer for each player; in float16 their losses are scaled."""
        super().compile(optimizer=None)
        if self.dtype_policy.name == "mixed_float16":
            generator_optimizer, discriminator_optimizer = map(
                keras.optimizers.LossScaleOptimizer, (generator_optimizer, discriminator_optimizer)
            )
        self.generator_optimizer, self.discriminator_optimizer = generator_optimizer, discriminator_optimizer
        generator_optimizer.build(self.generator.trainable_variables)
        discriminator_optimizer.build(self.discriminator.trainable_variables)

    def call(self, codes: Any, training: bool = False) -> tf.Tensor:
        """Images of the averaged generator, [B, H, W, C], of codes, or of (codes, labels [B, 1])."""
        given = self.feed(*codes) if isinstance(codes, (list, tuple)) else codes
        return self.averaged(given, training=training)

    @property
    def metrics(self) -> list[Any]:
        """The means of the losses over an epoch so far."""
        return self._means

    def train_step(self, data: Any) -> dict[str, tf.Tensor]:
        """One step of the discriminator, and one of the generator where it is its turn; returns the mean losses."""
        images, labels = data if isinstance(data, tuple) else (data, None)
        beside = () if labels is None else (tf.reshape(labels, [-1, 1]),)
        stream = tf.stack([tf.constant(self.seed, tf.int64), tf.cast(self.count, tf.int64)])
        codes = self.draw([2, tf.shape(images)[0], self.latent], stream)
        d_loss = self._judge(tf.cast(images, tf.float32), codes[0], beside, stream)
        turn = tf.cast(self.count, tf.int64) % self.objective.every == self.objective.every - 1
        g_loss = tf.cond(turn, lambda: self._make(codes[1], beside, stream), lambda: tf.constant(0.0))
        self.count.assign_add(1)
        for mean, loss, weight in zip(self._means, (g_loss, d_loss), (turn, True), strict=True):
            mean.update_state(loss, sample_weight=tf.cast(weight, tf.float32))
        return {mean.name: mean.result() for mean in self._means}

    def _judge(self, images: tf.Tensor, codes: tf.Tensor, beside: tuple, stream: tf.Tensor) -> tf.Tensor:
        """The discriminator's step."""
        made = tf.stop_gradient(self._made(codes, beside))
        real, fake = self._seen(images, stream, 4), self._seen(made, stream, 5)
        logits = lambda seen: self._logits(seen, beside)
        with tf.GradientTape() as tape:
            loss = self.objective.discriminator(logits(real), logits(fake), stream)
            slopes = self.objective.penalty(logits, real, fake, tf.cast(self.count, tf.int64), stream)
            total = self.discriminator_optimizer.scale_loss(loss + slopes)
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(total, variables), variables)
        self.objective.restrain(self.discriminator)
        return loss

    def _make(self, codes: tf.Tensor, beside: tuple, stream: tf.Tensor) -> tf.Tensor:
        """The generator's step."""
        with tf.GradientTape() as tape:
            loss = self.objective.generator(self._logits(self._seen(self._made(codes, beside), stream, 6), beside))
            total = self.generator_optimizer.scale_loss(loss)
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(total, variables), variables)
        steps = tf.cast(tf.cast(self.count, tf.int64) // self.objective.every, tf.float32)
        decay = tf.minimum(self.decay, (1 + steps) / (10 + steps))  # so that the first weights are soon forgotten
        for mean, new in zip(self.averaged.variables, self.generator.variables, strict=True):
            if "float" in str(mean.dtype):
                mean.assign(tf.cast(decay, mean.dtype) * mean + tf.cast(1 - decay, mean.dtype) * new)
        return loss

    def _made(self, codes: tf.Tensor, beside: tuple) -> tf.Tensor:
        return tf.cast(self.generator(self.feed(codes, *beside) if beside else codes, training=True), tf.float32)

    def _seen(self, images: tf.Tensor, stream: tf.Tensor, number: int) -> tf.Tensor:
        for view in self.views:
            images = view(images, tf.cast(self.count, tf.int64), stream, number)
        return images

    def _logits(self, images: tf.Tensor, beside: tuple) -> tf.Tensor:
        return tf.cast(self.discriminator([images, *beside] if beside else images, training=True), tf.float32)


def _whole(part: Any) -> Any:
    """A twin of a layer that computes in the precision of its weights, or of one of Keras's operations as it is."""
    own = {"dtype": part.variable_dtype} if isinstance(part, keras.layers.Layer) else {}
    return type(part).from_config({**part.get_config(), **own})
