"""The Recordings page: results as they come, rules that ask no network, errors beside results."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages._shell import state
from pages._shell.hearing import Hearing, share_heard, time_left_s
from pages._shell.sound import Sound
from pages._widgets import recordings
from resona_core.classification import Timeline
from resona_core.engine import Engine
from resona_core.errors import DamagedAudioError
from resona_core.sound.examples import EXAMPLE_PARTS, demo_sound
from resona_core.timeline import Rules

Open = Callable[..., AppTest]


def timeline(heard_s: float, total_s: float | None = 10.0) -> Timeline:
    starts_s = np.arange(0, heard_s - 4, 2.5)
    shares = np.full((len(starts_s), 2), 0.3, np.float32)
    silent = np.zeros(len(starts_s), bool)
    return Timeline(("rain", "dog"), 5.0, starts_s, shares, silent, heard_s, total_s)


def answers(*timelines: Timeline, error: str = "") -> Iterator[Timeline]:
    yield from timelines
    if error:
        raise DamagedAudioError(error)


def texts(page: AppTest) -> str:
    return " ".join(caption.value for caption in page.caption)


def test_a_first_visit_finds_the_sounds_of_the_example(open_page: Open) -> None:
    page = open_page("recordings")
    assert not page.exception
    assert not page.error
    events = page.dataframe(key="recordings_events").value
    meant = {demo_sound(key).label for _, key in EXAMPLE_PARTS}
    found = {name.lower().replace(" ", "_") for name in events["Class"]}
    assert len(meant & found) >= 5
    assert len(page.get("plotly_chart")) == 1
    assert len(page.get("audio")) == 1
    assert len(page.get("download_button")) == 4


def test_another_threshold_or_smoothing_asks_no_network(
    open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = open_page("recordings")
    before = len(page.dataframe(key="recordings_events").value)
    for question in ("timeline", "classify"):
        monkeypatch.setattr(Engine, question, None)
    page.slider(key="threshold").set_value(95).run()
    assert not page.exception
    after = len(page.dataframe(key="recordings_events").value)
    assert after < before
    page.slider(key="smooth").set_value(10)
    page.slider(key="classes").set_value(2).run()
    assert not page.exception


def test_several_files_are_heard_and_a_bad_one_is_told_beside_the_others(
    open_page: Open, sound_file: Callable[..., bytes], noise: np.ndarray
) -> None:
    page = open_page("recordings")
    page.segmented_control(key="recordings_source").set_value("Files").run()
    assert "Drop one or more recordings" in page.info[0].value
    page.file_uploader(key="recordings_files").set_value(
        [
            ("noise.wav", sound_file(noise, 44_100), "audio/wav"),
            ("letter.wav", b"Dear madam", "audio/wav"),
        ]
    ).run()
    assert not page.exception
    overview = page.dataframe[0].value
    assert overview["Recording"].tolist() == ["noise.wav", "letter.wav"]
    assert overview["State"].tolist() == ["finished", "cannot be read"]
    assert overview["Found"][1].startswith("letter.wav is not a sound")
    assert page.header[0].value == "noise\\.wav"
    assert not page.error


def show(page: AppTest, *hearings: Hearing) -> AppTest:
    """Show recordings of one's own."""
    page.session_state["recordings_source"] = "Files"
    page.session_state[state._HEARINGS] = {"Files": hearings}
    page.run()
    assert not page.exception
    return page


def unreadable(name: str) -> Hearing:
    return Hearing(Sound(name, b"x", name), answers(error=f"{name} is empty."), finished=False)


def test_the_first_that_can_be_read_is_shown_and_an_unreadable_one_opens_with_its_reason(
    open_page: Open,
) -> None:
    good = Hearing(Sound("good.wav", b"x", "good"), answers(timeline(10)))
    page = show(open_page("recordings"), unreadable("bad.wav"), good)
    assert page.header[0].value == "good\\.wav"
    assert page.dataframe[0].value["Found"].tolist() == ["bad.wav is empty.", "no event"]
    assert not page.error


def test_where_nothing_can_be_read_the_downloads_stand_there_all_the_same(open_page: Open) -> None:
    page = show(open_page("recordings"), unreadable("bad.wav"))
    assert "bad\\.wav is empty" in page.error[0].value
    buttons = page.get("download_button")
    assert [button.proto.disabled for button in buttons] == [True] * 4


def test_equal_names_are_told_apart_everywhere(open_page: Open) -> None:
    twins = [Hearing(Sound("night.wav", b"x", key), answers(timeline(10))) for key in "ab"]
    page = show(open_page("recordings"), *twins)
    assert page.dataframe[0].value["Recording"].tolist() == ["night.wav", "night (2).wav"]
    reports = recordings.reports_of(twins, Rules())
    assert [report.file for report in reports if report] == ["night.wav", "night (2).wav"]


