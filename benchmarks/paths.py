"""Is what lies between an image behind the dense layer and a generated one still like what the generator makes?

    python benchmarks/paths.py [FILE[:low,high]] [--images=SOURCE] [--limit=16] [--sparsity=0,0.003] [--out=paths.png]
        [--features=NETWORK.keras] [--size=96] [--steps=1000]

Images are inverted in two steps (`tfinvert.TwoStep`) with several weights of mean(|delta|). From each h* the straight
path to a generated image's h is taken, the same for all weights. For every weight one row: the median error of the
reconstructions, the share of delta's entries that are zero, the size of delta against that of the layer's values, and
the error that the best code leaves of the images in the middle of the paths: the less, the more the middle is like a
generated image. Errors are mean squared errors on the [0, 1] scale. The picture shows some of the paths:
the target, then from the code's reconstruction to that of h*, then on to the generated image.
"""

import argparse
from pathlib import Path

import _files
import numpy as np
import tensorflow as tf
from PIL import Image

import tfinvert as ti
from tfinvert.editing.paths import linear
from tfinvert.settings import SecondStep, SolverSettings

STEPS = 4  # of each half of a path: a point lies in its middle


def paths(inverter: ti.TwoStep, found: ti.TwoStepInversion, towards: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Images [B, 2 * STEPS + 1, H, W, C] on [0, 1] along the paths, and those in the middle of the second halves."""
    places = linear(np.stack([found.hidden - found.delta, found.hidden, towards]), STEPS)
    shown = [inverter.generator.to_unit(inverter.parts.tail(tf.constant(place))).numpy() for place in places]
    return np.stack(shown, axis=1), shown[3 * STEPS // 2]


def two_step(generator: ti.Generator, loss: ti.losses.Term, sparsity: float, steps: int | None) -> ti.TwoStep:
    """One of usual settings, but for its lengths."""
    first = SolverSettings() if steps is None else SolverSettings(steps=steps // 2)
    second = SecondStep("first_dense", sparsity) if steps is None else SecondStep("first_dense", sparsity, steps)
    return ti.TwoStep(ti.Inverter(generator, loss, first), second)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", nargs="?", help=_files.FILE_HELP)
    parser.add_argument("--images", help="as of tfinvert invert; default: the built-in glyphs")
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--sparsity", default="0,0.003", help="weights with commas between")
    parser.add_argument("--features", help="a network's file, in [-1, 1]: the loss is then pixels + its features")
    parser.add_argument("--size", type=int, help="of the images that the network sees; default 299")
    parser.add_argument("--steps", type=int, help="of the second step; half as many of the first")
    parser.add_argument("--shown", type=int, default=3)
    parser.add_argument("--out", default="paths.png")
    arguments = parser.parse_args()
    generator = _files.generator(arguments.generator)
    if generator.condition is not None:
        raise SystemExit(f"{generator.name} is class-conditional: expected one that is not")
    images = ti.images.load(arguments.images, generator, limit=arguments.limit).pixels
    codes, _ = generator.sample(len(images), seed=7)
    loss = ti.Pixel()
    if arguments.features:
        loss += ti.Features(None, arguments.features, size=arguments.size or 299)
    rows, closest = [], ti.Inverter(generator, restarts=8)
    print(f"{'sparsity':>9} {'latent':>9} {'dense':>9} {'zeros':>6} {'|delta|/|h|':>11} {'middle':>9}")
    for weight in map(float, arguments.sparsity.split(",")):
        inverter = two_step(generator, loss, weight, arguments.steps)
        found = inverter(images)
        towards = inverter.parts.head([codes]).numpy()
        shown, middle = paths(inverter, found, towards)
        mse = ti.metrics.mse(generator.to_unit(found.images), generator.to_unit(images)).numpy()
        left = closest(generator.from_unit(tf.constant(middle))).loss.numpy()
        size = np.linalg.norm(found.delta.numpy()) / np.linalg.norm(found.hidden.numpy() - found.delta.numpy())
        print(
            f"{weight:9g} {np.median(found.mse_latent):9.2e} {np.median(mse):9.2e} "
            f"{np.mean(found.delta_zeros):6.0%} {size:11.2f} {np.median(left):9.2e}"
        )
        chosen = np.linspace(0, len(images) - 1, min(arguments.shown, len(images))).astype(int)
        targets = np.asarray(generator.to_unit(images))
        rows += [np.concatenate([targets[row], *shown[row]], axis=1) for row in chosen]
    grid = np.rint(255 * np.clip(np.concatenate(rows), 0, 1)).astype(np.uint8)
    picture = Image.fromarray(grid[..., 0] if grid.shape[-1] == 1 else grid)
    picture.save(Path(arguments.out))
    print(f"see {arguments.out}: {arguments.shown} rows for each weight")


if __name__ == "__main__":
    main()
