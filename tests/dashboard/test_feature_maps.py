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
    assert len(page.selectbox(key="feature_maps_layer").options) == 17
    assert page.title[0].value == "stem :primary[64 channels]"
    assert any("of the cells are zero" in caption.value for caption in page.caption)


@pytest.mark.parametrize("layer", ["layer1.2", "layer4.2"])
def test_every_depth_can_be_looked_at(open_page: Open, layer: str) -> None:
    page = open_page("feature_maps")
    page.selectbox(key="feature_maps_layer").select(layer).run()
    assert not page.exception
    assert page.title[0].value.replace("\\", "").startswith(layer)


@pytest.mark.parametrize("order", ["variety", "share", "number"])
def test_channels_can_be_sorted_in_each_order(open_page: Open, order: str) -> None:
    page = open_page("feature_maps")
    page.segmented_control(key="feature_maps_order").set_value(order).run()
    assert not page.exception


def test_the_next_channel_is_the_next_in_rank_and_another_layer_begins_anew(
    open_page: Open,
) -> None:
    page = open_page("feature_maps")
    first = page.header[0].value
    assert page.button(key="feature_maps_left").disabled
    page.button(key="feature_maps_right").click().run()
    assert page.header[0].value != first
    page.button(key="feature_maps_left").click().run()
    assert page.header[0].value == first
    page.selectbox(key="feature_maps_layer").select("layer4.2").run()
    assert page.session_state["channel"] == ""


@pytest.mark.parametrize(
    ("name", "asked", "said", "charts"),
    [
        ("layer", "layer9.9", "the layer **layer9.9**", 1),
        ("channel", "64", "stem has the channels 0 to 63", 2),
        ("channel", "seven", "stem has the channels 0 to 63", 2),
    ],
)
def test_what_a_link_asks_for_and_is_not_there_is_not_replaced(
    open_page: Open, name: str, asked: str, said: str, charts: int
) -> None:
    page = open_page("feature_maps", **{name: asked})
    assert not page.exception
    assert said in page.warning[0].value.replace("\\", "")
    assert len(page.get("plotly_chart")) == charts


@pytest.mark.parametrize("asked", ["variety", "Variety"])
def test_a_link_orders_by_key_and_as_it_did_by_label(open_page: Open, asked: str) -> None:
    page = open_page("feature_maps", order=asked)
    assert page.segmented_control(key="feature_maps_order").value == "variety"


def test_silence_has_maps_but_no_share_of_an_answer(
    open_page: Open, sound_file: Callable[..., bytes]
) -> None:
    data = sound_file(np.zeros(16_000, np.float32), 16_000)
    page = open_page("feature_maps", Sound.from_bytes("silence.wav", data))
    assert not page.exception
    assert "share" not in page.segmented_control(key="feature_maps_order").options
