"""Is a place a good one to edit photographs at, or only a flexible one?

    python benchmarks/places.py FILE[:low,high] --images=SOURCE --network=MIXED_7A.keras [--limit=16]
        [--photographs=4000] [--cuts=first_dense] [--cuts=first_dense,LAYER] [--charges=0,0.1,1,paper] [--steps=500]
        [--out=places.png]

Each place is one line: the code, then behind each list of `--cuts` from that code, with each charge (in multiples of
the default; "paper" is 10), and last behind each one cut from the mean of the values there, with neither first step
nor charge. The columns, medians over the first `--limit` images:
psnr: of the reconstruction. features: mean squared difference of the network's features.
half, box: psnr on pixels that the loss did not see: a random half, and a box in the middle, three eighths wide.
middle: the images half way between two reconstructions, on the straight path (at the code along the sphere). "one
    face" is the share of them that a critic takes for a photograph, not for the average of two; it is trained here on
    photographs that are not inverted. KID is to such photographs, times 1000.
passes: of the generator, for one image.
The picture: the targets; then for each place the reconstructions, those with a hidden box, and some middles.
"""

import argparse
import itertools
from collections.abc import Iterator
from typing import Any, NamedTuple

import _files
import keras
import numpy as np
import tensorflow as tf
from PIL import Image

import tfinvert as ti
from tfinvert.editing.paths import linear, spherical
from tfinvert.generators.generator import derive
from tfinvert.settings import SMOOTHING, SecondStep, Starts

MIDDLES, SHOWN, SPARSITY, PAPER = 120, 8, 1e-3, 10.0


class Place(NamedTuple):
    """Where images are inverted, and how much leaving the code's values costs."""

    name: str
    cuts: tuple[str, ...]
    charge: float | None
    from_mean: bool = False


class Found(NamedTuple):
    """Reconstructions, and what gives the images between them."""

    images: np.ndarray
    points: np.ndarray
    between: Any  # points [K, ...] -> images
    passes: float


def masked(generator: ti.Generator) -> ti.Generator:
    """The generator of which only the pixels are seen where `mask` [B, H, W, 1] is 1; the others are grey."""

    def function(codes: tf.Tensor, held: Any) -> tf.Tensor:
        mask, others = held.without("mask")
        return generator.function(codes, others) * mask + np.mean(generator.value_range) * (1 - mask)

    holds = {**generator.holds, "mask": (*generator.image_shape[:2], 1)}
    return derive(generator, generator.name, function, holds=holds)


def find(generator: ti.Generator, place: Place, images: Any, mask: Any, steps: int, codes: Any) -> Found:
    """What is found at a place by the pixels that the mask leaves."""
    seen, held = masked(generator), {"mask": mask}
    targets = images * mask + np.mean(generator.value_range) * (1 - mask)
    first = ti.Inverter(seen)
    if not place.cuts:
        found = first(targets, held=held)
        whole = lambda points: generator(points).numpy()
        return Found(whole(found.codes), found.codes.numpy(), whole, np.median(found.passes))
    parts = ti.split(generator, place.cuts[-1])
    behind = lambda points: parts.tail(points).numpy()
    if place.from_mean:
        tail = masked(parts.tail)
        inverter = ti.Inverter(tail, solver=ti.LBFGS(steps), restarts=Starts(1, spread=0), smoothing=SMOOTHING)
        found = inverter(targets, held=held)
        return Found(behind(found.codes), found.codes.numpy(), behind, np.median(found.passes))
    sparsity = PAPER if place.charge is None else place.charge * SPARSITY / parts.tail.space.spread
    two = ti.TwoStep(first, SecondStep(place.cuts, steps=steps, sparsity=sparsity))(targets, held=held, codes=codes)
    return Found(behind(two.hidden), two.hidden.numpy(), behind, np.median(two.passes))


