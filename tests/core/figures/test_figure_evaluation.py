from __future__ import annotations

import numpy as np
import pytest

from resona_core.figures import evaluation as figures
from resona_core.training.evaluation.confusions import Pair, confusion
from resona_core.training.evaluation.records import Answer, Bin, Calibration, Report
from tests.run_folder import evaluation

REPORT = Report.from_dict(evaluation())
TABLE = confusion(REPORT)
WIND_RAIN = Report(
    0.25, 0.2, 4, labels=("rain", "wind"),
    answers=(
        Answer("1.wav", "wind", "rain", 0.9), Answer("2.wav", "wind", "rain", 0.9),
        Answer("3.wav", "wind", "rain", 0.9), Answer("4.wav", "wind", "wind", 0.9),
    ),
)  # fmt: skip


def calibration() -> Calibration:
    assert REPORT.calibration is not None
    return REPORT.calibration


def test_right_answers_and_mistakes_are_shares_of_the_true_class() -> None:
    right, wrong, _ = figures.confusion_figure(confusion(WIND_RAIN), None).data
    np.testing.assert_array_equal(right.z, [[np.nan, np.nan], [np.nan, 25]])
    np.testing.assert_array_equal(wrong.z, [[np.nan, np.nan], [75, np.nan]])
    assert (right.zmin, right.zmax, wrong.zmin, wrong.zmax) == (0, 100, 0, 100)


def test_a_click_near_a_cell_gives_the_pair_and_the_pointer_counts_its_clips() -> None:
    points = figures.confusion_figure(confusion(WIND_RAIN), None).data[2]
    assert list(points.customdata) == [["wind>rain"], ["wind>wind"]]
    assert (list(points.x), list(points.y)) == ([0, 1], [1, 1])
    assert list(points.text) == [
        "Wind classified as rain: 3 of 4 clips",
        "Wind classified correctly: 1 of 4 clips",
    ]
    assert points.marker.opacity == points.selected.marker.opacity == 0


def test_the_first_class_stands_at_the_top_and_the_left() -> None:
    layout = figures.confusion_figure(TABLE, None).layout
    assert layout.yaxis.range == (49.5, -0.5)
    assert layout.xaxis.range == (-0.5, 49.5)
    assert layout.yaxis.ticktext[0] == "Dog"
    assert layout.xaxis.fixedrange and layout.yaxis.fixedrange  # a drag would eat the click


def test_lines_part_the_five_groups() -> None:
    lines = figures.confusion_figure(TABLE, None).layout.shapes
    assert sorted({line.x0 for line in lines if line.x0 == line.x1}) == [9.5, 19.5, 29.5, 39.5]


def test_the_chosen_pair_is_framed() -> None:
    table = confusion(WIND_RAIN)
    (frame,) = figures.confusion_figure(table, "wind>rain").layout.shapes
    assert (frame.x0 + frame.x1) / 2 == 0
    assert (frame.y0 + frame.y1) / 2 == 1
    assert len(figures.confusion_figure(table, "wind>door").layout.shapes) == 0


def test_every_name_of_the_matrix_has_room_for_its_letters() -> None:
    layout = figures.confusion_figure(TABLE, None).layout
    drawn_px = layout.height - layout.margin.t - layout.margin.b
    assert layout.yaxis.tickfont.size >= 10
    assert drawn_px / len(TABLE.labels) > layout.yaxis.tickfont.size
    assert len(layout.yaxis.ticktext) == len(layout.xaxis.ticktext) == 50


def test_confusions_are_bars_that_carry_their_pair_over_their_whole_track() -> None:
    figure = figures.confusions_figure([Pair("wind", "rain", 3, 4), Pair("dog", "cat", 1, 8)])
    track, bars, names, numbers = figure.data
    assert (list(track.x), list(bars.x)) == ([100, 100], [75, 12.5])
    assert list(track.customdata) == list(bars.customdata) == [["wind>rain"], ["dog>cat"]]
    assert names.text == ("Wind as rain", "Dog as cat")
    assert numbers.text == ("3 of 4", "1 of 8")


