from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import plotly.graph_objects as go
import pytest
from plotly.colors import sequential

from resona_core.figures import theme

ROOT = Path(__file__).parents[3]


def luminance(colour: str) -> float:
    """Relative luminance of "#RRGGBB" (WCAG 2.2)."""
    shares = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [s / 12.92 if s <= 0.04045 else ((s + 0.055) / 1.055) ** 2.4 for s in shares]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("background", ["#FFFFFF", "#0E1117"])
@pytest.mark.parametrize("colour", [theme.ACCENT, theme.UNSURE, theme.NEUTRAL, theme.TEXT])
def test_every_fixed_colour_stands_out_from_white_and_from_near_black(
    colour: str, background: str
) -> None:
    assert contrast(colour, background) >= 3


def test_the_accent_is_not_the_colour_of_doubt() -> None:
    assert theme.ACCENT != theme.UNSURE


def test_figures_import_neither_torch_nor_streamlit() -> None:
    code = (
        "import sys, resona_core.figures.audio, resona_core.figures.maps;"
        "print([name for name in ('torch', 'streamlit') if name in sys.modules])"
    )
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert answer.stdout.strip() == "[]", answer.stderr


def test_frequency_ticks_lie_between_the_bins_they_belong_to() -> None:
    positions, texts = theme.frequency_ticks(np.array([0.0, 100, 200, 300, 400, 600]))
    assert texts == ["50", "100", "200", "500"]
    assert positions == [0.5, 1, 2, 4.5]


def test_frequency_ticks_reach_twenty_kilohertz() -> None:
    frequency_hz = np.geomspace(50, 20_000, 400)
    _, texts = theme.frequency_ticks(frequency_hz)
    assert texts == ["50", "100", "200", "500", "1k", "2k", "5k", "10k", "20k"]


def test_crowded_frequency_ticks_give_way_to_the_higher_one() -> None:
    _, texts = theme.frequency_ticks(np.linspace(0, 10_000, 101))
    assert texts == ["500", "1k", "2k", "5k", "10k"]


def test_bins_are_named_by_their_frequency() -> None:
    assert theme.bin_names(np.array([42.4, 1003.2])) == ["42 Hz", "1,003 Hz"]


def test_bins_closer_than_a_hertz_still_have_names_of_their_own() -> None:
    assert theme.bin_names(np.array([20.1, 20.4])) == ["20.10 Hz", "20.40 Hz"]


def test_the_frequency_axis_grows_upward_and_shows_whole_cells() -> None:
    axis = theme.frequency_axis(np.linspace(20, 8000, 128))
    assert axis["range"] == [-0.5, 127.5]


@pytest.mark.parametrize(
    ("limit", "below"), [(1, 1), (0.99, 0.5), (0.3, 0.2), (0.08, 0.05), (7, 5), (1.7, 1)]
)
def test_nice_numbers_are_one_two_or_five(limit: float, below: float) -> None:
    assert theme.nice_below(limit) == pytest.approx(below)


def test_the_time_axis_has_its_unit_and_cannot_leave_the_sound() -> None:
    axis = theme.time_axis(5)
    assert axis["title"]["text"] == "time (s)"
    assert (axis["range"], axis["minallowed"], axis["maxallowed"]) == ([0, 5], 0, 5)


def test_a_phone_has_narrower_margins_and_room_below_for_the_colour_bar() -> None:
    wide, narrow = theme.time_margin(), theme.time_margin(phone=True, colour_bar=True)
    assert narrow["l"] < wide["l"]
    assert narrow["r"] < wide["r"]
    assert narrow["b"] == theme.AXIS_HEIGHT_PX + theme.COLOUR_BAR_PX


def test_viridis_runs_from_violet_to_yellow() -> None:
    colours = theme.viridis(255)
    assert colours.shape == (255, 3)
    assert colours[0].tolist() == [68, 1, 84]
    assert colours[-1].tolist() == [253, 231, 37]


