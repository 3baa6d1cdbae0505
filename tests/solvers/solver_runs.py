"""How the tests run solvers: to the end in the loop, or step by step by hand."""

import functools

import tensorflow as tf

from tfinvert.solvers import loop


def free(codes, count):
    """No constraint."""
    return codes


def minimiser(solver, objective, *, tolerance=0.0, patience=0, constrain=free, compiled=True):
    """A function (codes [N, *shape], steps) -> `Progress` at the end; built once, whatever N and the steps."""
    stopping = loop.Stopping(tolerance, patience)

    def whole(codes, steps):
        progress = loop.start(solver, objective, codes, tf.zeros(tf.shape(codes)[:1], tf.int32))
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
    take = functools.partial(solver.step, objective)
    take = tf.function(take, autograph=False) if compiled else take
    codes = tf.constant(start)
    memory, running = solver.init(codes, objective), tf.fill([len(start)], True)
    for count in range(steps):
        step = take(codes, memory, tf.constant(count), running)
        yield codes, step
        codes, memory = constrain(step.codes, tf.constant(count)), step.memory


def slope(objective, codes):
    """The objective's gradient [N, *shape] at codes [N, *shape]."""
    with tf.GradientTape() as tape:
        tape.watch(codes)
        value = objective(codes)
    return tape.gradient(value, codes)
