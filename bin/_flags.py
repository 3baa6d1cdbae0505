"""Flags that several scripts have: which generator, and how images are inverted.

Literals, not the package's names: importing those takes seconds, and a wrong flag should be told at once.
"""

import dataclasses
from typing import Any

from absl import flags

import _start

_NUMBERS = (("value_range", float), ("array_range", float), ("image_shape", int), ("class_entries", int))


def define_limits() -> None:
    """What the file of a stranger may take: `tfinvert.limits.Limits`."""
    flags.DEFINE_float("max_megapixels", 64.0, "Of a picture, in millions of pixels; one with more is refused.")
    flags.DEFINE_float(
        "max_gigabytes",
        4.0,
        "Of memory that loading a generator may take, and that an array or an archive's member may unfold to.",
    )
    flags.DEFINE_float("max_seconds", 45.0, "That loading a generator, or reading one picture, may take.")


def define_run(generator: bool = True) -> None:
    """The flags by which a finished run is opened, with its generator or without."""
    flags.DEFINE_string("run", None, "Folder of a run that bin/invert.py has written.")
    define_limits()
    if generator:
        flags.DEFINE_string("generator", None, "Where the run's generator is now; default: where it was.")
        flags.DEFINE_bool("allow_unsafe", False, "Let the generator run code of its own. Only if you trust its author.")


def open_run():
    """The `FinishedRun` of the flags.

    Raises:
      BadInput: there is none.
    """
    from tfinvert.errors import BadInput
    from tfinvert.runs import open_run

    values = flags.FLAGS
    if values.run is None:
        raise BadInput("no --run", "give the folder of one that bin/invert.py has finished (--run=FOLDER)")
    said = {name: values[name].value for name in ("generator", "allow_unsafe") if name in values}
    return open_run(values.run, **said, limits=limits())


def limits():
    """The `Limits` of the flags.

    Raises:
      BadInput: one of them is no number above 0.
    """
    from tfinvert.limits import Limits

    return Limits(flags.FLAGS.max_megapixels, flags.FLAGS.max_gigabytes, flags.FLAGS.max_seconds)


def define_generator() -> None:
    """The flags of `load_generator`."""
    define_limits()
    flags.DEFINE_string(
        "generator",
        None,
        "A .keras or HDF5 file, a SavedModel or TF-Hub folder, a TF-Hub handle; default: the built-in glyph generator.",
    )
    flags.DEFINE_string("prior", None, "normal, normal(stddev=0.5), uniform, uniform(low=0, high=1).")
    flags.DEFINE_list("value_range", None, "What black and white are to the generator, such as -1,1 or 0,1.")
    flags.DEFINE_list("image_shape", None, "H,W,C of a generator whose output is flat.")
    flags.DEFINE_string("label_input", None, "Which of the generator's two inputs takes the class.")
    flags.DEFINE_integer("classes", None, "How many classes there are, where the generator's file does not say.")
    flags.DEFINE_list("class_entries", None, "FIRST,END of the code's entries that are a one-hot class, such as 32,42.")
    flags.DEFINE_string("signature", None, "Which of a SavedModel's signatures generates.")
    flags.DEFINE_float("truncation", None, "Of TF-Hub modules that take one, above 0 to 1; default 1.")
    flags.DEFINE_bool("allow_unsafe", False, "Load files that run code of their own. Only if you trust their author.")


