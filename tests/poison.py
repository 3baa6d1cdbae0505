"""Has images do to their worker what their names or numbers say; for `tfinvert invert --import=poison`.

Stands for what a library below does with a file made to break it.
"""

import os
import signal
import time

import keras

from tfinvert.images.reader import Reader

CRASHING, HANGING, EATING = "17", "40", "63"
_read = Reader.unit


@keras.saving.register_keras_serializable("poison")
class Nothing(keras.layers.Layer):
    """What a module that is imported must register."""


def unit(reader, entry):
    if entry.id == CRASHING:
        os.kill(os.getpid(), signal.SIGSEGV)
    if entry.id == HANGING:
        time.sleep(3600)
    if entry.id == EATING:
        held = []
        while True:
            held.append(os.urandom(10**8))
    return _read(reader, entry)


Reader.unit = unit
