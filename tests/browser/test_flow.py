"""A visitor in Chromium: upload a sound, see the charts, change the layer, follow a link."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update",
]  # fmt: skip
PATIENCE_MS = 60_000

pytestmark = pytest.mark.browser


def _chromium() -> str:
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("RESONA_REQUIRE_BROWSER"):
            pytest.fail("Chromium is required here and not installed")
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return path


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """The dashboard, served from this checkout on a free port."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "streamlit", "run", "app.py", "--server.headless=true",
               "--server.address=127.0.0.1", f"--server.port={port}"]  # fmt: skip
    server = subprocess.Popen(command, cwd=ROOT)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(f"{url}/_stcore/health")
        yield url
    finally:
        server.terminate()
        server.wait(10)


def _wait_for(url: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} did not answer within a minute")


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """A fresh browser window; console errors and exceptions on the page fail the test."""
    complaints: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 1000})
        page.set_default_timeout(PATIENCE_MS)
        page.on("console", lambda m: complaints.append(m.text) if _is_ours(m) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        expect(page.get_by_test_id("stException")).to_have_count(0)
        browser.close()
    assert complaints == []


def _is_ours(message: ConsoleMessage) -> bool:
    """Tell an error of the page from Streamlit's probing for its base path on a deep link."""
    probe = "_stcore" in message.location["url"] and "404" in message.text
    return message.type == "error" and not probe


def charts(page: Page, count: int) -> None:
    """Wait until `count` charts are drawn."""
    expect(page.locator(".js-plotly-plot .main-svg:first-of-type")).to_have_count(
        count, timeout=PATIENCE_MS
    )


def test_upload_see_the_charts_change_the_layer(
    page: Page,
    address: str,
    tmp_path: Path,
    tone: Callable[..., object],
    sound_file: Callable[..., bytes],
) -> None:
    file = tmp_path / "my tone.flac"
    file.write_bytes(sound_file(tone(1000, 48_000, 3.0), 48_000, "FLAC"))
    page.goto(address)
    charts(page, 2)
    page.get_by_role("radio", name="Upload").click()
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("48 kHz mono")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)

    page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click()
    charts(page, 3)
    expect(page.get_by_text("stem: 64 channels")).to_be_visible()
    page.get_by_role("combobox", name="Layer").click()
    page.get_by_role("option", name="layer3.2").click()
    expect(page.get_by_text("layer3.2: 256 channels")).to_be_visible()
    charts(page, 3)
    assert "layer=layer3.2" in page.url


def test_a_link_opens_the_same_view_of_an_example(page: Page, address: str) -> None:
    page.goto(f"{address}/feature_maps?sound=Siren&layer=layer2.1&channel=7")
    charts(page, 3)
    expect(page.get_by_text("layer2.1: 128 channels")).to_be_visible()
    expect(page.get_by_label("Channel (0 to 127)")).to_have_value("7")
    expect(page.get_by_test_id("stSidebar").get_by_text("Siren").first).to_be_visible()


def test_a_click_on_a_picture_chooses_its_layer_and_its_channel(page: Page, address: str) -> None:
    page.goto(f"{address}/feature_maps")
    charts(page, 3)
    strip, grid, _ = page.locator(".js-plotly-plot").all()
    strip.scroll_into_view_if_needed()
    box = strip.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 2.5 / 9, box["y"] + box["height"] / 4)
    expect(page.get_by_text("layer1.1: 64 channels")).to_be_visible()
    charts(page, 3)

    box = grid.locator(".nsewdrag").first.bounding_box()
    assert box is not None
    page.mouse.click(box["x"] + box["width"] * 1.5 / 8, box["y"] + 20)
    expect(page.get_by_label("Channel (0 to 63)")).not_to_have_value("")
    assert "channel=" in page.url
