"""A run by two nodes, of which one dies, and whose driver is killed: the rows of an undisturbed run."""

import cluster
import pytest

from tfinvert.runs.stored import Stored

pytest.importorskip("ray")
pytestmark = pytest.mark.slow
FLAGS = ["--limit=160", "--steps=60", "--batch_size=8"]


def test_a_worker_a_node_and_the_driver_are_killed(tmp_path):
    log = tmp_path / "log"
    plain = cluster.Driver(tmp_path / "plain", FLAGS, log)
    assert plain.end() == 0
    with cluster.nodes() as nodes:
        flags = [*FLAGS, "--engine=ray", f"--address={nodes.address}", "--workers=2"]
        driver = cluster.Driver(tmp_path / "ray", flags, log)
        driver.until(16)
        cluster.kill(cluster.workers()[0])
        driver.until(driver.rows() + 16)
        nodes.kill()
        driver.until(driver.rows() + 16)
        nodes.add()
        driver.kill()
        assert driver.rows() < 160
        assert cluster.Driver(tmp_path / "ray", flags, log).end() == 0, log.read_text()[-3000:]
    found = Stored(tmp_path / "ray")
    assert found.read(cluster.SAME).equals(Stored(tmp_path / "plain").read(cluster.SAME))
    assert found.double == 0
