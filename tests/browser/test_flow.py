"""A visitor in Chromium: upload a sound, see the charts, change the layer, follow a link."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from resona_core.sound.examples import demo_sound
from tests.browser.dashboard import PATIENCE_MS, charts

pytestmark = pytest.mark.browser
_SIZE = """async rect => {
    while (!rect.getBoundingClientRect().width) await new Promise(requestAnimationFrame);
    const box = rect.getBoundingClientRect();
    return [box.width, box.height];
}"""
_GRID_SHOWS = """layer =>
    document.querySelectorAll('.js-plotly-plot')[1]?.data?.[0].customdata[0][0] === layer"""


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
    page.locator("input[type=file]").set_input_files(file)
    expect(page.get_by_text("48 kHz mono")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)

    page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click()
    charts(page, 3)
    expect(page.get_by_role("heading", name="stem 64 channels")).to_be_visible()
    page.get_by_role("combobox", name="Layer").click()
    page.get_by_role("option", name="layer3.2").click()
    expect(page.get_by_role("heading", name="layer3.2 256 channels")).to_be_visible()
    charts(page, 3)
    assert "layer=layer3.2" in page.url


def a_voice(path: Path) -> None:
    """Write a voice that reads a few sentences; skip where there is none to be had."""
    speaker = shutil.which("espeak-ng")
    if speaker is None:
        pytest.skip("espeak-ng is not installed (apt-get install espeak-ng)")
    words = (
        "Good morning. The train to the coast leaves at a quarter past nine from the second "
        "platform, and the restaurant is in the middle. Please keep your tickets at hand."
    )
    subprocess.run([speaker, "-w", str(path), words], check=True)


def a_piece_of_music() -> np.ndarray:
    """Return twelve seconds at 44.1 kHz: four chords, and a melody of plucked notes over them."""
    rate_hz, beat_s = 44_100, 0.5
    sound = np.zeros(round(24 * beat_s * rate_hz))
    chords = ((0, 4, 7), (-3, 0, 4), (-7, -3, 0), (-5, -1, 2))
    melody = [12, 16, 19, 16, 12, 14, 9, 12, 16, 12, 14, 9]
    melody += [5, 9, 12, 9, 14, 12, 7, 11, 14, 11, 7, 2]
    notes = [(6 * bar, 6, step, 0.1) for bar, chord in enumerate(chords) for step in chord]
    notes += [(beat, 1.5, step, 0.25) for beat, step in enumerate(melody)]
    for beat, length, step, size in notes:
        start = round(beat * beat_s * rate_hz)
        time_s = np.arange(min(round(length * beat_s * rate_hz), len(sound) - start)) / rate_hz
        pitch_hz = 261.63 * 2 ** (step / 12)
        tone = sum(np.sin(2 * np.pi * pitch_hz * n * time_s) / n**1.5 for n in range(1, 7))
        fade = np.minimum(1, time_s / 0.01) * np.exp(-time_s / (0.4 * length))
        sound[start : start + len(time_s)] += size * fade * tone
    return (0.7 * sound / np.abs(sound).max()).astype(np.float32)


@pytest.mark.parametrize("kind", ["voice", "music"])
def test_a_voice_and_a_piece_of_music_are_told_as_none_of_the_classes(
    page: Page, address: str, tmp_path: Path, sound_file: Callable[..., bytes], kind: str
) -> None:
    file = tmp_path / f"a {kind}.wav"
    if kind == "voice":
        a_voice(file)
    else:
        file.write_bytes(sound_file(a_piece_of_music(), 44_100))
    page.goto(address)
    charts(page, 2)
    page.locator("input[type=file]").set_input_files(file)
    charts(page, 3)  # longer than a window, so its course over time is drawn too
    told = re.compile("^None of the 50 sounds it knows")
    expect(page.get_by_role("heading", name=told)).to_be_visible()
    expect(page.get_by_text("The probability that it is one of them is")).to_be_visible()
    expect(page.get_by_text(re.compile(r"One of the 50: .* speech: .* music: "))).to_be_visible()


def test_a_link_opens_the_same_view_of_an_example(page: Page, address: str) -> None:
    page.goto(f"{address}/feature_maps?sound=Siren&layer=layer2.1&channel=7")
    charts(page, 3)
    expect(page.get_by_role("heading", name="layer2.1 128 channels")).to_be_visible()
    expect(page.get_by_role("heading", name="Channel 7")).to_be_visible()
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
    click(strip, across=2.5 / 17, down=1 / 2)
    expect(page.get_by_role("heading", name="layer1.1 64 channels")).to_be_visible()
    page.wait_for_function(_GRID_SHOWS, arg="layer1.1")
    charts(page, 3)

    click(grid, across=1.5 / 8, down=1 / 20)
    expect(page).to_have_url(re.compile("channel="))
