"""Directions from examples with planted attributes, and from weights that are known."""

import keras
import numpy as np
import pytest

import tfinvert as ti
from tfinvert.editing import Direction, Place, Points, along, learnt, of_first_map
from tfinvert.editing.attributes import read_direction
from tfinvert.generators.derived.split import split

RANDOM = np.random.default_rng(0)


def examples(count=600, entries=(3, 4), noise=0.1):
    """Codes, and an attribute that is a plane's side, with some noise."""
    vector = RANDOM.normal(size=entries)
    vector /= np.linalg.norm(vector)
    codes = RANDOM.normal(size=(count, *entries))
    side = np.tensordot(codes, vector, len(entries)) + noise * RANDOM.normal(size=count) > 0.8
    return codes, side, vector


def test_a_planted_attribute_is_found_though_few_have_it():
    codes, side, vector = examples()
    assert side.mean() < 0.3
    found = learnt(codes, side, "smile", fingerprint="abc")
    assert found.vector.shape == (3, 4)
    assert np.linalg.norm(found.vector) == pytest.approx(1, abs=1e-6)
    assert np.sum(found.vector * vector) > 0.97
    assert found.spread == pytest.approx(1, abs=0.1)
    assert found.accuracy > 0.9
    assert (found.name, found.at, found.fingerprint) == ("smile", "code", "abc")


def test_the_spread_is_that_of_all_that_examples_were_chosen_from():
    codes, _, vector = examples(3000)
    order = np.argsort(np.tensordot(codes, vector, 2))
    chosen = np.concatenate([order[:1000], order[-1000:]])
    found = learnt(codes[chosen], np.arange(2000) >= 1000, "smile", codes)
    assert found.spread == pytest.approx(1, abs=0.05)
    assert learnt(codes[chosen], np.arange(2000) >= 1000, "smile").spread > 1.15


def test_the_same_images_with_the_attribute_and_without_tell_nothing():
    codes = RANDOM.normal(size=(20, 4))
    with pytest.raises(ti.BadInput, match="with it and without it are the same"):
        learnt(np.concatenate([codes, codes]), np.arange(40) < 20, "smile")


def test_chance_is_told_as_chance():
    codes, _, _ = examples(2000)
    found = learnt(codes, RANDOM.uniform(size=2000) < 0.3, "nothing")
    assert found.accuracy == pytest.approx(0.5, abs=0.07)


def test_entries_of_other_sizes_and_constant_ones_do_no_harm():
    codes, side, vector = examples(entries=(3,))
    scale = np.array([1e-3, 1, 1e3])
    given = np.concatenate([codes * scale, np.ones((len(codes), 1))], axis=1)
    found = learnt(given, side, "smile")
    assert found.vector[3] == 0
    own = found.vector[:3] / scale
    assert np.sum(own / np.linalg.norm(own) * vector) > 0.97
    assert found.accuracy > 0.9


@pytest.mark.parametrize("with_it", [0, 9, 50])
def test_one_kind_alone_tells_nothing(with_it):
    with pytest.raises(ti.BadInput, match=f"smile: {with_it} examples with it and {50 - with_it} without.*10 of each"):
        learnt(RANDOM.normal(size=(50, 4)), np.arange(50) < with_it, "smile")


def test_codes_that_do_not_differ_tell_nothing():
    with pytest.raises(ti.BadInput, match="do not differ"):
        learnt(np.ones((50, 4)), np.arange(50) < 25, "smile")


def test_a_direction_is_read_as_it_was_written(tmp_path):
    codes, side, _ = examples()
    found = learnt(codes, side, "smile", at="dense", behind="w", fingerprint="abc")
    again = read_direction(found.write(tmp_path / "smile.npz"))
    np.testing.assert_array_equal(again.vector, found.vector)
    for name in ("spread", "name", "at", "behind", "fingerprint", "accuracy"):
        assert getattr(again, name) == getattr(found, name)
    with pytest.raises(ti.BadInput, match=r"ends in \.npz"):
        found.write(tmp_path / "smile.npy")


