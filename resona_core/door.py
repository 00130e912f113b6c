"""What can be asked of a network, wherever it runs; importing this loads no torch."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from resona_core.classification import Classification, Timeline
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question, Told, untold
from resona_core.results import LayerDescription, LayerMaps, Spectrogram
from resona_core.sound.audio import Clip
from resona_core.sound.sources import Source

if TYPE_CHECKING:
    from resona_core.network.description import CheckpointInfo


class Door(Protocol):
    """The questions that both engines answer alike.

    :class:`resona_core.engine.Engine` answers on this computer, and says what each means;
    :class:`resona_core.remote.RemoteEngine` asks a GPU on Modal, and says what travels.
    """

    @property
    def info(self) -> CheckpointInfo:
        """What the checkpoint says about itself."""

    @property
    def device(self) -> str:
        """Where the network runs, for people."""

    def load(self, source: Source, name: str = "", track: int | None = None) -> Clip:
        """Decode a sound for this network."""

    def window(self, clip: Clip, window: int) -> NDArray[np.float32]:
        """Return the samples of one window, (sample,)."""

    def classify(self, clip: Clip) -> Classification:
        """Classify every window of a clip."""

    def timeline(
        self,
        source: Source,
        name: str = "",
        hop_s: float | None = None,
        track: int | None = None,
    ) -> Iterator[Timeline]:
        """Hear a recording of hours: yield all that is known, again and again."""

    def spectrogram(self, clip: Clip, window: int | None = None) -> Spectrogram:
        """Return the log-mel picture of the whole clip, or of one window."""

    def feature_maps(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> dict[str, LayerMaps]:
        """Return the outputs of the chosen layers (all by default) for one window."""

    def channel_shares(
        self, clip: Clip, label: str, layer: str, window: int = 0
    ) -> NDArray[np.float32]:
        """Return each channel's share in the logit of `label`, (channel,)."""

    def explain(
        self, clip: Clip, question: Question | None = None, told: Told = untold
    ) -> Explanation:
        """Say which part of a window its class rests on, and what becomes of the answer."""

    def smallest_flip(self, clip: Clip, window: int = 0, told: Told = untold) -> Box | None:
        """Return the smallest box of a window whose erasure changes the answer, if any does."""

    def layers(self) -> tuple[LayerDescription, ...]:
        """Describe the layers in the order of execution."""
