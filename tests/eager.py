"""Functions run without graphs, which take longer to build than a few steps to run."""

import contextlib

import tensorflow as tf


@contextlib.contextmanager
def eager():
    tf.config.run_functions_eagerly(True)
    try:
        yield
    finally:
        tf.config.run_functions_eagerly(False)
