"""Pictures that other parts left beside a run: films, regions, samples."""

import numpy as np
import pytest
from PIL import Image

from tfinvert.report import shelves as module
from tfinvert.report.shelves import shelves


def frames(count):
    return [Image.new("RGB", (16, 16), (10 * number, 0, 0)) for number in range(count)]


@pytest.fixture
def folder(tmp_path):
    for name in ("edits", "segmentation/labels"):
        (tmp_path / name).mkdir(parents=True)
    return tmp_path


def test_nothing_is_there(tmp_path):
    assert shelves(tmp_path) == []


@pytest.mark.parametrize("kind", ["webp", "gif", "frames"])
def test_frames_of_an_edit_go_before_its_still_picture(folder, kind):
    first, *others = made = frames(12)
    if kind == "frames":
        (folder / "edits" / "path.frames").mkdir()
        for number, frame in enumerate(made):
            frame.save(folder / "edits" / "path.frames" / f"{number:05d}.png")
    else:
        first.save(folder / "edits" / f"path.{kind}", save_all=True, append_images=others)
    Image.new("RGB", (99, 9)).save(folder / "edits" / "path.png")
    Image.new("RGB", (99, 9)).save(folder / "edits" / "project.png")
    path, project = shelves(folder)
    assert (path.title, path.film, path.note) == ("Edit: path", True, "")
    assert [name for name, _ in path.pictures] == [f"{number + 1} of 12" for number in range(12)]
    assert {picture.width for _, picture in path.pictures} == {16}
    assert (project.title, project.film, project.pictures[0][1].width) == ("Edit: project", False, 99)


def test_of_many_frames_some_are_taken_with_both_ends(folder, monkeypatch):
    monkeypatch.setattr(module, "_FRAMES", 3)
    first, *others = frames(9)
    first.save(folder / "edits" / "path.webp", save_all=True, append_images=others, lossless=True)
    wanted = [module.Room(100_000, 1).fit(frame).uri for frame in (first, others[3], others[-1])]
    assert [picture.uri for _, picture in shelves(folder)[0].pictures] == wanted


def test_regions_and_not_their_labels(folder, monkeypatch):
    for name in ("a", "b", "labels/a-8"):
        Image.new("RGB", (20, 20)).save(folder / "segmentation" / f"{name}.png")
    (shelf,) = shelves(folder)
    assert (shelf.title, shelf.film, [name for name, _ in shelf.pictures]) == ("Segmentation", False, ["a", "b"])
    monkeypatch.setattr(module, "_STILLS", 1)
    assert shelves(folder)[0].note == "1 of 2 pictures"


def test_broken_files_are_named_and_the_rest_is_shown(folder):
    (folder / "edits" / "path.webp").write_bytes(b"no film")
    (folder / "segmentation" / "a.png").write_bytes(b"no picture")
    Image.new("RGB", (20, 20)).save(folder / "segmentation" / "b.png")
    edit, regions = shelves(folder)
    assert "cannot be read" in edit.note
    assert regions.note == "a.png cannot be read"
    assert [name for name, _ in regions.pictures] == ["b"]


def test_all_keep_to_their_room(folder, monkeypatch):
    monkeypatch.setattr(module, "_BYTES", 20_000)
    random = np.random.default_rng(0)
    for number in range(10):
        noise = Image.fromarray(random.integers(0, 256, (100, 100, 3), np.uint8))
        noise.save(folder / "segmentation" / f"{number}.png")
    assert sum(len(picture.uri) for _, picture in shelves(folder)[0].pictures) < 20_000 * 4 / 3 + 10 * 50
