"""How well regions fit what people see: those of a generator's attention beside k-means of colours and places.

python benchmarks/regions.py --run=runs/faces --masks=benchmarks/face_masks.json

The masks are polygons that were drawn by hand over 64x64 photographs of faces, the first ones that `tfinvert train`
keeps in unseen.npz, by their numbers there: hair, skin and the rest. For each number of regions, each region counts
for the mask that most of it lies in, and intersection over union is averaged over the masks of a picture. So more
regions are better by themselves: only columns of one row compare. "places" are squares, which know nothing of the
picture. The pictures are drawn into OUT.
"""

import argparse
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw
from scipy.cluster.vq import kmeans2

from tfinvert.report.figures import Picture, show
from tfinvert.report.segmentation import overlay
from tfinvert.runs import open_run
from tfinvert.segmentation import GROUPINGS, Segmenter

PLACES = 1.0  # weight of places beside colours: of 0.1 to 2 the best for 3 and 8 regions on these masks
FINE = 8  # polygons are drawn so many times as large


def mask(polygons: dict[str, list], height: int, width: int) -> np.ndarray:
    """int [H, W]: 0 the rest, then one number for each name, the later over the earlier."""
    drawn = Image.new("L", (width * FINE, height * FINE))
    for number, name in enumerate(sorted(polygons), 1):
        for polygon in polygons[name]:
            ImageDraw.Draw(drawn).polygon([(FINE * x, FINE * y) for x, y in polygon], fill=number)
    return np.asarray(drawn)[FINE // 2 :: FINE, FINE // 2 :: FINE].astype(int)


def by_colour(image: np.ndarray, count: int, weight: float = PLACES) -> np.ndarray:
    """Regions int [H, W] by k-means of colours and places, the best of five starts."""
    height, width = image.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width] / max(height, width)
    features = np.concatenate([image, weight * rows[..., None], weight * columns[..., None]], axis=2)
    flat, best = features.reshape(height * width, -1), None
    for seed in range(5):
        centres, labels = kmeans2(flat, count, minit="++", seed=seed)
        left = float(np.sum((flat - centres[labels]) ** 2))
        best = (left, labels) if best is None or left < best[0] else best
    return best[1].reshape(height, width)


def by_place(height: int, width: int, count: int) -> np.ndarray:
    """About so many squares, int [H, W]."""
    side = max(1, round(count**0.5))
    rows, columns = (np.arange(size) * side // size for size in (height, width))
    return rows[:, None] * side + columns


def fit(regions: np.ndarray, wanted: np.ndarray) -> float:
    """Mean intersection over union of the masks, each region counting for the one that most of it lies in."""
    told = np.zeros_like(wanted)
    for region in np.unique(regions):
        inside = regions == region
        told[inside] = np.bincount(wanted[inside]).argmax()
    shares = [
        np.sum((told == one) & (wanted == one)) / np.sum((told == one) | (wanted == one)) for one in np.unique(wanted)
    ]
    return float(np.mean(shares))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True, help="of the pictures that the masks name")
    parser.add_argument("--masks", type=Path, required=True)
    parser.add_argument("--clusters", default="3,8,20,40")
    parser.add_argument("--out", type=Path, default=Path("runs/regions"))
    given = parser.parse_args()
    counts, masks = list(map(int, given.clusters.split(","))), json.loads(given.masks.read_text())
    run = open_run(given.run)
    generator, targets = run.load(), run.targets()
    segmenters = {way: Segmenter(run, generator, counts, grouping=way) for way in GROUPINGS}
    given.out.mkdir(parents=True, exist_ok=True)
    found: dict[int, list[tuple[float, ...]]] = {count: [] for count in counts}
    for row in run.rows():
        name = row.id.rpartition("/")[2].rpartition(":")[2]
        image = targets[row.id]
        wanted = mask(masks[name], *image.shape[:2])
        labels = {way: segmenter(row) for way, segmenter in segmenters.items()}
        picture = Picture(1.6 * (len(counts) + 1), 5, name)
        axes = picture.subplots(3, len(counts) + 1)
        for axis in axes.ravel():
            axis.set_axis_off()
        show(axes[0, 0], image)
        show(axes[1, 0], overlay(image, wanted))
        for column, count in enumerate(counts, 1):
            ways = [labels[way][count] for way in GROUPINGS]
            ways += [by_colour(image, count), by_place(*image.shape[:2], count)]
            found[count].append(tuple(fit(each, wanted) for each in ways))
            for axis, regions, way in zip(axes[:, column], ways, (*GROUPINGS, "colours"), strict=False):
                show(axis, overlay(image, regions))
                axis.set_title(f"{count}, {way}", fontsize=7)
        picture.write(given.out / f"{name}.png")
    print("regions", *GROUPINGS, "colours and places", "places", sep="  ")
    for count, rows in found.items():
        means, errors = np.mean(rows, axis=0), np.std(rows, axis=0) / np.sqrt(len(rows))
        print(f"{count:7}  " + "  ".join(f"{m:.3f} +- {e:.3f}" for m, e in zip(means, errors, strict=True)))


if __name__ == "__main__":
    main()
