"""Explain's charts, read as a person reads them."""

from __future__ import annotations

from math import inf

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question
from resona_core.figures import explanations as figures
from resona_core.results import Spectrogram

HZ = np.array([100.0, 200.0, 400.0, 800.0])


def spectrogram() -> Spectrogram:
    decibels = np.linspace(-80, 0, 24, dtype=np.float32).reshape(4, 6)
    return Spectrogram(decibels, HZ, np.arange(6) * 0.2)


def explanation(mask: NDArray[np.float32]) -> Explanation:
    nothing = np.zeros(4, np.float32)
    shares = {"full": 0.8, "kept": 0.4, "rest": 0.2}
    return Explanation(
        Question(target="rain"), spectrogram(), mask, 4, nothing, nothing, nothing, shares, {}, {},
        0.1,
    )  # fmt: skip


def answer(*probabilities: float) -> Classification:
    labels = ("rain", "sea_waves", "wind")
    shares = np.array([probabilities], np.float32)
    return Classification(labels, 5.0, np.zeros(1), shares, np.zeros(1, bool))


def test_the_mask_lies_cell_by_cell_over_the_spectrogram() -> None:
    mask = np.zeros((4, 6), np.float32)
    mask[3, 5] = 0.5
    grey, kept = figures.mask_figure(explanation(mask), 1.2).data
    assert (kept.x0, kept.dx, kept.y0, kept.dy) == (grey.x0, grey.dx, grey.y0, grey.dy)
    assert np.shape(kept.z) == np.shape(grey.z) == (4, 6)
    assert np.argwhere(np.asarray(kept.z)).tolist() == [[3, 5]]
    assert kept.z[3][5] == 50
    assert kept.colorscale[0][1].endswith("0)")  # clear where nothing is kept


def test_a_drag_on_the_spectrogram_selects_and_its_points_are_everywhere() -> None:
    figure = figures.box_figure(spectrogram(), 1.2, None)
    assert figure.layout.dragmode == "select"
    points = figure.data[1]
    assert (min(points.x), max(points.x)) == (0, 1.2)
    assert (min(points.y), max(points.y)) == (0, 3)
    assert points.opacity == 0
    assert figure.layout.shapes == ()


def test_the_box_is_framed_where_it_lies() -> None:
    (frame,) = figures.box_figure(spectrogram(), 1.2, Box(0.4, 0.8, 200.0, 600.0)).layout.shapes
    assert (frame.x0, frame.x1) == (0.4, 0.8)
    assert (frame.y0, frame.y1) == (1, 2.5)
    (frame,) = figures.box_figure(spectrogram(), 1.2, Box()).layout.shapes
    assert (frame.x0, frame.x1, frame.y0, frame.y1) == (0, 1.2, -0.5, 3.5)


@pytest.mark.parametrize(
    ("x", "y", "expected"),
    [
        ((0.2, 0.6), (1.0, 2.5), (0.2, 0.6, 200, 600)),
        ((0.6, 0.2), (2.5, 1.0), (0.2, 0.6, 200, 600)),  # drawn from the other corner
        ((-1.0, 9.0), (-9.0, 9.0), (0.0, 1.2, 100, 800)),  # over the edges
    ],
)
def test_a_drawn_box_is_in_seconds_and_hz(
    x: tuple[float, float], y: tuple[float, float], expected: tuple[float, ...]
) -> None:
    assert figures.box_of(x, y, HZ, 1.2) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("hz", "row"), [(0.0, -0.5), (100.0, -0.5), (300.0, 1.5), (800.0, 3.5), (inf, 3.5)]
)
def test_a_frequency_lies_between_the_rows_of_its_neighbours(hz: float, row: float) -> None:
    assert figures.row_of(hz, HZ) == row


def test_each_class_has_a_bar_before_and_one_after_in_the_order_of_both_answers() -> None:
    figure = figures.change_figure(answer(0.7, 0.2, 0.1), answer(0.1, 0.1, 0.8), count=1)
    before, after = figure.data
    assert (before.name, after.name) == ("before", "after")
    assert figure.layout.yaxis.ticktext == ("Rain  ", "Wind  ")
    assert list(before.x) == pytest.approx([70, 10])
    assert list(after.x) == pytest.approx([10, 80])
    assert list(after.text) == ["10 %", "80 %"]
    assert all(b < a for b, a in zip(before.y, after.y, strict=True))  # the later one below
    assert figure.layout.showlegend
