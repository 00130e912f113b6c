"""A visitor in Chromium: upload a sound, see the charts, change the layer, follow a link."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, expect

from resona_core.sounds import demo_sound
from tests.browser.dashboard import PATIENCE_MS, chromium, served, wait_until_settled, window

pytestmark = pytest.mark.browser
_SIZE = """async rect => {
    while (!rect.getBoundingClientRect().width) await new Promise(requestAnimationFrame);
    const box = rect.getBoundingClientRect();
    return [box.width, box.height];
}"""


@pytest.fixture(scope="module")
def browser() -> str:
    path = chromium()
    if path is None and os.environ.get("RESONA_REQUIRE_BROWSER"):
        pytest.fail("Chromium is required here and not installed")
    if path is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    return path


@pytest.fixture(scope="module")
def address(browser: str) -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def page(address: str, browser: str) -> Iterator[Page]:
    """A fresh window; console errors and exceptions on the page fail the test."""
    complaints: list[str] = []
    with window(browser) as page:
        page.on("console", lambda m: complaints.append(m.text) if _is_ours(m) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
        expect(page.get_by_test_id("stException")).to_have_count(0)
    assert complaints == []


def _is_ours(message: ConsoleMessage) -> bool:
    """Tell an error of the page from Streamlit's probing for its base path on a deep link."""
    probe = "_stcore" in message.location["url"] and "404" in message.text
    return message.type == "error" and not probe


def charts(page: Page, count: int) -> None:
    """Wait until the page is still and shows `count` charts."""
    expect(page.locator(".js-plotly-plot")).to_have_count(count, timeout=PATIENCE_MS)
    wait_until_settled(page)


def click(chart: Locator, across: float, down: float) -> None:
    """Click at a share of the chart's plot; wait if it is just being drawn anew."""
    area = chart.locator(".nsewdrag").first
    width, height = area.evaluate(_SIZE)
    area.click(position={"x": width * across, "y": height * down})


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
    expect(page.get_by_text(demo_sound("siren").description)).to_be_visible()


def test_the_first_pages_name_is_an_address_too(page: Page, address: str) -> None:
    page.goto(f"{address}/listen?sound=Siren")
    expect(page.get_by_text(demo_sound("siren").description)).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)
    expect(page.get_by_text("Page not found")).to_have_count(0)
    assert page.url == f"{address}/?sound=Siren"


def test_a_click_on_a_picture_chooses_its_layer_and_its_channel(page: Page, address: str) -> None:
    page.goto(f"{address}/feature_maps")
    charts(page, 3)
    strip, grid, _ = page.locator(".js-plotly-plot").all()
    click(strip, across=2.5 / 9, down=1 / 4)
    expect(page.get_by_text("layer1.1: 64 channels")).to_be_visible()
    charts(page, 3)

    click(grid, across=1.5 / 8, down=1 / 20)
    expect(page.get_by_label("Channel (0 to 63)")).not_to_have_value("")
    assert "channel=" in page.url
