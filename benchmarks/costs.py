"""What a run of many pictures would take, from one of a few, or from a step.

    python benchmarks/costs.py --run=runs/few [--pictures=1000000] [--workers=64] [--picture_bytes=20000]
    python benchmarks/costs.py --step=1.05 --steps=400 --restarts=4 --row_bytes=45000 --picture_bytes=20000

Reads what the images of a run took, and what their rows and pictures weigh, or takes the seconds of a step of one start
(`benchmarks/step.py`, `biggan.py`); and multiplies. A worker is what the seconds were measured on.
"""

from __future__ import annotations

import argparse
import os
import statistics

import _files  # noqa: F401  (finds the package)

from tfinvert.runs.stored import Stored


def picture_bytes(ids: list[str]) -> float | None:
    """The mean size of the pictures, where ids are files here."""
    sizes = [os.path.getsize(each) for each in ids if os.path.isfile(each)]
    return statistics.fmean(sizes) if sizes else None


def of_run(folder: str) -> tuple[float, float, float]:
    """Seconds of an image, bytes of its row and of its picture."""
    stored = Stored(folder)
    rows = stored.read(["id", "seconds"])
    # The first batch holds the making of graphs, which a long run does once.
    seconds = statistics.median(rows["seconds"].drop_null().to_pylist())
    weight = sum(part.stat().st_size for part in stored.parts()) / len(rows)
    print(f"of {len(rows)} images:")
    return seconds, weight, picture_bytes(rows["id"].to_pylist()) or 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run")
    parser.add_argument("--step", type=float, help="seconds of one step of one start, in a batch")
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--restarts", type=int, default=4)
    parser.add_argument("--row_bytes", type=float, default=20_000)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--picture_bytes", type=float, help="of one picture in the store; default: as the run's files")
    arguments = parser.parse_args()
    if (arguments.run is None) == (arguments.step is None):
        parser.error("give --run or --step")
    if arguments.run is not None:
        seconds, weight, picture = of_run(arguments.run)
    else:
        seconds, weight, picture = arguments.step * arguments.steps * arguments.restarts, arguments.row_bytes, 0.0
    picture = arguments.picture_bytes or picture
    hours = arguments.pictures * seconds / 3600
    print(f"{seconds:.3g} s a picture, a row of {weight / 1e3:.1f} kB")
    print(f"pictures per hour and worker: {3600 / seconds:,.1f}")
    print(
        f"{arguments.pictures:,} pictures: {hours:,.0f} hours of workers, {hours / arguments.workers:,.1f} hours of "
        f"{arguments.workers}"
    )
    print(
        f"the store: {arguments.pictures * weight / 1e9:,.1f} GB of rows, {arguments.pictures * picture / 1e9:,.1f} GB "
        "of pictures to be read"
    )
    per_second = arguments.workers / seconds
    print(
        f"the network of {arguments.workers} workers: {per_second * (picture + weight) / 1e6:,.2f} MB a second, "
        f"{per_second:,.1f} pictures a second"
    )


if __name__ == "__main__":
    main()
