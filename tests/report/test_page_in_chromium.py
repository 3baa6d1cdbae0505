"""The page as a browser shows it; skipped where there is none."""

import io

import chromium
import numpy as np
import pytest
from made_up_run import made_up_run, row
from PIL import Image

import tfinvert as ti
from tfinvert.images.encode import eight_bit

pytestmark = pytest.mark.skipif(chromium.missing() is not None, reason=str(chromium.missing()))

NAMES = ["b10.png", "b9.png", "<img src=x onerror=document.title='gone'>.png", "d.png"]
ERRORS, LATENT = [0.02, 0.03, 0.01], [0.2, 0.1, 0.3]
TARGET, MADE = (200, 100, 50), (190, 120, 50)
FILM = [(10, 0, 0), (20, 0, 0), (30, 0, 0)]


def plain(colour):
    return np.full((8, 8, 3), colour) / 255


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """Of four images of one colour, the last unreadable, in two steps; with an edit of three frames, and regions."""
    folder = tmp_path_factory.mktemp("page")
    (folder / "images").mkdir()
    for name in NAMES[:3]:
        eight_bit(plain(TARGET)).save(folder / "images" / name, "PNG")
    (folder / "images" / NAMES[3]).write_bytes(b"no picture")
    ids = [(folder / "images" / name).as_posix() for name in NAMES]
    rows = [
        row(name, plain(MADE), error, plain(0.5), mse_latent=latent)
        for name, error, latent in zip(ids, ERRORS, LATENT, strict=False)
    ]
    made_up_run(folder, folder / "images", (8, 8, 3), [*rows, row(ids[3], status="unreadable", message="broken")])
    for name in ("edits", "segmentation"):
        (folder / name).mkdir()
    first, *others = [eight_bit(plain(colour)) for colour in FILM]
    first.save(folder / "edits" / "path.webp", save_all=True, append_images=others, lossless=True)
    for name in ("one", "two"):
        Image.new("RGB", (900, 300), "teal").save(folder / "segmentation" / f"{name}.png")
    return ti.report.page(folder)


@pytest.fixture(scope="module")
def browser():
    with chromium.opened() as driver:
        yield driver


@pytest.fixture
def opened(browser, page):
    """The browser with the page freshly opened; at the end nothing was fetched but it, nor any error said."""
    size(browser, 1280)
    chromium.fetched(browser), chromium.errors(browser)
    browser.get(page.as_uri())
    yield browser
    assert chromium.errors(browser) == []
    assert chromium.fetched(browser) == [page.as_uri()]


def size(driver, width, scheme="light"):
    wanted = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
    driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", wanted)
    driver.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )


def find(driver, selector):
    return driver.find_element("css selector", selector)


def every(driver, selector):
    return driver.find_elements("css selector", selector)


def names(driver):
    return [card.find_element("css selector", "h3").text for card in every(driver, ".card") if card.is_displayed()]


def wait(driver, script):
    """Until the script gives something that is true."""
    from selenium.webdriver.support.ui import WebDriverWait

    WebDriverWait(driver, 20).until(lambda browser: browser.execute_script(f"return {script}"))


