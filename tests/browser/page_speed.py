"""How long a visitor waits, in Chromium: ``make speed``.

First, a server that has just started: from opening the page until menu and welcome, verdict,
and charts are there. Then, on a server that has answered before: from the moment a file is
chosen until the script has run and every chart of Listen is drawn, and the same for a change of
layer. Each file is new to the server (nothing cached); the first of each kind warms up and is
not counted.
"""

from __future__ import annotations

import io
import statistics
import sys
import time
from collections.abc import Iterable

import numpy as np
import soundfile
from playwright.sync_api import Page, expect

from tests.browser.dashboard import chromium, served, wait_until_settled, window

REPEATS = 10
COLD_STARTS = 3
LAYERS = ("layer1.2", "layer4.2", "layer2.1", "layer3.5")


def main() -> None:
    """Print the median and the slowest of each kind, in seconds."""
    path = chromium()
    if path is None:
        sys.exit("Chromium is not installed (apt-get install chromium).")
    starts = [_cold_start(path) for _ in range(COLD_STARTS)]
    kinds = ("menu and welcome", "verdict", "charts")
    for kind, times_s in zip(kinds, zip(*starts, strict=True), strict=True):
        _report(f"from a cold server to {kind}", times_s)
    with served() as address, window(path) as page:
        page.goto(address)
        wait_until_settled(page)
        times_s = [_upload(page, i) for i in range(REPEATS + 1)]
        _report("upload to all charts of Listen", times_s[1:])
        page.get_by_role("link", name="Feature maps").click()
        page.get_by_role("combobox", name="Layer").wait_for()
        wait_until_settled(page)
        times_s = [_change_layer(page, i) for i in range(REPEATS + 1)]
        _report("change of layer", times_s[1:])


def _cold_start(path: str) -> tuple[float, float, float]:
    """Start a server and open it the moment it answers; the browser runs already."""
    with window(path) as page, served() as address:
        begin = time.perf_counter()
        page.goto(address)
        page.get_by_role("link", name="Training").wait_for()
        page.get_by_role("button", name="Rain").wait_for()
        menu_s = time.perf_counter() - begin
        page.get_by_role("heading", name="%").wait_for()
        verdict_s = time.perf_counter() - begin
        expect(page.locator(".js-plotly-plot")).to_have_count(2)
        wait_until_settled(page)
        return menu_s, verdict_s, time.perf_counter() - begin


def _upload(page: Page, number: int) -> float:
    """Upload 5 s of noise at a rate that no other file has, and wait for its facts."""
    rate_hz = 48_000 + 10 * number
    samples = np.random.default_rng(number).normal(0, 0.1, 5 * rate_hz)
    file = io.BytesIO()
    soundfile.write(file, samples, rate_hz, format="WAV", subtype="PCM_16")
    upload = {"name": f"{number}.wav", "mimeType": "audio/wav", "buffer": file.getvalue()}
    place = page.locator("input[type=file]")
    expect(place).to_have_count(1)
    begin = time.perf_counter()
    place.set_input_files(upload)  # type: ignore[arg-type]
    expect(page.get_by_text(f"{rate_hz / 1000:g} kHz mono")).to_be_visible()
    wait_until_settled(page)
    return time.perf_counter() - begin


def _change_layer(page: Page, number: int) -> float:
    layer = LAYERS[number % len(LAYERS)]
    page.get_by_role("combobox", name="Layer").click()
    option = page.get_by_role("option", name=layer)
    option.wait_for()
    begin = time.perf_counter()
    option.click()
    expect(page.get_by_role("heading", name=layer)).to_be_visible()
    wait_until_settled(page)
    return time.perf_counter() - begin


def _report(what: str, times_s: Iterable[float]) -> None:
    counted = list(times_s)
    print(f"{what}: median {statistics.median(counted):.2f} s, slowest {max(counted):.2f} s")


if __name__ == "__main__":
    main()
