"""Finds the codes of images in a generator's latent space.

    python bin/invert.py --generator=dcgan.keras --images='photos/*.png' --out=runs/photos

Without flags it inverts the built-in glyphs with the built-in generator. The same command again goes on where it
stopped. Exit code: 0 all good, 1 nothing could be done, 3 some images failed, 130 stopped by Ctrl-C.
"""

import dataclasses

from absl import app, flags, logging

import _start

# Literals, not the package's names: importing those takes seconds, and a wrong flag should be told at once.
flags.DEFINE_string(
    "generator",
    None,
    "A .keras or HDF5 file, a SavedModel or TF-Hub folder, a TF-Hub handle; default: the built-in glyph generator.",
)
flags.DEFINE_string(
    "images", None, "Folder, glob, file, .npy, .npz[:key], idx(.gz), .zip[:folder] or tfds:NAME[:split]."
)
flags.DEFINE_integer("limit", None, "Only the first so many images.")
flags.DEFINE_string("out", "runs/invert", "Folder for results/*.parquet, run.json and comparison.png.")
flags.DEFINE_string("prior", None, "normal, normal(stddev=0.5), uniform, uniform(low=0, high=1).")
flags.DEFINE_list("value_range", None, "What black and white are to the generator, such as -1,1 or 0,1.")
flags.DEFINE_string("labels", None, "A class for all images, a file with one each, search, or embedding.")
flags.DEFINE_enum("fit", "crop", ["crop", "pad", "stretch"], "What is done to images of other proportions.")
flags.DEFINE_list("array_range", None, "Scale of arrays' values, where their type does not say it, such as -1,1.")
flags.DEFINE_list("image_shape", None, "H,W,C of a generator whose output is flat.")
flags.DEFINE_string("label_input", None, "Which of the generator's two inputs takes the class.")
flags.DEFINE_integer("classes", None, "How many classes there are, where the generator's file does not say.")
flags.DEFINE_list("class_entries", None, "FIRST,END of the code's entries that are a one-hot class, such as 32,42.")
flags.DEFINE_string("signature", None, "Which of a SavedModel's signatures generates.")
flags.DEFINE_float("truncation", None, "Of TF-Hub modules that take one, above 0 to 1; default 1.")
flags.DEFINE_bool("allow_unsafe", False, "Load files that run code of their own. Only if you trust their author.")
flags.DEFINE_enum("loss", "mse", ["mse", "l1", "huber", "bce"], "Pixel loss, on the [0, 1] scale.")
flags.DEFINE_float(
    "prior_weight", 0.0, "Weight of -log P(z) / d beside the pixel loss, constants left out.", lower_bound=0
)
flags.DEFINE_enum("solver", "adam", ["adam", "rmsprop", "gd"], "How codes are moved.")
flags.DEFINE_float("learning_rate", None, "Default: 0.1 for adam, 0.01 for rmsprop, 1 for gd.")
flags.DEFINE_enum("schedule", "cosine", ["cosine", "constant", "exponential", "halving", "drop"], "How the rate falls.")
flags.DEFINE_integer("steps", 500, "Steps at most.")
flags.DEFINE_integer("restarts", 4, "Starts per image; the best is kept.")
flags.DEFINE_float("spread", 0.3, "How far from the prior's centre starts are drawn; 1 is the prior itself.")
flags.DEFINE_float("tolerance", 1e-10, "An image whose loss is at most this is done.")
flags.DEFINE_integer("patience", 0, "An image that gained less than 1% over so many steps is done; 0 never.")
flags.DEFINE_string("features", None, "Layer of a perceptual loss beside the pixels', such as mixed8; default: none.")
flags.DEFINE_string("features_network", "InceptionV3", "InceptionV3, VGG16, VGG19, MobileNetV2 or a Keras file.")
flags.DEFINE_string("features_weights", "imagenet", "Those in Keras's cache, or a file of them without the top.")
flags.DEFINE_float("features_weight", 1.0, "Weight of the perceptual loss.", lower_bound=0)
flags.DEFINE_string("split", None, "A second step behind this layer, such as first_dense; default: none.")
flags.DEFINE_float("sparsity", None, "Weight of mean(|delta|) behind the split; default: by the layer's values.")
flags.DEFINE_integer("beyond_steps", 500, "Steps of the second step at most.")
flags.DEFINE_float("beyond_learning_rate", None, "Of the second step; default: by the layer's values.")
flags.DEFINE_enum("preset", None, ["pividori2019", "creswell2018"], "A paper's settings; other flags go before it.")
flags.DEFINE_integer("batch_size", 16, "Images at once.")
flags.DEFINE_integer("seed", 0, "Fixes all that is drawn.")


def main(argv: list[str]) -> int:
    if len(argv) > 1:
        logging.error("%s: no such argument; is a flag's value that the shell expands in quotes?", " ".join(argv[1:3]))
        return 1
    try:
        return _invert()
    except KeyboardInterrupt:  # before or after the batches, which see to it themselves
        logging.warning("stopped; the same command goes on from here")
        return 130


def _invert() -> int:
    _start.prepare()
    from tfinvert import report
    from tfinvert.errors import BadInput
    from tfinvert.runs import PRESETS, Job

    values = {field.name: flags.FLAGS[field.name].value for field in dataclasses.fields(Job)}
    for name, value in PRESETS.get(flags.FLAGS.preset, {}).items():
        if not flags.FLAGS[name].present:
            values[name] = value
    try:
        for name, kind in (
            ("value_range", float),
            ("array_range", float),
            ("image_shape", int),
            ("class_entries", int),
        ):
            if values[name] is not None:
                values[name] = _start.numbers(name, values[name], kind)
        summary, store, sources = Job(**values).run()
        picture = report.comparison(store, sources)
    except BadInput as error:
        logging.error("%s", error)
        return 1
    logging.info("%s; see %s and %s", summary, store.results, picture)
    return summary.exit_code


if __name__ == "__main__":
    app.run(main)
