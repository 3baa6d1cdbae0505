"""Which texts are URLs of a store, and what is said of those that cannot be used."""

import sys
from pathlib import Path

import pytest

import tfinvert as ti
from tfinvert.remote import is_remote, path_of


@pytest.mark.parametrize("text", ["s3://b/x", "gs://b/x", "hdfs://host:9000/x", "memory://a", "S3://b/x", "abfs://c/x"])
def test_urls_of_stores(text):
    assert is_remote(text)


@pytest.mark.parametrize(
    "text",
    [
        "s3",
        "s3:/b",
        "a/b",
        "C://x",
        "C:\\x",
        "a.npz:key",
        "https://tfhub.dev/x/1",
        "http://x/y",
        "tfds:mnist",
        "a,s3://b",
    ],
)
def test_all_else_is_no_url(text):
    assert not is_remote(text)
    assert path_of(text) == Path(text)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("nowhere://x/y", "unknown scheme nowhere: expected s3://, gs:// or hdfs://"),
        ("ftp://host/x", "unknown scheme ftp"),
        ("github://org:repo@main/x", "unknown scheme github"),
        ("s3:///y", "names no bucket"),
        ("file:///tmp/x", "give the path itself"),
    ],
)
def test_what_cannot_be_used_is_one_line(url, words):
    with pytest.raises(ti.BadInput, match=words) as told:
        path_of(url)
    assert "\n" not in str(told.value)


def test_without_the_extra_it_is_named(monkeypatch):
    for name in ("fsspec", "upath"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "tfinvert.remote.paths", raising=False)
    with pytest.raises(ti.BadInput, match=r"pip install 'tfinvert\[remote\]'"):
        path_of("s3://bucket/x")
    assert path_of("here") == Path("here")


def test_a_scheme_whose_package_is_missing_names_the_extra(monkeypatch):
    from stores import forget

    forget()
    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(ti.BadInput, match=r"pip install 'tfinvert\[remote\]'"):
        path_of("gs://bucket/x")
