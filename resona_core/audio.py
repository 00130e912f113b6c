"""Sound in: a file's bytes -> mono float32 at the rate the network asks for.

    bytes -> decoder (soundfile, else PyAV) -> blocks -> mono -> soxr -> Clip -> windows

Blocks are mixed down and resampled as they arrive, so memory follows the result, never a
header's promise. What the user plays is always the file as uploaded; only the network
hears the resampled copy, and :class:`Clip` says which rate came in.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import av.error
import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from resona_core.containers import check_whole, looks_like_sound
from resona_core.errors import (
    AudioLimitError,
    DamagedAudioError,
    EmptyAudioError,
    NotAudioError,
)
from resona_core.settings import Limits

FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "aif", "m4a", "aac", "mp4", "webm")
"""File endings offered to the user; what counts is the content, not the ending."""

SILENCE_PEAK = 1e-4  # -80 dB re full scale, after removing a constant offset
_BLOCK_SAMPLES = 65_536  # of all channels together
_LOUDEST = 1e10  # beyond, the power of a Fourier bin leaves float32
# What FFmpeg may try. Its playlist formats (concat, HLS, SDP) would open files and addresses that
# the upload names.
_DEMUXERS = "aac,ac3,aiff,amr,asf,avi,flac,matroska,mov,mp3,mpegts,ogg,wav"
_SHORTFALL = 0.98  # decoders may trim codec padding; a bigger gap is a truncated file


@dataclass(frozen=True, eq=False)
class Clip:
    """A decoded sound.

    Attributes
    ----------
    samples : ndarray (sample,), float32
        Mono, at `sample_rate_hz`; full scale is +-1.
    sample_rate_hz, source_rate_hz : int
        The rate used, and the rate that came in.
    channels : int
        Channels that came in, averaged into one.
    encoding : str
        What the file holds, for example "WAV, 16 bit PCM".
    """

    samples: NDArray[np.float32]
    sample_rate_hz: int
    source_rate_hz: int
    channels: int
    encoding: str

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.sample_rate_hz

    @property
    def peak(self) -> float:
        """Largest absolute sample, 1.0 being full scale."""
        return float(np.abs(self.samples).max())

    @property
    def peak_dbfs(self) -> float:
        """Peak in dB re full scale; -inf for digital silence."""
        return float(20 * np.log10(self.peak)) if self.peak > 0 else float("-inf")


@dataclass(frozen=True)
class _Stream:
    """An opened sound: its facts, and its frames as they are decoded, (frame, channel)."""

    rate_hz: int
    channels: int
    encoding: str
    frames: int | None  # as the header says, when it does
    blocks: Iterator[NDArray[np.float32]]


def load(
    source: bytes | Path, sample_rate_hz: int, limits: Limits | None = None, name: str = ""
) -> Clip:
    """Decode `source`, mix it to mono and resample it.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file in any of :data:`FORMATS`.
    sample_rate_hz : int
        The rate wanted.
    limits : Limits, optional
        Largest size and duration.
    name : str, optional
        What messages call the file; the path's name by default.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError
        Each with one sentence: what was received, what is allowed, how to cure it.
    """
    limits = limits or Limits()
    name = name or (source.name if isinstance(source, Path) else "The sound")
    data = _read(source, limits, name)
    stream = _open(data, name)
    _check_duration(stream, limits, name)
    samples = _mono(stream, sample_rate_hz, limits, name)
    return Clip(samples, sample_rate_hz, stream.rate_hz, stream.channels, stream.encoding)


def is_silent(samples: NDArray[np.float32]) -> bool:
    """Tell whether nothing rises 80 dB under full scale above a constant offset."""
    return len(samples) == 0 or float(np.ptp(samples)) < 2 * SILENCE_PEAK


def window_starts(n_samples: int, window_samples: int) -> list[int]:
    """Return the first sample of each window: half overlapping, the last flush with the end.

    Codecs add a few milliseconds: what exceeds a window by under a fiftieth of its length
    gets no window of its own.
    """
    slack = window_samples // 50
    if n_samples <= window_samples + slack:
        return [0]
    inner = range(0, n_samples - window_samples - slack, window_samples // 2)
    return [*inner, n_samples - window_samples]


def window_at(samples: NDArray[np.float32], start: int, window_samples: int) -> NDArray[np.float32]:
    """Return one window, (window_samples,); a short sound is padded with silence at its end.

    Silence is the sound's own mean, so that a recording with an offset ends without a click.
    """
    piece = samples[start : start + window_samples]
    missing = window_samples - len(piece)
    return np.pad(piece, (0, missing), constant_values=piece.mean()) if missing else piece


def _read(source: bytes | Path, limits: Limits, name: str) -> bytes:
    if isinstance(source, Path) and not source.is_file():
        raise NotAudioError(f"{name} is not a file; give the path of a sound file.")
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    if size == 0:
        raise EmptyAudioError(f"{name} is empty (0 bytes); choose a file that holds sound.")
    if size > limits.max_bytes:
        raise AudioLimitError(
            f"{name} is {size / 1e6:.1f} MB, the limit is {limits.max_bytes / 1e6:g} MB; "
            "cut it shorter or save it in a compressed format."
        )
    return source.read_bytes() if isinstance(source, Path) else source


def _open(data: bytes, name: str) -> _Stream:
    """Open with soundfile, and what it does not know with PyAV (FFmpeg)."""
    check_whole(data, name)
    try:
        return _open_soundfile(data)
    except soundfile.LibsndfileError:
        return _open_av(data, name)


def _open_soundfile(data: bytes) -> _Stream:
    file = soundfile.SoundFile(io.BytesIO(data))
    size = max(1, _BLOCK_SAMPLES // file.channels)

    def blocks() -> Iterator[NDArray[np.float32]]:
        with file:
            # Not file.blocks: where the file ends early, it repeats what it read before.
            while len(block := file.read(size, dtype="float32", always_2d=True)):
                yield block

    encoding = f"{file.format}, {file.subtype_info}"
    return _Stream(file.samplerate, file.channels, encoding, file.frames, blocks())


def _open_av(data: bytes, name: str) -> _Stream:
    try:
        container = av.open(
            io.BytesIO(data), "r", metadata_errors="replace",
            container_options={"format_whitelist": _DEMUXERS},
        )  # fmt: skip
    except (av.error.FFmpegError, ValueError):
        if looks_like_sound(data):
            raise DamagedAudioError(
                f"{name} is damaged: it begins as a sound file but cannot be decoded; "
                "copy or export it again."
            ) from None
        raise NotAudioError(
            f"{name} is not a sound this program can read; use one of {', '.join(FORMATS)}."
        ) from None
    # A track in a codec FFmpeg does not know has no codec context.
    track = next((t for t in container.streams.audio if t.codec_context is not None), None)
    if track is None:
        container.close()
        raise NotAudioError(
            f"{name} holds no sound track this program can decode; choose a file with sound."
        )
    rate_hz, channels = track.codec_context.sample_rate, track.codec_context.channels
    encoding = f"{container.format.name.split(',')[0]}, {track.codec_context.name}"
    frames = None
    if track.duration is not None and track.time_base is not None:
        frames = int(track.duration * track.time_base * rate_hz)

    def blocks() -> Iterator[NDArray[np.float32]]:
        resampler = av.AudioResampler(format="fltp", rate=rate_hz)
        with container:
            for frame in container.decode(track):
                for planar in resampler.resample(frame):
                    yield planar.to_ndarray().astype(np.float32, copy=False).T

    return _Stream(rate_hz, channels, encoding, frames, blocks())


def _check_duration(stream: _Stream, limits: Limits, name: str) -> None:
    if not 1_000 <= stream.rate_hz <= 768_000:
        raise DamagedAudioError(
            f"{name} claims {stream.rate_hz} samples a second; "
            "1,000 to 768,000 are allowed, so save it again at a usual rate such as 44,100."
        )
    if stream.frames is not None and stream.frames / stream.rate_hz > limits.max_duration_s:
        raise _too_long(name, stream.frames / stream.rate_hz, limits)


def _too_long(name: str, duration_s: float, limits: Limits) -> AudioLimitError:
    return AudioLimitError(
        f"{name} lasts {duration_s:,.0f} s, the limit is {limits.max_duration_s:,.0f} s; "
        "cut out the part you want to ask about."
    )


def _mono(stream: _Stream, rate_hz: int, limits: Limits, name: str) -> NDArray[np.float32]:
    """Decode everything: average the channels, resample (soxr HQ), check what arrived."""
    resampler = soxr.ResampleStream(stream.rate_hz, rate_hz, 1, dtype="float32", quality="HQ")
    pieces: list[NDArray[np.float32]] = []
    n_frames = 0
    try:
        for block in stream.blocks:
            n_frames += len(block)
            if n_frames / stream.rate_hz > limits.max_duration_s:
                raise _too_long(name, n_frames / stream.rate_hz, limits)
            with np.errstate(over="ignore", invalid="ignore"):  # told below, once
                mono = block.mean(axis=1, dtype=np.float32)
            pieces.append(resampler.resample_chunk(mono))
    except (soundfile.LibsndfileError, av.error.FFmpegError):
        raise _damaged(name, stream, n_frames) from None
    if stream.frames is not None and n_frames < _SHORTFALL * stream.frames - stream.rate_hz / 10:
        raise _damaged(name, stream, n_frames)
    pieces.append(resampler.resample_chunk(np.zeros(0, np.float32), last=True))
    samples = np.concatenate(pieces)
    if len(samples) == 0:
        raise EmptyAudioError(
            f"{name} holds no sound ({n_frames} samples); choose a longer recording."
        )
    if not float(np.abs(samples).max(initial=0)) < _LOUDEST:  # also false for NaN
        raise DamagedAudioError(
            f"{name} holds samples that are not numbers (NaN or infinite) or out of all "
            f"proportion (above {_LOUDEST:g}, where 1 is full scale); export it again."
        )
    return samples


def _damaged(name: str, stream: _Stream, n_frames: int) -> DamagedAudioError:
    promised = "" if stream.frames is None else f" of {stream.frames / stream.rate_hz:.1f} s"
    return DamagedAudioError(
        f"{name} is damaged: only {n_frames / stream.rate_hz:.1f} s{promised} can be decoded; "
        "copy or export it again."
    )
