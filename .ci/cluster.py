"""Holds docs/cluster/*.yaml against the schemas of Kubernetes, strictly.

    python .ci/cluster.py

KubeRay's own schema comes in no package, so of a RayJob only the pods are checked. Exit code 1 where one is wrong.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

CLUSTER = Path(__file__).parents[1] / "docs" / "cluster"


def resources(found: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """What has a schema of Kubernetes."""
    if found["apiVersion"] != "ray.io/v1":
        yield found
        return
    cluster = found["spec"]["rayClusterSpec"]
    for group in (cluster["headGroupSpec"], *cluster["workerGroupSpecs"]):
        yield {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "pod"}, **group["template"]}


def main() -> int:
    wrong = 0
    for path in sorted(CLUSTER.glob("*.yaml")):
        for resource in (each for found in yaml.safe_load_all(path.read_text()) for each in resources(found)):
            try:
                kubernetes_validate.validate(resource, kubernetes_validate.latest_version(), strict=True)
                print(f"{path.name}: {resource['kind']} is sound")
            except kubernetes_validate.ValidationError as error:
                wrong += 1
                print(f"{path.name}: {resource['kind']}: {error.message} at {'.'.join(map(str, error.path))}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
