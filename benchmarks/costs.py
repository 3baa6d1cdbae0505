"""What a run of many pictures would take, from one of a few.

    python benchmarks/costs.py --run=runs/few --pictures=1000000 --workers=64 [--picture_bytes=20000]

Reads what the images of a run took, and what their rows and pictures weigh, and multiplies.
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", required=True)
    parser.add_argument("--pictures", type=int, default=1_000_000)
    parser.add_argument("--workers", type=int, default=64)
    parser.add_argument("--picture_bytes", type=float, help="of one picture in the store; default: as the run's files")
    arguments = parser.parse_args()
    stored = Stored(arguments.run)
    rows = stored.read(["id", "seconds"])
    # The first batch holds the making of graphs, which a long run does once.
    seconds = statistics.median(rows["seconds"].drop_null().to_pylist())
    weight = sum(part.stat().st_size for part in stored.parts()) / len(rows)
    picture = arguments.picture_bytes or picture_bytes(rows["id"].to_pylist()) or 0.0
    hours = arguments.pictures * seconds / 3600
    print(f"of {len(rows)} images: {seconds:.3g} s each, a row of {weight / 1e3:.1f} kB")
    print(f"pictures per hour and worker: {3600 / seconds:,.0f}")
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
