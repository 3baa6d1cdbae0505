"""The page of a run: what stands in it, that names stay text, and what is said of what is missing."""

import base64
import csv
import hashlib
import html.parser
import io
import json
import shutil

import numpy as np
import pytest
from jobs import job_of
from made_up_run import made_up_run, row
from PIL import Image

import tfinvert as ti
from tfinvert.images.encode import eight_bit
from tfinvert.report import view
from tfinvert.report.training import losses
from tfinvert.runs import run_job
from tfinvert.settings import changed

SHAPE = (8, 8, 3)
HOSTILE = "<img src=x onerror=alert(1)>.png"
WORSE = "\"'></title></script><script>alert(1)</script>.png"


class Parsed(html.parser.HTMLParser):
    """All tags with their attributes, and all text by the tag that it is in."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.texts, self._open = [], [], ["html"]
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in ("meta", "link", "img", "input", "line", "rect", "polyline"):
            self._open.append(tag)

    def handle_endtag(self, tag):
        if tag == self._open[-1]:
            self._open.pop()

    def handle_data(self, text):
        self.texts.append((self._open[-1], text.strip()))

    def of(self, tag, **attributes):
        return [found for name, found in self.tags if name == tag and attributes.items() <= found.items()]

    def text(self, tag):
        return [text for name, text in self.texts if name == tag and text]


def pictures(folder, names, seed=0):
    """Files of noise; gives their paths and pixels."""
    folder.mkdir()
    made = np.random.default_rng(seed).uniform(size=(len(names), *SHAPE))
    for name, image in zip(names, made, strict=True):
        eight_bit(image).save(folder / name, "PNG")
    return [(folder / name).as_posix() for name in names], made


@pytest.fixture
def run(tmp_path):
    """Of four images, two with hostile names."""
    ids, made = pictures(tmp_path / "images", ["a.png", HOSTILE, "c.png"])
    rows = [
        row(ids[0], 0.9 * made[0], 0.01),
        row(ids[1], 0.8 * made[1], 0.04, message="<b>bold</b>"),
        row(ids[2], status="unreadable", message="the image was left out"),
        row((tmp_path / "images").as_posix() + "/" + WORSE, 0.7 * made[2], 0.09),
    ]
    made_up_run(tmp_path / "run", tmp_path / "images", SHAPE, rows, generator="</script><script>alert(2)</script>")
    return tmp_path / "run"


def decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2]))))


def test_targets_and_reconstructions_are_there_to_the_pixel(run, tmp_path):
    path = ti.report.page(run)
    assert path == run / "index.html"
    page = Parsed(path)
    cards = page.of("li")
    assert [card["data-status"] for card in cards] == ["finished", "finished", "unreadable", "finished"]
    assert [float(card.get("data-mse", 9)) for card in cards] == pytest.approx([0.01, 0.04, 9, 0.09])
    shown = page.of("img")
    assert [image["alt"].split(" of ")[0] for image in shown] == [
        "target",
        "reconstruction",
        "target",
        "reconstruction",
        "target",
        "reconstruction",
    ]
    assert np.array_equal(decoded(shown[0]["data-src"]), np.asarray(Image.open(tmp_path / "images" / "a.png")))
    made = ti.runs.Store(run).read()["reconstruction"][0].as_py()
    assert np.array_equal(decoded(shown[1]["data-src"]), np.asarray(Image.open(io.BytesIO(made))))
    assert "a.png" in page.text("bdi")
    assert "no result" in page.text("p")
    assert not list(run.glob("*.tmp"))


def test_names_labels_messages_and_settings_are_text(run):
    path = ti.report.page(run)
    page, text = Parsed(path), path.read_text()
    assert HOSTILE in page.text("bdi")
    assert "<b>bold</b>" in page.text("bdi")
    assert WORSE in page.text("bdi")
    assert "</script><script>alert(2)</script>" in page.text("td")
    assert [card["data-id"].rpartition("images/")[2] for card in page.of("li")][1] == HOSTILE
    assert len(page.of("script")) == 1
    assert text.count("<script") == text.count("</script") == 1
    assert not page.of("b")
    every = [(name, value or "") for _, attributes in page.tags for name, value in attributes.items()]
    assert not [name for name, _ in every if name.startswith("on")]
    assert all(value.startswith("data:") for name, value in every if name in ("src", "data-src", "href", "srcset"))


def test_the_browser_is_told_to_run_only_this_script_and_to_fetch_nothing(run):
    text = ti.report.page(run).read_text()
    policy = Parsed(run / "index.html").of("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'; img-src data:;")
    for tag in ("style", "script"):
        inside = text.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_whoever_does_not_see_or_point_gets_names_and_buttons(run):
    page = Parsed(ti.report.page(run))
    assert all(image["alt"] for image in page.of("img"))
    assert page.of("html", lang="en")
    assert {button["data-key"] for button in page.of("button")} == {"place", "id", "mse", "psnr", "ssim"}
    assert [button["data-key"] for button in page.of("button", **{"aria-pressed": "true"})] == ["place"]
    assert len(page.of("svg", role="img")) == 1
    assert [option["value"] for option in page.of("option") if "value" in option] == ["", "finished", "unreadable"]


def test_two_step_runs_show_the_code_alone_too(tmp_path):
    ids, made = pictures(tmp_path / "images", ["a.png", "b.png"])
    rows = [row(name, 0.9 * image, 0.01, 0.5 * image) for name, image in zip(ids, made, strict=True)]
    rows[1] |= {"status": "invalid_image", "mse": None, "mse_latent": None}
    made_up_run(tmp_path / "run", tmp_path / "images", SHAPE, rows, split="first_dense")
    page = Parsed(ti.report.page(tmp_path / "run"))
    assert [figure["data-what"] for figure in page.of("figure") if "data-what" in figure] == [
        "target",
        "code alone",
        "reconstruction",
    ] * 2
    assert {"data-mse_latent", "data-delta_zeros"} <= page.of("li")[0].keys()
    assert {"mse of the code alone", "zeros of delta"} <= set(page.text("button"))
    assert "25.0%" in page.text("dd")
    assert "from the code alone" in page.text("span")


def test_an_infinite_figure_is_a_figure_and_none_is_none(tmp_path):
    ids, made = pictures(tmp_path / "images", ["a.png", "b.png"])
    rows = [row(ids[0], made[0], 1e-3, psnr=np.inf), row(ids[1], made[1], 1e-3, psnr=np.nan)]
    made_up_run(tmp_path / "run", tmp_path / "images", SHAPE, rows)
    cards = Parsed(ti.report.page(tmp_path / "run")).of("li")
    assert cards[0]["data-psnr"] == "Infinity"
    assert "data-psnr" not in cards[1]


def test_targets_that_are_gone_or_broken_are_said_to_be(run, tmp_path):
    (tmp_path / "images" / "a.png").unlink()
    (tmp_path / "images" / HOSTILE).write_bytes(b"no picture")
    said = Parsed(ti.report.page(run)).text("p")
    assert "not where it was" in said
    assert any(text.startswith("no picture, whatever its name says") for text in said)
    shutil.rmtree(tmp_path / "images")
    page = Parsed(ti.report.page(run))
    assert sum("no such file, folder or match" in text for text in page.text("p")) == 4
    assert len(page.of("img")) == 3  # the reconstructions


@pytest.mark.slow
def test_images_that_were_in_memory_may_be_given(tmp_path):
    made = np.random.default_rng(0).uniform(size=(3, 32, 32, 1)).astype(np.float32)
    job = job_of(str(tmp_path), images=made, array_range=(0, 1), steps=2, restarts=1)
    _, _, sources = run_job(job, show=False)
    assert len(Parsed(ti.report.page(tmp_path, sources)).of("img")) == 6
    page = Parsed(ti.report.page(tmp_path))
    assert len(page.of("img")) == 3
    assert sum("were in memory: save them, and run from the file" in text for text in page.text("p")) == 3


@pytest.mark.slow
def test_images_are_shown_whatever_the_last_limit_was(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((4, 32, 32), np.uint8))
    job = job_of(str(tmp_path / "run"), images=str(tmp_path / "images.npy"), steps=2, restarts=1)
    run_job(job, show=False)
    _, _, sources = run_job(changed(job, limit=1), show=False)
    assert len(Parsed(ti.report.page(tmp_path / "run", sources)).of("img")) == 8


def test_a_run_without_rows_has_a_page_that_says_so(tmp_path):
    made_up_run(tmp_path, tmp_path / "images", SHAPE, [])
    page = Parsed(ti.report.page(tmp_path))
    assert "no results yet" in page.text("p")
    assert not page.of("li")
    assert "value_range" in page.text("th")


@pytest.mark.parametrize("content", [None, "{", "[]", '{"settings": 3}'])
def test_a_folder_that_is_no_run_is_refused_and_left_alone(tmp_path, content):
    if content is not None:
        (tmp_path / "run.json").write_text(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ti.BadInput, match=r"holds no run|is no run's settings|run\.json is damaged"):
        ti.report.page(tmp_path)
    assert sorted(tmp_path.rglob("*")) == before


def test_of_many_images_some_are_shown_evenly_by_error(tmp_path):
    images = np.random.default_rng(0).uniform(size=(30, *SHAPE)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    rows = [row(str(number), image, 0.01 * (1 + number * 7 % 30)) for number, image in enumerate(images)]
    made_up_run(tmp_path, tmp_path / "images.npy", SHAPE, rows)
    page = Parsed(ti.report.page(tmp_path, most=4))
    errors = [float(card["data-mse"]) for card in page.of("li")]
    assert sorted(errors) == pytest.approx([0.01, 0.11, 0.2, 0.3], abs=0.011)
    assert min(errors) == pytest.approx(0.01)
    assert max(errors) == pytest.approx(0.3)
    assert "4 of 30 images are shown, spread evenly by error" in page.text("p")
    assert "30 images (30 finished)" in " ".join(page.text("p"))


def test_a_page_keeps_to_its_size_and_says_what_that_cost(tmp_path, monkeypatch):
    images = np.random.default_rng(0).uniform(size=(20, 64, 64, 3)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    made_up_run(tmp_path, tmp_path / "images.npy", (64, 64, 3), [row(str(i), x, 0.1) for i, x in enumerate(images)])
    whole = ti.report.page(tmp_path).stat().st_size
    assert whole > 40 * 12_000 * 4 / 3
    monkeypatch.setattr(view, "BYTES", 40 * 2_000)
    path = ti.report.page(tmp_path)
    assert path.stat().st_size < 40 * 2_000 * 4 / 3 + 60_000
    assert any("40 of 40 pictures are shown smaller or with loss" in text for text in Parsed(path).text("p"))


def test_a_training_has_a_page_of_its_losses_and_samples(tmp_path):
    (tmp_path / "training.json").write_text(json.dumps({"objective": "wgan", "epochs": 3}))
    with (tmp_path / "losses.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["epoch", "g_loss", "d_loss"], [1, 0.5, 2], [2, 0.25, "nan"], [3, 0.1, 1]])
    Image.new("L", (40, 16), 99).save(tmp_path / "samples.png")
    page = Parsed(ti.report.page(tmp_path))
    assert [line["points"].count(",") for line in page.of("polyline")] == [3, 2]
    assert page.text("span") == ["g_loss", "d_loss"]
    assert [image["alt"] for image in page.of("img")] == ["samples of Samples"]
    assert "wgan" in page.text("td")
    with (tmp_path / "losses.csv").open("a") as file:
        file.write("4,0.")  # as a training leaves it that is at work
    assert [line["points"].count(",") for line in Parsed(ti.report.page(tmp_path)).of("polyline")] == [4, 2]
    (tmp_path / "losses.csv").write_text("")
    assert not Parsed(ti.report.page(tmp_path)).of("polyline")
    assert Image.open(losses(tmp_path / "losses.csv", tmp_path / "losses.png", "$x_$")).size[0] > 500
    (tmp_path / "training.json").write_text("{")
    with pytest.raises(ti.BadInput, match=r"training\.json is damaged"):
        ti.report.page(tmp_path)


@pytest.mark.parametrize(
    ("channels", "shown", "said"),
    [
        (2, None, "shown: channels 1, 2 of 2 as red and green (--shown_channels)"),
        (4, None, "shown: channels 1, 2, 3 of 4 as red, green and blue (--shown_channels)"),
        (13, None, "shown: channels 1, 2, 3 of 13 as red, green and blue (--shown_channels)"),
        (13, (4, 3, 2), "shown: channels 4, 3, 2 of 13 as red, green and blue (--shown_channels)"),
        (13, (9,), "shown: channel 9 of 13 as grey (--shown_channels)"),
        (3, None, None),
    ],
)
def test_of_other_channels_three_are_shown_and_it_is_said_which(tmp_path, channels, shown, said):
    images = np.random.default_rng(0).uniform(size=(2, 8, 8, channels)).astype(np.float32)
    np.save(tmp_path / "images.npy", images)
    rows = [row(str(number), image, 0.1) for number, image in enumerate(images)]
    made_up_run(tmp_path, tmp_path / "images.npy", (8, 8, channels), rows)
    page = Parsed(ti.report.page(tmp_path, shown_channels=shown))
    assert [text for text in page.text("p") if text.startswith("shown")] == ([said] if said else [])
    chosen = [channel - 1 for channel in shown or range(1, 1 + min(channels, 3))]
    wanted = np.zeros((8, 8, 3))
    wanted[..., : len(chosen)] = images[0][..., chosen]
    wanted = np.repeat(wanted[..., :1], 3, axis=-1) if len(chosen) == 1 else wanted
    for picture in page.of("img")[:2]:  # target and reconstruction
        np.testing.assert_allclose(decoded(picture["data-src"]) / 255, wanted, atol=0.51 / 255)
    with pytest.raises(ti.BadInput, match=f"of the channels 1 to {channels}"):
        ti.report.page(tmp_path, shown_channels=(channels + 1,))
