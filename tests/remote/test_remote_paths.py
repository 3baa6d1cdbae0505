"""Paths in a store have the methods of paths here."""

import os
import pickle

import pytest
from stores import fill, names

import tfinvert as ti
from tfinvert.remote import Unavailable, path_of


@pytest.fixture(params=["memory", "s3"])
def url(request):
    """Of a folder in either store."""
    found = request.getfixturevalue(request.param)
    return f"{found if isinstance(found, str) else found.url}/folder"


def test_what_is_where(url):
    fill(url, {"a.txt": b"12", "b.png": b"", "c/d.txt": b"3"})
    folder = path_of(url)
    assert folder.is_dir()
    assert not folder.is_file()
    assert (folder / "a.txt").is_file()
    assert not (folder / "none").exists()
    assert (folder / "a.txt").stat().st_size == 2
    assert sorted(path.name for path in folder.iterdir()) == ["a.txt", "b.png", "c"]
    assert [str(path) for path in folder.glob("*.txt")] == [f"{url}/a.txt"]
    assert list((folder / "none").glob("*")) == []
    assert names(url) == ["a.txt", "b.png", "c/d.txt"]
    assert sorted(path_of(f"{url}/*.txt").matching()) == [(f"{url}/a.txt", "file")]


def test_a_name_with_the_letters_of_patterns(url):
    fill(url, {"[1] *?.txt": b"1"})
    assert [path.read_bytes() for path in path_of(url).glob("*.txt")] == [b"1"]


def test_what_is_deleted_is_gone_also_twice(url):
    fill(url, {"a.txt": b"12", "c/d.txt": b"3", "c/e/f.txt": b"3"})
    path = path_of(f"{url}/a.txt")
    path.unlink()
    path.unlink(missing_ok=True)
    with pytest.raises(FileNotFoundError):
        path.unlink()
    path_of(f"{url}/c").remove()
    path_of(f"{url}/c").remove()
    assert not path_of(url).exists()


def test_a_listing_is_never_remembered(url):
    fill(url, {"a": b"1"})
    assert len(list(path_of(url).iterdir())) == 1
    path_of(url).fs.pipe_file(path_of(f"{url}/b").path, b"2")
    assert len(list(path_of(url).iterdir())) == 2


def test_paths_are_pickled_compared_and_sorted(url):
    path = path_of(f"{url}/a/b.keras")
    assert pickle.loads(pickle.dumps(path)) == path
    assert len({path, path_of(url) / "a" / "b.keras"}) == 1
    assert (path.name, path.stem, path.suffix, str(path.parent)) == ("b.keras", "b", ".keras", f"{url}/a")
    assert sorted([path, path.parent]) == [path.parent, path]


def test_a_large_file_is_read_by_ranges(url, monkeypatch):
    content = bytes(range(256)) * 20_000
    fill(url, {"large": content})
    path, fetched = path_of(f"{url}/large"), []
    fetch = path.fs.cat_file
    monkeypatch.setattr(path.fs, "cat_file", lambda *given, **how: fetched.append(how) or fetch(*given, **how))
    with path.open("rb", 2**16) as file:
        file.seek(-3, 2)
        assert file.read() == content[-3:]
        file.seek(1000)
        assert file.read(5) == content[1000:1005]
    assert all(how["end"] - how["start"] < 70_000 for how in fetched)
    with path.open("rb") as file:
        assert file.read() == content


def test_new_ones_take_the_place_of_none(url, tmp_path):
    file = tmp_path / "file"
    file.write_bytes(b"1")
    path = path_of(f"{url}/a")
    path.put(file, new=True)
    path.put(file, new=True)  # the answer to the first try may have been lost
    file.write_bytes(b"2")
    with pytest.raises(FileExistsError):
        path.put(file, new=True)
    path.put(file)
    assert path.read_bytes() == b"2"


def test_a_folder_is_no_file(url):
    fill(url, {"a/b": b"1"})
    with pytest.raises(ti.BadInput, match="is a folder"):
        path_of(f"{url}/a").open("rb")
    with pytest.raises(FileNotFoundError):
        path_of(f"{url}/none").open("rb")


@pytest.mark.skipif(os.name != "posix", reason="nothing forks here")
def test_a_forked_child_asks_by_itself(url):
    fill(url, {"a": b"1"})
    child = os.fork()
    if child == 0:
        try:
            os._exit(7 if path_of(f"{url}/a").read_bytes() == b"1" else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    assert path_of(f"{url}/a").read_bytes() == b"1"


def test_where_a_file_is_seen_while_it_is_written_it_comes_by_another_name(memory, tmp_path, monkeypatch):
    monkeypatch.setattr("tfinvert.remote.paths._SEEN_EARLY", ("memory",))
    file, path = tmp_path / "file", path_of(f"{memory}/a")
    send, sent = path.fs.put_file, []
    monkeypatch.setattr(path.fs, "put_file", lambda here, there: sent.append(there) or send(here, there))
    for content in (b"1", b"2"):
        file.write_bytes(content)
        path.put(file)
        assert path.read_bytes() == content
    assert names(memory) == ["a"]
    assert not any(each.endswith("/a") for each in sent)
    with pytest.raises(FileExistsError):
        path.put(file, new=True)


def test_a_bucket_that_is_not_there_is_one_line(s3):
    for ask in ("exists", "read_bytes", "listing", "files"):
        with pytest.raises(Unavailable, match="no such bucket"):
            getattr(path_of("s3://no-such-bucket-here/x"), ask)()


def test_a_bucket_that_is_missed_by_a_write_is_one_line(memory, monkeypatch, tmp_path):
    def missed(*given, **how):
        raise FileNotFoundError("http://127.0.0.1/upload/storage/v1/b/bucket/o")

    path = path_of(f"{memory}/a")
    (tmp_path / "a").touch()
    for name, write in (("pipe_file", lambda: path.write_bytes(b"1")), ("put_file", lambda: path.put(tmp_path / "a"))):
        monkeypatch.setattr(path.fs, name, missed)
        with pytest.raises(Unavailable, match="no such bucket"):
            write()


def test_without_credentials_it_is_one_line(s3, monkeypatch, tmp_path):
    from stores import forget

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    forget()
    with pytest.raises(Unavailable, match=r"without credentials.*AWS_ACCESS_KEY_ID"):
        path_of(f"{s3.url}/x").exists()
