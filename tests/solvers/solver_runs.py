"""How the tests run solvers: to the end in the loop, or step by step by hand."""

import functools

import tensorflow as tf

from tfinvert.settings import Stopping
from tfinvert.solvers import loop
from tfinvert.solvers.solver import Turn


def free(codes, count):
    """No constraint."""
    return codes


def seeds_of(codes):
    """Seeds of rows: the same for the same first codes, wherever they stand."""
    return tf.bitcast(tf.cast(tf.reshape(codes, [tf.shape(codes)[0], -1])[:, :2], tf.float64), tf.int64)


def minimiser(solver, objective, *, tolerance=0.0, patience=0, constrain=free, compiled=True):
    """A function (codes [N, *shape], steps) -> `Progress` at the end; built once, whatever N and the steps."""
    stopping = Stopping(tolerance, patience)

    def whole(codes, steps):
        none = tf.zeros(tf.shape(codes)[:1], tf.int32)
        progress = loop.start(solver, objective, codes, none, seeds_of(codes))
        progress = loop.advance(solver, objective, constrain, stopping, progress, steps)
        return loop.finish(objective, stopping, progress)

    @functools.cache
    def built(shape, dtype):
        signature = [tf.TensorSpec([None, *shape], dtype), tf.TensorSpec([], tf.int32)]
        return tf.function(whole, signature, autograph=False) if compiled else whole

    def run(start, steps=solver.steps):
        codes = tf.constant(start)
        return built(tuple(codes.shape[1:]), codes.dtype)(codes, tf.constant(steps))

    return run


def minimise(solver, objective, start, **settings):
    """The `Progress` of rows that started at codes [N, *shape], at the end of all steps."""
    return minimiser(solver, objective, **settings)(start)


def walk(solver, objective, start, steps, *, constrain=free, compiled=False):
    """Yields each step's codes [N, *shape], those before it, and its `Step`."""

    def take(codes, memory, count):
        turn = Turn(count, tf.fill([len(start)], True), lambda codes: constrain(codes, count), count)
        return solver.step(objective, codes, memory, turn)

    take = tf.function(take, autograph=False) if compiled else take
    codes = tf.constant(start)
    memory = solver.init(codes, objective, seeds_of(codes))
    for count in range(steps):
        step = take(codes, memory, tf.constant(count))
        yield codes, step
        codes, memory = constrain(step.codes, tf.constant(count)), step.memory
