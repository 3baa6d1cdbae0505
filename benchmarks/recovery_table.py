"""Does `recover` find every code, and in what share of the time that 20,000 steps of `logistic(2, 2)` would take?

    python benchmarks/recovery_table.py FILE[:low,high] [FILE[:low,high] ...] [--samples=100] [--out=runs/table]

For each generator file tfinvert recover runs both methods on the same codes, in a process of its own, so that no file's
memory counts for another. One row of the table in docs/recovery.md is printed for each: "logistic" is ten times the
seconds per code of the 2,000 steps that are run, and "ratio" what share of that `recover` took. Seconds and passes
include the regression's samples and the building of graphs. OUT/NAME/recovery.csv has what tfinvert recover wrote.
"""

import argparse
import csv
import subprocess
import sys
from pathlib import Path

from _files import FILE_HELP, parts

SCRIPT = Path(__file__).resolve().parent.parent / "bin" / "recover.py"
STEPS, THEIRS = 2_000, 20_000  # of logistic(2, 2): run here, and in Egan, Zhang & Shen


def rows(file: str, value_range: str | None, samples: int, out: Path) -> dict[str, dict[str, str]]:
    """What tfinvert recover says of each method."""
    command = [
        sys.executable,
        str(SCRIPT),
        f"--generator={file}",
        f"--samples={samples}",
        f"--budget={STEPS}",
        "--methods=recover,logistic(2, 2)",
        f"--out={out}",
    ]
    subprocess.run([*command, *([] if value_range is None else [f"--value_range={value_range}"])], check=True)
    with (out / "recovery.csv").open() as table:
        return {row["method"]: row for row in csv.DictReader(table)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="+", metavar="FILE", help=FILE_HELP)
    parser.add_argument("--samples", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("runs/table"))
    arguments = parser.parse_args()
    print("| generator | below 1e-6 | below 1e-8 | not unique | median | passes per code | seconds per code", end="")
    print(" | logistic | ratio | memory, MiB |\n|---|---|---|---|---|---|---|---|---|---|", flush=True)
    for number, text in enumerate(arguments.files):
        file, value_range = parts(text)
        name = f"{number}-{Path(file).parent.name}-{Path(file).stem}"
        found = rows(file, value_range, arguments.samples, arguments.out / name)
        ours, theirs = found["recover"], found["logistic(2, 2)"]
        seconds = float(ours["seconds_per_code"])
        scaled = float(theirs["seconds_per_code"]) * THEIRS / STEPS
        cells = (
            f"`{Path(file).stem}`",
            f"{float(ours['success_1e-6']):.0%}",
            f"{float(ours['success_1e-8']):.0%}",
            f"{float(ours['not_unique']):.0%}",
            f"{float(ours['median']):.1e}",
            f"{float(ours['passes_per_code']):,.0f}",
            f"{seconds:.2f}",
            f"{scaled:.1f}",
            f"{seconds / scaled:.2f}",
            f"{int(ours['peak_memory']):,}",
        )
        print("|", " | ".join(cells), "|", flush=True)


if __name__ == "__main__":
    main()
