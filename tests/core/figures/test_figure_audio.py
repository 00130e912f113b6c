from __future__ import annotations

import json
import re
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.classification import Classification, Prediction
from resona_core.figures import audio, theme
from resona_core.results import Spectrogram

SAMPLE_RATE_HZ = 16_000
HOP_S = 0.02


def noise(duration_s: float) -> NDArray[np.float32]:
    generator = np.random.default_rng(0)
    return generator.uniform(-0.5, 0.5, int(duration_s * SAMPLE_RATE_HZ)).astype(np.float32)


def spectrogram(n_frames: int, n_mels: int = 128) -> Spectrogram:
    generator = np.random.default_rng(1)
    spread = generator.normal(-45, 10, (n_mels, n_frames))
    decibels = np.clip(spread, -80, 0).astype(np.float32)
    return Spectrogram(decibels, np.geomspace(40, 7900, n_mels), np.arange(n_frames) * HOP_S)


def classification(silent: tuple[int, ...] = ()) -> Classification:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.5, 0.4, 0.1], [0.2, 0.6, 0.2]], np.float32)
    quiet = np.isin(np.arange(3), silent)
    probabilities[quiet] = 0
    return Classification(
        ("rain", "sea_waves", "wind"), 5.0, np.array([0, 2.5, 5.0]), probabilities, quiet
    )


def test_the_envelope_holds_the_exact_extremes_of_each_bin() -> None:
    samples = np.array([0, 1, -1, 2, 5, 4, -3, -2], np.float32)
    edges, low, high = audio.waveform_envelope(samples, max_bins=2)
    assert low.tolist() == [-1, -3]
    assert high.tolist() == [2, 5]
    assert edges.tolist() == [0, 4, 8]


def test_the_envelope_of_bins_of_unequal_size_misses_no_sample() -> None:
    samples = np.array([9, 0, 0, 0, 0, 0, -9], np.float32)
    _, low, high = audio.waveform_envelope(samples, max_bins=3)
    assert (low.min(), high.max()) == (-9, 9)
    assert len(low) == 3


def test_few_samples_are_drawn_as_they_are() -> None:
    samples = np.array([0.1, -0.2, 0.3], np.float32)
    edges, low, high = audio.waveform_envelope(samples)
    assert edges.tolist() == [0, 1, 2, 3]
    assert low.tolist() == high.tolist() == samples.tolist()


def test_a_long_sound_is_drawn_in_about_as_many_columns_as_there_are_pixels() -> None:
    edges, low, high = audio.waveform_envelope(noise(60))
    assert len(low) == len(high) == len(edges) - 1 == 1200


def test_the_waveform_answers_the_pointer_in_its_whole_band_at_the_pointed_time() -> None:
    samples = np.zeros(8, np.float32)
    samples[2:4] = 0.5, -0.25
    _, columns, _ = audio.sound_figure(samples, 2, spectrogram(51)).data
    assert columns.yaxis == "y2"
    assert columns.dy >= 2 * 0.53  # one row, higher than the axis, centred on 0
    assert (columns.x0, columns.dx) == (0.25, 0.5)  # the middle of the first of 8 in 4 s
    texts = columns.hovertext[0]
    assert texts[2] == "peak -6.0 dBFS<br>from 0.5 to 0.5 of full scale"
    assert texts[3] == "peak -12.0 dBFS<br>from -0.25 to -0.25 of full scale"
    assert texts[4] == "digital silence"


def test_no_line_leads_aslant_through_silence() -> None:
    samples = np.zeros(6, np.float32)
    samples[3] = 0.8
    band = audio.sound_figure(samples, 2, spectrogram(51)).data[0]
    steps = np.stack([np.diff(band.x), np.diff(band.y)])
    assert np.all((steps == 0).any(axis=0))


def test_a_very_quiet_sound_has_levels_one_can_read() -> None:
    figure = audio.sound_figure(np.array([2.5e-6, -1e-6], np.float32), 2, spectrogram(51))
    assert figure.data[1].hovertext[0][0].startswith("peak -112.0 dBFS")
    assert figure.layout.yaxis2.ticktext == ("-114", "-∞", "-114")


def test_the_spectrogram_shows_whole_decibels_with_the_lowest_frequency_at_the_bottom() -> None:
    decibels = np.full((4, 3), -80, np.float32)
    decibels[0, 2] = -12.4
    lowest_is_loud = Spectrogram(decibels, np.array([50.0, 100, 200, 400]), np.arange(3) * HOP_S)
    figure = audio.sound_figure(noise(0.06), SAMPLE_RATE_HZ, lowest_is_loud)
    heatmap = figure.data[-1]
    assert heatmap.z[0].tolist() == [-80, -80, -12]
    assert heatmap.z.dtype == np.int8
    assert figure.layout.yaxis.range == (-0.5, 3.5)
    assert figure.layout.yaxis.categoryarray[0] == "50 Hz"
    assert figure.layout.yaxis.ticktext == ("50", "100", "200")