def test_the_overlay_is_clear_at_zero_and_opaque_at_the_maximum() -> None:
    assert theme.OVERLAY_SCALE[0] == (0, "rgba(68, 1, 84, 0)")
    assert theme.OVERLAY_SCALE[-1] == (1, "rgba(253, 231, 37, 1)")


def test_no_scale_has_a_colour_that_streamlit_takes_for_a_place_of_its_own() -> None:
    assert sequential.Magma[0] == "#000004"  # the one it would replace
    assert theme.DECIBEL_SCALE[0] == (0, "rgb(0, 0, 4)")
    scales = (theme.DECIBEL_SCALE, theme.ACTIVATION_SCALE, theme.GREY_SCALE, theme.OVERLAY_SCALE)
    assert not [colour for scale in scales for _, colour in scale if colour.startswith("#")]


def test_a_themed_figure_keeps_its_zoom_and_shows_the_page_behind_it() -> None:
    layout = theme.apply_theme(go.Figure(), 300, theme.time_margin()).layout
    assert layout.height == 300
    assert layout.uirevision
    assert layout.paper_bgcolor == layout.plot_bgcolor == theme.CLEAR


def test_text_takes_its_colour_from_the_page() -> None:
    layout = theme.apply_theme(go.Figure(), 300, theme.time_margin()).layout
    assert layout.font.color is None  # only the template, which Streamlit overwrites, sets it
    assert layout.template.layout.font.color == theme.TEXT


def test_no_chart_offers_to_send_itself_away() -> None:
    assert theme.PLOTLY_CONFIG["showSendToCloud"] is theme.TILES_CONFIG["showSendToCloud"] is False


def test_zooming_out_of_the_bins_is_not_possible() -> None:
    axis = theme.frequency_axis(np.linspace(20, 8000, 128))
    assert (axis["minallowed"], axis["maxallowed"]) == (-0.5, 127.5)


def test_a_value_axis_has_the_ticks_and_the_ends_it_is_given_and_stays_put() -> None:
    axis = theme.value_axis("accuracy (%)", (0, 50, 100), (-4, 104))
    assert (axis["tickvals"], axis["range"]) == ([0, 50, 100], [-4, 104])
    assert axis["title"]["text"] == "accuracy (%)"
    assert (axis["showgrid"], axis["fixedrange"]) == (True, True)


def test_a_phone_has_fewer_ticks() -> None:
    assert theme.time_axis(5, phone=True)["nticks"] < theme.time_axis(5)["nticks"]


def test_a_colour_bar_stands_beside_the_foot_of_its_figure_and_on_a_phone_below() -> None:
    beside = theme.colour_bar("dB", {"dtick": 20}, phone=False, top=0.7)
    assert (beside["x"], beside["xanchor"], beside["y"], beside["len"]) == (1, "left", 0, 0.7)
    below = theme.colour_bar("dB", {"dtick": 20}, phone=True)
    assert (below["orientation"], below["yref"], below["y"]) == ("h", "container", 0)
    assert (below["x"], below["xanchor"]) == (0.5, "center")
    assert beside["dtick"] == below["dtick"] == 20


def test_the_margins_align_time_figures_and_leave_room_for_a_colour_bar_below() -> None:
    plain, with_bar = theme.time_margin(), theme.time_margin(colour_bar=True)
    assert plain == with_bar  # beside the figure there is always room
    phone, phone_bar = theme.time_margin(True), theme.time_margin(True, colour_bar=True)
    assert phone_bar["b"] - phone["b"] == theme.COLOUR_BAR_PX
    assert (phone["l"], phone["r"]) == (phone_bar["l"], phone_bar["r"])


@pytest.mark.parametrize("ground", ["light", "dark"])
def test_text_on_charts_is_readable_on_both_grounds(ground: str) -> None:
    config = tomllib.loads((ROOT / ".streamlit/config.toml").read_text())
    figure = go.Figure(go.Scatter(mode="text", text=["a"], textfont={"color": "#808080"}))
    theme.ink(figure, dark=ground == "dark")
    page = config["theme"][ground]["backgroundColor"]
    assert contrast(figure.layout.font.color, page) >= 4.5
    assert contrast(figure.data[0].textfont.color, page) >= 4.5