def test_nothing_is_stopped_once_all_is_heard(open_page: Open) -> None:
    page = open_page("recordings")
    assert "Analysed 1:00" in texts(page)
    assert not [button for button in page.button if button.key == "recordings_stop"]


def test_hidden_files_of_a_folder_are_passed_over(
    open_page: Open, sound_file: Callable[..., bytes], noise: np.ndarray
) -> None:
    page = open_page("recordings")
    page.segmented_control(key="recordings_source").set_value("Files").run()
    sound = ("noise.wav", sound_file(noise, 44_100), "audio/wav")
    page.file_uploader(key="recordings_files").set_value(
        [("._noise.wav", b"Mac OS X", "audio/wav"), sound]
    ).run()
    assert not page.exception
    (kept,) = page.session_state[state._HEARINGS]["Files"]
    assert kept.recording.name == "noise.wav"


def test_what_was_heard_stays_when_the_page_is_left_and_can_be_forgotten(open_page: Open) -> None:
    page = open_page("recordings")
    hearing = Hearing(Sound("night.wav", b"x", "night"), answers(timeline(10)))
    page.session_state["recordings_source"] = "Files"
    page.session_state[state._HEARINGS] = {"Files": (hearing,)}
    page.run()
    assert not page.exception
    assert "Current recordings: night\\.wav" in texts(page)
    page.button(key="recordings_files_forget").click().run()
    assert page.session_state[state._HEARINGS]["Files"] == ()


def test_what_is_none_of_the_classes_has_a_band_and_a_word_in_the_summary(open_page: Open) -> None:
    page = open_page("recordings")
    kinds = np.array([[0.9, 0.1, 0.0], [0.1, 0.8, 0.1], [0.1, 0.8, 0.1]], np.float32)
    strange = replace(timeline(10), kinds=("known", "speech", "other"), window_kinds=kinds)
    hearing = Hearing(Sound("night.wav", b"x", "night"), answers(strange))
    page.session_state["recordings_source"] = "Files"
    page.session_state[state._HEARINGS] = {"Files": (hearing,)}
    page.run()
    assert not page.exception
    assert "62 % none of the 2, mostly speech" in texts(page)  # 6.25 of 10 s
    (chart,) = page.get("plotly_chart")
    assert "None of these" in chart.proto.spec
    page.slider(key="smooth").set_value(60).run()  # the whole is none of them on average
    assert "100 % none of the 2, mostly speech" in texts(page)


def test_a_recording_that_waits_for_its_turn_says_so(open_page: Open) -> None:
    page = open_page("recordings")
    first = Hearing(Sound("a.wav", b"x", "a"), answers(timeline(5), timeline(10)))
    first.go_on(0)
    second = Hearing(Sound("b.wav", b"x", "b"), answers(timeline(5)))
    page.session_state["recordings_source"] = "Files"
    page.session_state["recordings_stopped"] = True
    page.session_state[state._HEARINGS] = {"Files": (first, second)}
    page.run()
    assert page.dataframe[0].value["State"].tolist() == ["in progress", "waiting"]


def test_a_stopped_recording_shows_what_was_heard_and_can_go_on(open_page: Open) -> None:
    page = open_page("recordings")
    hearing = Hearing(Sound("night.wav", b"x", "night"), answers(timeline(5), timeline(10)))
    hearing.go_on(0)
    page.session_state["recordings_source"] = "Files"
    page.session_state["recordings_stopped"] = True
    page.session_state[state._HEARINGS] = {"Files": (hearing,)}
    page.run()
    assert "0:05.0 analysed" in texts(page)
    assert not hearing.finished
    page.button(key="recordings_stop").click().run()
    assert hearing.finished
    assert "0:10.0 analysed" in texts(page)


def test_a_recording_that_breaks_off_keeps_what_was_heard_before() -> None:
    hearing = Hearing(Sound("cut.mp3", b"x", "cut"), answers(timeline(5), error="cut.mp3 ends."))
    hearing.go_on(60)
    assert hearing.finished
    assert hearing.error == "cut.mp3 ends."
    assert hearing.timeline is not None
    assert hearing.timeline.heard_s == 5


def test_the_share_heard_counts_bytes_and_gives_the_time_left() -> None:
    small = Hearing(Sound("a", b"x" * 100, "a"), answers(), finished=True, spent_s=1.0)
    half = Hearing(Sound("b", b"x" * 200, "b"), answers(), timeline(5), spent_s=3.0)
    waiting = Hearing(Sound("c", b"x" * 100, "c"), answers())
    assert share_heard([small, half, waiting]) == pytest.approx(0.5)
    assert time_left_s([small, half, waiting]) == pytest.approx(4.0)
    assert time_left_s([waiting]) is None
    unknown = Hearing(Sound("d", b"x", "d"), answers(), timeline(5, total_s=None))
    assert share_heard([unknown]) == 0.0
