"""Adversarial training as a `keras.Model`: `compile`, `fit` and Keras's callbacks work on it."""

from __future__ import annotations

from collections.abc import Callable

import keras
import tensorflow as tf


class GAN(keras.Model):
    """The non-saturating GAN with the R1 penalty and an averaged generator.

    Loss of the generator: mean softplus(-D(G(z))). Loss of the discriminator:
    mean softplus(D(G(z))) + mean softplus(-D(x)) + gamma / 2 * mean ||grad_x D(x)||^2
    (Goodfellow et al. 2014, arXiv:1406.2661; Mescheder et al. 2018, arXiv:1801.04406, eq. 9). The penalty is
    taken every `every` steps and weighted by `every`, which changes its cost and not its size.

    Args:
      generator: [B, d] -> images [B, H, W, C].
      discriminator: images [B, H, W, C] -> logits [B, 1].
      latent: d, entries of a code.
      draw: (shape, seed) -> codes from the prior; default the standard normal.
      gamma: weight of the penalty.
      every: steps between two penalties.
      decay: of the averaged generator's weights, `averaged`, per step.
      seed: fixes the codes that are drawn.
    """

    def __init__(
        self, generator: keras.Model, discriminator: keras.Model, latent: int,
        draw: Callable = tf.random.stateless_normal,
        gamma: float = 1.0, every: int = 8, decay: float = 0.999, seed: int = 0,
    ) -> None:  # fmt: skip
        super().__init__()
        self.generator, self.discriminator = generator, discriminator
        self.averaged = keras.models.clone_model(generator)
        self.averaged.set_weights(generator.get_weights())
        self.averaged.trainable = False
        self.draw = draw
        self.latent, self.gamma, self.every, self.decay, self.seed = latent, gamma, every, decay, seed
        self.count = tf.Variable(0, dtype=tf.int64, trainable=False)

    def compile(self, generator_optimizer, discriminator_optimizer) -> None:
        """Takes one Keras optimizer for each player."""
        super().compile()
        self.generator_optimizer = generator_optimizer
        self.discriminator_optimizer = discriminator_optimizer

    def call(self, codes, training: bool = False):
        """Images of the averaged generator, [B, H, W, C]."""
        return self.averaged(codes, training=training)

    def _penalty(self, images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = self.discriminator(images, training=True)
        gradient = tape.gradient(logits, images)
        return tf.reduce_mean(tf.reduce_sum(tf.square(gradient), axis=[1, 2, 3]))

    def train_step(self, images):
        """One step of each player on `images` [B, H, W, C]; returns the losses."""
        stream = tf.stack([tf.constant(self.seed, tf.int64), self.count])
        codes = self.draw([2, tf.shape(images)[0], self.latent], stream)

        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(codes[0], training=True), training=True)
            real = self.discriminator(images, training=True)
            d_loss = tf.reduce_mean(tf.nn.softplus(fake)) + tf.reduce_mean(tf.nn.softplus(-real))
            penalty = tf.cond(self.count % self.every == 0, lambda: self._penalty(images), lambda: tf.constant(0.0))
            total = d_loss + 0.5 * self.gamma * self.every * penalty
        variables = self.discriminator.trainable_variables
        self.discriminator_optimizer.apply(tape.gradient(total, variables), variables)

        with tf.GradientTape() as tape:
            fake = self.discriminator(self.generator(codes[1], training=True), training=True)
            g_loss = tf.reduce_mean(tf.nn.softplus(-fake))
        variables = self.generator.trainable_variables
        self.generator_optimizer.apply(tape.gradient(g_loss, variables), variables)

        for mean, new in zip(self.averaged.variables, self.generator.variables, strict=True):
            if "float" in str(mean.dtype):
                mean.assign(self.decay * mean + (1 - self.decay) * new)
        self.count.assign_add(1)
        return {"generator": g_loss, "discriminator": d_loss}
