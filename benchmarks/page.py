"""How large is the page of a run, how long does it take to write and to open?

    python benchmarks/page.py [--images=1000] [--side=64] [--two_steps]

A run of as many made-up images of SIDExSIDEx3 is put into a folder, once of smooth pictures with a little noise, which
take about as much room as photographs do, and once of noise, which no file format makes smaller. For each one row: the
page's size, the seconds that `tfinvert.report.page` took, and, where there are selenium, chromium and chromedriver,
the seconds until the browser has loaded it, until something is painted, and that one sorting takes.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

import _files  # noqa: F401  (finds the package)
import numpy as np
from scipy.ndimage import gaussian_filter

import tfinvert as ti

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import chromium
from made_up_run import made_up_run, row

_SORT = """
const began = performance.now();
document.querySelector('[data-key=mse]').click();
document.body.getBoundingClientRect();
return (performance.now() - began) / 1000;
"""
_LOADED = """
const [page] = performance.getEntriesByType('navigation');
const paint = performance.getEntriesByType('paint').find((each) => each.name === 'first-contentful-paint');
return [page.loadEventEnd / 1000, paint ? paint.startTime / 1000 : NaN];
"""


def pictures(kind: str, count: int, side: int) -> np.ndarray:
    """uint8 [N, SIDE, SIDE, 3]."""
    noise = np.random.default_rng(0).uniform(size=(count, side, side, 3)).astype(np.float32)
    if kind == "noise":
        return np.uint8(255 * noise)
    smooth = gaussian_filter(noise, (0, side / 16, side / 16, 0))
    smooth = (smooth - smooth.min()) / np.ptp(smooth)
    return np.uint8(255 * np.clip(smooth + 0.03 * (noise - 0.5), 0, 1))


def made_up(folder: Path, targets: np.ndarray, two_steps: bool) -> None:
    """A run whose reconstructions are the targets, a little darker."""
    np.save(folder / "images.npy", targets)
    errors = np.random.default_rng(1).lognormal(-5, 1, len(targets))
    rows = [
        row(str(number), target / 300, error, target / 400 if two_steps else None)
        for number, (target, error) in enumerate(zip(targets, errors, strict=True))
    ]
    made_up_run(folder, folder / "images.npy", targets.shape[1:], rows)


def seen(page: Path) -> list[float]:
    """Seconds until it has loaded, until something is painted, and of a sorting: medians of five openings."""
    times = []
    with chromium.opened() as driver:
        for _ in range(5):
            driver.get("about:blank")
            driver.get(page.resolve().as_uri())
            times.append([*driver.execute_script(_LOADED), driver.execute_script(_SORT)])
    return np.median(times, axis=0).tolist()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--side", type=int, default=64)
    parser.add_argument("--two_steps", action="store_true", help="three pictures of each image and not two")
    arguments = parser.parse_args()
    why = chromium.missing()
    print(f"{'pictures':>9} {'MB':>6} {'written, s':>10} {'loaded, s':>9} {'painted, s':>10} {'sorted, s':>9}")
    for kind in ("smooth", "noise"):
        with tempfile.TemporaryDirectory() as folder:
            made_up(Path(folder), pictures(kind, arguments.images, arguments.side), arguments.two_steps)
            began = time.perf_counter()
            page = ti.report.page(folder)
            written = time.perf_counter() - began
            size = page.stat().st_size / 1e6
            loaded, painted, ordered = [float("nan")] * 3 if why else seen(page)
        print(f"{kind:>9} {size:6.1f} {written:10.2f} {loaded:9.2f} {painted:10.2f} {ordered:9.2f}", flush=True)
    if why:
        print(f"not opened: {why}")


if __name__ == "__main__":
    main()
