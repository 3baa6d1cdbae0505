"""How near the samples of generators come to photographs: KID with its standard error, of each generator.

python benchmarks/kid.py faces.keras digiface-64.keras --images=runs/faces/unseen.npz --network=InceptionV3

Beside them stands the KID of `--others`, such as the pictures that were trained on: what no generator can better.
"""

import argparse
import functools

import numpy as np
import tensorflow as tf

import tfinvert as ti
from tfinvert.images import Scale
from tfinvert.losses.kid import KID
from tfinvert.settings import ScoreSettings


def pictures(source: str, shape: tuple[int, ...], count: int) -> np.ndarray:
    """[N, H, W, C] in [0, 1], drawn from all over the source."""
    return ti.images.load(source, Scale(shape, (0, 1)), limit=count, shuffle=0).pixels


def without(pictures: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Those that are not among the known ones: equal sets would look nearer than they are."""
    seen = {each.tobytes() for each in known}
    return np.stack([each for each in pictures if each.tobytes() not in seen])


def samples(generator: ti.Generator, count: int, batch: int = 64) -> np.ndarray:
    """Images [N, H, W, C] in [0, 1], classes in turn."""
    codes = generator.space.sample(ti.seeds.of(1, tf.range(count)))
    held = generator.takes.encode(generator.takes.turns(tf.range(count)))
    made = []
    for first in range(0, count, batch):
        some = functools.partial(lambda part, rows: rows[part], slice(first, first + batch))
        made.append(generator.to_unit(generator.function(some(codes), held.each(some))))
    return np.clip(np.concatenate(made), 0, 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("generators", nargs="+")
    parser.add_argument("--images", required=True, help="photographs that nothing was trained on")
    parser.add_argument("--others", help="photographs that are held against them, too")
    parser.add_argument("--network", default="InceptionV3", help="or the file of a perceptual network")
    parser.add_argument("--layer", default="mixed8")
    parser.add_argument("--size", type=int, help="that images are brought to for it")
    parser.add_argument("--samples", type=int, default=1000)
    given = parser.parse_args()
    loaded = {name: ti.load_generator(name) for name in given.generators}
    shape = next(iter(loaded.values())).image_shape
    how = ScoreSettings(given.network, given.layer, size=given.size)
    known = pictures(given.images, shape, given.samples)
    kid = KID.of(how, known)
    if given.others:
        others = without(pictures(given.others, shape, given.samples), known)
        print(f"{given.others}, {len(others)} others: {kid(others)}", flush=True)
    for name, generator in loaded.items():
        print(f"{name}: {kid(samples(generator, given.samples))}", flush=True)


if __name__ == "__main__":
    main()
