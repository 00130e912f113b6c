"""The router and the sidebar. AppTest's second run leaves app.py, so each test runs it once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages._shell import state
from pages._shell.sound import Sound
from resona_core.sound.examples import DEMO_SOUNDS

APP = str(Path(__file__).parents[2] / "app.py")


def sidebar_alone() -> None:
    from pages._shell import state, widgets

    widgets.sidebar()
    state.kept_sound()


def parameters_alone() -> None:
    import streamlit as st

    from pages._shell import router

    st.session_state["seen"] = router._parameters()


def test_a_first_visit_shows_a_finished_analysis_of_an_example() -> None:
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert not page.exception
    assert not page.error
    assert page.sidebar.selectbox(key="sound").value == DEMO_SOUNDS[0].key
    assert page.title[0].value
    assert len(page.get("plotly_chart")) == 2
    assert len(page.get("audio")) == 1


def test_a_link_opens_its_example() -> None:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["sound"] = DEMO_SOUNDS[1].title
    page.run()
    assert page.sidebar.selectbox(key="sound").value == DEMO_SOUNDS[1].key


def test_a_file_that_is_no_sound_is_one_sentence_with_its_name() -> None:
    letter = Sound.from_bytes("letter.wav", b"Dear madam")
    page = AppTest.from_file(APP, default_timeout=60)
    page.session_state["source"] = "Upload"
    page.session_state[state._SOUNDS] = {"Upload": letter, "": letter}
    page.run()
    assert not page.exception
    assert len(page.error) == 1
    assert "letter.wav" in page.error[0].value


def test_an_upload_becomes_the_sound_in_hand_and_stays_when_another_source_is_looked_at(
    tone: Callable[..., object], sound_file: Callable[..., bytes]
) -> None:
    page = AppTest.from_function(sidebar_alone, default_timeout=60).run()
    page.segmented_control(key="source").set_value("Upload").run()
    page.file_uploader(key="upload").upload("a tone.wav", sound_file(tone(440))).run()
    assert page.session_state[state._SOUNDS][""].name == "a tone.wav"
    page.segmented_control(key="source").set_value("Record").run()
    assert page.session_state[state._SOUNDS][""].name == "a tone.wav"
    page.segmented_control(key="source").set_value("Example").run()
    assert page.session_state[state._SOUNDS][""].demo == DEMO_SOUNDS[0].key
    page.segmented_control(key="source").set_value("Upload").run()
    assert page.session_state[state._SOUNDS][""].name == "a tone.wav"


@pytest.mark.parametrize("name", ["listen", "feature_maps", "recordings", "training"])
def test_a_page_opened_without_the_app_is_remembered(name: str) -> None:
    page = AppTest.from_file(str(Path(APP).parent / "pages" / f"{name}.py"), default_timeout=60)
    page.run()
    assert page.session_state[state._ASKED_PAGE] == name


def test_a_link_keeps_every_value_of_a_parameter() -> None:
    page = AppTest.from_function(parameters_alone)
    page.query_params["compare"] = ["one", "two"]
    assert page.run().session_state["seen"] == {"compare": ["one", "two"]}