def test_the_spectrogram_is_sent_as_one_byte_a_cell() -> None:
    figure = audio.sound_figure(noise(1), SAMPLE_RATE_HZ, spectrogram(51))
    assert json.loads(figure.to_json())["data"][-1]["z"]["dtype"] == "i1"


def test_the_span_colours_but_does_not_change_the_numbers() -> None:
    decibels = np.array([[-72.0, 0.0]], np.float32)
    quiet = Spectrogram(decibels, np.array([100.0]), np.array([0, HOP_S]))
    heatmap = audio.sound_figure(noise(0.1), SAMPLE_RATE_HZ, quiet, span_db=60).data[-1]
    assert (heatmap.zmin, heatmap.zmax) == (-60, 0)
    assert heatmap.z[0, 0] == -72


def test_columns_of_a_short_sound_are_centred_on_their_frames() -> None:
    heatmap = audio.sound_figure(noise(1), SAMPLE_RATE_HZ, spectrogram(51)).data[-1]
    assert (heatmap.x0, heatmap.dx) == (0, pytest.approx(HOP_S))


def test_a_long_sound_keeps_the_loudest_frame_of_each_column() -> None:
    decibels = np.full((2, 3000), -80, np.float32)
    decibels[1, 1000] = -3
    click = Spectrogram(decibels, np.array([100.0, 200]), np.arange(3000) * HOP_S)
    heatmap = audio.sound_figure(noise(60), SAMPLE_RATE_HZ, click).data[-1]
    assert heatmap.z.shape == (2, 1000)
    assert np.argwhere(heatmap.z == -3).tolist() == [[1, 333]]  # frames 999, 1000 and 1001
    assert (heatmap.x0, heatmap.dx) == (pytest.approx(HOP_S), pytest.approx(3 * HOP_S))


def test_both_panels_share_the_time_axis() -> None:
    figure = audio.sound_figure(noise(5), SAMPLE_RATE_HZ, spectrogram(251))
    assert {trace.xaxis for trace in figure.data} <= {None, "x"}
    assert figure.layout.xaxis.range == (0, 5)
    assert figure.layout.yaxis.domain[1] < figure.layout.yaxis2.domain[0]


def test_the_waveform_is_centred_on_zero_and_fits_its_peak() -> None:
    samples = np.array([0, 0.08, -0.02, 0], np.float32)
    figure = audio.sound_figure(samples, SAMPLE_RATE_HZ, spectrogram(2))
    low, high = figure.layout.yaxis2.range
    assert low == -high
    assert high == pytest.approx(0.08 * 1.06)
    assert figure.layout.yaxis2.ticktext == ("-24", "-∞", "-24")
    assert figure.layout.yaxis2.tickvals == pytest.approx((-0.0631, 0, 0.0631), rel=1e-3)


def test_silence_still_has_a_figure() -> None:
    silence = np.zeros(SAMPLE_RATE_HZ, np.float32)
    figure = audio.sound_figure(silence, SAMPLE_RATE_HZ, spectrogram(51))
    assert figure.layout.yaxis2.range == (-1.06, 1.06)


def test_every_number_under_the_pointer_has_a_unit() -> None:
    _, pointer, heatmap = audio.sound_figure(noise(1), SAMPLE_RATE_HZ, spectrogram(51)).data
    assert " s<br>" in pointer.hovertemplate
    assert "dBFS" in pointer.hovertext[0][0]
    assert "of full scale" in pointer.hovertext[0][0]
    assert heatmap.hovertemplate == "%{x:.2f} s<br>%{y}<br>%{z} dB re max<extra></extra>"
    assert heatmap.colorbar.title.text == "dB re max"


def test_the_chosen_window_is_framed_over_both_panels() -> None:
    figure = audio.sound_figure(noise(20), SAMPLE_RATE_HZ, spectrogram(1001), window=(5, 10))
    (frame,) = figure.layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1, frame.yref) == (5, 10, 0, 1, "paper")
    assert frame.line.color == theme.ACCENT


@pytest.mark.parametrize(("duration_s", "most_kilobytes"), [(5, 250), (600, 600)])
def test_a_sound_is_a_small_message(duration_s: int, most_kilobytes: int) -> None:
    frames = round(duration_s / HOP_S) + 1
    figure = audio.sound_figure(noise(duration_s), SAMPLE_RATE_HZ, spectrogram(frames))
    assert len(figure.to_json()) < most_kilobytes * 1000


@pytest.mark.parametrize("phone", [False, True])
def test_time_figures_have_the_same_margins_at_the_sides(phone: bool) -> None:
    sound = audio.sound_figure(noise(5), SAMPLE_RATE_HZ, spectrogram(251), phone=phone)
    timeline = audio.timeline_figure(classification(), ["rain"], 0, phone=phone)
    one, other = sound.layout.margin, timeline.layout.margin
    assert (one.l, one.r) == (other.l, other.r)
    assert sound.layout.xaxis.automargin is timeline.layout.xaxis.automargin is False


