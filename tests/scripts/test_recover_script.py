"""`tfinvert recover` through its `main`."""

import csv

import keras
import numpy as np
import pytest
from absl.testing import flagsaver
from PIL import Image

COLUMNS = [
    "method",
    "samples",
    "lost",
    *(f"success_1e-{power}" for power in range(1, 9)),
    "not_unique",
    "mean",
    "median",
    "wins",
    "significant_wins",
    "image_error_median",
    "passes_per_code",
    "seconds_per_code",
    "peak_memory",
]


@pytest.fixture(scope="module")
def script(load_script):
    return load_script("recover")


@pytest.fixture
def recover(script, generator, tmp_path, caplog):
    """Runs `main` with these flags on a tiny generator; gives the exit code and what was logged."""

    def call(**values):
        caplog.clear()
        given = {"out": str(tmp_path / "out"), "generator": generator, "samples": 2, "budget": 30, **values}
        with flagsaver.flagsaver(**given):
            code = script.main(["recover.py"])
        return code, "\n".join(caplog.messages)

    return call


def saved(path, shape, seed):
    """A file with a small generator of images in [-1, 1]."""
    model = keras.Sequential(
        [keras.Input((4,)), keras.layers.Dense(int(np.prod(shape)), activation="tanh"), keras.layers.Reshape(shape)]
    )
    random = np.random.default_rng(seed)
    model.set_weights([random.normal(0, 0.3, array.shape) for array in model.get_weights()])
    model.save(path)
    return str(path)


@pytest.fixture(scope="module")
def generator(tmp_path_factory):
    return saved(tmp_path_factory.mktemp("generators") / "tiny.keras", (8, 8, 1), 12)


def read(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def drawn(path):
    picture = Image.open(path)
    return picture.format == "PNG" and min(picture.size) > 100 and np.asarray(picture.convert("L")).std() > 10


def test_methods_side_by_side(recover, tmp_path):
    code, log = recover(methods="recover, lbfgs, logistic(2, 2), disabled")
    assert code == 0
    rows = read(tmp_path / "out" / "recovery.csv")
    assert list(rows[0]) == COLUMNS
    assert [row["method"] for row in rows] == ["recover", "lbfgs", "logistic(2, 2)", "disabled"]
    assert [row["samples"] for row in rows] == ["2"] * 4
    assert float(rows[0]["success_1e-6"]) == 1
    assert float(rows[0]["wins"]) == 100
    assert rows[3]["wins"] == ""
    assert float(rows[2]["passes_per_code"]) >= 30
    assert drawn(tmp_path / "out" / "recovery.png")
    assert "recovery.csv" in log
    assert not list((tmp_path / "out").glob("*.partial"))


def test_noise_is_what_the_table_says(recover, tmp_path, monkeypatch):
    from tfinvert.experiments import recovery

    monkeypatch.setattr(recovery, "LIPTON_VARIANCES", (1e-3, 1e-1))
    code, _ = recover(experiment="noise", methods="lbfgs, descent", samples=3)
    assert code == 0
    rows = read(tmp_path / "out" / "noise.csv")
    assert list(rows[0]) == ["variance", *COLUMNS]
    assert [(row["variance"], row["method"]) for row in rows] == [
        ("0.001", "lbfgs"),
        ("0.001", "descent"),
        ("0.1", "lbfgs"),
        ("0.1", "descent"),
    ]
    # On [0, 1] a quarter of the variance on [-1, 1] is left in the image; some of it is clipped at black and white.
    few, many = float(rows[0]["image_error_median"]), float(rows[2]["image_error_median"])
    assert 0.4 * 1e-3 / 4 < few < 1.2 * 1e-3 / 4
    assert 0.4 * 1e-1 / 4 < many < 1.2 * 1e-1 / 4
    assert float(rows[0]["mean"]) < float(rows[2]["mean"])
    assert drawn(tmp_path / "out" / "noise.png")


@pytest.mark.slow
def test_encodings_of_unseen_images(recover, tmp_path):
    pictures = np.random.default_rng(1).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "unseen.npy", pictures)
    code, log = recover(
        experiment="unique", methods="lbfgs, disabled", images=str(tmp_path / "unseen.npy"), limit=3, encodings=2
    )
    assert code == 0
    rows = read(tmp_path / "out" / "unique.csv")
    assert list(rows[0]) == [
        "method",
        "images",
        "lost",
        "encodings",
        "distance",
        "median_distance",
        "random_codes",
        "image_error",
    ]
    assert [(row["method"], row["images"], row["encodings"]) for row in rows] == [
        ("lbfgs", "3", "2"),
        ("disabled", "3", "2"),
    ]
    assert 0.5 < float(rows[0]["random_codes"]) < 5
    assert float(rows[0]["distance"]) < float(rows[0]["random_codes"])
    assert "unique.csv" in log


