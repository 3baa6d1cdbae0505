"""What reading a zip archive of many small pictures costs.

    python benchmarks/archives.py --pictures=100000

Makes an archive of so many 8 x 8 pictures, lists and reads them all, and prints the seconds, the peak memory, and how
many times as long a picture takes if the archive is opened anew for each (measured on a few, at the same size).
"""

import argparse
import io
import os
import resource
import sys
import tempfile
import time
import zipfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from PIL import Image

from tfinvert.images.decode import decode_file
from tfinvert.images.sources import open_source

FEW = 20


def archive(path: Path, count: int) -> Path:
    random = np.random.default_rng(0)
    with zipfile.ZipFile(path, "w") as file:
        for number in range(count):
            picture = io.BytesIO()
            Image.fromarray(random.integers(0, 256, (8, 8), np.uint8)).save(picture, "PNG")
            file.writestr(f"pictures/{number % 100:02}/{number:07}.png", picture.getvalue())
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=100_000)
    count = parser.parse_args().pictures
    with tempfile.TemporaryDirectory() as folder:
        path = archive(Path(folder) / "many.zip", count)
        before, began = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.perf_counter()
        entries = list(open_source(path))
        listed = time.perf_counter() - began
        for entry in entries:
            entry.read()
        read = time.perf_counter() - began - listed
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        began = time.perf_counter()
        for entry in entries[:FEW]:
            with zipfile.ZipFile(path) as opened, opened.open(entry.id.rpartition(":")[2]) as file:
                decode_file(file)
        anew = (time.perf_counter() - began) / FEW
    print(
        f"{count} pictures: listed in {listed:.1f} s, read in {read:.1f} s, {(peak - before) / 1e3:.0f} MB more memory"
    )
    print(f"opened anew for each, a picture takes {anew / (read / count):.0f} times as long ({anew:.2g} s)")


if __name__ == "__main__":
    main()
