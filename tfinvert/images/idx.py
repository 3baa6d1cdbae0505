"""idx, MNIST's format, gzipped or not."""

from __future__ import annotations

import contextlib
import gzip
import math
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import numpy as np

from tfinvert.errors import BadInput
from tfinvert.images.bounded import Bounded, open_regular
from tfinvert.images.numpy_files import fill
from tfinvert.remote import local
from tfinvert.settings import DEFAULT_LIMITS, Limits

_BYTES = b"\x00\x00\x08"  # what every idx file of bytes begins with


@contextlib.contextmanager
def _unfolded(path: Path, limits: Limits) -> Iterator[IO[bytes]]:
    with open_regular(local(path)) as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if not zipped:
            yield file
        else:
            with gzip.GzipFile(fileobj=Bounded(file, limits)) as unfolded:
                yield unfolded  # type: ignore[misc]


def is_idx(path: Path, limits: Limits = DEFAULT_LIMITS) -> bool:
    """Whether a file begins as images or labels in idx do."""
    try:
        with _unfolded(path, limits) as file:
            head = file.read(4)
    except (OSError, EOFError, zlib.error, BadInput):
        return False  # who reads it will say what is wrong
    return head[:3] == _BYTES and head[3:] in (b"\x01", b"\x03", b"\x04")


def read_idx(path: Path, limits: Limits = DEFAULT_LIMITS) -> np.ndarray:
    """An idx file of bytes, gzipped or not, as uint8 of its own shape; what is not zipped stays on the disk.

    Raises:
      BadInput: it is none, cut short, or unfolds to more than the limit.
    """
    try:
        with _unfolded(path, limits) as file:
            head = file.read(4)
            if head[:3] != _BYTES or not 1 <= head[3] <= 4:
                raise ValueError("not of bytes")
            lengths = file.read(4 * head[3])
            if len(lengths) < 4 * head[3]:
                raise EOFError("cut short")
            shape = tuple(int(length) for length in np.frombuffer(lengths, ">u4"))
            count = math.prod(shape)
            if not isinstance(file, gzip.GzipFile):
                start = file.tell()
                if local(path).stat().st_size < start + count:
                    raise EOFError(f"{count} bytes declared")
                return np.memmap(file, np.uint8, "r", start, shape) if count else np.empty(shape, np.uint8)
            if count > limits.bytes:
                raise BadInput(
                    f"{path} unfolds to {count / 1e9:.3g} GB",
                    f"expected at most {limits.gigabytes:g}; unfold it on the disk, or raise --max_gigabytes",
                )
            values = np.empty(count, np.uint8)
            fill(values, file)
            file.read(1)  # the end, where what came is checked
            return values.reshape(shape)
    except BadInput as error:
        raise error.about(str(path)) from error
    except (OSError, EOFError, ValueError, IndexError, zlib.error) as error:
        raise BadInput(f"{path} is no whole idx file ({error})", "expected MNIST's format, idx or idx.gz") from error
