"""The one door: every page, command and service asks the engine, and nothing below it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import reduce
from itertools import islice
from pathlib import Path
from threading import BoundedSemaphore

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import softmax
from torch import Tensor

from resona_core.classification import Classification, Timeline
from resona_core.errors import RequestError, SettingsError
from resona_core.network import checkpoint, runtimes
from resona_core.network.checkpoint import CheckpointInfo
from resona_core.network.layers import describe
from resona_core.network.runtimes import Outputs
from resona_core.results import LayerDescription, LayerMaps, Spectrogram, WindowAnswer
from resona_core.settings import Settings, settings
from resona_core.sound import audio
from resona_core.sound.audio import Clip, Window
from resona_core.sound.decoding import mono_pieces, open_sound

_BATCH = 16  # windows a pass


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
        If CUDA is asked for and not there, or a runtime that does not run on the device.
    """

    def __init__(self, options: Settings | None = None) -> None:
        self.settings = options or settings()
        if self.settings.threads:
            torch.set_num_threads(self.settings.threads)
        if self.settings.device == "cuda" and not torch.cuda.is_available():
            raise SettingsError("RESONA_DEVICE is 'cuda', but no CUDA device works here; use cpu.")
        self._device = torch.device(self.settings.device)
        self._classifier = checkpoint.load(self.settings.checkpoint, self._device)
        self._runtime = runtimes.start(self._classifier, self.settings.runtime)
        self._strides = {i.name: i.stride for i in self._classifier.network.layer_infos()}
        self._turn = BoundedSemaphore(self.settings.concurrency)

    @property
    def info(self) -> CheckpointInfo:
        """What the checkpoint says about itself."""
        return self._classifier.info

    @property
    def device(self) -> str:
        """Where the network runs: "cpu" or "cuda"."""
        return self._device.type

    @property
    def runtime(self) -> str:
        """What computes the answers: "onnxruntime" or "torch"."""
        return self._runtime.name

    @property
    def layer_names(self) -> tuple[str, ...]:
        """``stem``, ``layer1.0`` ... ``layer4.2``."""
        return self._classifier.network.layer_names

    def load(self, source: bytes | Path, name: str = "") -> Clip:
        """Decode a sound for this network; see :func:`resona_core.sound.audio.load`."""
        return audio.load(source, self.info.front_end.sample_rate_hz, self.settings.limits, name)

    def classify(self, clip: Clip) -> Classification:
        """Classify every window of `clip`, from :meth:`load`; silent windows get no class."""
        front_end = self.info.front_end
        n_samples = front_end.window_samples
        starts = audio.window_starts(len(clip.samples), n_samples)
        windows = [audio.window_at(clip.samples, start, n_samples) for start in starts]
        parts = (
            self._hear(starts[first : first + _BATCH], windows[first : first + _BATCH])
            for first in range(0, len(windows), _BATCH)
        )
        return reduce(Classification.followed_by, parts)

    def timeline(
        self, source: bytes | Path, name: str = "", hop_s: float | None = None
    ) -> Iterator[Timeline]:
        """Hear a recording of hours: yield all that is known, again after every few windows.

        Only the windows at work are held, never the recording. To stop, ask for no more.

        Parameters
        ----------
        source : bytes or Path
            A whole sound file.
        name : str, optional
            What messages call it; the path's name by default.
        hop_s : float, optional
            From one window's start to the next, 0.1 s to a window; half a window by default.

        Raises
        ------
        RequestError
            For a hop out of range.
        NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
            As :meth:`load`, with the limits for recordings; a file that breaks off is told
            at its end.
        """
        front_end = self.info.front_end
        rate_hz = front_end.sample_rate_hz
        hop_s = front_end.window_s / 2 if hop_s is None else hop_s
        if not 0.1 <= hop_s <= front_end.window_s:
            raise RequestError(
                f"A hop of {hop_s:g} s was asked for; "
                f"ask for 0.1 to {front_end.window_s:g} s, the length of a window."
            )
        with open_sound(source, self.settings.recording_limits, name) as sound:
            pieces = mono_pieces(sound, rate_hz)
            windows = audio.windows(pieces, front_end.window_samples, round(hop_s * rate_hz))
            timeline: Timeline | None = None
            while batch := list(islice(windows, _BATCH)):
                part = self._part(batch, sound.duration_s)
                timeline = timeline.followed_by(part) if timeline else part
                yield timeline

    def spectrogram(self, clip: Clip, window: int | None = None) -> Spectrogram:
        """Return the log-mel picture of the whole clip, or exactly what one window shows.

        A clip shorter than a window is pictured with its padding, as the network sees it.
        """
        shorter = len(clip.samples) < self.info.front_end.window_samples
        samples = self._window(clip, window or 0) if shorter or window is not None else clip.samples
        front_end = self._classifier.front_end
        with self._inference():
            decibels = front_end.decibels(self._tensor(samples[None]))[0].cpu().numpy()
        return Spectrogram(
            decibels, front_end.frequencies_hz(), front_end.times_s(decibels.shape[1])
        )

    def feature_maps(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> dict[str, LayerMaps]:
        """Return the outputs of the chosen layers (all by default) for one window.

        Raises
        ------
        RequestError
            For a layer or window that does not exist.
        """
        return self.window_answer(clip, window, layers).maps

    def window_answer(
        self, clip: Clip, window: int = 0, layers: Collection[str] | None = None
    ) -> WindowAnswer:
        """Return the probabilities and the layers' outputs of one window, in a single pass.

        Raises
        ------
        RequestError
            For a layer or window that does not exist.
        """
        samples = self._window(clip, window)
        outputs = self._pass(samples[None], layers)
        return WindowAnswer(
            probabilities=self._softmax(outputs)[0] * (not audio.is_silent(samples)),
            maps={name: self._on_axes(name, maps[0]) for name, maps in outputs.layers.items()},
        )

    def channel_shares(
        self, clip: Clip, label: str, layer: str, window: int = 0
    ) -> NDArray[np.float32]:
        """Return each channel's share in the logit of `label`, (channel,), positive for it.

        Gradient times activation, summed over the channel's picture, and divided by the sum
        of the absolute values. For the last layer this is exact: the channel's part of the
        linear sum.

        Source: Selvaraju et al., "Grad-CAM", 2017, without averaging the gradient first.

        Raises
        ------
        RequestError
            For a label, layer or window that does not exist.
        """
        if label not in self.info.labels:
            raise RequestError(f"The network does not know the class {label!r}.")
        samples = self._tensor(self._window(clip, window)[None])
        network = self._classifier.network
        with self._turn, torch.enable_grad():
            picture = self._classifier.front_end(samples).requires_grad_()
            features, kept = network.forward_intermediates(picture, [layer])
            logit = network.forward_head(features)[0, self.info.labels.index(label)]
            (gradient,) = torch.autograd.grad(logit, kept[layer])
            influence = (gradient * kept[layer]).sum(dim=(0, 2, 3)).detach()
        total = influence.abs().sum().clamp_min(1e-12)
        return np.asarray((influence / total).cpu().numpy(), dtype=np.float32)

    def layers(self) -> tuple[LayerDescription, ...]:
        """Describe the layers in the order of execution."""
        infos = self._classifier.network.layer_infos()
        return tuple(describe(info, self.info.front_end) for info in infos)

    def _window(self, clip: Clip, window: int) -> NDArray[np.float32]:
        n_samples = self.info.front_end.window_samples
        starts = audio.window_starts(len(clip.samples), n_samples)
        if not 0 <= window < len(starts):
            raise RequestError(
                f"There is no window {window}; the sound has windows 0 to {len(starts) - 1}."
            )
        return audio.window_at(clip.samples, starts[window], n_samples)

    def _on_axes(self, layer: str, maps: NDArray[np.float32]) -> LayerMaps:
        """Give a layer's cells their Hz and seconds: cell i is centred on input cell i * stride."""
        stride = self._strides[layer]
        front_end = self._classifier.front_end
        frequency_hz = front_end.frequencies_hz()[::stride][: maps.shape[1]]
        return LayerMaps(layer, maps, frequency_hz, front_end.times_s()[::stride])

    def _part(self, windows: list[Window], total_s: float | None) -> Timeline:
        """Return the answer for a few neighbouring windows of a recording."""
        heard = self._hear([w.start for w in windows], [w.samples for w in windows])
        heard_s = windows[-1].end / self.info.front_end.sample_rate_hz
        return Timeline(**vars(heard), heard_s=heard_s, total_s=total_s)

    def _hear(
        self, starts: Sequence[int], windows: Sequence[NDArray[np.float32]]
    ) -> Classification:
        """Return the answer for a few windows that begin at the samples `starts`."""
        info = self.info
        silent = np.array([audio.is_silent(window) for window in windows])
        probabilities = np.zeros((len(windows), len(info.labels)), np.float32)
        kinds = np.zeros((len(windows), len(info.kinds)), np.float32) if info.kinds else None
        if not silent.all():
            outputs = self._pass(np.stack(windows)[~silent])
            probabilities[~silent] = self._softmax(outputs)
            if kinds is not None:
                assert outputs.kinds is not None
                kinds[~silent] = softmax(outputs.kinds, axis=1)
        return Classification(
            labels=info.labels,
            window_s=info.front_end.window_s,
            window_starts_s=np.array(starts) / info.front_end.sample_rate_hz,
            window_probabilities=probabilities,
            silent=silent,
            kinds=info.kinds,
            window_kinds=kinds,
            known_floor=info.known_floor,
        )

    def _pass(self, windows: NDArray[np.float32], layers: Collection[str] | None = ()) -> Outputs:
        with self._inference():
            pictures = self._classifier.front_end(self._tensor(windows)).cpu().numpy()
            return self._runtime.run(pictures, layers)

    def _softmax(self, outputs: Outputs) -> NDArray[np.float32]:
        return self._classifier.probabilities(torch.from_numpy(outputs.logits)).numpy()

    def _tensor(self, samples: NDArray[np.float32]) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(samples)).to(self._device)

    @contextmanager
    def _inference(self) -> Iterator[None]:
        with self._turn, torch.inference_mode():
            yield
