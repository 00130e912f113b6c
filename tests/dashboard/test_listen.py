import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from pages._shell import cache
from pages._shell.sound import Sound
from resona_core.classification import Classification
from resona_core.engine import Engine
from resona_core.figures import theme
from resona_core.network import checkpoint
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.settings import Settings

Open = Callable[..., AppTest]


def test_the_page_shows_the_verdict_the_player_and_the_charts(open_page: Open) -> None:
    page = open_page("listen")
    assert not page.exception
    assert page.title[0].value
    assert len(page.get("audio")) == 1
    assert len(page.get("plotly_chart")) == 2


def test_k_changes_the_number_of_bars(open_page: Open) -> None:
    page = open_page("listen")
    page.slider(key="listen_k").set_value(8).run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 2


def test_a_longer_sound_offers_its_parts_and_a_timeline(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    rng = np.random.default_rng(0)
    data = sound_file(rng.normal(0, 0.1, 16_000 * 12).astype(np.float32), 16_000)
    page = open_page("listen", Sound.from_bytes("long.wav", data))
    parts = page.selectbox(key="window")
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


def bar_colours(page: AppTest) -> list[str]:
    figures = [json.loads(chart.proto.spec) for chart in page.get("plotly_chart")]
    bars = next(f["data"][0] for f in figures if f["data"][0]["type"] == "bar")
    return list(bars["marker"]["color"])


def plain(markdown: str) -> str:
    return markdown.replace("\\", "")


def test_a_sound_of_no_class_is_told_with_grey_bars_and_the_kinds(
    open_page: Open,
    strange_weights: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    request.addfinalizer(st.cache_resource.clear)
    monkeypatch.setattr(cache, "engine", lambda: Engine(Settings(checkpoint=Path(strange_weights))))
    st.cache_resource.clear()
    page = open_page("listen")
    assert not page.exception
    assert plain(page.title[0].value) == "None of the 3 sounds it knows: more like music"
    captions = [caption.value for caption in page.caption]
    assert plain(captions[1]).startswith(
        "The probability that it is one of them is 10 %; the nearest"
    )
    assert "One of the 3: 10 %  ·  speech: 20 %  ·  music: 60 %  ·  other: 10 %" in captions
    assert set(bar_colours(page)) == {theme.NEUTRAL}


def test_a_part_of_no_class_is_told_apart_from_a_sound_that_is_known(
    open_page: Open, sound_file: Callable[..., bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = sound_file(np.random.default_rng(1).normal(0, 0.1, 120_000).astype(np.float32), 16_000)
    answer = Classification(
        ("dog", "rain", "siren"), 5.0, np.array([0.0, 2.5]),
        np.array([[0.95, 0.03, 0.02], [0.8, 0.1, 0.1]], np.float32), np.zeros(2, bool),
        kinds=("known", "speech", "other"),
        window_kinds=np.array([[0.9, 0.1, 0.0], [0.2, 0.7, 0.1]], np.float32),
    )  # fmt: skip
    monkeypatch.setattr(cache, "classification", lambda sound: answer)
    page = open_page("listen", Sound.from_bytes("dog and voice.wav", data))
    assert not page.exception
    assert page.title[0].value == "Dog :primary[88 %]"
    assert bar_colours(page)[0] == theme.ACCENT
    assert any("2 windows, 1 none of the 3" in caption.value for caption in page.caption)
    page.selectbox(key="window").select("2.5 to 7.5 s").run()
    assert page.title[0].value == "Dog :primary[88 %]"
    assert set(bar_colours(page)) == {theme.NEUTRAL}
    assert any("One of the 3: 20 %" in caption.value for caption in page.caption)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_a_network_of_few_classes_is_asked_for_no_more(
    n_classes: int,
    open_page: Open,
    tiny_info: CheckpointInfo,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    request.addfinalizer(st.cache_resource.clear)
    model = replace(tiny_info.model, n_classes=n_classes)
    info = replace(tiny_info, model=model, labels=("Pump_7", "fan", "saw")[:n_classes])
    path = tmp_path / "own.safetensors"
    checkpoint.save(path, info, Classifier(info).network.state_dict())
    monkeypatch.setattr(cache, "engine", lambda: Engine(Settings(checkpoint=path)))
    st.cache_resource.clear()
    page = open_page("listen")
    assert not page.exception
    assert re.search("Pump 7|[Ff]an|[Ss]aw", page.title[0].value)
    assert [slider.value for slider in page.slider] == ([] if n_classes == 2 else [3])
    assert not open_page("feature_maps").exception


def test_what_the_listener_must_know_is_shown_in_one_place(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    sound = np.random.default_rng(0).normal(0, 0.1, 16_000 * 4).astype(np.float32)
    whole = sound_file(sound, 16_000)
    assert len(open_page("listen", Sound.from_bytes("whole.wav", whole)).warning) == 0
    page = open_page("listen", Sound.from_bytes("cut.wav", whole[: len(whole) // 2]))
    assert not page.exception
    (shown,) = page.warning
    assert (
        plain(shown.value)
        == "The file breaks off after 2.0 of 4.0 s; it is heard as far as it goes."
    )
