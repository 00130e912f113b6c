from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Slider

from pages._shell.sound import Sound
from resona_core.engine import Engine
from resona_core.explain.boxes import Box
from resona_core.sound.examples import demo_wav

Open = Callable[..., AppTest]


@pytest.fixture
def page(open_page: Open) -> AppTest:
    return open_page("explain", Sound.from_bytes("crow.wav", demo_wav("crow")))


def test_the_page_asks_why_the_answer_is_the_answer(page: AppTest) -> None:
    assert not page.exception
    assert page.title[0].value.startswith("Why crow? :primary[")
    assert len(page.get("plotly_chart")) == 2
    assert len(page.get("audio")) == 3
    assert any(text.value.startswith("**Keeping this ") for text in page.markdown)


def test_one_can_ask_about_a_class_that_is_not_the_answer(page: AppTest) -> None:
    page.selectbox(key="explain_target").select("wind").run()
    assert not page.exception
    assert page.title[0].value.startswith("Why wind? :primary[")
    assert page.session_state["why"] == "wind"


def test_a_link_asks_the_same_question(open_page: Open) -> None:
    page = open_page("explain", why="rain", by="energy")
    assert page.title[0].value.startswith("Why rain? ")
    assert page.segmented_control(key="explain_method").value == "energy"
    assert not any(choice.key == "explain_layer" for choice in page.selectbox)


def test_a_slow_method_waits_to_be_started_and_its_answer_is_kept(page: AppTest) -> None:
    page.segmented_control(key="explain_method").set_value("occlusion").run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1  # the one that one draws on
    page.button(key="explain_start").click().run(timeout=120)
    assert not page.exception
    assert len(page.get("plotly_chart")) == 2
    page.segmented_control(key="explain_method").set_value("grad-cam").run()
    page.segmented_control(key="explain_method").set_value("occlusion").run()
    assert len(page.get("plotly_chart")) == 2


def test_a_silent_sound_has_nothing_to_explain(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    silence = Sound.from_bytes("silence.wav", sound_file(np.zeros(80_000, np.float32)))
    page = open_page("explain", silence)
    assert not page.exception
    assert page.title[0].value == "Nothing to hear, so nothing to explain"
    assert not page.get("plotly_chart")


def _time(page: AppTest) -> Slider[float]:
    (slider,) = (one for one in page.slider if one.label == "Time (s)")
    return slider


def test_a_box_is_erased_heard_again_and_brought_back(page: AppTest) -> None:
    _time(page).set_value((1.0, 5.0))
    page.run()
    page.button(key="what_if_erase").click().run()
    assert not page.exception
    assert "Erased 1.0 s to the end" in "".join(text.value for text in page.markdown)
    assert page.subheader[0].value.startswith("Before: ")
    assert len(page.get("plotly_chart")) == 3  # with before and after
    assert len(page.get("audio")) == 4
    page.button(key="what_if_undo").click().run()
    assert not page.subheader
    assert len(page.get("plotly_chart")) == 2


@pytest.mark.parametrize("kind", ["harmonic", "percussive", "faster", "lower"])
def test_each_change_of_the_whole_sound_is_heard(kind: str, page: AppTest) -> None:
    page.button(key=f"what_if_{kind}").click().run(timeout=120)
    assert not page.exception
    assert page.subheader[0].value.startswith("Before: Almost certainly crow")


def test_what_would_leave_nothing_is_refused_and_undone(
    open_page: Open, tone: Callable[..., NDArray[np.float32]], sound_file: Callable[..., bytes]
) -> None:
    half = np.concatenate([tone(500.0, 44_100, 2.5), np.zeros(110_250, np.float32)])
    page = open_page("explain", Sound.from_bytes("half.wav", sound_file(half, 44_100)))
    _time(page).set_value((3.0, 4.5)).run()
    page.button(key="what_if_keep").click().run()
    assert not page.exception
    assert "Nothing would be left of the sound" in page.warning[0].value
    assert not page.subheader
    page.run()
    assert not page.warning


def test_the_smallest_box_that_changes_the_answer_is_proposed(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    proposed = Box(1.0, 2.5, 631.0, 2_413.0)
    monkeypatch.setattr(Engine, "smallest_flip", lambda *_: proposed)
    page.button(key="what_if_find").click().run()
    assert not page.exception
    assert "smallest box whose erasure changes the answer" in page.success[0].value
    assert _time(page).value == (1.0, 2.5)
    page.run()
    monkeypatch.setattr(Engine, "smallest_flip", lambda *_: None)
    page.button(key="what_if_find").click().run()
    assert "No box" in page.info[0].value
