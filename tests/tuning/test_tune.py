"""Tuning: pictures are met, others are kept, the generator given stays, and the file is a generator that says whose."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras

import tfinvert as ti
from tfinvert.settings import ScoreSettings, TuningSettings
from tfinvert.tuning import tune

RANDOM = np.random.default_rng(0)
QUICK = TuningSettings(steps=120, learning_rate=1e-2, samples=32, locality=0.1)


def model(library=keras, classes=None):
    library.utils.set_random_seed(0)
    layers = library.layers
    code = given = library.Input((6,), name="z")
    if classes:
        label = library.Input((1,), dtype="int32", name="label")
        embedded = layers.Flatten()(layers.Embedding(classes, 6)(label))
        given, code = [code, label], layers.Add()([code, embedded])
    w = layers.Dense(8, activation="tanh", name="w")(code)
    image = layers.Dense(64, activation="tanh")(layers.Dense(24, activation="tanh")(w))
    return library.Model(given, layers.Reshape((8, 8, 1))(image))


def pictures(count):
    """Images in [-1, 1] that no code of such a model gives."""
    return np.clip(RANDOM.normal(0, 0.3, (count, 8, 8, 1)), -1, 1).astype(np.float32)


def generator(network, **more):
    return ti.from_keras(network, prior=ti.normal(), value_range=(-1, 1), **more)


@pytest.mark.parametrize("library", [keras, tf_keras], ids=["keras 3", "keras 2"])
@pytest.mark.parametrize("classes", [None, 3])
def test_pictures_are_met_and_the_generator_given_stays_as_it_was(tmp_path, library, classes):
    model(library, classes).save(tmp_path / "plain.keras")
    whole = ti.load_generator(tmp_path / "plain.keras", prior=ti.normal(), value_range=(-1, 1))
    images, codes = pictures(3), RANDOM.normal(size=(3, 6)).astype(np.float32)
    labels = None if classes is None else np.array([0, 2, 1])
    before = whole(codes, labels).numpy()
    found = tune(whole, images, codes, tmp_path / "tuned.keras", QUICK, labels=labels)
    assert (found.psnr_after > found.psnr_before + 6).all()
    np.testing.assert_array_equal(whole(codes, labels), before)
    again = ti.load_generator(tmp_path / "tuned.keras")
    assert (again.about.assumed, again.value_range, str(again.space)) == ((), (-1, 1), "normal(6)")
    assert again.about.tuned_from == whole.about.fingerprint != again.about.fingerprint
    np.testing.assert_allclose(again.to_unit(again(codes, labels)), found.after, atol=1e-5)
    np.testing.assert_allclose(whole.to_unit(before), found.before, atol=1e-5)
    assert found.drift.psnr == pytest.approx(np.median(found.others_psnr))


def test_more_locality_keeps_other_images_more(tmp_path):
    whole, images, codes = generator(model()), pictures(2), RANDOM.normal(size=(2, 6))
    found = []
    for locality in (0.0, 1.0, 30.0):
        settings = TuningSettings(steps=120, learning_rate=1e-2, samples=64, locality=locality)
        found.append(tune(whole, images, codes, tmp_path / "tuned.keras", settings))
    drifts = [each.drift.psnr for each in found]
    assert drifts[0] + 1 < drifts[1] < drifts[2] - 1
    met = [np.median(each.psnr_after) for each in found]
    assert met[0] > met[1] > met[2] > np.median(found[0].psnr_before)


def test_the_same_seed_gives_the_same_weights_and_watching_sees_every_step(tmp_path):
    whole, images, codes, seen = generator(model()), pictures(20), RANDOM.normal(size=(20, 6)), []
    made = []
    for name in ("one", "other"):
        watch = lambda step, loss, change: seen.append((step, loss, change))
        tune(whole, images, codes, tmp_path / f"{name}.keras", QUICK, watch=watch)
        made.append(keras.models.load_model(tmp_path / f"{name}.keras").get_weights())
    for one, other in zip(*made, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)
    assert [step for step, *_ in seen] == [*range(1, 121)] * 2
    assert seen[119][1] < seen[0][1]


def test_behind_a_mapping_only_the_rest_is_moved(tmp_path):
    whole = generator(model())
    images, values = pictures(2), RANDOM.uniform(-0.9, 0.9, (2, 8)).astype(np.float32)
    tail = ti.behind(whole, "w")
    found = tune(whole, images, values, tmp_path / "tuned.keras", QUICK, behind="w")
    np.testing.assert_allclose(found.before, tail.to_unit(tail(values)), atol=1e-5)
    again = keras.models.load_model(tmp_path / "tuned.keras")
    np.testing.assert_array_equal(again.get_layer("w").kernel, whole.network.get_layer("w").kernel)
    tuned = ti.behind(ti.load_generator(tmp_path / "tuned.keras"), "w")
    assert (ti.metrics.psnr(tuned.to_unit(tuned(values)), whole.to_unit(images)).numpy() > found.psnr_before + 6).all()


def test_what_became_of_others_is_measured_by_features_too(tmp_path):
    keras.utils.set_random_seed(1)
    layers = [keras.Input((None, None, 3)), keras.layers.Conv2D(6, 3, 2), keras.layers.ReLU(name="mixed8")]
    score = ScoreSettings(network=keras.Sequential(layers), size=32, samples=100)
    whole, images, codes = generator(model()), pictures(2), RANDOM.normal(size=(2, 6))
    drift = tune(whole, images, codes, tmp_path / "tuned.keras", QUICK, score=score).drift
    assert abs(drift.kid_before[0]) < 4 * drift.kid_before[1]
    assert drift.kid[0] > drift.kid_before[0]
    measured = ("kid", "kid_error", "kid_before", "kid_before_error", "psnr")
    assert set(drift.columns) == {f"others_{name}" for name in measured}
    assert "KID" in drift.told


def test_a_perceptual_loss_may_stand_beside_the_pixels(tmp_path):
    keras.utils.set_random_seed(1)
    keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="eye")]).save(tmp_path / "eye.keras")
    eye = {"features": "eye", "features_network": str(tmp_path / "eye.keras")}
    settings = TuningSettings.of(steps=60, learning_rate=1e-2, samples=16, **eye)
    found = tune(generator(model()), pictures(2), RANDOM.normal(size=(2, 6)), tmp_path / "tuned.keras", settings)
    assert (found.psnr_after > found.psnr_before).all()


def test_what_cannot_be_tuned(tmp_path):
    images, codes, path = pictures(2), np.zeros((2, 6), np.float32), tmp_path / "tuned.keras"
    network = model()
    network.export(str(tmp_path / "exported"), verbose=False)
    exported = ti.load_generator(tmp_path / "exported", prior=ti.normal(6))
    with pytest.raises(ti.BadInput, match="has no weights that can be moved: expected a Keras model"):
        tune(exported, images, codes, path)
    flat = lambda codes: tf.zeros([tf.shape(codes)[0], 8, 8, 1]) + codes[:, :1, None, None]
    with pytest.raises(ti.BadInput, match="has no weights"):
        tune(ti.from_function(flat, ti.normal(6)), images, codes, path)
    whole = generator(network)
    with pytest.raises(ti.BadInput, match="cannot be tuned behind v "):
        tune(whole, images, codes, path, behind="v")
    with pytest.raises(ti.BadInput, match=r"images \[3, 8, 8, 1\]: expected \[2, 8, 8, 1\]"):
        tune(whole, pictures(3), codes, path)
    with pytest.raises(ti.BadInput, match=r"codes \[2, 5\]"):
        tune(whole, images, codes[:, :5], path)
    with pytest.raises(ti.BadInput, match="lower the learning rate"):
        tune(whole, np.full_like(images, np.nan), codes, path)
    network.trainable = False
    with pytest.raises(ti.BadInput, match="no trainable weights"):
        tune(generator(network), images, codes, path)
    assert not path.exists()
