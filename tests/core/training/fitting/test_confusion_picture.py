from __future__ import annotations

import numpy as np
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
