"""How benchmarks are told of generators: FILE, or FILE:low,high with what black and white are to it."""

import os
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import tfinvert as ti

FILE_HELP = "FILE or FILE:low,high; without low,high the range is what the file says, else -1,1"


def parts(text: str) -> tuple[str, str | None]:
    """The file and the range of `dcgan.h5:0,1`; None where it names none."""
    file, colon, numbers = text.rpartition(":")
    return (text, None) if not colon or Path(text).exists() else (file, numbers)


def generator(text: str | None) -> ti.Generator:
    """The generator of `dcgan.h5:0,1`; of None the built-in one."""
    if text is None:
        return ti.load_generator()
    file, numbers = parts(text)
    return ti.load_generator(file, value_range=None if numbers is None else numbers.split(","))
