"""Image sources of people who mean harm, made here, and what became of each.

    python tests/images/hostile_images.py FOLDER

makes them in the folder, opens each in a process of its own, and prints a row for each: what was said, the seconds, the
peak memory. The tests read the same rows as JSON (--json). A process that takes more than 60 s is ended.
"""

import argparse
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from hostile_case import Case

SECONDS = 60


class Outcome(NamedTuple):
    name: str
    said: str
    refused_as: str  # "source", "row", "read", or what must not be
    seconds: float
    gigabytes: float


def look(case: Case, source: Any) -> tuple[str, str]:
    """What is said of a source, and of what: the first image speaks for all."""
    from tfinvert.errors import BadInput
    from tfinvert.images import Scale, Sources
    from tfinvert.images.labels import Labels
    from tfinvert.settings import Limits

    given = dict(case.given)
    limits = Limits(**given.pop("limits", {}))
    try:
        if case.labels:
            Labels(source, limits)
            return "read", "read"
        for number, picture in enumerate(Sources(source, Scale((8, 8, 3)), limits=limits, **given)):
            if picture.pixels is None:
                return picture.note, "row"
            if number == 2:
                break
    except BadInput as error:
        return str(error), "source"
    return "read", "read"


def run(case: Case, folder: Path) -> Outcome:
    """Makes and opens one source in a child, whose memory is looked at when it has ended."""
    folder.mkdir()
    source = case.make(folder)
    made = set(os.listdir(folder))
    read, write = os.pipe()
    began = time.perf_counter()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            answer = list(look(case, source))
        except BaseException as error:  # noqa: BLE001 - it is what is looked for
            answer = [repr(error), "not ours"]
        os.write(write, json.dumps(answer).encode()[:60_000])
        os._exit(0)
    os.close(write)
    ready, _, _ = select.select([read], [], [], SECONDS)
    if not ready:
        os.kill(child, signal.SIGKILL)
    answer = os.read(read, 65_536) if ready else b""
    os.close(read)
    _, status, used = os.wait4(child, 0)
    said, kind = json.loads(answer) if answer else ("", "hang" if not ready else f"crash ({status})")
    if set(os.listdir(folder)) != made:
        kind = "left files"
    subprocess.run(["rm", "-rf", folder], check=True)  # Python's own, and pytest's, fail at very deep trees
    return Outcome(case.name, said, kind, time.perf_counter() - began, used.ru_maxrss / 1e6)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    from hostile_arrays import ARCHIVES, ARRAYS
    from hostile_pictures import PICTURES
    from hostile_places import FOLDERS, LABELS

    from tfinvert.images.formats import extensions

    extensions()  # all that is imported is, before there are children

    base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    if not given.json:
        print(f"a process that has imported the package takes {base:.2f} GB\n")
        print("| source | what is said | of | s | GB |\n|---|---|---|---|---|")
    for number, case in enumerate(PICTURES + ARRAYS + ARCHIVES + FOLDERS + LABELS):
        outcome = run(case, given.folder / str(number))
        if given.json:
            print(json.dumps([*outcome, base]), flush=True)
        else:
            said = outcome.said.replace(str(given.folder / str(number)), "...").replace("|", r"\|").replace("\0", r"\0")
            said = said if len(said) < 160 else f"{said[:157]}..."
            row = f"| {case.name} | {said} | {outcome.refused_as} | {outcome.seconds:.1f} | {outcome.gigabytes:.2f} |"
            print(row, flush=True)


if __name__ == "__main__":
    main()
