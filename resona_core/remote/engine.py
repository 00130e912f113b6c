"""What :class:`~resona_core.engine.Engine` answers, with the network on Modal.

Decoding, pictures and descriptions stay on this computer: they need no weights, and less time
than the way there. For the rest travels, as exact samples (4 bytes each, at the network's rate):

=================  ==================================================  ======================
question           there                                               back
=================  ==================================================  ======================
classify           all windows, what they share only once              probabilities
feature_maps       the one window                                      2 bytes a cell
channel_shares     the one window                                      4 bytes a channel
explain            the one window                                      4 bytes a cell
smallest_flip      the one window                                      the box
timeline           16 windows at a time, what they share only once     probabilities
=================  ==================================================  ======================

At 44.1 kHz a window of 5 s is 0.9 MB and an hour's timeline 675 MB: where the line is
slower than this computer's own network, ask that for recordings.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from resona_core import wire
from resona_core.classification import Classification, Timeline
from resona_core.deployment import DEPLOY
from resona_core.errors import NotDeployedError, RemoteConnectionError, ResonaError
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question, Told, untold
from resona_core.network import description
from resona_core.network.description import CheckpointInfo
from resona_core.network.front_end import FrontEnd
from resona_core.network.layers import describe, layer_infos
from resona_core.remote.failures import explained
from resona_core.remote.service import ModalService, Service
from resona_core.remote.waiting import Patience, Wanted, in_time
from resona_core.results import LayerDescription, LayerMaps, Spectrogram
from resona_core.settings import Settings, settings
from resona_core.sound import audio
from resona_core.sound.audio import Clip
from resona_core.sound.recording import hear_recording, told
from resona_core.sound.sources import Source
from resona_core.sound.windows import Window


class RemoteEngine:
    """The door on Modal.

    Parameters
    ----------
    options : Settings, optional
        Checkpoint, limits, timeout; the environment's by default. Of the checkpoint only the
        description is read: the network on Modal must have the same.
    service : Service, optional
        What is asked; the deployed app by default.
    told : callable, optional
        Is given a sentence when an answer takes longer because a GPU starts.

    Raises
    ------
    CheckpointError
        If the checkpoint's description cannot be read.
    """

    def __init__(
        self,
        options: Settings | None = None,
        service: Service | None = None,
        told: Callable[[str], None] | None = None,
    ) -> None:
        self.settings = options or settings()
        self.info: CheckpointInfo = description.read_info(self.settings.checkpoint)
        self.device = "device not known yet"
        self._front_end = FrontEnd(self.info.front_end)
        self._service = service or ModalService()
        chosen = self.settings
        self._patience = Patience(chosen.modal_timeout_s, chosen.modal_start_s, told)
        self._expected = wire.Sender.of(self.info, "").network

    def load(self, source: Source, name: str = "", track: int | None = None) -> Clip:
        """Decode a sound on this computer; see :func:`resona_core.sound.audio.load`."""
        rate_hz, limits = self.info.front_end.sample_rate_hz, self.settings.limits
        return audio.load(source, rate_hz, limits, name, track)

    def window(self, clip: Clip, window: int) -> NDArray[np.float32]:
        """Return the samples of one window, (sample,), padded as the network hears them.

        Raises
        ------
        RequestError
            For a window that does not exist.
        """
        return audio.window_of(clip, window, self.info.front_end)

    def classify(self, clip: Clip) -> Classification:
        """Classify every window of `clip`; silent windows get no class.

        Raises
        ------
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        windows, notices = audio.clip_windows(clip, self.info.front_end)
        return told(self.hear(windows), windows, clip, notices)

    def classify_each(self, clips: Iterable[Clip]) -> Iterator[Classification | ResonaError]:
        """Classify many clips side by side, on as many GPUs as Modal gives; yield in order.

        A clip that cannot be answered yields its error.

        Raises
        ------
        RemoteError
            If Modal cannot be asked, or is silent for longer than the timeout.
        """
        asked = [(clip, *audio.clip_windows(clip, self.info.front_end)) for clip in clips]
        questions = ((wire.pack_windows(windows),) for _, windows, _ in asked)
        answers = in_time(
            lambda wanted: self._service.call_each("hear", questions, wanted=wanted),
            self._patience,
        )
        for (clip, windows, notices), data in zip(asked, answers, strict=True):
            if isinstance(data, Exception):
                yield explained(data)
                continue
            answer, sender = wire.unpack_classification(data)
            self._check(sender)
            yield told(answer, windows, clip, notices)

    def timeline(
        self,
        source: Source,
        name: str = "",
        hop_s: float | None = None,
        track: int | None = None,
    ) -> Iterator[Timeline]:
        """Hear a recording of hours, as :meth:`resona_core.engine.Engine.timeline` does.

        It is decoded here, piece by piece; each few windows are one question.

        Raises
        ------
        RequestError, AudioError
            As there.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        hear_each, limits = partial(map, self.hear), self.settings.recording_limits
        return hear_recording(source, self.info.front_end, hear_each, limits, name, hop_s, track)

    def hear(self, windows: Sequence[Window]) -> Classification:
        """Classify windows of a sound, in one question; silent ones get no class.

        Raises
        ------
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        answer, sender = wire.unpack_classification(self._ask("hear", wire.pack_windows(windows)))
        self._check(sender)
        return answer

    def spectrogram(self, clip: Clip, window: int | None = None) -> Spectrogram:
        """Return the log-mel picture of the clip or a window, computed on this computer."""
        return self._front_end.picture(clip, window)

    def feature_maps(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> dict[str, LayerMaps]:
        """Return the outputs of the chosen layers (all by default) for one window.

        Raises
        ------
        RequestError
            For a layer or window that does not exist.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        wanted = None if layers is None else list(layers)
        data = self._ask("feature_maps", self._packed_window(clip, window), "", 0, wanted)
        maps, sender = wire.unpack_maps(data)
        self._check(sender)
        return maps

    def channel_shares(
        self, clip: Clip, label: str, layer: str, window: int = 0
    ) -> NDArray[np.float32]:
        """Return each channel's share in the logit of `label`, (channel,), positive for it.

        Raises
        ------
        RequestError
            For a label, layer or window that does not exist.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        data = self._ask("channel_shares", self._packed_window(clip, window), label, layer)
        shares, sender = wire.unpack_shares(data)
        self._check(sender)
        return shares

    def explain(
        self, clip: Clip, question: Question | None = None, told: Told = untold
    ) -> Explanation:
        """Say which part of a window its class rests on; see :meth:`resona_core.engine.Engine`.

        The mask is found there, and laid over the sound here. `told` hears of no progress, but
        now and then while it waits: what it raises takes the question back.

        Raises
        ------
        RequestError
            For a window, class or layer that does not exist, and for silence.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        asked = question or Question()
        heard, picture = self.window(clip, asked.window), self.spectrogram(clip, asked.window)
        travels = replace(asked, window=0).to_json()
        data = self._ask("explain", self._packed_window(clip, asked.window), travels, told=told)
        why, sender = wire.unpack_explanation(data, heard, clip.sample_rate_hz, picture)
        self._check(sender)
        return replace(why, question=replace(why.question, window=asked.window))

    def smallest_flip(self, clip: Clip, window: int = 0, told: Told = untold) -> Box | None:
        """Return the smallest box of a window whose erasure changes the answer, if any does.

        `told` as in :meth:`explain`.

        Raises
        ------
        RequestError
            For a window that does not exist.
        RemoteError
            If Modal does not answer; asked twice where the connection was lost.
        """
        data = self._ask("smallest_flip", self._packed_window(clip, window), told=told)
        box, sender = wire.unpack_box(data)
        self._check(sender)
        return box

    def layers(self) -> tuple[LayerDescription, ...]:
        """Describe the layers in the order of execution."""
        return describe(layer_infos(self.info.model), self.info.front_end)

    def _packed_window(self, clip: Clip, window: int) -> bytes:
        """Return one window as a clip of its own, whose only window it is there."""
        return wire.pack_clip(replace(clip, samples=self.window(clip, window)))

    def _ask(self, method: str, *arguments: Any, told: Told = untold) -> bytes:
        def once_or_twice(wanted: Wanted) -> Iterator[bytes]:
            try:
                yield self._service.call(method, *arguments, wanted=wanted)
            except Exception as error:
                if not isinstance(explained(error), RemoteConnectionError):
                    raise
                yield self._service.call(method, *arguments, wanted=wanted)

        patience = replace(self._patience, waiting=lambda: told(0.0))
        return next(in_time(once_or_twice, patience))

    def _check(self, sender: wire.Sender) -> None:
        """Refuse another network's answer; remember where it ran."""
        if sender.network != self._expected:
            raise NotDeployedError(
                f"Modal runs another network than this computer's {self.info.name}; "
                f"{DEPLOY} again with the same RESONA_CHECKPOINT."
            )
        self.device = sender.device