def test_no_colour_is_one_that_streamlit_replaces() -> None:
    text = audio.sound_figure(noise(1), SAMPLE_RATE_HZ, spectrogram(51)).to_json()
    assert not re.search(r"#0000[0-4]\d", text)


def test_the_best_class_is_on_top_and_named_as_one_would_say_it() -> None:
    predictions = (Prediction("sea_waves", 0.93), Prediction("wind", 0.0004))
    figure = audio.top_k_figure(predictions, certain=True)
    bars, numbers = figure.data
    assert [name.strip() for name in figure.layout.yaxis.ticktext] == ["Sea waves", "Wind"]
    assert [number.strip() for number in numbers.text] == ["93 %", "< 0.1 %"]
    assert bars.x == pytest.approx((93, 0.04))
    bottom, top = figure.layout.yaxis.range
    assert bottom > bars.y[1] > bars.y[0] > top
    assert figure.layout.xaxis.range == (0, 100)


@pytest.mark.parametrize(("certain", "colour"), [(True, theme.ACCENT), (False, theme.UNSURE)])
def test_only_the_answer_is_coloured_and_amber_when_unsure(certain: bool, colour: str) -> None:
    predictions = [Prediction(label, 0.3) for label in ("rain", "wind", "sea_waves")]
    bars, _ = audio.top_k_figure(predictions, certain).data
    assert bars.marker.color == (colour, theme.NEUTRAL, theme.NEUTRAL)


def test_a_sound_of_no_class_has_grey_bars_only() -> None:
    predictions = [Prediction("rain", 0.9), Prediction("wind", 0.1)]
    bars, _ = audio.top_k_figure(predictions, certain=False, known=False).data
    assert bars.marker.color == (theme.NEUTRAL, theme.NEUTRAL)


def test_more_classes_make_a_higher_figure_and_none_an_empty_one() -> None:
    three, five = (audio.top_k_figure([Prediction("rain", 0.2)] * k, certain=False) for k in (3, 5))
    assert five.layout.height > three.layout.height
    assert audio.top_k_figure([], certain=False).data[0].x == ()


def test_the_timeline_puts_each_window_at_its_middle_in_percent() -> None:
    rain, waves = audio.timeline_figure(classification(), ["rain", "sea_waves"], 1).data
    assert list(rain.x) == [2.5, 5, 7.5]
    assert list(rain.y) == pytest.approx([70, 50, 20])
    assert list(waves.y) == pytest.approx([20, 40, 60])
    assert list(waves.customdata) == [[0], [1], [2]]
    assert rain.line.color == theme.ACCENT
    assert "%{y:.1f} %" in rain.hovertemplate


def test_the_timeline_ends_with_the_sound_and_marks_the_chosen_window() -> None:
    figure = audio.timeline_figure(classification(), ["rain"], 1)
    assert figure.layout.xaxis.range == (0, 10)
    (mark,) = figure.layout.shapes
    assert (mark.x0, mark.x1) == (2.5, 7.5)


def test_a_silent_window_leaves_a_gap() -> None:
    (rain,) = audio.timeline_figure(classification(silent=(1,)), ["rain"], 0).data
    assert np.isnan(rain.y).tolist() == [False, True, False]


def test_clicking_a_window_dims_no_other() -> None:
    (rain,) = audio.timeline_figure(classification(), ["rain"], 0).data
    assert rain.selected.marker.opacity == rain.unselected.marker.opacity == 1


def test_the_timeline_shows_where_a_sound_is_none_of_the_classes() -> None:
    kinds = np.array([[0.9, 0.1], [0.0, 0.0], [0.3, 0.7]], np.float32)
    heard = replace(classification(silent=(1,)), kinds=("known", "speech"), window_kinds=kinds)
    rain, none = audio.timeline_figure(heard, ["rain"], 0).data
    assert (rain.name, none.name) == ("Rain", "None of these")
    assert list(none.y) == pytest.approx([10, np.nan, 70], nan_ok=True)
    known = replace(heard, known_floor=0.2)
    assert len(audio.timeline_figure(known, ["rain"], 0).data) == 1


def test_panels_and_axes_reach_from_edge_to_edge() -> None:
    layout = audio.sound_figure(noise(1), SAMPLE_RATE_HZ, spectrogram(51)).layout
    assert (layout.yaxis.domain[0], layout.yaxis2.domain[1]) == (0, 1)
    axis = audio.timeline_figure(classification(), ["rain"], 0).layout.yaxis
    assert axis.tickvals == (0, 50, 100)
    assert axis.range[0] < 0 and axis.range[1] > 100  # a marker at either end is whole


def test_three_classes_over_time_differ_without_their_colours() -> None:
    labels = ["rain", "sea_waves", "wind"]
    lines = audio.timeline_figure(classification(), labels, 0).data
    assert len({line.marker.symbol for line in lines}) == 3
    assert [line.line.color for line in lines] == [theme.ACCENT, theme.NEUTRAL, theme.NEUTRAL]