def test_shares_have_a_row_each_high_enough_for_a_finger() -> None:
    figure = figures.shares_figure([("Animals", 63, 80), ("Interior", 40, 80)])
    assert list(figure.data[1].x) == [78.75, 50]
    assert figure.layout.height == 68


def test_a_pair_is_said_in_words() -> None:
    assert figures.pair_text(Pair("sea_waves", "door_wood_knock", 1, 8)) == (
        "Sea waves classified as door knock"
    )


def test_reliability_stands_over_the_counts_of_the_bins_that_hold_clips() -> None:
    perfect, before, after, *counts = figures.reliability_figure(calibration()).data
    assert list(perfect.x) == list(perfect.y) == [0, 100]
    assert len(before.x) == 10
    assert len(after.x) == 9  # the first bin is empty
    assert (after.x[3], after.y[3], after.customdata[3]) == (45, 45, 20)
    assert after.error_y.array[3] == pytest.approx(100 * np.sqrt(0.45 * 0.55 / 20), abs=0.05)
    assert before.y[3] == pytest.approx(45)  # 35 % sure, 45 % right
    assert [len(bars.y) for bars in counts] == [10, 9]
    assert [bars.x[0] for bars in counts] == pytest.approx([5, 15])
    assert counts[0].yaxis == "y2"


def test_the_lines_between_groups_run_both_ways() -> None:
    lines = figures.confusion_figure(TABLE, None).layout.shapes
    assert sorted({line.y0 for line in lines if line.y0 == line.y1}) == [9.5, 19.5, 29.5, 39.5]


def test_the_frame_of_a_pair_reaches_a_quarter_into_its_neighbours() -> None:
    (frame,) = figures.confusion_figure(confusion(WIND_RAIN), "wind>rain").layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (-0.75, 0.75, 0.25, 1.75)


def test_every_class_has_a_name_at_its_place() -> None:
    layout = figures.confusion_figure(TABLE, None).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert list(axis.tickvals) == list(range(50))
        assert (axis.ticktext[1], axis.ticktext[49]) == ("Rooster", "Hand saw")
    assert layout.xaxis.title.text == "predicted class"
    assert layout.yaxis.title.text == "true class"


def test_the_counts_stand_in_the_middle_of_their_bins_and_name_them() -> None:
    counts = figures.reliability_figure(calibration()).data[4]
    bins = calibration().bins
    assert list(counts.x) == pytest.approx([50 * (b.low + b.high) for b in bins])
    assert list(counts.y) == [b.count for b in bins]
    assert (counts.customdata[0], counts.customdata[-1]) == ("10 to 20 %", "90 to 100 %")


def test_confidence_and_accuracy_run_to_all_over_counts_from_zero() -> None:
    layout = figures.reliability_figure(calibration()).layout
    for axis in (layout.xaxis, layout.yaxis):
        assert axis.tickvals == (0, 20, 40, 60, 80, 100)
        assert axis.range[0] <= 0 and axis.range[1] >= 100
    assert layout.yaxis2.rangemode == "tozero"
    assert layout.yaxis2.domain[0] == 0
    assert layout.yaxis2.domain[1] < layout.yaxis.domain[0]
    assert layout.yaxis.domain[1] == 1


def test_a_bin_that_is_always_right_has_no_sampling_error() -> None:
    sure = Bin(low=0.9, high=1.0, count=0, confidence=0.95, accuracy=1.0)
    half = Bin(low=0.4, high=0.5, count=25, confidence=0.45, accuracy=0.5)
    line = figures._reliability("after", [half, sure], "#000000")
    assert list(line.error_y.array) == [10, 0]
    assert (list(line.x), list(line.y)) == ([45, 95], [50, 100])
