from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from resona_core.training.fitting.confusion_picture import CELL_PX, confusion_picture

COUNTS = np.array([[3, 1, 0], [0, 4, 0], [0, 0, 0]])


def _cells(picture: NDArray[np.uint8], count: int) -> NDArray[np.int64]:
    """Return the colour near each cell's upper left corner, clear of its number."""
    edge = len(picture) - CELL_PX * count - 1
    at = edge + CELL_PX * np.arange(count) + 2
    return picture[at][:, at].astype(int)


def test_right_answers_are_blue_mistakes_amber_and_the_rest_is_paper() -> None:
    cells = _cells(confusion_picture(("dog", "rain", "siren"), COUNTS), 3)
    blue, amber = cells[1, 1], cells[0, 1]
    assert blue[2] > blue[0]
    assert amber[0] > amber[2]
    assert cells[0, 0].sum() > blue.sum()  # three of four are paler than four of four
    for row, column in [(0, 2), (1, 0), (1, 2), (2, 0), (2, 1), (2, 2)]:
        assert cells[row, column].tolist() == [255, 255, 255]


def test_names_stand_beside_the_rows_and_above_the_columns() -> None:
    named = confusion_picture(("dog", "rain", "siren"), COUNTS).astype(int)
    other = confusion_picture(("dog", "hail", "siren"), COUNTS).astype(int)
    assert named.shape == other.shape  # "siren" is the longest in both
    edge = len(named) - CELL_PX * 3 - 1
    rows, columns = np.nonzero((named != other).any(axis=2))
    beside, above = columns < edge, rows < edge
    assert bool((beside ^ above).all())  # nothing differs among the cells
    assert set((rows[beside] - edge) // CELL_PX) == {1}
    assert set((columns[above] - edge) // CELL_PX) == {1}


def test_room_is_made_for_the_longest_name() -> None:
    short = confusion_picture(("a", "b", "c"), COUNTS)
    long = confusion_picture(("a", "b", "a name of many letters"), COUNTS)
    assert len(long) > len(short) + 80


def test_beside_the_cells_there_is_room_for_the_title_and_a_gap_on_both_sides_of_the_names() -> (
    None
):
    picture = confusion_picture(("", ""), np.array([[1, 0], [1, 3]]))
    assert picture.shape == (77, 77, 3)  # 24 for the title, two gaps of 6, two cells of 20, a line


def test_of_a_class_of_one_clip_all_is_one_answer() -> None:
    cells = _cells(confusion_picture(("dog", "rain"), np.array([[1, 0], [1, 0]])), 2)
    assert cells[0, 0].tolist() == [29, 78, 216]
    assert cells[1, 0].tolist() == [180, 83, 9]


def _dark(part: NDArray[np.uint8]) -> tuple[NDArray[np.intp], ...]:
    """Return the rows and the columns of a part that hold ink."""
    return np.nonzero(part.max(axis=2) < 90)


def test_cells_names_and_numbers_stand_where_one_looks_for_them() -> None:
    picture = confusion_picture(("dog", "rain"), np.array([[52, 48], [0, 7]]))
    edge = len(picture) - 2 * CELL_PX - 1
    for line in (edge, edge + CELL_PX, edge + 2 * CELL_PX):
        assert (picture[line, edge:] == (228, 228, 231)).all()
        assert (picture[edge:, line] == (228, 228, 231)).all()
    cells = [
        [picture[edge + 20 * i :, edge + 20 * j :][1:20, 1:20] for j in (0, 1)] for i in (0, 1)
    ]
    # blue and amber on paper, by the root of the share: .721 and .693
    assert cells[0][0][1, 1].tolist() == [92, 127, 227]
    assert cells[0][1][1, 1].tolist() == [203, 136, 85]
    assert cells[1][1][1, 1].tolist() == [29, 78, 216]
    assert (cells[1][0] == 255).all()  # nothing is written where nothing was counted
    for cell, is_deep in ((cells[0][0], True), (cells[0][1], False), (cells[1][1], True)):
        written = cell[(cell != cell[1, 1]).any(axis=2)]
        assert written.min() < 60 or is_deep  # ink on a pale colour
        assert written.min(axis=1).max() > 200 or not is_deep  # white on a deep one
        rows, columns = np.nonzero((cell != cell[1, 1]).any(axis=2))
        middle = (rows.min() + rows.max()) / 2, (columns.min() + columns.max()) / 2
        assert middle == pytest.approx((9, 9), abs=1.5)
    rows, columns = _dark(picture[edge : edge + CELL_PX, :edge])  # "dog", up to a gap of 6
    assert edge - 9 <= columns.max() < edge - 6 + 1
    assert np.median(rows) == pytest.approx(10, abs=2.5)
    rows, columns = _dark(picture[24:edge, edge : edge + CELL_PX])  # and upwards from one
    assert edge - 24 - 10 <= rows.max() <= edge - 24 - 6
    assert np.median(columns) == pytest.approx(10, abs=2.5)
    rows, columns = _dark(picture[:24])  # the title
    assert (columns.min(), rows.min() // 4) == (pytest.approx(7, abs=2), pytest.approx(2, abs=1))
