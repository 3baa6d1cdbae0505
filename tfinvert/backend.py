"""Keras must run on TensorFlow: everything here is TensorFlow's."""

import keras

if keras.backend.backend() != "tensorflow":
    raise ImportError(
        f"Keras runs on {keras.backend.backend()} here: expected TensorFlow; set KERAS_BACKEND=tensorflow "
        "before Keras is imported"
    )
