"""The player knows where it is: the line over the charts, clicks, the space bar, repetition."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.browser.dashboard import PATIENCE_MS, charts, wait_until_settled

pytestmark = pytest.mark.browser

File = Callable[..., bytes]
_NEAR_S = 0.05
# Where the line of a chart stands: its x in seconds of the time axis, or null where it is hidden;
# and what the player says at the same moment.
_STATE = """([key, player]) => {
    const audio = document.querySelectorAll('.stAudio')[player];
    const chart = document.querySelector(`[class*="st-key-${key}"] .js-plotly-plot`);
    const line = chart.querySelector('.resona-playhead');
    const { xaxis, _size } = chart._fullLayout;
    const seen = line && !line.hidden && line.getBoundingClientRect();
    const left = seen && seen.x + 1 - chart.getBoundingClientRect().x - xaxis._offset;
    return {
        axis_s: seen ? (xaxis.p2l(left) - xaxis.r2l(xaxis.minallowed))
            / (xaxis.type === 'date' ? 1000 : 1) : null,
        over_all_panes: seen ? Math.abs(seen.height - _size.h) < 1 : null,
        played_s: audio.currentTime, paused: audio.paused,
    };
}"""


def state(page: Page, chart: str, player: int = 0) -> dict[str, Any]:
    told: dict[str, Any] = page.evaluate(_STATE, [chart, player])
    return told


def wait_for(page: Page, chart: str, condition: str, player: int = 0) -> None:
    """Wait until a condition on `now`, what :func:`state` returns, holds."""
    test = f"asked => {{ const now = ({_STATE})(asked); return {condition}; }}"
    page.wait_for_function(test, arg=[chart, player])


def area(page: Page, chart: str) -> tuple[Locator, FloatRect]:
    """Return the lowest pane of a chart, scrolled to, and its box."""
    pane = page.locator(f'[class*="st-key-{chart}"] .nsewdrag').first
    pane.scroll_into_view_if_needed()
    box = pane.bounding_box()
    assert box is not None
    return pane, box


def click(page: Page, chart: str, across: float) -> None:
    pane, box = area(page, chart)
    pane.click(position={"x": across * box["width"], "y": box["height"] / 2})


def drag(page: Page, chart: str, start: float, end: float) -> None:
    _, box = area(page, chart)
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + end * box["width"], y, steps=8)
    page.mouse.up()


def long_sound(page: Page, sound_file: File) -> None:
    """Bring ten seconds of noise, which are three windows."""
    samples = np.random.default_rng(0).normal(0, 0.1, 10 * 44_100).astype(np.float32)
    data = sound_file(samples, 44_100)
    place = page.locator("input[type=file]")
    expect(place).to_have_count(1)
    place.set_input_files({"name": "long.wav", "mimeType": "audio/wav", "buffer": data})
    expect(page.get_by_text("long.wav · 10.0 s")).to_be_visible(timeout=PATIENCE_MS)


def test_the_space_bar_plays_and_a_line_moves_over_waveform_and_spectrogram(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/?sound=siren")
    charts(page, 2)
    assert state(page, "listen_sound")["axis_s"] is None
    page.keyboard.press("Space")
    near = f"Math.abs(now.axis_s - now.played_s) < {_NEAR_S}"
    wait_for(page, "listen_sound", f"now.axis_s > 0.5 && {near} && now.over_all_panes")
    page.evaluate("document.querySelector('.stAudio').playbackRate = 0.1")  # machines may be slow
    page.get_by_role("slider").focus()
    page.keyboard.press("ArrowRight")  # the page runs again, and the sound plays on
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text("6")
    wait_until_settled(page)
    after_s = state(page, "listen_sound")["played_s"] + 0.1
    wait_for(page, "listen_sound", f"now.axis_s > {after_s} && {near} && !now.paused")
    expect(page.locator(".resona-playhead")).to_have_count(1)
    click(page, "listen_sound", 0.2)  # the slider has the focus no more
    page.keyboard.press("Space")
    wait_for(page, "listen_sound", "now.paused")
    assert 1 - _NEAR_S < state(page, "listen_sound")["played_s"] < 4.9


def test_a_click_in_the_picture_goes_there_and_a_drag_does_not(page: Page, address: str) -> None:
    page.goto(f"{address}/?sound=siren")
    charts(page, 2)
    click(page, "listen_sound", 0.6)
    wait_for(page, "listen_sound", f"Math.abs(now.axis_s - 3) < {_NEAR_S}")
    told = state(page, "listen_sound")
    assert told["played_s"] == pytest.approx(3, abs=_NEAR_S)
    assert told["paused"]
    drag(page, "listen_sound", 0.2, 0.4)
    wait_for(page, "listen_sound", "now.axis_s === null")  # zoomed: 3 s lies outside
    assert state(page, "listen_sound")["played_s"] == told["played_s"]


def test_a_stretch_that_is_zoomed_into_repeats_until_a_double_click(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/?sound=siren")
    charts(page, 2)
    drag(page, "listen_sound", 0.2, 0.4)
    page.keyboard.press("Space")
    for _ in range(2):  # to its end, and round again
        wait_for(page, "listen_sound", "now.played_s > 1.7 && !now.paused")
        wait_for(page, "listen_sound", "now.played_s > 0.9 && now.played_s < 1.4 && !now.paused")
    pane, _ = area(page, "listen_sound")
    before_s = state(page, "listen_sound")["played_s"]
    assert before_s < 2.2
    pane.dblclick(position={"x": 10, "y": 20})
    wait_for(page, "listen_sound", "now.played_s > 2.5")


def test_feature_maps_show_one_window_of_what_is_played(
    page: Page, address: str, sound_file: File
) -> None:
    page.goto(f"{address}/?sound=rain")
    charts(page, 2)
    long_sound(page, sound_file)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click()
    charts(page, 3)
    page.get_by_role("combobox", name="Part of the sound").click()
    page.get_by_role("option", name="2.5 to 7.5 s").click()
    expect(page).to_have_url(re.compile("part=2.5"), timeout=PATIENCE_MS)
    charts(page, 3)
    click(page, "feature_maps_channel", 0.4)
    wait_for(page, "feature_maps_channel", f"Math.abs(now.played_s - 4.5) < {_NEAR_S}")
    assert state(page, "feature_maps_channel")["axis_s"] == pytest.approx(2, abs=_NEAR_S)
    page.evaluate("document.querySelector('.stAudio').currentTime = 1")
    wait_for(page, "feature_maps_channel", "now.axis_s === null")  # another window's second


def test_explain_shows_where_a_windows_player_is_in_the_window_and_in_the_sound(
    page: Page, address: str, sound_file: File
) -> None:
    page.goto(f"{address}/?sound=rain")
    charts(page, 2)
    long_sound(page, sound_file)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Explain").click()
    expect(page.get_by_role("heading", name="What if?")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)
    page.get_by_role("combobox", name="Part of the sound").click()
    page.get_by_role("option", name="2.5 to 7.5 s").click()
    expect(page).to_have_url(re.compile("part=2.5"), timeout=PATIENCE_MS)
    charts(page, 2)
    click(page, "explain_mask", 0.4)
    wait_for(page, "what_if_box", f"Math.abs(now.axis_s - 4.5) < {_NEAR_S}")
    assert state(page, "explain_mask")["axis_s"] == pytest.approx(2, abs=_NEAR_S)
    assert state(page, "explain_mask")["played_s"] == pytest.approx(2, abs=_NEAR_S)
    click(page, "what_if_box", 0.6)
    wait_for(page, "explain_mask", f"Math.abs(now.axis_s - 3.5) < {_NEAR_S}")
    click(page, "what_if_box", 0.9)  # no player has this second
    charts(page, 2)
    drag(page, "what_if_box", 0.2, 0.4)  # a box, and the page runs again: the player stays
    expect(page.get_by_test_id("stSliderThumbValue").get_by_text("4.00")).to_be_visible()
    charts(page, 2)
    assert state(page, "explain_mask")["played_s"] == pytest.approx(3.5, abs=_NEAR_S)


def test_a_sound_that_was_changed_is_followed_in_its_own_picture_only(
    page: Page, address: str
) -> None:
    page.goto(f"{address}/explain?sound=siren")
    charts(page, 2)
    page.get_by_role("button", name="Slower").click()
    charts(page, 3)
    players = page.locator(".stAudio")
    expect(players).to_have_count(4)
    players.nth(3).evaluate("player => { player.currentTime = 2; }")
    wait_for(page, "what_if_box", f"Math.abs(now.axis_s - 2) < {_NEAR_S}", player=3)
    assert state(page, "explain_mask")["axis_s"] is None
    players.nth(1).evaluate("player => { player.currentTime = 3; }")
    wait_for(page, "explain_mask", f"Math.abs(now.axis_s - 3) < {_NEAR_S}", player=1)
    assert state(page, "what_if_box")["axis_s"] is None


def test_a_recordings_excerpt_stands_where_it_was_found(page: Page, address: str) -> None:
    page.goto(f"{address}/recordings")
    expect(page.get_by_text("Analysed 1:00.0")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 1)
    event = page.locator(".stAudio").get_attribute("aria-label")
    assert event is not None
    minutes, _, seconds = event.rpartition(" at ")[2].partition(":")
    start_s = 60 * int(minutes) + float(seconds)
    click(page, "recordings_strip", (start_s + 1) / 60)
    wait_for(page, "recordings_strip", "now.axis_s !== null")
    told = state(page, "recordings_strip")
    assert told["played_s"] == pytest.approx(1, abs=0.2)
    assert told["axis_s"] == pytest.approx(start_s + told["played_s"], abs=0.1)


def test_who_wants_less_motion_sees_the_line_step_from_second_to_second(
    page: Page, address: str
) -> None:
    page.emulate_media(reduced_motion="reduce")
    page.goto(f"{address}/?sound=siren")
    charts(page, 2)
    page.keyboard.press("Space")
    wait_for(page, "listen_sound", "!now.paused && now.axis_s !== null")
    seen = page.evaluate(
        f"""async asked => {{
            const seen = new Set();
            for (let now; (now = ({_STATE})(asked)).played_s < 3;) {{
                seen.add(now.axis_s.toFixed(2));
                await new Promise(requestAnimationFrame);
            }}
            return [...seen];
        }}""",
        ["listen_sound", 0],
    )
    assert {round(float(second), 1) for second in seen} <= {0.0, 1.0, 2.0}
    assert len(seen) > 1


def test_the_page_is_left_without_a_listener_too_many(page: Page, address: str) -> None:
    page.add_init_script(
        """const live = (window.live = new Map());
        for (const [name, change] of [["addEventListener", 1], ["removeEventListener", -1]]) {
            const original = document[name].bind(document);
            document[name] = (kind, ...rest) => {
                if (kind === "timeupdate") live.set(rest[0], (live.get(rest[0]) ?? 0) + change);
                return original(kind, ...rest);
            };
        }"""
    )
    page.goto(f"{address}/?sound=siren")
    charts(page, 2)
    for name, count in (("Feature maps", 3), ("Listen", 2), ("Explain", 2)):
        page.get_by_test_id("stSidebar").get_by_role("link", name=name).click()
        charts(page, count)
    assert [count for count in page.evaluate("[...window.live.values()]") if count] == [1]
