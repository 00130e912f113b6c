"""What else the engine answers: spectrograms, feature maps, layers."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Spectrogram:
    """A log-mel picture with its axes.

    Attributes
    ----------
    decibels : ndarray (mel, frame), dB re its own maximum
    frequency_hz : ndarray (mel,), rising
    time_s : ndarray (frame,), centres of the frames
    """

    decibels: NDArray[np.float32]
    frequency_hz: NDArray[np.float64]
    time_s: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """A layer's output for one window, on the sound's own axes.

    Attributes
    ----------
    layer : str
        Its name.
    maps : ndarray (channel, mel, frame), float32, >= 0
    frequency_hz : ndarray (mel,)
        Centre frequency of each row; row 0 is the lowest.
    time_s : ndarray (frame,)
        Centre of each column, in seconds from the window's start.
    """

    layer: str
    maps: NDArray[np.float32]
    frequency_hz: NDArray[np.float64]
    time_s: NDArray[np.float64]

    def to_npz(self, **about: str) -> bytes:
        """Return an .npz file with the arrays maps, frequency_hz and time_s, the layer's name.

        And with what they are `about`, a text each: the sound, the window, the network ...
        """
        arrays: dict[str, Any] = {
            "maps": self.maps, "frequency_hz": self.frequency_hz, "time_s": self.time_s,
            "layer": self.layer, **about,
        }  # fmt: skip
        file = io.BytesIO()
        np.savez_compressed(file, **arrays)
        return file.getvalue()


@dataclass(frozen=True)
class LayerDescription:
    """A layer as users read about it.

    `height` and `width` are the cells of one window (mel, frame). The receptive field is
    what one cell can see: `receptive_field_s` seconds by `receptive_field_mels` mel bins;
    never more than the picture.
    """

    name: str
    channels: int
    height: int
    width: int
    parameters: int
    receptive_field_mels: int
    receptive_field_s: float
    meaning: str
