"""Picture files of a generator whose standard errors are known by hand, and what is no picture of it."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import tfinvert as ti
from tfinvert import Recovered, Verdict
from tfinvert.experiments import pictures, recovery
from tfinvert.experiments.pictures import Judged
from tfinvert.images.fit import fit

SAMPLES = 32
SHAPE = (12, 12, 1)
ROUNDING = 1 / (255 * np.sqrt(12))
MATRICES = np.random.default_rng(0).normal(0, 0.04, (3, 4, 144)).astype(np.float32)
CLASS = 2


def linear():
    """G(z) = A z about a grey of its own for each of three classes; hardly ever near black or white."""

    def function(codes, labels):
        grey = 0.4 + 0.1 * tf.cast(labels, tf.float32)[:, None]
        unit = grey + tf.einsum("bd,bdm->bm", codes, tf.gather(MATRICES, labels))
        return tf.reshape(2 * unit - 1, [-1, *SHAPE])

    return ti.load_generator(function, prior=ti.normal(4), value_range=(-1, 1), classes=3)


def coloured():
    """A generator of another size, without classes."""
    matrix = np.random.default_rng(5).normal(0, 0.04, (4, 12 * 20 * 3)).astype(np.float32)
    return ti.load_generator(
        lambda codes: tf.reshape(0.5 + codes @ matrix, [-1, 12, 20, 3]), prior=ti.normal(4), value_range=(0, 1)
    )


def photos(count=3, seed=1):
    """Large smooth pictures in colour, all different."""
    random = np.random.default_rng(seed).uniform(size=(count, 5, 7, 3)).astype(np.float32)
    return tf.image.resize(random, (100, 140), "bicubic").numpy().clip(0, 1)


@pytest.fixture(scope="module", autouse=True)
def few_samples():
    """A linear regression on a linear generator needs no more."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pictures, "Recovery", functools.partial(ti.Recovery, samples=600))
        yield


@pytest.fixture(scope="module")
def generator():
    return linear()


@pytest.fixture(scope="module")
def judged(generator):
    """Every set, by its name."""
    shown = []
    done = pictures.run(
        generator,
        samples=SAMPLES,
        photos=photos(),
        other=coloured(),
        attempts=1,
        labels=CLASS,
        seed=3,
        show=shown.append,
    )
    assert [each.name for each in shown] == ["png", "jpeg", "changed", "photos", "other"]
    assert all(one is other for one, other in zip(shown, done, strict=True))
    return {each.name: each for each in done}


@pytest.fixture(scope="module")
def rows(judged):
    return {row["set"]: row for row in pictures.table(list(judged.values()))}


@pytest.mark.slow
def test_standard_errors_from_png_are_those_of_least_squares(judged, rows):
    matrix = MATRICES[CLASS].astype(np.float64)
    expected = ROUNDING * np.sqrt(np.diag(np.linalg.inv(matrix @ matrix.T)))
    assert list(judged["png"].found.verdict) == [Verdict.RECOVERED] * SAMPLES
    np.testing.assert_allclose(judged["png"].found.deviation, np.tile(expected, (SAMPLES, 1)), rtol=0.4)  # of 64 draws
    assert float(rows["png"]["predicted_error"]) == pytest.approx(np.mean(expected**2), rel=0.1)
    assert float(rows["png"]["code_error"]) == pytest.approx(np.mean(expected**2), rel=0.5)
    # Of 128 entries: their root mean square is known to 6%, shares to 4%.
    assert float(rows["png"]["calibration"]) == pytest.approx(1, abs=0.2)
    assert float(rows["png"]["within_1"]) == pytest.approx(0.68, abs=0.13)
    assert float(rows["png"]["within_2"]) == pytest.approx(0.95, abs=0.07)
    assert float(rows["png"]["error_to_noise"]) == pytest.approx(1, abs=0.1)


def test_jpeg_costs_more_than_rounding_and_is_said_to(judged, rows):
    png, jpeg = judged["png"], judged["jpeg"]
    np.testing.assert_allclose(png.found.noise, ROUNDING, rtol=0.05)
    assert (jpeg.found.noise > 1.3 * ROUNDING).all()
    matched = jpeg.said_own
    assert matched.mean() > 0.5
    assert (jpeg.predicted[matched] > 1.5 * png.predicted[matched]).all()
    assert np.median(jpeg.real) > 1.5 * np.median(png.real)
    assert float(rows["jpeg"]["calibration"]) == pytest.approx(1, abs=0.4)


