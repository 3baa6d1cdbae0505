"""Tuning: pictures are met, others are kept, the generator given stays, and the file is a generator that says whose."""

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from small_stylegan import NOISE, small_stylegan

import tfinvert as ti
from tfinvert.gans.style import style_generator
from tfinvert.generators.derived.precise import in_float64
from tfinvert.settings import ScoreSettings, TuningSettings
from tfinvert.tuning import tune
from tfinvert.tuning.drift import unclipped
from tfinvert.tuning.live import live
from tfinvert.tuning.tune import Tuner, _others, _Task, _term

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


@pytest.mark.first(1)
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


@pytest.mark.slow
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
    np.testing.assert_array_equal(again.get_layer("w").kernel, whole.network.model.get_layer("w").kernel)
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


def test_a_perceptual_loss_counts_beside_the_pixels(tmp_path):
    """What the network sees of images comes nearer with it than without."""
    keras.utils.set_random_seed(1)
    eye = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, name="eye")])
    eye.save(tmp_path / "eye.keras")
    images, codes, seen = pictures(3), RANDOM.normal(size=(3, 6)), []
    for weight in (1.0, 100.0):
        features = {"features": "eye", "features_network": str(tmp_path / "eye.keras"), "features_weight": weight}
        settings = TuningSettings.of(steps=100, learning_rate=1e-2, samples=16, **features)
        found = tune(generator(model()), images, codes, tmp_path / "tuned.keras", settings)
        prepare = ti.Features("eye", eye).prepare
        seen.append(np.mean((prepare(tf.constant(found.after)) - prepare((images + 1) / 2)) ** 2))
    assert seen[1] < seen[0]


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
    with pytest.raises(ti.BadInput, match="2 of 2 images have values that are no numbers: leave them out"):
        tune(whole, np.full_like(images, np.nan), codes, path)
    with pytest.raises(ti.BadInput, match="no images: expected at least one"):
        tune(whole, images[:0], codes[:0], path)
    linear = keras.Sequential([keras.Input((6,)), keras.layers.Dense(64), keras.layers.Reshape((8, 8, 1))])
    with pytest.raises(ti.BadInput, match="lower the learning rate"):
        tune(generator(linear), images, codes, path, TuningSettings(learning_rate=1e30))
    with pytest.raises(ti.BadInput, match="has no weights"):
        tune(in_float64(whole), images, codes, path)
    bare = keras.Sequential([keras.Input((64,)), keras.layers.Reshape((8, 8, 1))])
    with pytest.raises(ti.BadInput, match=r"has no weights .*expected layers that learn"):
        tune(generator(bare), images, np.zeros((2, 64), np.float32), path)
    with pytest.raises(ti.BadInput, match=r"codes \[2, 6\] behind w: expected \[N, 8\]"):
        tune(whole, images, codes, path, behind="w")
    with pytest.raises(ti.BadInput, match=r"ends in \.keras"):
        tune(whole, images, codes, tmp_path / "tuned.h5")
    assert not path.exists()


def test_a_model_that_was_saved_as_not_trainable_is_tuned_all_the_same(tmp_path):
    network = model()
    network.trainable = False
    network.save(tmp_path / "frozen.keras")
    whole = ti.load_generator(tmp_path / "frozen.keras", prior=ti.normal(), value_range=(-1, 1))
    found = tune(whole, pictures(2), RANDOM.normal(size=(2, 6)), tmp_path / "tuned.keras", QUICK)
    assert (found.psnr_after > found.psnr_before + 6).all()
    assert not whole.network.model.trainable


def test_layers_that_were_frozen_one_by_one_stay_so(tmp_path):
    network = model()
    for layer in network.layers:
        layer.trainable = False
    found = tune(generator(network), pictures(2), RANDOM.normal(size=(2, 6)), tmp_path / "tuned.keras", QUICK)
    assert (found.psnr_after > found.psnr_before + 6).all()
    assert network.trainable
    assert not any(layer.trainable for layer in network.layers)


@pytest.mark.parametrize("count", [1, 2, 3, 6])
def test_other_images_lie_near_each_picture(count):
    moving = live(generator(model()))
    codes = 1000 * tf.eye(6)[:count]
    task = _Task(codes, moving.whole.takes.encode(None), tf.zeros([count, 8, 8, 1]), _term(QUICK))
    values, _ = _others(moving, task, TuningSettings(samples=64))
    near = values.numpy()[1::2]
    assert (np.abs(values[::2]) < 10).all()  # of the prior
    assert set(np.argmax(near[near.max(axis=1) > 10], axis=1)) == set(range(count))


