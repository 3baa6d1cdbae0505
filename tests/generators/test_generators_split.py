"""Generators in two parts: both together are the whole, and the cut is where it is said to be."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from generator_models import LATENT, codes_for, randomise, sequential
from small_biggan import small_biggan
from split_models import MODELS, SHAPES, images, model

import tfinvert as ti
from tfinvert.gans.hub_module import write_hub_module
from tfinvert.generators.derived.precise import in_float64
from tfinvert.generators.derived.split import behind

LABELS = [0, 1, 4, 2, 4]


def given_to(generator):
    """What the head and the tail are given besides codes [5, ...]: as its model takes labels, and as people do."""
    if generator.condition is None:
        return [], None
    return [generator.condition.encode(tf.constant(LABELS))], LABELS


def in_parts(generator, parts, codes):
    hidden, held = parts.before(codes, given_to(generator)[1])
    return parts.tail(hidden, *held)


@pytest.mark.parametrize("kind", MODELS)
def test_both_parts_are_the_whole(kind):
    generator = ti.load_generator(MODELS[kind]())
    parts = ti.split(generator)
    assert parts.tail.space.shape == parts.head.given_shape == SHAPES.get(kind, (32,))
    codes = tf.constant(codes_for(generator))
    whole = lambda codes: generator(codes, given_to(generator)[1])
    both = lambda codes: in_parts(generator, parts, codes)
    np.testing.assert_allclose(both(codes), whole(codes), atol=1e-5)
    assert np.ptp(whole(codes), axis=0).max() > 1e-2
    traced = tf.function(both, autograph=False)
    np.testing.assert_allclose(traced(codes), whole(codes), atol=1e-5)
    direction = np.random.default_rng(1).normal(size=whole(codes).shape).astype(np.float32)
    gradients = []
    for function in (whole, both, traced):
        with tf.GradientTape() as tape:
            tape.watch(codes)
            total = tf.reduce_sum(function(codes) * direction)
        gradients.append(tape.gradient(total, codes))
    assert np.abs(gradients[0]).max() > 1e-2
    for gradient in gradients[1:]:
        np.testing.assert_allclose(gradient, gradients[0], rtol=1e-4, atol=1e-5)


def test_a_tail_may_ask_how_many_codes_there_are():
    matrix = np.random.default_rng(0).normal(size=(LATENT, 12)).astype(np.float32)
    generator = ti.load_generator(
        lambda codes: tf.reshape(tf.sigmoid(codes @ matrix), [tf.shape(codes)[0], 2, 2, 3]), prior=ti.normal(LATENT)
    )
    parts = ti.split(generator)
    codes = codes_for(generator)
    assert not parts.tail.holds
    np.testing.assert_allclose(parts.tail(codes @ matrix), generator(codes), atol=1e-5)


@pytest.mark.parametrize("kind", ["batch-norm", "nested", "two-dense", "round-the-layer-with-labels"])
def test_one_may_cut_at_every_layer_that_is_listed(kind):
    generator = ti.load_generator(MODELS[kind]())
    codes = tf.constant(codes_for(generator))
    whole = generator(codes, given_to(generator)[1])
    listed = ti.layers(generator)
    assert len(listed) > 3
    for layer in listed:
        for at in (layer.name, layer.tensor):
            parts = ti.split(generator, at)
            np.testing.assert_allclose(in_parts(generator, parts, codes), whole, atol=1e-5)


def with_halves(join):
    """Codes go through a dense layer whose values are parted, and come together again in the images."""
    random = np.random.default_rng(0)
    first, last = (random.normal(size=size).astype(np.float32) for size in ((LATENT, 12), (12, 16)))

    def function(codes):
        with tf.name_scope("one"):
            values = tf.matmul(codes, first)
        parted = join(*tf.split(values, 2, axis=1, name="halves"))
        return tf.reshape(tf.tanh(parted @ last), [-1, 4, 4, 1])

    return ti.from_function(function, prior=ti.normal(LATENT), value_range=(-1, 1))


BOTH = lambda a, b: tf.concat([tf.nn.relu(a), tf.tanh(b)], axis=1)
SECOND = lambda _, b: tf.concat([tf.nn.relu(b), tf.tanh(b)], axis=1)


@pytest.mark.parametrize("at", ["halves", "halves:0", "halves:1", "halves:01"])
def test_other_outputs_of_an_operation_go_round_a_cut(at):
    generator = with_halves(BOTH)
    parts, codes = ti.split(generator, at), codes_for(generator)
    assert parts.rounds
    assert parts.tail.space.shape == (6,)
    hidden, held = parts.before(codes)
    np.testing.assert_allclose(parts.tail(hidden, *held), generator(codes), atol=1e-6)
    assert np.abs(parts.tail(hidden + 1, *held) - generator(codes)).max() > 1e-2
    with pytest.raises(ti.BadInput, match=f"also go round {at}") as caught:
        behind(generator, at)
    assert "\n" not in str(caught.value)


def test_layers_lists_the_output_that_leads_to_the_images():
    generator = with_halves(SECOND)
    codes, places = codes_for(generator), dict(ti.layers(generator))
    assert (places["halves"], places["one"]) == ("halves:1", "one/MatMul:0")
    for at in places:
        np.testing.assert_allclose(in_parts(generator, ti.split(generator, at), codes), generator(codes), atol=1e-6)
    loop = ti.from_function(
        lambda codes: (
            tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, tf.sin(x)), (0, codes + 1))[1][:, None] * 2
        ),
        prior=ti.normal(LATENT),
        image_shape=(1, LATENT),
    )
    at = next(layer.name for layer in ti.layers(loop) if "while" in layer.tensor)
    np.testing.assert_allclose(in_parts(loop, ti.split(loop, at), codes), loop(codes), atol=1e-6)


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        *(
            (f"one/MatMul:{number}", "expected one/MatMul:0")
            for number in ("-1", "5", "x", "", "0:0", "+0", "9" * 5000)
        ),
        ("halves:0", "expected halves:1"),
        ("^one/MatMul", "has no layer"),
        (":0", "has no layer"),
    ],
)
def test_a_tensor_that_is_none_is_told_in_one_line(at, expected):
    with pytest.raises(ti.BadInput, match=expected) as caught:
        ti.split(with_halves(SECOND), at)
    assert "\n" not in str(caught.value)


def test_zeros_before_a_tensors_number_mean_nothing():
    generator = with_halves(SECOND)
    codes, parts = codes_for(generator), ti.split(generator, "one/MatMul:00")
    assert parts.head.output_name == "one/MatMul:0"
    hidden = parts.head(codes)
    np.testing.assert_allclose(parts.tail(hidden), generator(codes), atol=1e-6)
    assert np.abs(parts.tail(hidden + 1) - generator(codes)).max() > 1e-2


@pytest.mark.parametrize("name", ["tfinvert_cut", "tfinvert_cut/inner", "codes/zeros"])
def test_names_that_a_graph_has_already(name):
    def function(codes):
        values = tf.nn.relu(codes @ np.eye(LATENT, 16, dtype=np.float32) + 0.5, name=name)
        return tf.reshape(tf.tanh(values), [tf.shape(codes)[0], 4, 4, 1])

    generator = ti.from_function(function, prior=ti.normal(LATENT), value_range=(-1, 1))
    codes = codes_for(generator)
    for at in ("first_dense", name):
        parts = ti.split(generator, at)
        assert not parts.rounds
        np.testing.assert_allclose(in_parts(generator, parts, codes), generator(codes), atol=1e-6)
        assert np.abs(parts.tail(parts.head(codes) + 1) - generator(codes)).max() > 1e-2


def test_layers_have_the_names_that_the_model_gives_them():
    names = ["first", "second", "shape", "image"]
    layers = keras.layers
    made = randomise(
        keras.Sequential(
            [
                layers.Input((LATENT,)),
                layers.Dense(10, "tanh", name=names[0]),
                layers.Dense(48, name=names[1]),
                layers.Reshape((4, 4, 3), name=names[2]),
                layers.Conv2D(3, 1, activation="tanh", name=names[3]),
            ]
        )
    )
    generator = ti.load_generator(made)
    assert [layer.name.rpartition("/")[2] for layer in ti.layers(generator)] == names[:3]
    codes = codes_for(generator)
    inner = keras.Model(made.inputs, [made.get_layer(name).output for name in names[:3]])(codes)
    for name, values in zip(names[:3], inner, strict=True):
        head, tail = ti.split(generator, name)
        np.testing.assert_allclose(head(codes), values, atol=1e-5)
        assert tail.space.shape == values.shape[1:]


@pytest.mark.parametrize("kind", ["batch-norm", "one-hot-labels", "round-the-layer-with-labels"])
def test_parts_stand_in_keras_models_and_are_saved_with_them(kind, tmp_path):
    generator = ti.load_generator(MODELS[kind]())
    codes, (encoded, _) = tf.constant(codes_for(generator)), given_to(generator)
    parts = ti.split(generator)
    inputs = [keras.Input((LATENT,)), *(keras.Input(each.shape[1:]) for each in encoded)]
    held = inputs[len(inputs) - len(parts.layer.names) + 1 :]
    model = keras.Model(inputs, keras.layers.UpSampling2D(2)(parts.layer([parts.head(inputs), *held])))
    expected = np.repeat(np.repeat(generator(codes, given_to(generator)[1]), 2, axis=1), 2, axis=2)
    np.testing.assert_allclose(model([codes, *encoded]), expected, atol=1e-5)
    model.save(tmp_path / "both.keras")
    again = keras.models.load_model(tmp_path / "both.keras")
    np.testing.assert_allclose(again([codes, *encoded]), expected, atol=1e-5)
    np.testing.assert_allclose(again.predict([codes, *encoded], verbose=0), expected, atol=1e-5)


def test_a_tail_is_inverted_like_any_generator():
    generator = ti.load_generator(MODELS["round-the-layer-with-labels"]())
    codes, labels = tf.constant(codes_for(generator)), LABELS
    parts = ti.split(generator)
    hidden, held = parts.before(codes, labels)
    images = parts.tail(hidden + 0.3, *held)  # no code of the whole has these
    inverter = ti.Inverter(parts.tail, solver=ti.LevenbergMarquardt(40), restarts=1, stopping=ti.Stopping(1e-14))
    found = inverter(images, labels=held.labels, held=held.tensors)
    assert (found.loss.numpy() < 1e-10).all()


@pytest.mark.parametrize("saved", [False, True], ids=["keras", "savedmodel"])
def test_a_gradient_of_the_models_own_is_left_behind(saved, tmp_path):
    """TensorFlow gives one to silu, which refers to tensors of the graph that it was traced in."""
    whole = model(keras.layers.Dense(32), keras.layers.Activation("silu"), *images())
    if saved:
        whole.export(tmp_path, verbose=False)
    generator = ti.load_generator(tmp_path if saved else whole, prior=ti.normal(LATENT), value_range=(-1, 1))
    codes = tf.constant(codes_for(generator))
    head, tail = ti.split(generator)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(codes)
        direct, through = tf.reduce_sum(generator(codes) ** 2), tf.reduce_sum(tail(head([codes])) ** 2)
    np.testing.assert_allclose(tape.gradient(through, codes), tape.gradient(direct, codes), rtol=1e-4, atol=1e-5)


def test_what_is_held_is_checked():
    generator = ti.load_generator(MODELS["round-the-layer-with-labels"]())
    tail = ti.split(generator).tail
    values = tf.zeros([5, *tail.space.shape])
    codes = codes_for(generator)
    with pytest.raises(ti.BadInput, match=rf"held=\[\] for .*'codes': \[B, {LATENT}\]"):
        tail(values, LABELS)
    with pytest.raises(ti.BadInput, match=rf"'codes'.* of the shape \[5, 3\].*\[5, {LATENT}\]"):
        tail(values, LABELS, {"codes": tf.zeros([5, 3])})
    with pytest.raises(ti.BadInput, match=r"held=\['codes', 'noise'\]"):
        tail(values, LABELS, {"codes": codes, "noise": codes})
    with pytest.raises(ti.BadInput, match=r"of the shape \[4, 6\]: expected \[5, 6\]"):
        tail(values, LABELS, {"codes": codes[:4]})
    with pytest.raises(ti.BadInput, match="held=ndarray"):
        tail(values, LABELS, codes)
    with pytest.raises(ti.BadInput, match="label 9"):
        ti.split(generator).before(codes, [0, 1, 9, 0, 0])
    with pytest.raises(ti.BadInput, match="1 labels for 5 images"):
        ti.split(generator).before(codes, [0])
    with pytest.raises(ti.BadInput, match=r"split\(str, 'first_dense'\)"):
        ti.split("g.keras")


def test_a_tail_can_be_cut_again():
    generator = ti.load_generator(MODELS["round-the-layer-with-labels"]())
    codes, (_, labels) = codes_for(generator), given_to(generator)
    parts = ti.split(generator)
    hidden, held = parts.before(codes, labels)
    again = ti.split(parts.tail, ti.layers(parts.tail)[0].name)
    further, rest = again.before(hidden, *held)
    np.testing.assert_allclose(again.tail(further, *rest), generator(codes, labels), atol=1e-5)


def test_the_prior_of_a_tail_is_where_codes_lead():
    generator = ti.load_generator(MODELS["batch-norm"]())
    head, tail = ti.split(generator)
    values = head(generator.sample(256, seed=1)[0]).numpy()
    drawn = tail.space.sample(ti.seeds.of(3, tf.range(256))).numpy()
    for mean in (tail.space.centre, drawn.mean(axis=0)):
        assert (np.abs(mean - values.mean(axis=0)) < 0.6 * (values.std(axis=0) + tail.space.spread)).all()
    assert abs(np.sqrt(np.mean((values - values.mean(axis=0)) ** 2)) / tail.space.spread - 1) < 0.3


def test_what_is_not_true_of_the_tail_is_not_inherited(tmp_path):
    whole = sequential()
    whole.save(tmp_path / "g.keras")
    generator = in_float64(ti.load_generator(tmp_path / "g.keras"))
    tail = ti.split(ti.load_generator(tmp_path / "g.keras")).tail
    assert generator.rough is not None
    assert generator.about.fingerprint
    assert (tail.rough, tail.about.fingerprint) == (None, "")


def without_dense():
    return model(keras.layers.UpSampling2D(2), keras.layers.Activation("tanh"), shape=(2, 2, 3))


@pytest.mark.parametrize(
    ("make", "at", "why"),
    [
        (without_dense, "first_dense", "no dense layer and no convolution of a 1x1 map"),
        (sequential, "dens_e", "has no layer 'dens_e'.*near it are .*dense"),
        (sequential, "%", "has no layer '%'.*there are .*dense"),
        (lambda: model(*[keras.layers.Dense(32)] * 0, keras.layers.Dense(32), *images()), "", "has no layer ''"),
    ],
)
def test_what_cannot_be_split_says_why(make, at, why):
    with pytest.raises(ti.BadInput, match=why) as caught:
        ti.split(ti.load_generator(make()), at)
    assert "\n" not in str(caught.value)


def test_what_cannot_be_frozen_says_why(monkeypatch):
    def refuse(generator):
        raise ValueError("cannot convert\nthis operation")

    monkeypatch.setattr("tfinvert.generators.graphs.frozen.freeze", refuse)
    with pytest.raises(ti.BadInput, match=r"cannot be split.*cannot be frozen.*convert this") as caught:
        ti.split(ti.load_generator(sequential()))
    assert "\n" not in str(caught.value)


REAL = {
    "anime-face-64.h5": 2048,
    "cat-64-nested.h5": 512,
    "digits-28-savedmodel": 0,
    "face-36-linear-output.hdf5": 640,
    "fashion-28-keras3.keras": 6272,
    "fashion-28-labelled.h5": 6272,
    "fashion-28-wrong-input-shape.h5": 6272,
    "fashion-28-z32.h5": 1568,
    "mnist-28-keras213-dialect.h5": 128,
    "mnist-28-keras215.h5": 6272,
}


def holds(generator, width):
    """Whether both parts are the whole, and the tail's gradient is right."""
    _, labels = given_to(generator)
    codes, whole = generator.sample(len(LABELS), labels=labels)
    parts = ti.split(generator)
    tail = parts.tail
    if width:
        assert tail.space.shape == (width,)
    np.testing.assert_allclose(in_parts(generator, parts, codes), whole, atol=1e-5)
    # The gradient in a random direction, against differences in float64: the parts can be made wider too.
    random, wide = np.random.default_rng(0), in_float64(tail)
    hidden, held = parts.before(codes, labels)
    towards = tail.space.stddev * random.normal(size=hidden.shape)
    weights = random.normal(size=whole.shape)
    with tf.GradientTape() as tape:
        tape.watch(hidden)
        total = tf.reduce_sum(tail(hidden, *held) * tf.constant(weights, tf.float32))
    slope = np.sum(tape.gradient(total, hidden) * towards, axis=1)
    there = [wide(hidden.numpy().astype(float) + change * towards, *held) for change in (1e-7, -1e-7)]
    differences = np.sum((there[0] - there[1]) / 2e-7 * weights, axis=(1, 2, 3))
    np.testing.assert_allclose(slope, differences, rtol=1e-3, atol=1e-3 * np.abs(differences).max())


@pytest.mark.first(4)
@pytest.mark.parametrize("name", REAL)
def test_real_files(shared, name):
    holds(ti.load_generator(shared / "generators" / name), REAL[name])


@pytest.mark.first(1)
@pytest.mark.parametrize("kind", ["biggan.keras", "exported", "module"])
def test_biggan(kind, tmp_path):
    """Hierarchical codes go round the dense layer, and so does the class; in all formats that it comes in."""
    model = small_biggan()
    if kind == "module":
        write_hub_module(model, tmp_path / kind, attention=8)
    elif kind == "exported":
        model.export(tmp_path / kind, verbose=False)
    else:
        model.save(tmp_path / kind)
    generator = ti.load_generator(tmp_path / kind)
    assert ti.split(generator).tail.holds == {"codes": (12,)}
    holds(generator, 4 * 4 * 16)
