"""Jobs of tests: settings named as flags are."""

import math

import keras

from tfinvert.runs import run_job
from tfinvert.settings import Job


def job_of(out, generator=None, images=None, **flags):
    return Job.of(out=str(out), generator=generator, images=images, **flags)


def do(*where, **flags):
    """Does a job: (how it ended, its store, its images)."""
    return run_job(job_of(*where, **flags), show=False)


def small_model(path, code, shape, activation):
    """The file of a generator of one dense layer."""
    keras.utils.set_random_seed(0)
    entries = math.prod(shape)
    layers = [keras.layers.Input((code,)), keras.layers.Dense(entries, activation), keras.layers.Reshape(shape)]
    keras.Sequential(layers).save(path)
    return path
