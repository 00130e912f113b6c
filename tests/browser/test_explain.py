"""A visitor in Chromium asks what if: a box is drawn, erased, heard again, and brought back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import PATIENCE_MS, charts

pytestmark = pytest.mark.browser


def test_a_box_drawn_on_the_spectrogram_is_erased_and_the_answer_is_given_anew(
    page: Page, address: str
) -> None:
    page.set_viewport_size({"width": 1440, "height": 2000})
    page.goto(f"{address}/explain?sound=crow")
    charts(page, 2)
    expect(page.get_by_role("heading", name=re.compile("^Why crow"))).to_be_visible()
    expect(page.locator("audio")).to_have_count(3)

    area = page.locator("[class*=st-key-what_if_box] .nsewdrag").first.bounding_box()
    assert area is not None
    left, top, width, height = (area[side] for side in ("x", "y", "width", "height"))
    page.mouse.move(left + 0.2 * width, top + 0.2 * height)
    page.mouse.down()
    page.mouse.move(left + 0.4 * width, top + 0.5 * height, steps=5)
    page.mouse.move(left + 0.6 * width, top + 0.8 * height, steps=5)
    page.mouse.up()
    start = page.locator("[class*=st-key-what_if_time] input[type=range]").first
    expect(start).to_have_attribute("aria-valuetext", re.compile(r"^(0\.9|1\.0)"))

    charts(page, 2)
    page.get_by_role("button", name="Erase the box").click()
    expect(page.get_by_role("heading", name=re.compile("^Before: .*now: "))).to_be_visible(
        timeout=PATIENCE_MS
    )
    expect(page.get_by_text(re.compile(r"^Erased (0\.9|1\.0) s to (2\.9|3\.0) s"))).to_be_visible()
    expect(page.locator("audio")).to_have_count(4)
    charts(page, 3)
    page.get_by_role("button", name="Undo").click()
    charts(page, 2)
    expect(page.locator("audio")).to_have_count(3)


def test_a_slow_method_can_be_stopped(page: Page, address: str) -> None:
    page.goto(f"{address}/explain?sound=rain&by=occlusion")
    charts(page, 1)
    page.get_by_role("button", name="Explain by occlusion").click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("button", name="Explain by occlusion")).to_be_visible()
    charts(page, 1)
    page.get_by_role("button", name="Explain by occlusion").click()
    charts(page, 2)
    expect(page.get_by_text(re.compile("^(Keeping this |The whole is given )"))).to_be_visible()
