"""Scripts share names of flags, and tests a process: each script's flags are there for its own tests only."""

import contextlib
import importlib
import sys

import keras
import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import tfinvert as ti


@contextlib.contextmanager
def _loaded(name):
    before = set(flags.FLAGS)
    try:
        module = importlib.import_module(f"tfinvert.cli.{name}")
        if not flags.FLAGS.is_parsed():
            flags.FLAGS([name])
        yield module
    finally:
        sys.modules.pop(f"tfinvert.cli.{name}", None)
        for flag in set(flags.FLAGS) - before:
            delattr(flags.FLAGS, flag)


@pytest.fixture(scope="module")
def load_script():
    """load_script("invert") imports `tfinvert invert` for the tests of one file."""
    with contextlib.ExitStack() as stack:
        yield lambda name: stack.enter_context(_loaded(name))


@pytest.fixture(scope="session")
def loaded():
    """`with loaded("invert") as script` is the same for as long, for tests of several commands."""
    return _loaded


@pytest.fixture
def called(tmp_path, caplog):
    """called(script, steps=3) runs its `main` with the flags that it is given, and with these where they say nothing.

    It gives the exit code and what was logged.
    """

    def of(script, **usual):
        def call(**values):
            caplog.clear()
            with flagsaver.flagsaver(**{"out": str(tmp_path / "out"), **usual, **values}):
                code = script.main([script.__name__])
            return code, "\n".join(caplog.messages)

        return call

    return of


@pytest.fixture(scope="module")
def invert_script(load_script):
    return load_script("invert")


@pytest.fixture
def invert(invert_script, called):
    """`tfinvert invert` with few steps."""
    return called(invert_script, steps=3, restarts=1)


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """The files of three generators, each of another size, and images."""
    folder = tmp_path_factory.mktemp("generators")
    kinds = {"few": (2, 8, 8, 1), "many": (12, 8, 8, 1), "large": (4, 12, 12, 3), "wide": (4, 6, 12, 1)}
    for name, (latent, *shape) in {**kinds, "constant": (3, 8, 8, 1), "classes": (4, 8, 8, 1)}.items():
        keras.utils.set_random_seed(latent)
        given = code = keras.Input((latent,))
        if name == "constant":
            code = keras.layers.Rescaling(0.0)(code)
        if name == "classes":
            label = keras.Input((1,), dtype="int32")
            code = keras.layers.Add()([code, keras.layers.Reshape((4,))(keras.layers.Embedding(3, 4)(label))])
            given = [given, label]
        image = keras.layers.Dense(int(np.prod(shape)), activation="tanh")(code)
        keras.Model(given, keras.layers.Reshape(shape)(image)).save(folder / f"{name}.keras")
    many = ti.load_generator(folder / "many.keras", prior=ti.normal(), value_range=(-1, 1))
    np.save(folder / "images.npy", np.asarray(many.to_unit(many.sample(14, seed=3)[1])))
    return folder
