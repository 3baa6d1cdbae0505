"""What the largest pictures that are read take: seconds and memory, each in a process of its own.

    python benchmarks/large_pictures.py

Pictures of 8000 x 8000 pixels in several modes and formats become images of 64 x 64. The first row is what a process
takes that has only imported the package.
"""

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

SIDE = 8000
WAYS = (
    ("RGB", "png"),
    ("RGBA", "png"),
    ("P", "png"),
    ("I;16", "png"),
    ("F", "tif"),
    ("CMYK", "jpg"),
    ("RGB", "jpg"),
    ("RGBA", "webp"),
    ("RGB", "avif"),
    ("RGB", "jp2"),
    ("CMYK", "tif"),
)


def make(path: str, mode: str) -> None:
    import numpy as np
    from PIL import Image

    noise = np.random.default_rng(0).integers(0, 256, (SIDE // 16, SIDE // 16, 4), np.uint8)
    image = Image.fromarray(noise).resize((SIDE, SIDE), Image.Resampling.NEAREST)
    if mode == "I;16":
        image = Image.fromarray(np.asarray(image)[..., 0].astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(image)[..., 0].astype(np.float32) / 255)
    else:
        image = image.convert(mode)
    image.save(path, **{"compress_level": 1} if path.endswith("png") else {})


def read(path: str) -> None:
    from tfinvert.images import Scale, load

    before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, time.perf_counter()
    if path != "nothing":
        load(path, Scale((64, 64, 3)))
    seconds = time.perf_counter() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{Path(path).stem:>8} {Path(path).suffix:<6} {seconds:6.1f} s {peak:6.2f} GB, {peak - before:.2f} more")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--read", help=argparse.SUPPRESS)
    parser.add_argument("--make", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        return read(given.read)
    if given.make:
        return make(*given.make)
    call = lambda *arguments: subprocess.run(
        [sys.executable, __file__, *arguments], check=True, stderr=subprocess.DEVNULL
    )
    call("--read", "nothing")
    with tempfile.TemporaryDirectory() as folder:
        for mode, kind in WAYS:
            path = f"{folder}/{mode.replace(';', '')}.{kind}"
            call("--make", path, mode)
            call("--read", path)
            os.remove(path)
    return None


if __name__ == "__main__":
    main()
