"""The comparison: every pair is there, the worst and the best are marked."""

import numpy as np
import problems
import pyarrow as pa
import pytest
from PIL import Image

import tfinvert as ti
from tfinvert.images import Sources
from tfinvert.report import figures
from tfinvert.report.figures import Pair, Picture, draw, plain
from tfinvert.runs import Store, run

LINEAR = problems.Linear()


def pairs(errors):
    image = np.random.default_rng(0).uniform(size=(4, 4, 1))
    return [Pair(image, image, error, f"image-{i}.png") for i, error in enumerate(errors)]


def captions(figure):
    return [axis.get_xlabel() for axis in figure.axes if axis.get_xlabel()]


def test_the_worst_and_the_best_are_marked():
    figure = draw(pairs([0.2, 0.5, 0.1, 0.3]), columns=3)
    assert captions(figure) == ["mse 0.2", "worst: mse 0.5", "best: mse 0.1", "mse 0.3"]


def test_what_has_no_result_is_shown_as_missing():
    figure = draw([*pairs([0.2, 0.1]), Pair(None, None, None, "broken $name_{.png")])
    assert captions(figure)[-1] == "no result"
    figure.canvas.draw()  # a name is text, not mathematics


@pytest.mark.parametrize("count", [0, 1, 12, 13])
def test_any_number_of_pairs_is_drawn(count):
    assert len(captions(draw(pairs(np.linspace(0.1, 0.2, count))))) == count


def test_a_run_with_many_images_shows_a_spread_with_both_ends(tmp_path):
    arrays = np.random.default_rng(0).uniform(size=(50, 4, 4, 1)).astype(np.float32)
    sources, store = Sources(arrays, LINEAR.generator), Store(tmp_path)
    run(ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(2.0, 9), batch_size=50), sources, store, show=False)
    path = ti.report.comparison(store, sources, most=10)
    assert path == tmp_path / "comparison.png"
    assert Image.open(path).size[0] > 400


def test_images_are_shown_whatever_the_last_limit_was(tmp_path, monkeypatch):
    arrays = np.random.default_rng(0).uniform(size=(5, 4, 4, 1)).astype(np.float32)
    store = Store(tmp_path)
    sources = Sources(arrays, LINEAR.generator)
    run(ti.Inverter(LINEAR.generator, solver=ti.GradientDescent(2.0, 9)), sources, store, show=False)
    drawn = []
    monkeypatch.setattr(figures, "draw", lambda pairs, **more: (drawn.extend(pairs), draw(pairs, **more))[1])
    ti.report.comparison(store, Sources(arrays, LINEAR.generator, limit=2))
    assert len(drawn) == 5
    assert all(pair.target is not None for pair in drawn)


def test_what_is_no_number_is_ranked_last():
    errors = pa.chunked_array([pa.array([0.3, np.nan, 0.1], pa.float32()), pa.array([None, 0.2], pa.float32())])
    assert figures.spread(errors, 3).tolist() == [2, 0, 3]
    assert figures.spread(errors, 4).tolist() == [2, 4, 1, 3]
    assert figures.spread(errors, 5).tolist() == [0, 1, 2, 3, 4]


def test_a_figure_is_written_whole_and_its_texts_are_no_mathematics(tmp_path, monkeypatch):
    figure = Picture(3, 2, "runs/$x_$")
    figure.subplots().set_title(plain("$y_$"))
    path = figure.write(tmp_path / "deep" / "figure.png")
    before = path.read_bytes()
    assert Image.open(path).size == (330, 220)

    def stopped(self, file, **given):
        file.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(Picture, "savefig", stopped)
    with pytest.raises(KeyboardInterrupt):
        figure.write(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("width", [2.0, 4.0, 12.0])
def test_a_long_title_stands_within_a_narrow_figure(width):
    picture = Picture(width, 4, "targets over reconstructions from the code alone, and from behind the cut")
    picture.draw_without_rendering()
    extent = picture._suptitle.get_window_extent()
    assert extent.x0 >= 0
    assert extent.x1 <= picture.bbox.x1


def test_a_notebooks_grid_takes_what_load_gives():
    generator = ti.load_generator()
    images = ti.images.load("glyphs", like=generator, limit=3)
    found = ti.Inverter(generator, solver=ti.Adam(steps=2), restarts=1)(images)
    figure = ti.report.grid(images, found, generator)
    assert len(captions(figure)) == 3