def critic(photographs: np.ndarray, blends: np.ndarray) -> keras.Model:
    """Trained to tell photographs from averages of two: 1 and 0."""
    keras.utils.set_random_seed(0)
    layers = [keras.Input(photographs.shape[1:])]
    for width in (32, 64, 128, 128):
        layers += [keras.layers.Conv2D(width, 3, 2, "same"), keras.layers.LeakyReLU(0.2)]
    model = keras.Sequential([*layers, keras.layers.Flatten(), keras.layers.Dropout(0.3), keras.layers.Dense(1)])
    model.compile(keras.optimizers.Adam(5e-4), keras.losses.BinaryCrossentropy(from_logits=True))
    given, told = np.concatenate([photographs, blends]), np.repeat([1.0, 0.0], [len(photographs), len(blends)])
    model.fit(given, told, batch_size=64, epochs=6, verbose=0)
    return model


def blended(images: np.ndarray) -> np.ndarray:
    """Each image averaged with the next."""
    return (images + np.roll(images, 1, axis=0)) / 2


def judged(model: keras.Model, images: np.ndarray) -> float:
    """The share that is taken for photographs."""
    return float(np.mean(model.predict(images, batch_size=64, verbose=0) > 0))


def kid(one: np.ndarray, other: np.ndarray) -> float:
    """Squared maximum mean discrepancy of features, cubic kernel, unbiased (Binkowski et al., 2018), times 1000."""
    kernel = lambda left, right: (left @ right.T / one.shape[1] + 1) ** 3
    spread = lambda each, count: (kernel(each, each).sum() - np.trace(kernel(each, each))) / count / (count - 1)
    return float(1000 * (spread(one, len(one)) + spread(other, len(other)) - 2 * kernel(one, other).mean()))


class Judges:
    """What says how good images are."""

    def __init__(self, generator: ti.Generator, photographs: np.ndarray, network: str) -> None:
        model = keras.models.load_model(network, compile=False)
        pooled = keras.Model(model.inputs, keras.layers.GlobalAveragePooling2D()(model.outputs[0]))
        self.features, self.pooled = ti.Features(None, model), ti.Features(None, pooled)
        self.generator, tested = generator, len(photographs) // 5
        self.critic = critic(photographs[tested:], blended(photographs[tested:]))
        self.known = self._in_parts(self.pooled, photographs[: min(tested, 500)])
        print(
            f"critic: {judged(self.critic, photographs[:tested]):.1%} of other photographs and"
            f" {judged(self.critic, blended(photographs[:tested])):.1%} of their averages are taken for photographs",
            flush=True,
        )

    def _in_parts(self, term: ti.Features, images: np.ndarray) -> np.ndarray:
        unit = np.clip(self.generator.to_unit(images), 0, 1)
        return np.concatenate([term.prepare(unit[first : first + 32]).numpy() for first in range(0, len(unit), 32)])

    def distance(self, images: np.ndarray, targets: np.ndarray) -> float:
        """Median of the features' mean squared differences."""
        change = self._in_parts(self.features, images) - self._in_parts(self.features, targets)
        return float(np.median(np.mean(change**2, axis=1)))

    def middles(self, images: np.ndarray) -> str:
        """How like photographs these are."""
        apart = kid(self._in_parts(self.pooled, images), self.known)
        return f"one face {judged(self.critic, images):4.0%} KID {apart:6.1f}"


