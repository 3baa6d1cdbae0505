"""What is asked of an editing, on runs."""

import keras
import numpy as np
import pytest
from eager import eager
from jobs import do, job_of
from small_biggan import small_biggan
from small_stylegan import NOISE, SIZES, small_stylegan

import tfinvert as ti
from tfinvert.editing import Place, place_of, points_of, scenes
from tfinvert.runs import open_run, run_job
from tfinvert.settings import EditSettings

FAST = {"steps": 3, "restarts": 1}


@pytest.fixture(scope="module")
def biggan(tmp_path_factory):
    """A run in two steps: classes, a hierarchical code, attention."""
    root = tmp_path_factory.mktemp("biggan")
    small_biggan().save(root / "biggan.keras")
    np.save(root / "images.npy", np.random.default_rng(0).integers(0, 256, (4, 16, 16, 3), np.uint8))
    np.save(root / "labels.npy", np.array([1, 2, 2, 0]))
    job = job_of(
        str(root / "run"),
        str(root / "biggan.keras"),
        str(root / "images.npy"),
        labels=str(root / "labels.npy"),
        split="first_dense",
        second_steps=3,
        **FAST,
    )
    with eager():
        run_job(job, show=False)
    return open_run(root / "run")


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A run in one step of an unconditional generator."""
    out = str(tmp_path_factory.mktemp("plain"))
    with eager():
        do(out, limit=3, **FAST)
    return open_run(out)


@pytest.fixture(scope="module")
def behind(tmp_path_factory):
    """A run in W+ of a generator with noise, whose codes have two axes."""
    root = tmp_path_factory.mktemp("behind")
    keras.utils.set_random_seed(0)
    small_stylegan(sizes=SIZES[:2]).save(root / "style.keras")
    with eager():
        do(root / "run", str(root / "style.keras"), drawn_inputs=NOISE[:2], behind="w_plus", limit=3, **FAST)
    return open_run(root / "run")


def test_points_give_the_pictures_of_the_run(biggan, plain, behind):
    for run in (biggan, plain, behind):
        place = place_of(run, run.load())
        assert (place.split is None) == (run is not biggan)
        points = points_of(run, place)
        made = [row.reconstruction for row in run.rows()]
        np.testing.assert_allclose(place.images(points), made, atol=0.5 / 255 + 1e-4)
    at_code = place_of(biggan, biggan.load(), "code")
    assert at_code.split is None
    assert points_of(biggan, at_code).delta is None


def test_every_edit_behind_the_dense_layer(biggan):
    edits = EditSettings.of(
        ids=["1", "2"],
        path=True,
        circle=True,
        gap=True,
        random=2,
        switch=[0, 4],
        project=True,
        arithmetic=[1, 0.5],
        principal=2,
        units=[0, 5, 7],
        label=2,
        frames=3,
    )
    place, made = scenes(biggan, edits)
    sizes = {scene.name: (len(scene.rows), len(scene.captions)) for scene in made}
    assert sizes == {
        "path": (1, 4),
        "circle": (1, 12),
        "gap": (2, 4),
        "random": (4, 4),
        "switch": (2, 3),
        "project": (2, 3),
        "arithmetic": (1, 3),
        "principal": (4, 3),
        "units": (3, 4),
    }
    for scene in made:
        assert len(scene.names) == len(scene.rows) == len(scene.targets or scene.rows)
        for row in scene.rows:
            assert len(row.codes) == len(scene.captions) == len(row.labels) == len(row.delta)
            assert place.images(row).shape == (len(scene.captions), 16, 16, 3)
    path = next(scene for scene in made if scene.name == "path")
    assert path.captions == ["1", "", "", "2"]
    ends = place.images(path.rows[0])[[0, -1]]
    np.testing.assert_allclose(ends, [row.reconstruction for row in biggan.rows(["1", "2"])], atol=0.5 / 255 + 1e-4)


def test_edits_at_the_code(plain):
    ids = plain.ids()
    place, made = scenes(plain, EditSettings.of(ids=ids, path=True, way="spherical", closed=True, random=1, frames=2))
    assert [scene.name for scene in made] == ["path", "random"]
    assert made[0].captions[::2] == [*ids]
    assert len(made[0].rows[0].codes) == 6
    assert place.images(made[1].rows[2]).shape == (4, 32, 32, 1)
    units = scenes(plain, EditSettings.of(units=[0, 1], size=3.0))[1][0]
    np.testing.assert_array_equal(units.rows[0].codes[:, :2], [[3, 0], [6, 0], [3, 3]])


def test_principal_directions_are_those_of_all_codes_of_the_run(plain):
    codes = np.stack([row.code for row in plain.rows()])
    (scene,) = scenes(plain, EditSettings.of(ids=plain.ids()[:1], principal=5, frames=2))[1]
    assert len(scene.rows) == 2  # three codes differ in two directions
    moved = scene.rows[0].codes[2] - scene.rows[0].codes[0]
    first = np.linalg.svd(codes - codes.mean(axis=0))[2][0]
    np.testing.assert_allclose(abs(moved @ first), np.linalg.norm(moved), rtol=1e-4)


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ({}, "no edit: expected one or more of --path"),
        ({"path": True}, r"no images: expected --ids=A,B,... of the run's, such as DejaVuSansMono-BoldOblique-A"),
        ({"ids": ["DejaVuSerif-Italic-A"], "path": True}, "a path through one image"),
        ({"ids": ["DejaVuSerif-Italic-B"], "path": True}, "no image 'DejaVuSerif-Italic-B'.*DejaVuSerif-Italic-A"),
        ({"ids": ["DejaVuSerif-Italic-A"], "gap": True}, "no delta.*--split=first_dense"),
        ({"ids": ["DejaVuSerif-Italic-A"], "project": True}, "no delta.*--split=first_dense"),
        ({"ids": ["DejaVuSerif-Italic-A"], "circle": True, "at": "dense"}, "no delta.*--split=first_dense"),
        ({"ids": ["DejaVuSerif-Italic-A"], "circle": True, "at": "pixels"}, "at='pixels'"),
        ({"ids": ["DejaVuSerif-Italic-A"], "switch": [1]}, "glyphs.keras: it is not class-conditional"),
        ({"ids": ["DejaVuSerif-Italic-A"], "label": 1, "circle": True}, "label 1: glyphs.keras is not class-cond"),
        ({"ids": ["DejaVuSerif-Italic-A"], "random": 0}, "random=0: expected a whole number of at least 1"),
        ({"ids": ["DejaVuSerif-Italic-A"], "circle": True, "frames": 0}, "frames=0"),
        ({"ids": ["DejaVuSerif-Italic-A"], "arithmetic": [1, 2]}, "2 weights for 1 images"),
        ({"units": [64]}, r"entries \[64\]"),
        ({"ids": ["DejaVuSerif-Italic-A"], "direction": []}, "no direction: expected files of"),
    ],
)
def test_what_a_run_does_not_allow_is_told(plain, edits, why):
    with pytest.raises(ti.BadInput, match=why):
        scenes(plain, EditSettings.of(**edits))


@pytest.mark.parametrize(
    ("edits", "why"),
    [
        ({"ids": ["0", "1"], "path": True}, "a path between classes 1, 2"),
        ({"ids": ["0"], "switch": [5]}, "label 5: expected class labels 0 to 4"),
        ({"ids": ["0"], "switch": []}, r"other classes, but none is given: expected some \(--switch=3,7\)"),
        ({"ids": ["0"], "gap": True, "at": "code"}, "--at=dense"),
        ({"units": [0]}, r"give a class \(--label=N\)"),
    ],
)
def test_what_a_conditional_run_does_not_allow_is_told(biggan, edits, why):
    with pytest.raises(ti.BadInput, match=why):
        scenes(biggan, EditSettings.of(**edits))


def test_the_only_image_of_a_run_needs_no_name(eagerly, tmp_path):
    do(tmp_path, limit=1, **FAST)
    run = open_run(tmp_path)
    _, (scene,) = scenes(run, EditSettings.of(random=1, frames=1))
    assert scene.targets == run.ids()


def test_ids_may_be_numbers(biggan):
    _, (scene,) = scenes(biggan, EditSettings.of(ids=[1, 2], path=True, frames=1))
    assert scene.captions == ["1", "2"]


@pytest.mark.slow
def test_classes_that_are_part_of_the_code_are_none_to_switch(eagerly, tmp_path):
    small_biggan().save(tmp_path / "biggan.keras")
    np.save(tmp_path / "images.npy", np.zeros((1, 16, 16, 3), np.uint8))
    where = str(tmp_path / "run"), str(tmp_path / "biggan.keras"), str(tmp_path / "images.npy")
    do(*where, labels="embedding", **FAST)
    with pytest.raises(ti.BadInput, match=r"with --labels=embedding: its classes are part of the code.*=search"):
        scenes(open_run(tmp_path / "run"), EditSettings.of(ids=["0"], switch=[1]))


def test_one_class_can_be_held_for_images_of_several(biggan):
    _, (scene,) = scenes(biggan, EditSettings.of(ids=["0", "1", "3"], path=True, label=3, frames=2))
    assert scene.rows[0].labels.tolist() == [3] * 5


def test_an_image_without_a_code_is_told(eagerly, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "broken.png").write_bytes(b"no picture")
    keras.utils.save_img(tmp_path / "photos" / "good.png", np.zeros((32, 32, 1)))
    do(str(tmp_path / "run"), images=str(tmp_path / "photos"), **FAST)
    run = open_run(tmp_path / "run")
    with pytest.raises(ti.BadInput, match=r"broken.png' has no code"):
        points_of(run, Place(run.load()), ["good.png", "broken.png"])
    assert len(points_of(run, Place(run.load())).codes) == 1
