from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages._shell.sound import Sound

Open = Callable[..., AppTest]


def test_the_page_shows_the_strip_the_grid_and_one_channel(open_page: Open) -> None:
    page = open_page("feature_maps")
    assert not page.exception
    assert len(page.get("plotly_chart")) == 3
    assert len(page.selectbox(key="layer").options) == 17
    assert len(page.metric) == 3


@pytest.mark.parametrize("layer", ["layer1.2", "layer4.2"])
def test_every_depth_can_be_looked_at(open_page: Open, layer: str) -> None:
    page = open_page("feature_maps")
    page.selectbox(key="layer").select(layer).run()
    assert not page.exception
    assert any(layer in text.value for text in page.markdown)


@pytest.mark.parametrize("order", ["variety", "share", "number"])
def test_channels_can_be_sorted_in_each_order(open_page: Open, order: str) -> None:
    page = open_page("feature_maps")
    page.segmented_control(key="order").set_value(order).run()
    assert not page.exception


def test_a_channel_too_high_for_the_next_layer_is_forgotten(open_page: Open) -> None:
    page = open_page("feature_maps")
    page.selectbox(key="layer").select("layer4.2").run()
    page.number_input(key="channel").set_value(511).run()
    assert not page.exception
    page.selectbox(key="layer").select("stem").run()
    assert not page.exception
    assert page.number_input(key="channel").value is None


def test_silence_has_maps_but_no_share_of_an_answer(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(np.zeros(16_000, np.float32), 16_000)
    page = open_page("feature_maps", Sound.from_bytes("silence.wav", data))
    assert not page.exception
    assert "share" not in page.segmented_control(key="order").options
