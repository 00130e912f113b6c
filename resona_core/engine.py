"""The one door: every page, command and service asks the engine, and nothing below it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from functools import cached_property, partial
from threading import BoundedSemaphore
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from resona_core.classification import Classification, Timeline
from resona_core.errors import RequestError
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question, Told, untold
from resona_core.network import runtimes
from resona_core.network.answering import classified
from resona_core.network.description import CheckpointInfo, read_info
from resona_core.network.front_end import FrontEnd
from resona_core.network.layers import describe, layer_infos, on_axes
from resona_core.network.on_demand import OnDemand
from resona_core.network.outputs import Outputs, Runtime
from resona_core.results import LayerDescription, LayerMaps, Spectrogram
from resona_core.settings import Settings, settings
from resona_core.side_by_side import in_order
from resona_core.sound import audio
from resona_core.sound.audio import Clip
from resona_core.sound.recording import hear_recording, told
from resona_core.sound.sources import Source
from resona_core.sound.windows import Window

if TYPE_CHECKING:  # they load torch or SciPy, so only when they are first asked
    from resona_core.explain.attribution import Attribution


class Engine:
    """A classifier ready to be asked from many threads.

    The network is in eval mode and never changes; `concurrency` calls may use it at a time,
    the others wait their turn.

    Parameters
    ----------
    options : Settings, optional
        Checkpoint, device, runtime, threads, limits; the environment's by default.

    Raises
    ------
    CheckpointError
        If the checkpoint cannot be loaded.
    SettingsError
        If CUDA is asked for and not there, or a runtime or a precision that the device has not.
    """

    def __init__(self, options: Settings | None = None) -> None:
        self.settings = options or settings()
        self.info: CheckpointInfo = read_info(self.settings.checkpoint)
        """What the checkpoint says about itself."""
        self._layers = {layer.name: layer for layer in layer_infos(self.info.model)}
        self._front_end = FrontEnd(self.info.front_end)
        self._turn = BoundedSemaphore(self.settings.concurrency)
        self._classifier = OnDemand(self.settings)
        self._runtime = runtimes.start(self.settings, self.info, self._classifier)
        self.runtime = self._runtime.name
        """What computes the answers: "onnxruntime" or "torch"."""
        self.precision = self._runtime.precision
        """The numbers that answers are computed with: "float32" or "int8"; maps are float32."""

    @property
    def device(self) -> str:
        """Where the network runs: "cpu" or "cuda"."""
        return self.settings.device

    @property
    def layer_names(self) -> tuple[str, ...]:
        """``stem``, ``layer1.0`` ... ``layer4.2``."""
        return tuple(self._layers)

    def load(self, source: Source, name: str = "", track: int | None = None) -> Clip:
        """Decode a sound for this network; see :func:`resona_core.sound.audio.load`.

        Examples
        --------
        >>> from resona_core import Engine
        >>> from resona_core.sound.examples import demo_wav
        >>> clip = Engine().load(demo_wav("siren"), "siren.wav")
        >>> clip.duration_s, clip.channels, clip.encoding
        (5.0, 1, 'WAV, PCM signed 16-bit')
        """
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
        """Classify every window of `clip`, from :meth:`load`; silent windows get no class.

        Examples
        --------
        >>> from resona_core import Engine
        >>> from resona_core.sound.examples import demo_wav
        >>> engine = Engine()
        >>> answer = engine.classify(engine.load(demo_wav("siren")))
        >>> [prediction.label for prediction in answer.top(1)]
        ['siren']
        """
        windows, notices = audio.clip_windows(clip, self.info.front_end)
        return told(self.hear(windows), windows, clip, notices)

    def timeline(
        self,
        source: Source,
        name: str = "",
        hop_s: float | None = None,
        track: int | None = None,
    ) -> Iterator[Timeline]:
        """Hear a recording of hours: yield all that is known, again after every few windows.

        Only the windows at work are held, never the recording. To stop, ask for no more.

        Parameters
        ----------
        source : Source
            As for :meth:`load`.
        name : str, optional
            What messages call it; the path's name by default.
        hop_s : float, optional
            From one window's start to the next, 0.1 s to a window; half a window by default.
        track : int, optional
            Which of several sound tracks, counted from 1; by default the one marked so.

        Raises
        ------
        RequestError
            For a hop out of range.
        NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
            As :meth:`load`, with the limits for recordings.
        """
        hear_each = partial(in_order, self.hear, at_a_time=self.settings.concurrency)
        limits = self.settings.recording_limits
        return hear_recording(source, self.info.front_end, hear_each, limits, name, hop_s, track)

    def hear(self, windows: Sequence[Window]) -> Classification:
        """Classify windows of a sound, a few at a time; silent ones get no class."""
        return classified(windows, self.info, self._runtime, self._answer)

    def spectrogram(self, clip: Clip, window: int | None = None) -> Spectrogram:
        """Return the log-mel picture of the whole clip, or exactly what one window shows.

        A clip shorter than a window is pictured with its padding, as the network sees it.

        Examples
        --------
        >>> from resona_core import Engine
        >>> from resona_core.sound.examples import demo_wav
        >>> engine = Engine()
        >>> spectrogram = engine.spectrogram(engine.load(demo_wav("siren")))
        >>> float(spectrogram.decibels.max()), spectrogram.time_s[:3].tolist()
        (0.0, [0.0, 0.02, 0.04])
        """
        return self._front_end.picture(clip, window)

    def feature_maps(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> dict[str, LayerMaps]:
        """Return the outputs of the chosen layers (all by default) for one window.

        Raises
        ------
        RequestError
            For a layer or window that does not exist.

        Examples
        --------
        >>> from resona_core import Engine
        >>> from resona_core.sound.examples import demo_wav
        >>> engine = Engine()
        >>> layer = engine.feature_maps(engine.load(demo_wav("siren")))["layer2.1"]
        >>> layer.maps.shape  # channel, mel, frame
        (128, 16, 32)
        """
        windows = self.window(clip, window)[None]
        with self._turn:
            outputs = self._exact.run(self._exact.pictures(windows), layers)
        return {
            name: on_axes(self._layers[name], maps[0], self.info.front_end)
            for name, maps in outputs.layers.items()
        }

    def channel_shares(
        self, clip: Clip, label: str, layer: str, window: int = 0
    ) -> NDArray[np.float32]:
        """Return each channel's share in the logit of `label`, (channel,), positive for it.

        Gradient times activation, summed over the channel's picture, and divided by the sum
        of the absolute values. For the last layer this is exact: the channel's part of the
        linear sum.

        Raises
        ------
        RequestError
            For a label, layer or window that does not exist.
        """
        if label not in self.info.labels:
            raise RequestError(f"The network does not know the class {label!r}.")
        number = self.info.labels.index(label)
        return self._attribution.channel_shares(self.window(clip, window), number, layer)

    def explain(
        self, clip: Clip, question: Question | None = None, told: Told = untold
    ) -> Explanation:
        """Say which part of a window its class rests on, and what the network makes of that part.

        The weights explain in float32. The probabilities are those of :meth:`classify` for the
        kept and the left part, as sounds of their own.

        Parameters
        ----------
        clip : Clip
        question : Question, optional
            Window, class, method; by default why the first one gets its most probable class.
        told : callable, optional
            Is given the share of the work that is done; what it raises ends the work.

        Raises
        ------
        RequestError
            For a window, class or layer that does not exist, and for silence.

        Examples
        --------
        >>> from resona_core import Engine
        >>> from resona_core.sound.examples import demo_wav
        >>> engine = Engine()
        >>> why = engine.explain(engine.load(demo_wav("siren")))
        >>> why.question.target, why.mask.shape
        ('siren', (128, 251))
        """
        from resona_core.explain.explaining import explain

        question, rate_hz = question or Question(), self.info.front_end.sample_rate_hz
        heard, picture = self.window(clip, question.window), self.spectrogram(clip, question.window)
        return explain(question, heard, rate_hz, picture, self._attribution, self._judge, told)

    def smallest_flip(self, clip: Clip, window: int = 0, told: Told = untold) -> Box | None:
        """Return the smallest box of a window whose erasure changes the answer, if any does.

        See :func:`resona_core.explain.flipping.smallest_flip`; times count from the window's start.

        Raises
        ------
        RequestError
            For a window that does not exist.
        """
        from resona_core.explain.flipping import smallest_flip

        heard = self.window(clip, window)
        return smallest_flip(self._front_end, self._logits, heard, self._judge, told)

    def _judge(self, samples: NDArray[np.float32]) -> Classification:
        """Classify samples at the network's rate as a sound of their own."""
        return self.classify(self.load((samples, self.info.front_end.sample_rate_hz)))

    def layers(self) -> tuple[LayerDescription, ...]:
        """Describe the layers in the order of execution."""
        return describe(self._layers.values(), self.info.front_end)

    def _logits(self, pictures: NDArray[np.float32]) -> NDArray[np.float32]:
        """Pass (batch, 1, mel, frame) through the network that answers, in turn."""
        with self._turn:
            return self._runtime.run(pictures).logits

    def _answer(self, windows: NDArray[np.float32]) -> Outputs:
        """Pass (window, sample) through front end and network, in turn."""
        with self._turn:
            return self._runtime.run(self._runtime.pictures(windows))

    @cached_property
    def _exact(self) -> Runtime:
        """What gives the layers: in float32, whatever gives the answers."""
        if self.precision == "float32":
            return self._runtime
        return runtimes.float32(self.settings, self.info)

    @cached_property
    def _attribution(self) -> Attribution:
        from resona_core.explain.attribution import Attribution
        from resona_core.explain.explanation import masker_path

        masker = masker_path(self.settings.checkpoint)
        return Attribution(self._classifier(), self._turn, masker)
