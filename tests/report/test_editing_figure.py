"""Strips and films of frames."""

import sys

import numpy as np
import pytest
from jobs import job_of
from PIL import Image, ImageSequence

import tfinvert as ti
from tfinvert.editing import scenes
from tfinvert.report import editing, figures
from tfinvert.report.editing import Frames
from tfinvert.runs import open_run, run_job
from tfinvert.settings import EditSettings


def frames(count=5, rows=2, shape=(16, 24, 3), **more):
    """Row r is grey of r + 1 tenths that grows with the frames."""
    level = 0.1 * (1 + np.arange(rows)[:, None]) + 0.1 * np.arange(count) / count
    images = np.broadcast_to(level[:, :, None, None, None], (rows, count, *shape)).astype(np.float32)
    names, captions = [f"row {row}" for row in range(rows)], ["first", *[""] * (count - 2), "last"]
    return Frames(images, names, captions, **more)


@pytest.mark.parametrize("kind", ["gif", "webp"])
def test_films_hold_all_frames_and_loop(tmp_path, kind):
    path = editing.film(frames(), tmp_path / f"film.{kind}", fps=10)
    film = Image.open(path)
    shown = [np.asarray(each.convert("RGB"), np.float32) / 255 for each in ImageSequence.Iterator(film)]
    assert len(shown) == 5
    assert film.info["loop"] == 0
    height = shown[0].shape[0]
    assert height >= 128
    np.testing.assert_allclose([each[0, 0, 0] for each in shown], 0.1 + 0.02 * np.arange(5), atol=0.01)
    np.testing.assert_allclose([each[-1, -1, 0] for each in shown], 0.2 + 0.02 * np.arange(5), atol=0.01)
    assert list(tmp_path.iterdir()) == [path]


def test_targets_stand_still_before_the_rows(tmp_path):
    target = np.ones((16, 24, 3), np.float32)
    given = frames(rows=1, targets=[target])
    first, *_, last = ImageSequence.all_frames(Image.open(editing.film(given, tmp_path / "film.webp")))
    for shown in (first, last):
        assert np.asarray(shown.convert("RGB"))[5, 5].tolist() == [255] * 3
    without = Image.open(editing.film(frames(rows=1), tmp_path / "without.webp"))
    assert first.size == (2 * without.size[0], without.size[1])


def test_frames_are_a_folder_that_is_replaced_whole(tmp_path):
    path = editing.film(frames(7, 1, (8, 8, 1)), tmp_path / "path.frames")
    assert [file.name for file in sorted(path.iterdir())] == [f"{number:05d}.png" for number in range(7)]
    assert Image.open(path / "00003.png").size == (128, 128)
    editing.film(frames(3, 1, (8, 8, 1)), path)
    assert len(list(path.iterdir())) == 3
    assert list(tmp_path.iterdir()) == [path]


def test_mp4(tmp_path):
    ffmpeg = pytest.importorskip("imageio_ffmpeg")
    path = editing.film(frames(6, 1, (15, 15, 1)), tmp_path / "film.mp4", fps=12)
    reader = ffmpeg.read_frames(path)
    about = next(reader)
    assert about["size"] == (136, 136)  # 135 made even
    assert len(list(reader)) == 6
    assert list(tmp_path.iterdir()) == [path]


def test_films_that_cannot_be_written_are_told(monkeypatch, tmp_path):
    with pytest.raises(ti.BadInput, match="a film as 'avi'"):
        editing.film(frames(), tmp_path / "film.avi")
    monkeypatch.setitem(sys.modules, "imageio_ffmpeg", None)
    with pytest.raises(ti.BadInput, match=r"mp4 without imageio-ffmpeg: pip install 'tfinvert\[video\]'"):
        editing.check(["gif", "mp4"])
    assert not list(tmp_path.iterdir())


def test_a_strip_shows_some_of_many_columns_and_all_that_have_captions(tmp_path):
    few = Image.open(editing.strip(frames(13), tmp_path / "few.png")).size
    many = Image.open(editing.strip(frames(200), tmp_path / "many.png")).size
    assert many == few
    given = frames(30)
    named = Image.open(editing.strip(given._replace(captions=["x$_"] * 30), tmp_path / "named.png")).size
    assert named[0] > 2 * few[0]
    with_targets = frames(13, targets=[None, np.zeros((16, 24, 3))])
    assert Image.open(editing.strip(with_targets, tmp_path / "targets.png", "title")).size[0] > few[0]
    assert np.asarray(Image.open(tmp_path / "targets.png").convert("L")).std() > 10
    assert not list(tmp_path.glob("*.tmp"))


def test_films_of_an_earlier_edit_of_this_name_go(tmp_path):
    editing.write(frames(rows=1), tmp_path, "path", ["frames", "webp"])
    editing.write(frames(rows=1), tmp_path, "gap", ["gif"])
    written = editing.write(frames(rows=1), tmp_path, "path", ["gif"])
    assert written == [tmp_path / "path.png", tmp_path / "path.gif"]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["gap.gif", "gap.png", "path.gif", "path.png"]


def test_a_row_keeps_its_name_where_its_target_is_gone(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(figures.Picture, "write", lambda figure, path: drawn.append(figure))
    editing.strip(frames(targets=[None, np.zeros((16, 24, 3))]), tmp_path / "strip.png", "runs/$x_$")
    (figure,) = drawn
    figure.canvas.draw()  # the title is text, not mathematics
    first = figure.axes[0]
    assert (first.axison, first.get_ylabel(), first.images[:]) == (True, "row 0", [])


def test_images_that_are_gone_are_left_out(eagerly, tmp_path, caplog):
    np.save(tmp_path / "images.npy", np.zeros((2, 32, 32), np.uint8))
    job = job_of(str(tmp_path / "run"), images=str(tmp_path / "images.npy"), steps=2, restarts=1)
    run_job(job, show=False)
    run = open_run(tmp_path / "run")
    place, (scene,) = scenes(run, EditSettings.of(ids=["0", "1"], random=1, frames=1))
    drawn = editing.frames(scene, place, run)
    assert drawn.images.shape == (2, 2, 32, 32, 1)
    np.testing.assert_allclose(drawn.targets, np.zeros((2, 32, 32, 1)), atol=1e-6)
    (tmp_path / "images.npy").unlink()
    assert editing.frames(scene, place, run).targets is None
    assert "without the images themselves" in caplog.text
