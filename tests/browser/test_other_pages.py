"""A visitor in Chromium on Recordings and on Training."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from resona_core.sound.examples import demo_samples
from tests.browser.dashboard import PATIENCE_MS, charts

pytestmark = pytest.mark.browser


def test_two_recordings_are_heard_and_the_broken_one_says_why(
    page: Page, address: str, tmp_path: Path, sound_file: Callable[..., bytes]
) -> None:
    siren = np.concatenate([np.zeros(441_000, np.float32), demo_samples("siren")])
    (tmp_path / "night.flac").write_bytes(sound_file(siren, 44_100, "FLAC"))
    (tmp_path / "broken.wav").write_text("no sound")
    page.goto(f"{address}/recordings")
    page.get_by_text("Files", exact=True).click()
    page.locator("input[type=file]").last.set_input_files(
        [tmp_path / "night.flac", tmp_path / "broken.wav"]
    )
    expect(page.get_by_role("heading", name=re.compile(r"night\.flac"))).to_be_visible(
        timeout=PATIENCE_MS
    )
    told = page.locator("canvas td", has_text=re.compile(r"broken\.wav"))
    expect(told.first).to_be_attached()  # a table's text is drawn; what is read aloud lies beneath
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(page.locator("svg text", has_text="Siren").first).to_be_visible()


def test_a_click_on_a_confusion_shows_the_clips_behind_it(page: Page, address: str) -> None:
    page.goto(f"{address}/training?run=shipped/first-version-fold-3-left-out")
    page.get_by_role("radio", name="Mistakes").or_(
        page.get_by_text("Mistakes", exact=True)
    ).first.click()
    charts(page, 2)
    area = page.locator("[class*=st-key-training_confusion] .nsewdrag").first
    box = area.bounding_box()
    assert box is not None
    area.click(position={"x": box["width"] * 0.5 / 50, "y": box["height"] * 0.5 / 50})
    expect(page).to_have_url(re.compile("pair=dog(>|%3E)dog"))  # the animals come first
    expect(page.get_by_role("combobox", name="True and predicted class")).to_have_value(
        re.compile("^Dog")
    )