def masks(shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    """What the loss sees of images [B, H, W, C], 1 where it does: all, a random half, all but a box."""
    every = np.ones((*shape[:3], 1), np.float32)
    half = (np.random.default_rng(0).uniform(size=every.shape) < 0.5).astype(np.float32)
    box, (high, wide) = every.copy(), (3 * shape[1] // 8, 3 * shape[2] // 8)
    top, left = (shape[1] - high) // 2, (shape[2] - wide) // 2
    box[:, top : top + high, left : left + wide] = 0
    return {"all": every, "half": half, "box": box}


def psnr(generator: ti.Generator, images: np.ndarray, targets: np.ndarray, where: np.ndarray) -> float:
    """Median over images, of the pixels where this is 1."""
    errors = np.square(generator.to_unit(images) - generator.to_unit(targets)) * where
    counted = where.sum(axis=(1, 2, 3)) * images.shape[-1]
    return float(np.median(-10 * np.log10(errors.sum(axis=(1, 2, 3)) / counted)))


def middles(place: Place, found: Found, generator: ti.Generator) -> np.ndarray:
    """Images half way between pairs of reconstructions."""
    pairs = list(itertools.combinations(range(len(found.points)), 2))[:MIDDLES]
    way = linear if place.cuts else lambda ends, steps: spherical(ends, steps, centre=generator.space.centre)
    return found.between(np.stack([way(found.points[list(pair)], 2)[1] for pair in pairs]).astype(np.float32))


def places(arguments: argparse.Namespace) -> Iterator[Place]:
    """All that are asked for, in the order of the table."""
    yield Place("code", (), 0.0)
    cuts = [tuple(each.split(",")) for each in arguments.cuts]
    for each in cuts:
        for charge in arguments.charges.split(","):
            yield Place(" > ".join(each), each, None if charge == "paper" else float(charge))
    for each in cuts:
        if len(each) == 1:
            yield Place(f"{each[0]}, from the mean", each, 0.0, from_mean=True)


def row(generator: ti.Generator, place: Place, images: Any, steps: int, codes: dict[str, Any], judges: Judges) -> Any:
    """Prints a place's line; gives what was found with all pixels and without the box, and the middles."""
    seen = masks(images.shape)
    found = {name: find(generator, place, images, mask, steps, codes.get(name)) for name, mask in seen.items()}
    if not place.cuts:
        codes.update({name: each.points for name, each in found.items()})
    between = middles(place, found["all"], generator)
    hidden = {name: psnr(generator, found[name].images, images, 1 - seen[name]) for name in ("half", "box")}
    print(
        f"{place.name:52} charge {'paper' if place.charge is None else place.charge:5}"
        f" psnr {psnr(generator, found['all'].images, images, seen['all']):5.2f}"
        f" features {judges.distance(found['all'].images, images):.4f} half {hidden['half']:5.2f}"
        f" box {hidden['box']:5.2f} middle {judges.middles(between)} passes {found['all'].passes:5.0f}",
        flush=True,
    )
    return found["all"].images, found["box"].images, between[:: max(1, len(between) // SHOWN)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("generator", help=_files.FILE_HELP)
    parser.add_argument("--images", required=True, help="photographs, as of tfinvert invert")
    parser.add_argument("--network", required=True, help="file of a network of features [B, h, w, C], in [-1, 1]")
    parser.add_argument("--limit", type=int, default=16)
    parser.add_argument("--photographs", type=int, default=4000, help="for the critic and KID")
    parser.add_argument("--cuts", action="append", help="as of --split; may be given several times")
    parser.add_argument("--charges", default="0,0.1,1,paper")
    parser.add_argument("--steps", type=int, default=500, help="behind each cut")
    parser.add_argument("--out", default="places.png")
    arguments = parser.parse_args()
    arguments.cuts = arguments.cuts or ["first_dense"]
    generator = _files.generator(arguments.generator)
    pixels = ti.images.load(arguments.images, generator, limit=arguments.limit + arguments.photographs).pixels
    images, photographs = pixels[: arguments.limit], pixels[arguments.limit :]
    judges, codes = Judges(generator, photographs, arguments.network), {}
    for name, known in (
        ("photographs", photographs[-MIDDLES:]),
        ("averages of two", blended(photographs[-MIDDLES:])),
        ("samples", generator.sample(MIDDLES)[1].numpy()),
    ):
        print(f"{name}: {judges.middles(known)}", flush=True)
    shown = [images[:SHOWN]]
    for place in places(arguments):
        shown += [each[:SHOWN] for each in row(generator, place, images, arguments.steps, codes, judges)]
    sheet = np.concatenate([np.concatenate(list(line), axis=1) for line in shown if len(line) == len(shown[0])])
    Image.fromarray((255 * np.clip(generator.to_unit(sheet), 0, 1)).astype(np.uint8).squeeze()).save(arguments.out)


if __name__ == "__main__":
    main()
