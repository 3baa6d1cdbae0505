"""How long does a run of a million images take to go on, and its page to be written, and with how much memory?

    python benchmarks/store.py [--rows=1000000] [--batch_size=16] [--unmerged]

Makes a run of so many made-up rows (codes of 100 numbers, PNGs of 28x28, curves of 20 losses) as a run writes them,
batch by batch, but without waiting for the disk. Then, each in a process of its own: going on (open and claim the
folder, read what is done, find the first image that is not), a run's summary, and the page; for each the seconds after
the imports and the most memory that the process had, TensorFlow's included. --unmerged leaves one file for each batch,
as a version without merging did.
"""

import argparse
import io
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import _files  # noqa: F401  (finds the package)
import numpy as np
from PIL import Image

SIDE, CODE, CURVE = 28, 100, 20


def settings(folder: Path) -> dict:
    from tfinvert.runs.job import stated
    from tfinvert.settings import Job

    job = Job.of(out=str(folder), images=str(folder / "images.npy"), prior=f"normal({CODE})", value_range=[0, 1])
    return stated(job)


def make(folder: Path, rows: int, batch_size: int, unmerged: bool) -> None:
    """A run of so many rows; of its images there is one more."""
    from tfinvert.runs import Store, merging

    os.fsync = lambda descriptor: None
    if unmerged:
        merging.MANY = rows
    np.lib.format.open_memmap(folder / "images.npy", "w+", np.uint8, (rows + 1, SIDE, SIDE))
    random = np.random.default_rng(0)
    pictures = [png(random) for _ in range(64)]
    steps = list(range(25, 25 * (CURVE + 1), 25))
    store = Store(folder)
    store.claim(settings(folder), {"image_shape": [SIDE, SIDE, 1], "assumed": [], "versions": {"python": "3"}})
    for first in range(0, rows, batch_size):
        count = min(batch_size, rows - first)
        codes, errors = random.normal(size=(count, CODE)).astype(np.float32), random.lognormal(-5, 1, count)
        curves = -np.sort(-random.lognormal(-4, 1, (count, CURVE))).astype(np.float32)
        store.write(
            [
                {
                    "id": str(first + row),
                    "place": first + row,
                    "label": row % 10,
                    "code": codes[row],
                    "loss": error,
                    "mse": error,
                    "psnr": -10 * np.log10(error),
                    "ssim": 0.5,
                    "status": "finished",
                    "message": "all steps were taken; the best code seen is kept",
                    "steps": 500,
                    "seconds": 0.1,
                    "start_losses": curves[row, :4],
                    "loss_steps": steps,
                    "losses": curves[row],
                    "reconstruction": pictures[(first + row) % 64],
                }
                for row, error in enumerate(errors)
            ]
        )
    if not unmerged:
        store.merge()
    store.close()


def png(random: np.random.Generator) -> bytes:
    buffer = io.BytesIO()
    across, down = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    bump = np.exp(-((across - random.uniform(-0.5, 0.5)) ** 2 + down**2) / random.uniform(0.05, 0.5))
    Image.fromarray(np.uint8(255 * bump)).save(buffer, "PNG")
    return buffer.getvalue()


def go_on(folder: Path) -> None:
    from tfinvert.images import Scale, Sources
    from tfinvert.runs import Store

    store = Store(folder)
    store.claim(settings(folder), {})
    sources = Sources(str(folder / "images.npy"), Scale((SIDE, SIDE, 1)))
    unread, done = store.again(), store.done()
    done = done - unread if unread else done
    store.tidy()
    print(f"    the first of {sources.count} that is not done: {next(sources.read(done)).id}")


def summary(folder: Path) -> None:
    from tfinvert.runs.run import summarise
    from tfinvert.runs.stored import Stored

    print(f"    {summarise(Stored(folder))}")


def page(folder: Path) -> None:
    import tfinvert as ti

    print(f"    {ti.report.page(folder).stat().st_size / 1e6:.1f} MB")


def nothing(folder: Path) -> None:
    import tfinvert.report  # noqa: F401


def measured(work: str, folder: Path, *more: str) -> None:
    """Does it in a process of its own, which says what it took."""
    subprocess.run([sys.executable, __file__, *more, f"--work={work}", f"--folder={folder}"], check=True)


def at_work(arguments: argparse.Namespace) -> None:
    """What such a process does."""
    folder, began = Path(arguments.folder), time.perf_counter()
    if arguments.work == "make":
        make(folder, arguments.rows, arguments.batch_size, arguments.unmerged)
    else:
        {"nothing": nothing, "go_on": go_on, "summary": summary, "page": page}[arguments.work](folder)
    seconds, most = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{arguments.work:>10} {seconds:8.1f} s {most:8.0f} MiB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--batch_size", type=int, default=16)
    parser.add_argument("--unmerged", action="store_true", help="one file for each batch")
    parser.add_argument("--folder", help="where the run is made, and left; one that is there is measured as it is")
    parser.add_argument("--work", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.work is not None:
        at_work(arguments)
        return
    folder = Path(arguments.folder or tempfile.mkdtemp())
    try:
        if not (folder / "run.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            measured("make", folder, *sys.argv[1:])
        parts = list((folder / "results").glob("*.parquet"))
        print(f"{len(parts)} files, {sum(part.stat().st_size for part in parts) / 1e6:.0f} MB", flush=True)
        for work in ("nothing", "go_on", "summary", "page"):
            measured(work, folder)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
