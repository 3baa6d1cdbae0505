"""A Chromium that pages are looked at in, where the machine has one."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator
from typing import Any

# Without these it looks for updates and hosts of its own, and a sandbox that root may not have.
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


def missing() -> str | None:
    """Why pages cannot be looked at here; None where they can."""
    try:
        import selenium  # noqa: F401
    except ImportError:
        return "selenium is not installed"
    if not (_browser() and shutil.which("chromedriver")):
        return "no chromium and chromedriver on the PATH"
    return None


@contextlib.contextmanager
def opened() -> Iterator[Any]:
    """A driver of it, whose log tells of errors and of all that is fetched."""
    from selenium import webdriver
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = _browser()
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        yield driver
    finally:
        driver.quit()


def fetched(driver: Any) -> list[str]:
    """Addresses asked for since the last call, those within pages left out."""
    events = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith("data:")]


def errors(driver: Any) -> list[str]:
    """What was said on the console since the last call."""
    return [entry["message"] for entry in driver.get_log("browser")]


def _browser() -> str | None:
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
