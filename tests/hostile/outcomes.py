"""Loads files one after the other, in a process of its own, and tells of each what came of it.

    python outcomes.py FILES.json

FILES.json lists [name, path, proof]. One line of JSON for each: the outcome ("refused", "loaded", or the name of
another exception), the message, seconds, the largest memory of this process and its children in MB, whether the
proof appeared, and which temporary files are left.
"""

import json
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

import tfinvert as ti


class Memory(threading.Thread):
    """The most that this process and its children have held together."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.most, self.process = 0.0, psutil.Process()

    def run(self) -> None:
        while True:
            total = 0
            for each in (self.process, *self.process.children(recursive=True)):
                try:
                    total += each.memory_full_info().uss if each != self.process else each.memory_info().rss
                except psutil.Error:
                    continue  # it has just ended
            self.most = max(self.most, total / 1e6)
            time.sleep(0.02)


def outcome(name: str, path: str, proof: str, memory: Memory) -> dict[str, Any]:
    """What comes of loading one file."""
    memory.most, began = 0.0, time.perf_counter()
    try:
        ti.load_generator(path)
        came, message = "loaded", ""
    except ti.BadInput as error:
        came, message = "refused", str(error)
    except BaseException as error:  # noqa: BLE001  (what else there is, is the question)
        came, message = type(error).__name__, str(error)
    return {
        "name": name,
        "outcome": came,
        "message": message,
        "seconds": time.perf_counter() - began,
        "megabytes": memory.most,
        "proof": Path(proof).exists(),
        "left": _left(),
    }


def _left() -> list[str]:
    """What lies in the folder for temporary files, but for AutoGraph's of this process, which go with it."""
    here = Path(tempfile.gettempdir())
    return [] if here == Path("/tmp") else [f.name for f in here.iterdir() if not f.name.startswith("__autograph")]


def main() -> None:
    memory = Memory()
    memory.start()
    for name, path, proof in json.loads(Path(sys.argv[1]).read_text()):
        print(json.dumps(outcome(name, path, proof, memory)), flush=True)


if __name__ == "__main__":
    main()
