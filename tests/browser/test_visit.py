"""What a visitor may do to the page: drop, reload, go back, bring odd names over a slow link."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.dashboard import PATIENCE_MS, charts, wait_until_settled

pytestmark = pytest.mark.browser

_SLOW_LINK = """(() => {
  const Real = WebSocket;
  window.WebSocket = class extends Real {
    send(data) { setTimeout(() => super.send(data), 250); }
    addEventListener(kind, heard, options) {
      const late = (event) => setTimeout(() => heard(event), 250);
      super.addEventListener(kind, kind === "message" ? late : heard, options);
    }
  };
})()"""
_DROP = """([name, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const carried = new DataTransfer();
  carried.items.add(new File([bytes], name, { type: "audio/wav" }));
  const drop = (kind) => document.querySelector("h1").dispatchEvent(
    new DragEvent(kind, { dataTransfer: carried, bubbles: true, cancelable: true }));
  drop("dragover");
  drop("drop");
}"""

File = Callable[..., bytes]


@pytest.fixture
def noise(sound_file: File) -> bytes:
    samples = np.random.default_rng(0).normal(0, 0.1, 5 * 44_100).astype(np.float32)
    return sound_file(samples, 44_100)


def upload(page: Page, name: str, data: bytes) -> None:
    file = {"name": name, "mimeType": "audio/wav", "buffer": data}
    place = page.locator("input[type=file]")
    expect(place).to_have_count(1)  # while the page changes, the old one is there too
    place.set_input_files(file)  # type: ignore[arg-type]


def test_uploads_over_a_slow_link_do_not_end_in_a_dead_page(
    page: Page, address: str, noise: bytes
) -> None:
    page.add_init_script(_SLOW_LINK)
    page.goto(address)
    charts(page, 2)
    for _ in range(7):
        upload(page, "noise.wav", noise)
        page.wait_for_timeout(1500)
        upload(page, "text.wav", b"this is no sound\n" * 40)
        page.wait_for_timeout(1500)
    upload(page, "last.wav", noise)
    expect(page.get_by_text("last.wav", exact=False).first).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_role("dialog")).to_have_count(0)
    charts(page, 2)


def test_a_file_let_go_anywhere_in_the_window_is_heard(
    page: Page, address: str, noise: bytes
) -> None:
    from base64 import b64encode

    page.goto(f"{address}/?sound=rain")
    charts(page, 2)
    page.evaluate(_DROP, ["dropped.wav", b64encode(noise).decode()])
    expect(page.get_by_text("dropped.wav · 5.0 s")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)


def test_a_page_loaded_again_gets_its_sound_back_from_the_browser(
    page: Page, address: str, noise: bytes
) -> None:
    page.goto(address)
    charts(page, 2)
    upload(page, "mine.wav", noise)
    expect(page.get_by_text("mine.wav · 5.0 s")).to_be_visible(timeout=PATIENCE_MS)
    page.reload()
    expect(page.get_by_text("mine.wav · 5.0 s")).to_be_visible(timeout=PATIENCE_MS)
    charts(page, 2)
    assert "sound=own" in page.url


def test_a_link_to_someone_elses_sound_says_that_it_is_not_here(page: Page, address: str) -> None:
    page.goto(f"{address}/?sound=own:theirs.wav")
    expect(page.get_by_role("heading", name="This sound is not here")).to_be_visible()
    expect(page.get_by_text("The server does not have theirs.wav")).to_be_visible()
    wait_until_settled(page)
    expect(page.locator(".js-plotly-plot")).to_have_count(0)


@pytest.mark.parametrize(
    "name",
    [
        "# heading.wav", "a $E=mc^2$ b $x$.wav", "**bold** _it_ `code`.wav", "1. list.wav",
        "[click](x) ![i](y).wav", ":red[red] :smile: :material/home:.wav", "a -> b -- www.x.de.wav",
        "tilde ~~gone~~ ~x~.wav", "- item.wav", "<b>x<b> &amp; me@x.de.wav",
    ],
)  # fmt: skip
def test_a_name_is_shown_letter_by_letter(
    page: Page, address: str, noise: bytes, tmp_path: Path, name: str
) -> None:
    page.goto(f"{address}/?sound=rain")
    charts(page, 2)
    upload(page, name, noise)
    shown = page.get_by_test_id("stMain").get_by_test_id("stCaptionContainer").first
    expect(shown).not_to_contain_text("Rain", timeout=PATIENCE_MS)
    expect(shown).to_contain_text("5.0 s", timeout=PATIENCE_MS)
    assert shown.inner_text().replace("\u2060", "").startswith(f"{name} ·")
    assert shown.locator("a, em, strong, code, .katex, img, del").count() == 0
    upload(page, name, b"this is no sound\n" * 40)
    error = page.get_by_test_id("stAlert")
    expect(error).to_be_visible(timeout=PATIENCE_MS)
    assert f"\n{name} is " in error.inner_text().replace("\u2060", "")


def test_back_and_forward_land_on_what_was_left(page: Page, address: str) -> None:
    page.goto(f"{address}/?sound=rain&k=7")
    charts(page, 2)
    page.get_by_test_id("stSidebar").get_by_role("link", name="Feature maps").click()
    charts(page, 3)
    page.go_back()
    expect(page.get_by_test_id("stSliderThumbValue")).to_have_text("7", timeout=PATIENCE_MS)
    expect(page.get_by_role("heading", name="Rain")).to_be_visible(timeout=PATIENCE_MS)
    page.go_forward()
    charts(page, 3)
    assert "sound=rain" in page.url


def test_a_new_answer_is_told_to_those_who_do_not_see_it(page: Page, address: str) -> None:
    says = page.locator("#resona-says")
    for sound, answer in (("siren", "Siren"), ("crow", "Crow")):
        page.goto(f"{address}/?sound={sound}")
        expect(says).to_contain_text(answer, timeout=PATIENCE_MS)
        expect(says).to_have_attribute("role", "status")
    page.goto(f"{address}/training")
    expect(says).to_contain_text("How it was trained", timeout=PATIENCE_MS)