def test_what_the_generator_did_not_make_is_refused(judged, rows):
    for name in ("changed", "photos", "other"):
        assert rows[name]["own"] == "no"
        assert rows[name]["images"] == SAMPLES
        assert rows[name]["said_own"] == rows[name]["recovered"] == rows[name]["not_unique"] == 0
        assert float(rows[name]["error_to_noise"]) > 10
        assert rows[name]["calibration"] == rows[name]["code_error"] == rows[name]["predicted_error"] == ""
        assert np.isnan(judged[name].real).all()
    assert rows["png"]["own"] == rows["jpeg"]["own"] == "yes"
    assert rows["png"]["said_own"] == 1
    assert all(list(row) == list(rows["png"]) for row in rows.values())
    assert sum(rows["photos"][verdict.name.lower()] for verdict in Verdict) == SAMPLES


def test_tables_by_hand():
    verdicts = [Verdict.RECOVERED, Verdict.NOT_UNIQUE, Verdict.NOT_IN_RANGE, Verdict.INVALID_IMAGE]
    codes = np.array([[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [3.0, 3.0]])
    found = Recovered(
        codes + np.array([[0.1, 0.3], [0.4, 0.2], [1, 1], [3, 3]]),
        np.zeros((4, 2, 2, 1)),
        np.array([1e-6, 4e-6, 9e-4, np.inf]),
        np.array(verdicts),
        np.full(4, 2e-3),
        np.array([2, 1, -1, -1]),
        np.array([[0.1, 0.2], [0.2, 0.2], [np.nan] * 2, [np.nan] * 2]),
        (),
        np.array([1, 2, 6, 0]),
        np.arange(4),
    )
    own, other = pictures.table([Judged("png", codes, found, 2.0), Judged("photos", None, found, 2.0)])
    assert list(own) == [
        "set",
        "own",
        "images",
        "said_own",
        "recovered",
        "not_unique",
        "not_in_range",
        "out_of_budget",
        "constant",
        "invalid_image",
        "improbable",
        "error_to_noise",
        "code_error",
        "predicted_error",
        "calibration",
        "within_1",
        "within_2",
        "attempts_per_image",
        "seconds_per_image",
    ]
    assert list(own.values())[:12] == ["png", "yes", 4, 0.5, 1, 1, 1, 0, 0, 1, 0, "1"]
    assert float(own["code_error"]) == pytest.approx((0.1 + 1) / 2)  # of 0.05, 0.1, 1, 9
    assert float(own["predicted_error"]) == pytest.approx((0.025 + 0.04) / 2, rel=1e-3)
    # Scores of 1, 1.5, 2 and 1; shares are asked of other numbers below, for 1 and 2 are borders.
    assert float(own["calibration"]) == pytest.approx(np.sqrt((1 + 2.25 + 4 + 1) / 4), rel=1e-3)
    assert (own["attempts_per_image"], own["seconds_per_image"]) == (2.25, 0.5)
    assert other["own"] == "no"
    assert other["said_own"] == 0.5
    assert other["code_error"] == other["calibration"] == other["within_1"] == other["within_2"] == ""
    moved = found._replace(codes=codes + np.array([[0.05, 0.25], [0.5, 0.1], [1, 1], [3, 3]]))  # 0.5, 1.25, 2.5, 0.5
    row = pictures.table([Judged("png", codes, moved, 2.0)])[0]
    assert (row["within_1"], row["within_2"]) == ("0.5", "0.75")


def test_a_constant_generator_has_a_table_too():
    grey = ti.load_generator(
        lambda codes: 0.5 + 0 * tf.reshape(tf.tile(codes, [1, 16]), [-1, 8, 8, 1]),
        prior=ti.normal(4),
        value_range=(0, 1),
    )
    rows = pictures.table(pictures.run(grey, samples=2))
    assert [row["set"] for row in rows] == ["png", "jpeg", "changed"]
    assert [(row["constant"], row["said_own"], row["calibration"]) for row in rows] == [(2, 0, "")] * 3


@pytest.mark.parametrize("channels", [1, 3])
def test_files_are_really_written_and_read(channels):
    pixels = np.random.default_rng(2).uniform(-0.2, 1.2, (3, 16, 24, channels)).astype(np.float32)
    rounded = np.round(255 * pixels.clip(0, 1)) / 255
    np.testing.assert_allclose(pictures.png(pixels), rounded, atol=1e-6)
    squeezed = pictures.jpeg(pixels)
    assert squeezed.shape == pixels.shape
    assert squeezed.dtype == np.float32
    np.testing.assert_allclose(255 * squeezed, np.round(255 * squeezed), atol=1e-3)
    assert 0.5 / 255 < np.sqrt(np.mean((squeezed - rounded) ** 2)) < (0.02 if channels == 1 else 0.4)
    smooth = np.broadcast_to(np.linspace(0, 1, 24, dtype=np.float32)[:, None], pixels.shape)
    np.testing.assert_allclose(pictures.jpeg(smooth), smooth, atol=4 / 255)


def test_a_twentieth_of_the_pixels_is_changed():
    pixels = pictures.png(np.random.default_rng(3).uniform(size=(4, 20, 10, 3)))
    spoilt = pictures.changed(pixels, seed=1)
    places = (spoilt != pixels).any(axis=-1)
    assert list(places.sum(axis=(1, 2))) == [10] * 4
    assert not np.array_equal(places[0], places[1])
    values = 255 * spoilt[places]
    np.testing.assert_allclose(values, np.round(values), atol=1e-3)
    assert values.min() < 40
    assert values.max() > 215
    np.testing.assert_array_equal(spoilt, pictures.changed(pixels, seed=1))
    np.testing.assert_array_equal(spoilt[:2], pictures.changed(pixels[:2], seed=1))
    assert not np.array_equal(spoilt, pictures.changed(pixels, seed=2))
    assert (pictures.changed(pixels[:, :2, :2]) != pixels[:, :2, :2]).any(axis=(1, 2, 3)).all()  # at least one


def test_few_photographs_give_many_crops(tmp_path):
    for number, pixels in enumerate(photos()):
        Image.fromarray(np.uint8(255 * pixels)).save(tmp_path / f"{number}.png")
    (tmp_path / "broken.jpg").write_bytes(b"no picture")
    cut = pictures.crops(str(tmp_path), (8, 12, 3), 20, seed=1)
    assert cut.shape == (20, 8, 12, 3)
    assert cut.min() >= 0
    assert cut.max() <= 1
    whole = [fit(pictures.png(pixels[None])[0], (8, 12, 3))[0] for pixels in photos()]
    np.testing.assert_allclose(cut[:3], whole, atol=2 / 255)  # each as a whole
    flat = cut.reshape(20, -1)
    apart = np.abs(flat[:, None] - flat[None]).max(axis=-1)
    assert apart[~np.eye(20, dtype=bool)].min() > 0.01
    np.testing.assert_array_equal(cut, pictures.crops(str(tmp_path), (8, 12, 3), 20, seed=1))
    assert not np.array_equal(cut[3:], pictures.crops(str(tmp_path), (8, 12, 3), 20, seed=2)[3:])
    assert pictures.crops(photos(), (8, 12, 1), 2).shape == (2, 8, 12, 1)


def test_another_generator_is_brought_to_the_shape_of_the_first():
    made = pictures.strangers(coloured(), SHAPE, 3)
    assert made.shape == (3, *SHAPE)
    assert np.ptp(made, axis=(1, 2, 3)).min() > 0.05
    assert made.mean() == pytest.approx(0.5, abs=0.1)


def test_classes_of_another_generator_take_turns():
    means = pictures.strangers(linear(), SHAPE, 4).mean(axis=(1, 2, 3))
    np.testing.assert_allclose(means, [0.4, 0.5, 0.6, 0.4], atol=0.04)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"samples": 0}, "samples=0"),
        ({"attempts": 0}, "attempts=0"),
        ({"labels": None}, "no labels came"),
        ({"labels": 3}, "label 3"),
        ({"photos": "nowhere"}, "no such file"),
    ],
)
def test_bad_input_is_told_before_the_work(generator, values, word):
    with pytest.raises(ti.BadInput, match=word):
        pictures.run(generator, **{"samples": 2, "labels": CLASS, "show": pytest.fail, **values})


def test_the_same_generator_is_no_other():
    built_in = ti.load_generator()
    with pytest.raises(ti.BadInput, match="the same file"):
        pictures.run(built_in, other=built_in)


def test_codes_are_those_of_the_other_experiments(generator, judged):
    np.testing.assert_array_equal(judged["png"].codes, recovery.draw(generator, SAMPLES, CLASS, seed=3).codes)
