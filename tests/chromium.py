"""A Chromium without a window, for the tests of what a person sees."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

# WebGL without a graphics card, and nothing fetched in the background.
_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"),
]


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser: playwright's own, or the system's; skips the test, saying why, where there is none."""
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install -e .[dev])")
    system = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        if not Path(own).exists() and system is None:
            pytest.skip("no Chromium: `playwright install chromium`, or the system's package chromium")
        path = own if Path(own).exists() else system
        started = playwright.chromium.launch(executable_path=path, args=_FLAGS, timeout=120_000)
        yield started
        started.close()
