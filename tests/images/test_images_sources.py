"""Which pictures a folder, a glob, a list or an archive gives, in which order, with which ids."""

import os
import zipfile

import numpy as np
import pytest
from PIL import Image

from tfinvert.errors import BadInput
from tfinvert.images import glyphs
from tfinvert.images.sources import open_source


def picture(path, grey=0):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (2, 2), grey).save(path)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Three pictures, each as bright as its place in the order, and what is none; paths are relative to it."""
    monkeypatch.chdir(tmp_path)
    for grey, name in enumerate(["a.png", "b, c[1].JPG", "sub/d.bmp"]):
        picture(tmp_path / "in" / name, grey)
    for name in ["in/notes.txt", "in/model.h5", "in/paper.pdf", "in/._a.png", "in/.cache/x.png", "in/__MACOSX/y.png"]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("no picture")
    return tmp_path


def ids(source):
    return [entry.id for entry in open_source(source)]


def test_a_folder_with_its_subfolders(folder):
    entries = open_source("in")
    assert [entry.id for entry in entries] == ["in/a.png", "in/b, c[1].JPG", "in/sub/d.bmp"]
    assert [round(float(entry.read()[0, 0, 0] * 255)) for entry in entries] == [0, 1, 2]
    assert ids(folder / "in") == [f"{folder.as_posix()}/{name}" for name in ids("in")]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("in/a.png", ["in/a.png"]),
        ("in/b, c[1].JPG", ["in/b, c[1].JPG"]),  # a file that is there is no glob and no list
        ("in/*.png", ["in/a.png"]),
        ("in/*.[pJ]?[gG]", ["in/a.png", "in/b, c[1].JPG"]),
        ("in/s*", ["in/sub/d.bmp"]),  # only folders match
        ("in/**/*.bmp", ["in/sub/d.bmp"]),
        ("in/sub/d.bmp, in/*.png", ["in/sub/d.bmp", "in/a.png"]),
        (["in/sub", "in/a.png"], ["in/sub/d.bmp", "in/a.png"]),
    ],
)
def test_files_globs_and_lists(folder, source, expected):
    assert ids(source) == expected


def test_a_glob_gives_each_file_once(folder):
    """`**` matches files and the folders that hold them."""
    found = [name for name in ids("in/**") if not name.endswith(("txt", "h5", "pdf", "y.png"))]
    assert found == ["in/a.png", "in/b, c[1].JPG", "in/sub/d.bmp"]


def test_a_glob_passes_over_folders_without_pictures(folder):
    (folder / "in" / "empty.png").mkdir()
    assert ids("in/*.png") == ["in/a.png"]


def test_many_names_with_commas_are_longer_than_a_path_may_be(folder):
    assert ids(",".join(["in/a.png"] * 1000)) == ["in/a.png"] * 1000


def test_of_many_files_the_name_comes_before_the_index(folder):
    for name in ("x.npy", "y.npy"):
        np.save(folder / name, np.zeros((2, 5, 5), np.uint8))
    assert ids("x.npy") == ["0", "1"]
    assert ids("*.npy") == ["x.npy[0]", "x.npy[1]", "y.npy[0]", "y.npy[1]"]
    assert ids(["y.npy", "in/a.png"]) == ["y.npy[0]", "y.npy[1]", "in/a.png"]


@pytest.fixture
def archive(folder):
    with zipfile.ZipFile(folder / "all.zip", "w") as file:
        for name in ("in/a.png", "in/sub/d.bmp", "in/._a.png", "in/notes.txt", "in/__MACOSX/y.png"):
            file.write(folder / name, name.replace("in/__MACOSX", "__MACOSX"))
        file.write(folder / "in" / "a.png", "in/subway/e.png")
    return folder


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("all.zip", ["in/a.png", "in/sub/d.bmp", "in/subway/e.png"]),
        ("all.zip:in/sub", ["in/sub/d.bmp"]),  # not in/subway
        ("all.zip:in/sub/", ["in/sub/d.bmp"]),
        ("all.zip:in/a.png", ["in/a.png"]),
    ],
)
def test_zip_archives(archive, source, expected):
    assert ids(source) == [f"all.zip:{name}" for name in expected]


def test_pictures_are_read_out_of_an_archive(archive):
    (archive / "all.zip").rename(archive / "ALL.ZIP")
    entries = open_source("ALL.ZIP:in/sub")
    np.testing.assert_allclose(entries[0].read(), np.full((2, 2, 1), 2 / 255), atol=1e-7)


@pytest.mark.skipif(os.name != "posix", reason="names of files are Unicode here")
def test_names_that_are_no_unicode_are_spelled_out(folder):
    (folder / "in/a.png").rename(folder / "in" / os.fsdecode(b"caf\xe9.png"))
    np.save(folder / "in/x.npy", np.zeros((2, 5, 5), np.uint8))
    (folder / "in/x.npy").rename(folder / "in" / os.fsdecode(b"\xff.npy"))
    assert ids("in/*.png") == ["in/caf\\udce9.png"]
    assert ids("in/*.[pn][np][gy]") == ["in/caf\\udce9.png", "in/\\udcff.npy[0]", "in/\\udcff.npy[1]"]
    assert open_source("in/*.png")[0].read().shape == (2, 2, 1)


def test_the_glyphs_are_the_default():
    assert ids(None) == ids("glyphs") == [f"{font}-{character}" for font, character in glyphs.held_out()]
    first = open_source()[0]
    assert glyphs.CHARACTERS[first.label] == first.id[-1]
    np.testing.assert_allclose(first.read()[..., 0] * 255, glyphs.draw(*next(glyphs.held_out())), atol=1e-4)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "images '': expected a folder, a glob"),
        (" , ", "expected a folder, a glob"),
        ("gone.png", "images gone.png: no such file, folder or match; expected"),
        ("in/*.tiff", "no such file, folder or match"),
        ("in/a.png,gone.png", "images gone.png: no such file"),
        ("empty", r"folder empty holds no pictures \(1 other files\): expected .png"),
        ("all.zip:out", "all.zip:out holds no pictures: expected .png"),
        ("bad.zip", "bad.zip is a damaged zip archive"),
        ("in/a.png:layer", "in/a.png:layer: nothing can be chosen from such a file"),
        ("x" * 5000, "no such file"),
    ],
)
def test_sources_with_nothing_in_them(archive, source, said):
    (archive / "empty").mkdir()
    (archive / "empty" / "notes.txt").touch()
    (archive / "bad.zip").write_text("no archive")
    with pytest.raises(BadInput, match=said) as caught:
        open_source(source)
    assert "\n" not in str(caught.value)


def test_real_photos_and_archives(shared):
    photos = open_source(shared / "data" / "photos")
    assert len(photos) == 8
    assert {entry.read().shape[-1] for entry in photos} == {1, 3}
    omniglot = shared / "data" / "omniglot" / "images_background_small1.zip"
    characters = open_source(omniglot)
    alphabet = characters[0].id.removeprefix(f"{omniglot.as_posix()}:").split("/")[:2]
    chosen = open_source(f"{omniglot}:{'/'.join(alphabet)}")
    assert 0 < len(chosen) < len(characters)
    assert chosen[0].read().shape == (105, 105, 1)
    assert set(np.unique(chosen[0].read())) == {0, 1}