def pixel(element):
    image = Image.open(io.BytesIO(element.screenshot_as_png)).convert("RGB")
    return image.getpixel((image.width // 2, image.height // 2))


def test_every_picture_stands_and_names_are_text(opened):
    wait(opened, "[...document.querySelectorAll('.card img')].every((picture) => picture.naturalWidth === 8)")
    assert len(every(opened, ".card img")) == 9
    assert names(opened) == NAMES
    assert find(opened, "#count").text == "4 of 4 images, by order from the first on"
    assert opened.title != "gone"
    assert pixel(find(opened, ".card [data-what=target] img")) == TARGET
    assert "no picture" in find(opened, ".card .missing").text
    assert find(opened, ".card.failed details").get_attribute("open")


def test_sorting_by_figures_puts_what_has_none_last(opened):
    key = lambda name: find(opened, f"button[data-key={name}]")
    key("mse").click()
    assert names(opened) == [NAMES[2], NAMES[0], NAMES[1], NAMES[3]]
    assert find(opened, "#count").text == "4 of 4 images, by mse from the smallest on"
    key("mse").send_keys("\n")
    assert names(opened) == [NAMES[1], NAMES[0], NAMES[2], NAMES[3]]
    assert key("mse").get_attribute("aria-pressed") == "true"
    assert key("place").get_attribute("aria-pressed") == "false"
    key("psnr").click()
    assert names(opened) == [NAMES[1], NAMES[0], NAMES[2], NAMES[3]]
    key("mse_latent").click()
    assert names(opened) == [NAMES[1], NAMES[0], NAMES[2], NAMES[3]]
    key("mse_latent").click()
    assert names(opened) == [NAMES[2], NAMES[0], NAMES[1], NAMES[3]]
    key("id").click()
    assert names(opened) == [NAMES[2], NAMES[1], NAMES[0], NAMES[3]]  # 9 before 10
    key("place").click()
    assert names(opened) == NAMES


def test_filters_by_status_and_by_text(opened):
    from selenium.webdriver.support.ui import Select

    find(opened, "#text").send_keys("B1")
    assert names(opened) == NAMES[:1]
    assert find(opened, "#count").text.startswith("1 of 4 images")
    find(opened, "#text").clear()
    find(opened, "#text").send_keys("<IMG")
    assert names(opened) == [NAMES[2]]
    find(opened, "#text").clear()
    Select(find(opened, "#status")).select_by_value("unreadable")
    assert names(opened) == [NAMES[3]]
    Select(find(opened, "#status")).select_by_value("")
    assert names(opened) == NAMES


def test_the_difference_is_that_of_the_pixels(opened):
    from selenium.webdriver.support.ui import Select

    assert not every(opened, ".stack")
    find(opened, "#difference").click()
    wait(opened, "document.querySelectorAll('.stack').length === 3")
    wait(opened, "[...document.querySelectorAll('.stack img')].every((picture) => picture.complete)")
    stack = find(opened, ".stack")
    assert pixel(stack) == (40, 80, 0)  # four times
    Select(find(opened, "#gain")).select_by_visible_text("1")
    assert pixel(stack) == (10, 20, 0)
    assert "difference" in stack.get_attribute("aria-label")
    find(opened, "#difference").click()
    assert not stack.is_displayed()


def test_a_slider_moves_through_the_frames_of_an_edit(opened):
    from selenium.webdriver.common.keys import Keys

    slider = find(opened, ".film input")
    for place, colour in enumerate(FILM):
        shown = [frame for frame in every(opened, ".film figure") if frame.is_displayed()]
        assert [frame.find_element("css selector", "figcaption").text for frame in shown] == [f"{place + 1} of 3"]
        wait(opened, "[...document.querySelectorAll('.film img[src]')].every((picture) => picture.complete)")
        assert pixel(shown[0].find_element("css selector", "img")) == colour
        assert slider.get_attribute("aria-valuetext") == f"{place + 1} of 3"
        slider.send_keys(Keys.ARROW_RIGHT)


def test_regions_are_shown(opened):
    wait(
        opened,
        "[...document.querySelectorAll('.shelf img[alt$=Segmentation]')].some((picture) => picture.naturalWidth)",
    )
    size(opened, 400)
    for picture in every(opened, ".overview .shelf:not(.film *) img"):
        assert picture.size["width"] == pytest.approx(3 * picture.size["height"], abs=3)
    assert [image.get_attribute("alt") for image in every(opened, ".shelf img")][3:] == [
        "one of Segmentation",
        "two of Segmentation",
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_narrow_and_wide_light_and_dark(opened, page, scheme):
    for width in (400, 1280):
        size(opened, width, scheme)
        wide, inner = opened.execute_script("return [document.documentElement.scrollWidth, innerWidth]")
        assert wide <= inner == width  # nothing is cut off
    back = opened.execute_script("return getComputedStyle(document.body).backgroundColor")
    assert (back == "rgb(255, 255, 255)") == (scheme == "light")


def test_an_event_that_got_in_would_not_run(opened):
    opened.execute_script("""
        document.querySelector('header').innerHTML += '<img src="data:," onerror="document.title = \\'gone\\'">';
    """)
    opened.execute_async_script("setTimeout(arguments[0], 200)")
    assert opened.title != "gone"
    assert any("Content Security Policy" in line for line in chromium.errors(opened))


def test_series_are_lines_of_target_and_reconstruction(browser, tmp_path):
    series = np.random.default_rng(0).normal(size=(2, 3000, 2)).astype(np.float32)
    np.save(tmp_path / "s.npy", series)
    rows = [row("0", series[0] + 1, 0.2), row("1", status="unreadable", message="broken")]
    made_up_run(tmp_path, tmp_path / "s.npy", (3000, 2), rows)
    size(browser, 1280)
    chromium.errors(browser)
    browser.get(ti.report.page(tmp_path).as_uri())
    charts = every(browser, ".card svg")
    assert len(charts) == 4
    assert all(chart.is_displayed() and chart.size["width"] > 300 for chart in charts)
    assert len(every(browser, ".card polyline")) == 4 + 2
    for hidden in ("#difference", "#gain", "#side"):
        assert not find(browser, hidden).is_displayed()
    find(browser, "button[data-key=mse]").click()
    assert names(browser) == ["0", "1"]
    assert chromium.errors(browser) == []
