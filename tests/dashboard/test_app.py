"""The frame: menu, sidebar, welcome."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from pages._shell import sound_choice, state
from pages._shell.site import SCRIPT
from pages._shell.sound import Sound
from resona_core.sound.examples import DEMO_SOUNDS

APP = str(SCRIPT)


def sidebar_alone() -> None:
    import streamlit as st

    from pages._shell import sound_choice

    sound_choice.choose_sound()
    st.session_state["seen"] = sound_choice.current_sound().name


def parameters_alone() -> None:
    import streamlit as st

    from pages._shell import router

    st.session_state["seen"] = router._parameters()


def opened(**parameters: str) -> AppTest:
    page = AppTest.from_file(APP, default_timeout=60)
    for name, value in parameters.items():
        page.query_params[name] = value
    return page.run()


def welcome_of(page: AppTest) -> list[str]:
    return [b.label for b in page.button if b.key and b.key.startswith("press_")]


def test_a_first_visit_shows_a_finished_analysis_of_an_example() -> None:
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert not page.exception
    assert not page.error
    assert page.sidebar.selectbox(key="example").value == DEMO_SOUNDS[0].key
    assert page.title[0].value.startswith("Church bells")
    assert len(page.get("plotly_chart")) == 2
    assert len(page.get("audio")) == 1


@pytest.mark.parametrize("asked", ["sea_waves", "Sea waves"])
def test_a_link_opens_its_example_by_key_and_as_it_was_by_title(asked: str) -> None:
    page = opened(sound=asked)
    assert page.sidebar.selectbox(key="example").value == "sea_waves"
    assert any(caption.value.startswith("Sea waves") for caption in page.caption)
    assert welcome_of(page) == []


@pytest.mark.parametrize(
    ("asked", "said"), [("sea wafes", "an example called **sea wafes**"), ("own:a b", "**a b**")]
)
def test_a_sound_that_is_not_there_is_not_replaced_by_another(asked: str, said: str) -> None:
    page = opened(sound=asked)
    assert not page.exception
    assert page.title[0].value == "This sound is not here"
    assert said in page.warning[0].value
    assert len(page.get("plotly_chart")) == 0
    assert welcome_of(page) == ["Siren", "Rain", "Crow"]
    page.button(key="press_crow").click().run()
    assert page.title[0].value.startswith("Crow")


def test_a_file_that_is_no_sound_is_one_sentence_with_its_name() -> None:
    letter = Sound.from_bytes("letter.wav", b"Dear madam")
    page = AppTest.from_file(APP, default_timeout=60)
    page.query_params["sound"] = "own:letter.wav"
    page.session_state[state._SOUNDS] = {"letter.wav": letter}
    page.run()
    assert not page.exception
    assert len(page.error) == 1
    assert "letter\\.wav" in page.error[0].value


def test_an_upload_becomes_the_sound_in_hand_and_stays_when_another_source_is_looked_at(
    tone: Callable[..., object], sound_file: Callable[..., bytes]
) -> None:
    page = AppTest.from_function(sidebar_alone, default_timeout=60).run()
    page.segmented_control(key="source").set_value("Upload").run()
    assert page.session_state["seen"] == "church_bells.wav"
    page.file_uploader[0].upload("a tone.wav", sound_file(tone(440))).run()
    assert page.session_state["seen"] == "a tone.wav"
    assert page.session_state["sound"] == "own:a tone.wav"
    page.segmented_control(key="source").set_value("Record").run()
    assert page.session_state["seen"] == "a tone.wav"
    page.segmented_control(key="source").set_value("Example").run()
    assert page.session_state["seen"] == "church_bells.wav"
    page.segmented_control(key="source").set_value("Upload").run()
    assert page.session_state["seen"] == "a tone.wav"


@pytest.mark.parametrize("missed", ["the callback", "what the callback is about"])
def test_a_file_that_arrives_while_the_page_is_left_is_not_lost(
    missed: str, tone: Callable[..., object], sound_file: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    take = sound_choice._take

    def gone(source: str, key: str) -> None:
        if missed != "the callback":
            take(source, f"{key} as it was called")

    monkeypatch.setattr(sound_choice, "_take", gone)
    page = AppTest.from_file(APP, default_timeout=60).run()
    page.file_uploader[0].upload("a tone.wav", sound_file(tone(440))).run()
    assert page.session_state["sound"] == "own:a tone.wav"
    assert not page.exception
    page.segmented_control(key="source").set_value("Example").run()
    page.selectbox(key="example").set_value("rain").run()  # the uploader still holds the file
    assert page.session_state["sound"] == "rain"


def test_a_link_keeps_every_value_of_a_parameter() -> None:
    page = AppTest.from_function(parameters_alone)
    page.query_params["compare"] = ["one", "two"]
    assert page.run().session_state["seen"] == {"compare": ["one", "two"]}


def test_a_first_visit_is_welcomed_with_three_sounds_until_one_is_pressed() -> None:
    page = AppTest.from_file(APP, default_timeout=60).run()
    assert welcome_of(page) == ["Siren", "Rain", "Crow"]
    page.button(key="press_rain").click().run()
    assert not page.exception
    assert welcome_of(page) == []
    assert page.sidebar.selectbox(key="example").value == "rain"
    assert page.title[0].value.startswith("Rain")


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
