from collections.abc import Callable

import numpy as np
from streamlit.testing.v1 import AppTest

from pages._shell.state import Sound

Open = Callable[..., AppTest]


def test_the_page_shows_the_verdict_the_player_and_the_charts(open_page: Open) -> None:
    page = open_page("listen")
    assert not page.exception
    assert page.title[0].value
    assert len(page.get("audio")) == 1
    assert len(page.get("plotly_chart")) == 2


def test_k_changes_the_number_of_bars(open_page: Open) -> None:
    page = open_page("listen")
    page.slider(key="k").set_value(8).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 2


def test_a_longer_sound_offers_its_parts_and_a_timeline(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    rng = np.random.default_rng(0)
    data = sound_file(rng.normal(0, 0.1, 16_000 * 12).astype(np.float32), 16_000)
    page = open_page("listen", Sound.from_bytes("long.wav", data))
    parts = page.selectbox(key="part")
    assert parts.options == ["Whole sound", "0.0 to 5.0 s", "2.5 to 7.5 s", "5.0 to 10.0 s",
                             "7.0 to 12.0 s"]  # fmt: skip
    assert len(page.get("plotly_chart")) == 3
    parts.select("5.0 to 10.0 s").run()
    assert not page.exception


def test_silence_is_said_in_words_and_not_given_a_class(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(np.zeros(16_000, np.float32), 16_000)
    page = open_page("listen", Sound.from_bytes("silence.wav", data))
    assert not page.exception
    assert page.title[0].value == "Nothing to hear"
    assert any("digital silence" in caption.value for caption in page.caption)
