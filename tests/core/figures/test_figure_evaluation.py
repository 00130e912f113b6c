from __future__ import annotations

import numpy as np
import pytest

from resona_core.figures import evaluation as figures
from resona_core.training.evaluation.records import Answer, Calibration, Pair, Report, confusion
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