def spoilt(path, kind):
    if kind == "text":
        path.write_text("smile")
    elif kind == "other arrays":
        np.savez(path, images=np.zeros(3))
    elif kind == "no settings":
        np.savez(path, vector=np.zeros(3), about=np.frombuffer(b"[1, 2]", np.uint8))
    elif kind == "other types":
        about = b'{"spread": "wide", "name": [], "at": "code"}'
        np.savez(path, vector=np.zeros(3), about=np.frombuffer(about, np.uint8))
    elif kind == "an object":
        np.savez(path, vector=np.array([{}], object), about=np.zeros(3, np.uint8))
    else:
        Direction(np.full(3, np.nan, np.float32), 1.0, "smile").write(path)


@pytest.mark.parametrize("kind", ["text", "other arrays", "no settings", "other types", "an object", "no numbers"])
def test_files_that_are_no_directions(tmp_path, kind):
    spoilt(tmp_path / "file.npz", kind)
    with pytest.raises(ti.BadInput, match=r"file\.npz"):
        read_direction(tmp_path / "file.npz")
    with pytest.raises(ti.BadInput, match="expected a file that `tfinvert direction` wrote"):
        read_direction(tmp_path / "none.npz")


def planted():
    """A generator whose first map has the singular values 5, 2 and 1, and its right singular vectors [3, 3]."""
    code = keras.Input((3,))
    image = keras.layers.Dense(16, name="first")(code)
    image = keras.layers.Dense(16, activation="tanh")(keras.layers.ReLU()(image))
    model = keras.Model(code, keras.layers.Reshape((4, 4, 1))(image))
    left, right = (np.linalg.qr(RANDOM.normal(size=(size, size)))[0][:, :3] for size in (16, 3))
    model.get_layer("first").set_weights([right @ np.diag([5, 2, 1]) @ left.T, RANDOM.normal(size=16)])
    return ti.from_keras(model, prior=ti.normal(), value_range=(-1, 1)), right.T


def test_directions_of_the_first_map_are_its_singular_vectors():
    generator, vectors = planted()
    found = of_first_map(generator, 2)
    np.testing.assert_allclose(np.abs(np.sum(found.directions * vectors[:2], axis=1)), 1, atol=1e-5)
    np.testing.assert_allclose(found.shares, np.array([25, 4]) / 30, atol=1e-5)
    with pytest.raises(ti.BadInput, match=r"4 directions of the first map of .*: expected 1 to 3"):
        of_first_map(generator, 4)


def test_all_maps_that_codes_enter_first_count():
    """The second half of a code only drives a later map, as in a BigGAN."""
    code = keras.Input((4,))
    image = keras.layers.Dense(16)(code[:, :2])
    later = keras.layers.Dense(16, kernel_initializer=keras.initializers.Constant(3.0))(code[:, 2:])
    image = keras.layers.Reshape((4, 4, 1))(keras.layers.Add()([keras.layers.ReLU()(image), later]))
    found = of_first_map(ti.from_keras(keras.Model(code, image), prior=ti.normal()), 1)
    np.testing.assert_allclose(np.abs(found.directions[0]), [0, 0, 0.5**0.5, 0.5**0.5], atol=1e-5)


def test_moving_along_a_direction_of_codes_holds_delta_and_one_of_values_holds_the_code():
    generator, _ = planted()
    place = Place(generator, split(generator))
    point = Points(RANDOM.normal(size=(1, 3)).astype("f4"), None, RANDOM.normal(size=(1, 16)).astype("f4"))
    vector = np.array([0, 1, 0], np.float32)
    made = along(place, point, Direction(vector, 2.0, "smile"), [-1, 0, 1.5])
    np.testing.assert_allclose(made.codes - point.codes, np.outer([-2, 0, 3], vector), atol=1e-6)
    np.testing.assert_array_equal(made.delta, np.repeat(point.delta, 3, axis=0))
    vector = np.eye(16, dtype=np.float32)[5]
    made = along(place, point, Direction(vector, 0.5, "smile", "dense"), [-2, 2])
    np.testing.assert_array_equal(made.codes, np.repeat(point.codes, 2, axis=0))
    np.testing.assert_allclose(made.delta - point.delta, np.outer([-1, 1], vector), atol=1e-6)
    with pytest.raises(ti.BadInput, match="edit there"):
        along(Place(generator), point, Direction(vector, 0.5, "smile", "dense"), [-2, 2])
    with pytest.raises(ti.BadInput, match=r"direction smile \[16\] for .*: expected \[3\]"):
        along(Place(generator), point, Direction(vector, 0.5, "smile"), [-2, 2])
