"""Holds dependencies against known holes: what is installed by pip-audit, and the bounds of setup.py by a list.

    python .ci/audit.py

The list is kept by hand, for pip-audit needs a network that not every machine has. Exit code 1 where a version that is
installed, or that setup.py admits, has a hole.
"""

import json
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

CHECKED = "2026-11-25"  # when the list was last held against the advisories
# The first version without the hole, where ours is a use that it concerns.
ADVISORIES = [
    ("keras", "3.13.2", "CVE-2026-1462, CVE-2026-1669, CVE-2026-0897, CVE-2025-12058, CVE-2025-9906: model files"),
    ("pillow", "12.2", "CVE-2026-25990: a PSD writes outside memory; CVE-2026-42308: fonts"),
    ("pyarrow", "14.0.1", "CVE-2023-47248: Parquet runs code"),
    ("jinja2", "3.1.6", "CVE-2025-27516: its sandbox"),
    ("protobuf", "6.33.5", "CVE-2026-0994, CVE-2025-4565: messages without end"),
    ("setuptools", "78.1.1", "CVE-2025-47273: paths of packages"),
    ("tqdm", "4.66.3", "CVE-2024-34062: arguments of its command"),
]
# Holes without a mended version, and why they do not concern us.
OPEN = [("tf-keras", "no guards of HDF5 (keras-team/tf-keras #921): it reads only files that tfinvert has written")]


def numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:4])


def by_list() -> list[str]:
    """What is wrong with the bounds, or with what is installed."""
    bounds = dict(
        re.findall(r'"([\w-]+)(?:\[\w+\])?>=([\d.]+)', (Path(__file__).parent.parent / "setup.py").read_text())
    )
    wrong = []
    for package, sound, what in ADVISORIES:
        if package in bounds and numbers(bounds[package]) < numbers(sound):
            wrong.append(f"setup.py admits {package} {bounds[package]}; {sound} is the first without {what}")
        try:
            installed = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
        if numbers(installed) < numbers(sound):
            wrong.append(f"{package} {installed} is installed; {sound} is the first without {what}")
    return wrong


def by_pip_audit() -> list[str]:
    """What pip-audit says of what is installed; says so where it cannot reach the advisories."""
    command = [sys.executable, "-m", "pip_audit", "--format=json", "--skip-editable", "--progress-spinner=off"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        found = json.loads(done.stdout)["dependencies"]
    except (subprocess.TimeoutExpired, ValueError, KeyError):
        found = []
    known = [each for each in found if "skip_reason" not in each]
    if not known:
        print(f"pip-audit cannot reach the advisories: the list of {CHECKED} counts")
    else:
        print(f"pip-audit knows {len(known)} of {len(found)} packages")
    return [
        f"{each['name']} {each['version']}: {', '.join(hole['id'] for hole in each['vulns'])}"
        for each in known
        if each["vulns"]
    ]


if __name__ == "__main__":
    problems = by_list() + by_pip_audit()
    for package, why in OPEN:
        print(f"known and open: {package}: {why}")
    print("\n".join(problems) or f"no known holes in {len(ADVISORIES)} packages that the list names")
    sys.exit(bool(problems))
