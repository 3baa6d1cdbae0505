"""Shards: what a text means, and that together they are all images, each once."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfinvert.errors import BadInput
from tfinvert.settings import Job, Shard, changed

SHARDS = st.integers(1, 50).flatmap(lambda total: st.tuples(st.integers(1, total), st.just(total)))


@given(SHARDS)
def test_a_text_and_back(numbers):
    shard = Shard(*numbers)
    assert Shard.of(str(shard)) == shard
    assert Job.of(shard=str(shard)).shard == str(shard)


@given(st.integers(1, 50), st.integers(0, 300))
def test_every_image_is_in_exactly_one_shard(total, images):
    shards = [Shard(number, total) for number in range(1, total + 1)]
    found = [[place for place in range(images) if shard.has(place)] for shard in shards]
    assert sorted(itertools.chain.from_iterable(found)) == list(range(images))
    assert [shard.size(images) for shard in shards] == [len(places) for places in found]
    assert found[0] == list(range(0, images, total))  # the first begins with the first image


@pytest.mark.parametrize(
    "text",
    [
        "65/64",
        "0/64",
        "3",
        "a/b",
        "3/0",
        "3/64/2",
        " 3/64",
        "3/64\n",
        "",
        "-1/2",
        "3/",
        "1/1000001",
        "1" * 5000 + "/2",
        3,
    ],
)
def test_what_is_no_shard_is_one_line(text):
    with pytest.raises(BadInput, match=r"^--shard=.*: expected K/N with K from 1 to N, such as 3/64") as told:
        Job.of(shard=text)
    assert "\n" not in str(told.value)
    assert len(str(told.value)) < 200
    if text == "65/64":
        assert str(told.value).startswith("--shard=65/64: ")


def test_a_job_without_one_is_the_whole():
    assert Shard.of(Job().shard) is None
    assert changed(Job.of(shard="3/64"), shard=None) == Job()
