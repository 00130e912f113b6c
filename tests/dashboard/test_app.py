"""The frame: menu, sidebar, welcome."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages._shell import state
from pages._shell.site import SCRIPT
from pages._shell.sound import Sound
from resona_core.sound.examples import DEMO_SOUNDS

APP = str(SCRIPT)


def sidebar_alone() -> None:
    from pages._shell import sound_choice, state

    sound_choice.choose_sound()
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
    assert page.title[0].value.startswith("Church bells")
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


def test_a_link_keeps_every_value_of_a_parameter() -> None:
    page = AppTest.from_function(parameters_alone)
    page.query_params["compare"] = ["one", "two"]
    assert page.run().session_state["seen"] == {"compare": ["one", "two"]}


def welcome_of(page: AppTest) -> list[str]:
    return [b.label for b in page.button if b.key and b.key.startswith("press_")]


def test_a_first_visit_is_welcomed_with_three_sounds_until_one_is_pressed() -> None:
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert welcome_of(page) == ["Siren", "Rain", "Crow"]
    page.button(key="press_rain").click().run()
    assert not page.exception
    assert welcome_of(page) == []
    assert page.sidebar.selectbox(key="sound").value == "rain"
    assert page.title[0].value.startswith("Rain")


def test_a_link_to_a_sound_needs_no_welcome() -> None:
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["sound"] = "Siren"
    assert welcome_of(page.run()) == []


@pytest.mark.parametrize(("name", "asks"), [("feature_maps", True), ("recordings", False)])
def test_a_sound_is_chosen_only_where_it_matters(name: str, asks: bool) -> None:
    page = AppTest.from_file(APP, default_timeout=60).run()
    page.switch_page(str(SCRIPT.parents[1] / f"{name}.py")).run()
    assert not page.exception
    assert (
        bool([s for s in page.sidebar.get("button_group") if s.proto.label == "Your sound"]) == asks
    )


def test_what_is_drawn_first_loads_no_torch() -> None:
    code = "import sys, pages._shell.router, pages._shell.site; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], cwd=SCRIPT.parents[2], check=True)
