"""The files of docs/cluster: what they start are commands that there are, and the image's steps go through."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tfinvert.settings import Job, Shard, flags_of

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "docs" / "cluster"
# Shows what it is started with, in place of tfinvert.
SHOWS = f"#!{sys.executable}\nimport sys\nprint(*sys.argv[1:], sep='\\n')\n"


def image():
    """The instructions of the Dockerfile: (name, value) in their order."""
    parse = pytest.importorskip("dockerfile_parse")
    found = parse.DockerfileParser(str(CLUSTER / "Dockerfile"), env_replace=False).structure
    return [(each["instruction"], each["value"]) for each in found if each["instruction"] != "COMMENT"]


def of_yaml(name):
    (found,) = yaml.safe_load_all((CLUSTER / name).read_text())
    return found["spec"]


def started(tmp_path, command, **env):
    """What `tfinvert` gets where a script starts it."""
    (tmp_path / "tfinvert").write_text(SHOWS)
    (tmp_path / "tfinvert").chmod(0o755)
    env = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", **env}
    return subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout.splitlines()


def check(arguments, but=()):
    """Holds flags against the settings of an inversion."""
    command, *given = arguments
    assert command == "invert"
    names = [re.match(r"--(\w+)=.", each)[1] for each in given]
    assert len(set(names)) == len(names)
    assert set(names) - {*flags_of(Job), *but} == set()


POSIX = pytest.mark.skipif(os.name != "posix", reason="the files are for Linux")


@POSIX
@pytest.mark.parametrize(("env", "shard"), [({}, "3/64"), ({"SHARDS": "10"}, "3/10")])
def test_a_task_of_the_array_is_a_shard_with_the_flags_that_it_is_given(tmp_path, env, shard):
    command = ["bash", str(CLUSTER / "array.slurm"), "--images=my photos", "--limit=9"]
    found = started(tmp_path, command, SLURM_ARRAY_TASK_ID="3", **env)
    assert found == ["invert", f"--shard={shard}", "--images=my photos", "--limit=9"]
    check(found)


def test_the_array_has_as_many_tasks_as_shards():
    text = (CLUSTER / "array.slurm").read_text()
    assert re.findall(r"--array=1-(\d+)\n", text) == re.findall(r"SHARDS:-(\d+)", text)


@POSIX
def test_the_pods_of_the_job_are_all_shards_and_each_is_one(tmp_path):
    job = of_yaml("indexed-job.yaml")
    (container,) = job["template"]["spec"]["containers"]
    texts = []
    for index in (0, job["completions"] - 1):
        found = started(tmp_path, [*container["command"], *container["args"]], JOB_COMPLETION_INDEX=str(index))
        check(found)
        texts += [each.removeprefix("--shard=") for each in found if each.startswith("--shard=")]
    assert list(map(Shard.of, texts)) == [Shard(1, job["completions"]), Shard(*[job["completions"]] * 2)]


@pytest.mark.skipif("engine" not in flags_of(Job), reason="engines are not in this version")
def test_the_ray_job_starts_a_command_that_there_is():
    check(shlex.split(of_yaml("rayjob.yaml")["entrypoint"])[1:])


def test_ray_and_the_image_are_the_same_everywhere():
    spec = of_yaml("rayjob.yaml")["rayClusterSpec"]
    groups = [spec["headGroupSpec"], *spec["workerGroupSpecs"]]
    images = [container["image"] for group in groups for container in group["template"]["spec"]["containers"]]
    assert {*images, of_yaml("indexed-job.yaml")["template"]["spec"]["containers"][0]["image"]} == {images[0]}
    assert ("ARG", f"RAY={spec['rayVersion']}") in image()
    (workers,) = spec["workerGroupSpecs"]
    entrypoint = of_yaml("rayjob.yaml")["entrypoint"]
    limits = workers["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert f"--workers={workers['replicas']} --worker_cpus={limits['cpu']} " in entrypoint


# What would change this machine is done as far as it goes without.
TRIES = """
apt-get() { if [ "$1" = update ]; then command apt-get -qq update; else command apt-get --simulate "$@"; fi; }
rm() { :; }
useradd() { mkdir -p "$SYSTEM/etc" && touch "$SYSTEM/etc/passwd" && command useradd --prefix "$SYSTEM" "$@"; }
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(shutil.which("apt-get") is None or os.getuid() != 0, reason="as root in Debian, like the image")
def test_the_steps_of_the_image_in_an_empty_environment(tmp_path):
    """Each RUN with what the COPYs before it brought, and then the command."""
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    env = {"PATH": f"{tmp_path / 'venv' / 'bin'}:{os.environ['PATH']}", "SYSTEM": str(tmp_path / "system")}
    work, ran = tmp_path, []
    try:
        for name, value in image():
            if name == "ARG":
                key, _, default = value.partition("=")
                env[key] = default
            elif name == "WORKDIR":
                work = tmp_path / "image" / value.strip("/")
                work.mkdir(parents=True, exist_ok=True)
            elif name == "COPY":
                *files, to = value.split()
                for file in files:
                    into = work / to / (file if to.endswith("/") else "")
                    (shutil.copytree if (ROOT / file).is_dir() else shutil.copy)(ROOT / file, into)
            elif name == "RUN":
                subprocess.run(["bash", "-euc", TRIES + value], check=True, cwd=work, env={**os.environ, **env})
                ran.append(value)
        assert len(ran) == 3
        small = ["invert", "--limit=1", "--steps=1", "--restarts=1", "--nopage"]
        (entry,) = [value for name, value in image() if name == "ENTRYPOINT"]
        command = [tmp_path / "venv" / "bin" / yaml.safe_load(entry)[0], *small]
        subprocess.run(command, check=True, cwd=work, env={**os.environ, **env, "PYTHONPATH": ""})
        assert list((work / "runs" / "invert" / "results").glob("part-*.parquet"))
        version = subprocess.run(
            [tmp_path / "venv" / "bin" / "ray", "--version"], check=True, capture_output=True, text=True
        )
        assert version.stdout.strip().endswith(env["RAY"])
    finally:
        shutil.rmtree(tmp_path)  # some GB
