"""What a run's folder costs in a store: 1,000 parts of 16 images in moto's S3 server on this machine.

    python benchmarks/remote.py [--parts=1000]

Prints the seconds of writing them, of looking into them for the first time and again, of merging, and of looking into
what is left, with the questions to the store and the bytes that it answered.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

import numpy as np
import stores

IMAGES = 16


def row(place: int, random: np.random.Generator) -> dict:
    return {
        "id": f"s3://bucket/photos/{place:08d}.png",
        "place": place,
        "status": "finished",
        "code": random.normal(size=128).astype(np.float32),
        "mse": 0.01,
        "reconstruction": random.bytes(2900),
    }


@contextmanager
def counted(store: object, what: str) -> Iterator[None]:
    """Prints the seconds of a block, and what it asked of a store."""
    answers: list[int] = []
    before = {name: getattr(store, name) for name in ("cat_file", "info", "ls")}

    def counting(ask: Callable) -> Callable:
        def call(*given, **how):
            found = ask(*given, **how)
            answers.append(len(found) if isinstance(found, bytes) else 0)
            return found

        return call

    for name, ask in before.items():
        setattr(store, name, counting(ask))
    began = time.perf_counter()
    yield
    taken = time.perf_counter() - began
    for name, ask in before.items():
        setattr(store, name, ask)
    print(f"{what}: {taken:.1f} s, {len(answers)} questions, {sum(answers) / 1e6:.1f} MB fetched", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parts", type=int, default=1000)
    parts = parser.parse_args().parts
    with stores.served() as door:
        s3 = stores.S3(door, "bench")
        os.environ.update(s3.environment)
        from tfinvert.remote import path_of
        from tfinvert.runs import Store, merging

        store = path_of(s3.url).fs
        store.mkdir(s3.url)
        merging.MANY, many = 10**9, merging.MANY  # not while they are written
        random, folder = np.random.default_rng(0), f"{s3.url}/run"
        written = Store(folder)
        written.claim({}, {"image_shape": [28, 28, 1]})
        with counted(store, f"{parts} parts of {IMAGES} images are written"):
            for part in range(parts):
                written.write([row(IMAGES * part + image, random) for image in range(IMAGES)])
        written.close()
        found = Store(folder)
        with counted(store, "looked into for the first time"):
            found.ids()
        with counted(store, "again"):
            found.ids()
        merging.MANY = many
        with counted(store, "merged"), found:
            found.tidy()
            found.merge()
        last = Store(folder)
        with counted(store, f"looked into, {len(last.parts())} parts now"):
            Store(folder).ids()


if __name__ == "__main__":
    main()