def test_others_that_lie_beyond_black_and_white_have_not_changed_before_the_first_step(tmp_path):
    keras.utils.set_random_seed(0)
    linear = keras.Sequential(
        [keras.Input((6,)), keras.layers.Dense(64, kernel_initializer="he_normal"), keras.layers.Reshape((8, 8, 1))]
    )
    whole, seen = generator(linear), []
    moving = live(whole)
    assert unclipped(moving, *moving.drawn(64, 0)).max() > 1.2
    settings = TuningSettings(steps=1, samples=16)
    tune(
        whole,
        pictures(2),
        RANDOM.normal(size=(2, 6)),
        tmp_path / "t.keras",
        settings,
        watch=lambda *row: seen.append(row),
    )
    assert seen[0][2] < 1e-10


def test_one_tuner_begins_from_the_same_weights_each_time(tmp_path):
    tuner, images, codes = Tuner(generator(model())), pictures(2), RANDOM.normal(size=(2, 6))
    made = [tuner(images, codes, tmp_path / f"{name}.keras", QUICK) for name in "ab"]
    np.testing.assert_allclose(made[0].after, made[1].after, atol=1e-5)
    np.testing.assert_array_equal(made[0].others_before, made[1].others_before)


def test_a_generator_that_is_tuned_again_goes_on_with_the_first_ones_codes(tmp_path):
    model().save(tmp_path / "plain.keras")
    whole = ti.load_generator(tmp_path / "plain.keras", prior=ti.normal(), value_range=(-1, 1))
    images, codes = pictures(2), RANDOM.normal(size=(2, 6))
    tune(whole, images, codes, tmp_path / "once.keras", TuningSettings(steps=2, samples=4))
    once = ti.load_generator(tmp_path / "once.keras")
    tune(once, images, codes, tmp_path / "twice.keras", TuningSettings(steps=2, samples=4))
    assert ti.load_generator(tmp_path / "twice.keras").about.tuned_from == whole.about.fingerprint


@pytest.mark.slow
def test_a_class_may_enter_before_the_layer_and_noise_behind_it(tmp_path):
    whole = ti.from_keras(
        small_stylegan(classes=3),
        prior=ti.normal(),
        value_range=(-1, 1),
        inputs=ti.Inputs(code="z", label="y", drawn=list(NOISE)),
    )
    images = np.clip(RANDOM.normal(0, 0.3, (2, 32, 32, 1)), -1, 1).astype(np.float32)
    tail = ti.behind(whole, "w")
    values = tail.sample(2)[0]
    found = tune(whole, images, values, tmp_path / "tuned.keras", QUICK, behind="w")
    np.testing.assert_allclose(found.before, tail.to_unit(tail(values)), atol=1e-4)
    assert (found.psnr_after > found.psnr_before + 0.5).all()


def test_a_class_that_matters_behind_the_layer_is_told(tmp_path):
    code, label = keras.Input((6,), name="z"), keras.Input((3,), name="label")
    w = keras.layers.Dense(8, name="w")(code)
    image = keras.layers.Dense(64)(keras.layers.Concatenate()([w, label]))
    whole = generator(keras.Model([code, label], keras.layers.Reshape((8, 8, 1))(image)))
    with pytest.raises(ti.BadInput, match=r"cannot be tuned behind w .*that all of the code, and a class, go through"):
        tune(whole, pictures(2), np.zeros((2, 8), np.float32), tmp_path / "tuned.keras", behind="w")


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["w", "w_plus"])
def test_styles_are_places_to_tune_at(tmp_path, layer):
    keras.utils.set_random_seed(0)
    whole = generator(style_generator(6, (8, 4), channels=1))
    tail, images = ti.behind(whole, layer), pictures(2)
    values = tail.sample(2)[0]
    found = tune(whole, images, values, tmp_path / "tuned.keras", QUICK, behind=layer)
    assert (found.psnr_after > found.psnr_before + 1).all()


def test_small_slopes_do_not_vanish_in_float16(tmp_path):
    keras.config.set_dtype_policy("mixed_float16")
    try:
        network = model()
    finally:
        keras.config.set_dtype_policy("float32")
    settings = TuningSettings(steps=120, learning_rate=1e-2, samples=32, locality=0.1)
    found = tune(generator(network), pictures(2), RANDOM.normal(size=(2, 6)), tmp_path / "tuned.keras", settings)
    assert (found.psnr_after > found.psnr_before + 3).all()
