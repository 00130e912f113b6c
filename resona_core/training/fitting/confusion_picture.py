"""The confusion matrix as a picture for TensorBoard: right answers in blue, mistakes in amber."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

CELL_PX = 20
_GAP_PX = 6  # between names and cells
_TITLE_PX, _NAME_PX = 24, 13
_PAPER, _INK, _FAINT = (255, 255, 255), (24, 24, 27), (228, 228, 231)
_RIGHT, _WRONG = (29, 78, 216), (180, 83, 9)


def confusion_picture(labels: Sequence[str], counts: NDArray[np.integer]) -> NDArray[np.uint8]:
    """Draw how often each class was taken for each.

    Parameters
    ----------
    labels : sequence of str
    counts : ndarray (true class, predicted class)

    Returns
    -------
    ndarray (row, column, 3)
        The cells, `CELL_PX` each, are the lower right of it; their depth of colour is the root of
        the share of the true class's clips, so that one mistake of many is seen.
    """
    font, small = ImageFont.load_default(_NAME_PX), ImageFont.load_default(11)
    names_px = _GAP_PX * 2 + int(max(font.getlength(label) for label in labels))
    edge = _TITLE_PX + names_px
    size = edge + CELL_PX * len(labels) + 1
    picture = Image.new("RGB", (size, size), _PAPER)
    draw = ImageDraw.Draw(picture)
    draw.text((_GAP_PX, _GAP_PX), "rows: true class, columns: predicted class", _INK, small)
    picture.paste(_names(labels, names_px, "rm"), (edge - names_px, edge))
    picture.paste(_names(labels, names_px, "lm").rotate(90, expand=True), (edge, _TITLE_PX))
    shares = counts / counts.sum(axis=1, keepdims=True).clip(1)
    for row, column in np.ndindex(counts.shape):
        left, top = edge + CELL_PX * column, edge + CELL_PX * row
        depth = float(shares[row, column]) ** 0.5
        colour = _blended(_RIGHT if row == column else _WRONG, depth)
        draw.rectangle((left, top, left + CELL_PX, top + CELL_PX), colour, _FAINT)
        if counts[row, column]:
            middle = (left + CELL_PX / 2, top + CELL_PX / 2)
            ink = _PAPER if depth > 0.7 else _INK
            draw.text(middle, str(counts[row, column]), ink, small, anchor="mm")
    return np.asarray(picture)


def _names(labels: Sequence[str], width_px: int, anchor: str) -> Image.Image:
    """Write the names one below the other, against the left ("lm") or the right edge ("rm")."""
    names = Image.new("RGB", (width_px, CELL_PX * len(labels)), _PAPER)
    draw, font = ImageDraw.Draw(names), ImageFont.load_default(_NAME_PX)
    x = _GAP_PX if anchor == "lm" else width_px - _GAP_PX
    for i, label in enumerate(labels):
        draw.text((x, CELL_PX * (i + 0.5)), label, _INK, font, anchor=anchor)
    return names


def _blended(colour: tuple[int, int, int], depth: float) -> tuple[int, int, int]:
    """Return `colour` on paper, from nothing at 0 to itself at 1."""
    red, green, blue = (round(p + (c - p) * depth) for p, c in zip(_PAPER, colour, strict=True))
    return red, green, blue