def define_inversion() -> None:
    """The flags of a `Job` besides."""
    flags.DEFINE_string(
        "images", None, "Folder, glob, file, .npy, .npz[:key], idx(.gz), .zip[:folder] or tfds:NAME[:split]."
    )
    flags.DEFINE_integer("limit", None, "Only the first so many images.")
    flags.DEFINE_bool("shuffle", False, "In an order drawn by --seed, so that --limit takes some from everywhere.")
    flags.DEFINE_string("labels", None, "A class for all images, a file with one each, search, or embedding.")
    flags.DEFINE_enum("fit", "crop", ["crop", "pad", "stretch"], "What is done to images of other proportions.")
    flags.DEFINE_list("array_range", None, "Scale of arrays' values, where their type does not say it, such as -1,1.")
    flags.DEFINE_enum("loss", "mse", ["mse", "l1", "huber", "bce"], "Pixel loss, on the [0, 1] scale.")
    flags.DEFINE_float(
        "prior_weight", 0.0, "Weight of -log P(z) / d beside the pixel loss, constants left out.", lower_bound=0
    )
    flags.DEFINE_enum("solver", "adam", ["adam", "rmsprop", "gd"], "How codes are moved.")
    flags.DEFINE_float("learning_rate", None, "Default: 0.1 for adam, 0.01 for rmsprop, 1 for gd.")
    flags.DEFINE_enum(
        "schedule", "cosine", ["cosine", "constant", "exponential", "halving", "drop"], "How the rate falls."
    )
    flags.DEFINE_integer("steps", 500, "Steps at most.")
    flags.DEFINE_integer("restarts", 4, "Starts per image; the best is kept.")
    flags.DEFINE_float("spread", 0.3, "How far from the prior's centre starts are drawn; 1 is the prior itself.")
    flags.DEFINE_float("tolerance", 1e-10, "An image whose loss is at most this is done.")
    flags.DEFINE_integer("patience", 0, "An image that gained less than 1% over so many steps is done; 0 never.")
    flags.DEFINE_string(
        "features", None, "Layer of a perceptual loss beside the pixels', such as mixed8; default: none."
    )
    flags.DEFINE_string("features_network", "InceptionV3", "InceptionV3, VGG16, VGG19, MobileNetV2 or a Keras file.")
    flags.DEFINE_string("features_weights", "imagenet", "Those in Keras's cache, or a file of them without the top.")
    flags.DEFINE_float("features_weight", 1.0, "Weight of the perceptual loss.", lower_bound=0)
    flags.DEFINE_string("split", None, "A second step behind this layer, such as first_dense; default: none.")
    flags.DEFINE_float("sparsity", None, "Weight of mean(|delta|) behind the split; default: by the layer's values.")
    flags.DEFINE_integer("beyond_steps", 1000, "Steps of the second step at most.")
    flags.DEFINE_float("beyond_learning_rate", None, "Of the second step; default: by the layer's values.")
    flags.DEFINE_enum("preset", None, ["pividori2019", "creswell2018"], "A paper's settings; other flags go before it.")
    flags.DEFINE_integer("batch_size", 16, "Images at once.")
    flags.DEFINE_integer("seed", 0, "Fixes all that is drawn.", lower_bound=0, upper_bound=2**32 - 1)


def load_generator():
    """The generator of the flags.

    Raises:
      BadInput: as of `tfinvert.load_generator`.
    """
    from tfinvert import load_generator

    names = ("image_shape", "label_input", "classes", "class_entries", "signature", "truncation", "allow_unsafe")
    values = _parsed({name: flags.FLAGS[name].value for name in ("generator", "prior", "value_range", *names)})
    return load_generator(values.pop("generator"), **values, limits=limits())


def job():
    """The `Job` of the flags, with those of a preset where there is one.

    Raises:
      BadInput: a flag is no list of numbers.
    """
    from tfinvert.runs import PRESETS, Job

    values = {field.name: flags.FLAGS[field.name].value for field in dataclasses.fields(Job)}
    for name, value in PRESETS.get(flags.FLAGS.preset, {}).items():
        if not flags.FLAGS[name].present:
            values[name] = value
    return Job(**_parsed(values))


def _parsed(values: dict[str, Any]) -> dict[str, Any]:
    """The same, with lists of numbers for the texts of some."""
    for name, kind in _NUMBERS:
        if values.get(name) is not None:
            values[name] = _start.numbers(name, values[name], kind)
    return values
