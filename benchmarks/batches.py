"""Does a row of a batch come out the same, to the bit, whatever the batch?

    python benchmarks/batches.py FILE [FILE ...]

For each generator file: images and gradients of the same codes are computed in batches of several sizes and held
against a batch of 64. The sizes at which every bit is the same are printed, for the image and for the gradient of
a squared error. Then one row is computed at every place of a batch of 16 among other neighbours each time.
`Inverter` relies on what this shows: it fills its rows up to whole blocks of 16.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
import tensorflow as tf

import tfinvert as ti

SIZES = (1, 2, 3, 4, 5, 8, 12, 16, 32, 48)


def main(files: list[str]) -> None:
    for file in files or [None]:
        generator = ti.load_generator(file)
        labels = 0 if generator.condition else None
        _, targets = generator.sample(64, seed=1, labels=labels)
        codes, _ = generator.sample(64, seed=2, labels=labels)

        @tf.function(reduce_retracing=True, autograph=False)
        def evaluate(codes, targets, generator=generator, conditional=generator.condition is not None):
            classes = tf.zeros(tf.shape(codes)[:1], tf.int32) if conditional else None
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(codes)
                images = generator(codes, classes)
                error = tf.reduce_sum(tf.reduce_mean(tf.square(images - targets), axis=[1, 2, 3]))
            return images, tape.gradient(error, codes)

        whole = evaluate(codes, targets)
        same: list[list[int]] = [[], []]
        for size in SIZES:
            part = evaluate(codes[3 : 3 + size], targets[3 : 3 + size])
            for kept, values, expected in zip(same, part, whole, strict=True):
                if np.array_equal(values, expected[3 : 3 + size]):
                    kept.append(size)
        places = set()
        for place in range(16):
            rows = [20 if i == place else (31 * place + 7 * i) % 64 for i in range(16)]
            part = evaluate(tf.gather(codes, rows), tf.gather(targets, rows))
            places.add(tuple(np.asarray(values[place]).tobytes() for values in part))
        print(f"{generator.name}: image {same[0]}, gradient {same[1]}; one row at 16 places: {len(places)} result(s)")


if __name__ == "__main__":
    main(sys.argv[1:])
