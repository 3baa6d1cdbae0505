"""Does a hostile generator file run, read or take what it should not?

    python benchmarks/hostile.py [--kind=keras|saved|all] [--only=WORDS]

Makes the files of tests/hostile and tests/generators in a folder that is deleted afterwards, and loads each in a
process of its own that has imported the package and done nothing else. Prints a Markdown table: how the load ended, its
seconds, the most memory of that process and those that it started, and whether anything appeared: the proof that code
of the file ran, or any other file beside it. Exit code 1 if something did, if a load took more than 60 s or 6 GB, or if
it ended in another way than by a refusal or, where the tests say so, with what is odd left out.
"""

import argparse
import json
import os
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
import _files  # noqa: F401  (finds the package)

_TESTS = Path(__file__).resolve().parent.parent / "tests"
sys.path[:0] = [str(_TESTS / "hostile"), str(_TESTS / "generators")]
import outcomes  # noqa: E402

MOST_SECONDS, MOST_MEGABYTES = 60, 6000
_GIVEN_UP = 120  # seconds


def keras(folder: Path, only: str) -> None:
    """Makes the Keras files, each in a folder of its own, and a list of them."""
    import keras_files

    files = []
    for name, build in keras_files.CASES.items():
        if only in name:
            place = folder / str(len(files))
            place.mkdir()
            files.append([name, str(build(place, place / "proof")), name in keras_files.SURVIVED])
    (folder / "files.json").write_text(json.dumps(files))


def saved(folder: Path, only: str) -> None:
    """The same for SavedModels."""
    import saved_cases
    import saved_computing
    import saved_hostile

    changes = {name: (change, True) for name, change in saved_cases.LEFT_OUT.items()}
    changes |= {name: (change, False) for name, (change, _) in {**saved_cases.COMPUTED, **saved_cases.FILES}.items()}
    changes["a loop without an end and a gradient"] = (saved_computing.endless_loop, False)
    saved_hostile.harmless(folder / "harmless")
    files = []
    for name, (change, survived) in changes.items():
        if only in name:
            place = folder / str(len(files))
            place.mkdir()
            made, _ = saved_cases.changed(folder / "harmless", change, place)
            files.append([name, str(made), survived])
    if only in (name := "a loop without an end"):
        place = folder / str(len(files))
        saved_hostile.endless(place / "module")
        files.append([name, str(place / "module"), False])
    (folder / "files.json").write_text(json.dumps(files))


KINDS = {"keras": keras, "saved": saved}


def apart(work: Callable[[], Any], seconds: float = 600) -> Any:
    """What a function gives in a process forked from this one, in which TensorFlow has not begun to work."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        os.close(read)
        try:
            answer = json.dumps(work()).encode()
            while answer:
                answer = answer[os.write(write, answer) :]
        finally:
            os._exit(0)
    os.close(write)
    ready, _, _ = select.select([read], [], [], seconds)
    if not ready:
        os.kill(child, signal.SIGKILL)
    answer = b"".join(iter(lambda: os.read(read, 65_536), b"")) if ready else b""
    os.close(read)
    _, status = os.waitpid(child, 0)
    if not answer:
        return {"outcome": "hangs" if not ready else f"crashes ({status})"}
    return json.loads(answer)


def loaded(name: str, path: str, place: Path) -> dict[str, Any]:
    """What came of a file, and whether its folder holds anything new."""

    def work() -> dict[str, Any]:
        memory = outcomes.Memory()
        memory.start()
        return outcomes.outcome(name, path, str(place / "proof"), memory)

    before, began = contents(place), time.perf_counter()
    row = {"message": "", "seconds": 0.0, "megabytes": 0.0, **apart(work, _GIVEN_UP)}
    row["seconds"] = row["seconds"] or time.perf_counter() - began
    return {**row, "appeared": sorted(contents(place) - before)}


def contents(folder: Path) -> set[str]:
    return {os.path.join(at, name) for at, folders, files in os.walk(folder) for name in folders + files}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", choices=[*KINDS, "all"], default="all")
    parser.add_argument("--only", default="", help="cases with these words in their names")
    given = parser.parse_args()
    failures, count, most_seconds, most_megabytes = [], 0, 0.0, 0.0
    for kind in KINDS if given.kind == "all" else [given.kind]:
        print(f"\n| {kind} file | outcome | s | MB | nothing appeared |\n|---|---|---|---|---|", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            apart(lambda kind=kind, folder=folder: KINDS[kind](Path(folder), given.only))
            for number, (name, path, survived) in enumerate(json.loads(Path(folder, "files.json").read_text())):
                place = Path(folder, str(number))
                row = loaded(name, path, place)
                shutil.rmtree(place)
                outcome, expected = row["outcome"], "loaded" if survived else "refused"
                told = {"loaded": "loaded without it", "refused": f"refused: {row['message']}"}.get(outcome, outcome)
                told = told.replace(folder, "...").replace("|", r"\|").replace("\0", r"\0")
                told = told if len(told) <= 140 else f"{told[:137]}..."
                nothing = "yes" if not row["appeared"] else f"NO: {', '.join(row['appeared'])}"
                print(f"| {name} | {told} | {row['seconds']:.1f} | {row['megabytes']:.0f} | {nothing} |", flush=True)
                too_much = row["seconds"] > MOST_SECONDS or row["megabytes"] > MOST_MEGABYTES
                if row["appeared"] or outcome != expected or "\n" in row["message"] or too_much:
                    failures.append(name)
                count += 1
                most_seconds, most_megabytes = max(most_seconds, row["seconds"]), max(most_megabytes, row["megabytes"])
    print(f"\n{count} files, at most {most_seconds:.1f} s and {most_megabytes:.0f} MB; wrong: {failures or 'none'}")
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()
