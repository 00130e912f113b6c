"""Clicks on charts, also on one that is just being replaced by another."""

import json
from collections.abc import Callable

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetStates
from streamlit.testing.v1 import AppTest

Open = Callable[..., AppTest]
STRIP, GRID = 0, 1


def click(page: AppTest, clicks: dict[int, int]) -> None:
    """Click points of charts, given as {chart: point}, as if there were no time to redraw."""
    states = WidgetStates()
    for chart, point in clicks.items():
        element = page.get("plotly_chart")[chart].proto
        carried = json.loads(element.spec)["data"][0]["customdata"][point]
        selected = {"points": [{"customdata": carried}], "point_indices": [point]}
        state = states.widgets.add(id=element.id)
        state.string_value = json.dumps({"selection": {**selected, "box": [], "lasso": []}})
    page._run(states)


def first_channel(page: AppTest) -> int:
    grid = json.loads(page.get("plotly_chart")[GRID].proto.spec)
    return int(grid["data"][0]["customdata"][0][1])


def test_a_click_on_the_strip_chooses_the_layer(open_page: Open) -> None:
    page = open_page("feature_maps")
    click(page, {STRIP: 2})
    assert page.session_state["layer"] == "layer1.1"
    assert page.session_state["channel"] == ""


def test_a_click_on_the_grid_chooses_the_channel_of_the_layer_it_shows(open_page: Open) -> None:
    page = open_page("feature_maps")
    page.selectbox(key="feature_maps_layer").select("layer2.0").run()
    clicked = first_channel(page)
    click(page, {GRID: 0})
    assert page.session_state["layer"] == "layer2.0"
    assert page.session_state["channel"] == str(clicked)


def test_a_click_on_the_grid_of_the_layer_before_chooses_that_layer_again(open_page: Open) -> None:
    page = open_page("feature_maps")
    clicked = first_channel(page)
    click(page, {STRIP: 2, GRID: 0})
    assert page.session_state["layer"] == "stem"
    assert page.session_state["channel"] == str(clicked)


@pytest.mark.parametrize("chart", [STRIP, GRID])
def test_a_chart_that_has_changed_has_another_key(open_page: Open, chart: int) -> None:
    page = open_page("feature_maps")
    before = page.get("plotly_chart")[chart].proto.id
    page.run()
    assert page.get("plotly_chart")[chart].proto.id == before
    page.selectbox(key="feature_maps_layer").select("layer1.1").run()
    key = page.get("plotly_chart")[chart].proto.id.rpartition("-")[2]
    assert key != before.rpartition("-")[2]
