"""What every runtime gives, and what it is asked for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Outputs:
    """What one pass gives.

    Attributes
    ----------
    logits : ndarray (batch, class), before the temperature
    kinds : ndarray (batch, kind), before the softmax; None where the network has none
    layers : dict of str to ndarray (batch, channel, mel, frame), each >= 0
    """

    logits: Array
    kinds: Array | None
    layers: dict[str, Array]


class Runtime(Protocol):
    """Front end and network, ready to run; may be asked from many threads."""

    @property
    def name(self) -> str:
        """What users read: "torch" or "onnxruntime"."""

    @property
    def precision(self) -> str:
        """The numbers it computes with: "float32" or "int8"."""

    @property
    def temperature(self) -> float:
        """Divides the logits before the softmax."""

    def pictures(self, windows: Array) -> Any:
        """Return what the front end makes of windows (batch, sample), for :meth:`run`."""

    def run(self, pictures: Any, layers: Collection[str] | None = ()) -> Outputs:
        """Pass pictures through the network.

        Parameters
        ----------
        pictures : ndarray, or what :meth:`pictures` gave, (batch, 1, mel, frame), float32
        layers : collection of str, optional
            Layers whose outputs are wanted; all of them when None.

        Raises
        ------
        RequestError
            For a layer that does not exist.
        """