@pytest.mark.slow
def test_picture_files(recover, tmp_path):
    photos = np.random.default_rng(1).integers(0, 256, (1, 40, 50, 3), dtype=np.uint8)
    Image.fromarray(photos[0]).save(tmp_path / "photo.png")
    other = saved(tmp_path / "other.keras", (12, 10, 3), 13)
    code, log = recover(
        experiment="pictures",
        images=str(tmp_path / "photo.png"),
        other=other,
        other_value_range=["-1", "1"],
        attempts=1,
    )
    assert code == 0
    rows = read(tmp_path / "out" / "pictures.csv")
    assert [(row["set"], row["own"], row["images"]) for row in rows] == [
        ("png", "yes", "2"),
        ("jpeg", "yes", "2"),
        ("changed", "no", "2"),
        ("photos", "no", "2"),
        ("other", "no", "2"),
    ]
    assert [float(row["said_own"]) for row in rows if row["set"] != "jpeg"] == [1, 0, 0, 0]
    assert [float(row["attempts_per_image"]) for row in rows[2:]] == [1, 1, 1]
    assert float(rows[0]["code_error"]) < 1e-3
    assert drawn(tmp_path / "out" / "pictures.png")
    assert "pictures.csv" in log
    assert not list((tmp_path / "out").glob("*.partial"))


def test_a_stated_prior_is_used(recover, tmp_path):
    code, _ = recover(
        experiment="unique", methods="disabled", prior="uniform(low=0, high=0.1)", limit=2, encodings=2, budget=1
    )
    assert code == 0
    assert float(read(tmp_path / "out" / "unique.csv")[0]["random_codes"]) < 0.01


@pytest.mark.parametrize(
    ("values", "word"),
    [
        ({"methods": "recover, newton"}, "method 'newton'"),
        ({"methods": "hard(0)"}, "method 'hard(0)'"),
        ({"generator": "nowhere.keras"}, "no such file"),
        ({"value_range": ["0", "x"]}, "expected numbers"),
        ({"value_range": ["1"]}, "expected two numbers"),
        ({"prior": "normal(7)"}, "codes have the shape"),
        ({"label": 3}, "it is not class-conditional"),
        ({"experiment": "unique", "images": "nowhere"}, "no such file, folder or match"),
        ({"experiment": "pictures", "images": "nowhere"}, "no such file, folder or match"),
        ({"experiment": "pictures", "other": "nowhere.keras"}, "no such file"),
        ({"experiment": "pictures", "other_value_range": ["0", "1"]}, "without --other"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_1(recover, tmp_path, values, word):
    code, log = recover(**values)
    assert code == 1
    assert len([line for line in log.splitlines() if word in line]) == 1
    assert "Traceback" not in log
    assert not list((tmp_path / "out").glob("*.csv"))


def test_a_stray_argument_is_told(script, caplog):
    assert script.main(["recover.py", "logistic(2,"]) == 1
    assert "logistic(2,: no such argument" in "\n".join(caplog.messages)
