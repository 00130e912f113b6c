"""A file's bytes -> blocks of sound, and mono at another rate, as they are decoded.

    bytes or path -> decoder (soundfile, else PyAV) -> blocks -> mono -> soxr -> pieces

Nothing here holds a whole sound: memory is a few blocks, whatever a header promises and
however many hours follow. What is wrong with a file is raised where it is found.
"""

from __future__ import annotations

import io
import mmap
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import av
import av.error
import numpy as np
import soundfile
import soxr
from av.container import InputContainer
from numpy.typing import NDArray

from resona_core.errors import (
    AudioLimitError,
    DamagedAudioError,
    EmptyAudioError,
    NotAudioError,
)
from resona_core.settings import Limits
from resona_core.sound.containers import check_whole, looks_like_sound

FORMATS = ("wav", "flac", "ogg", "opus", "mp3", "aiff", "aif", "m4a", "aac", "mp4", "webm")
"""File endings offered to the user; what counts is the content, not the ending."""

Block = NDArray[np.float32]

_BLOCK_SAMPLES = 65_536  # of all channels together
_LOUDEST = 1e10  # beyond, the power of a Fourier bin leaves float32
# What FFmpeg may try. Its playlist formats (concat, HLS, SDP) would open files and addresses that
# the upload names.
_DEMUXERS = "aac,ac3,aiff,amr,asf,avi,flac,matroska,mov,mp3,mpegts,ogg,wav"
# Lossy codecs go beyond full scale where the original touched it; every player clips them there.
_LOSSY = ("VORBIS", "OPUS", "MPEG")
_SHORTFALL = 0.98  # decoders may trim codec padding; a bigger gap is a truncated file


@dataclass(frozen=True)
class OpenSound:
    """A sound being read: its facts, and its frames as they are decoded.

    Attributes
    ----------
    name : str
        What messages call it.
    limits : Limits
        How long it may last.
    rate_hz, channels : int
        As they come in.
    encoding : str
        What the file holds, for example "WAV, 16 bit PCM".
    frames : int or None
        Its length as the header says, when it does.
    blocks : callable
        First frame wanted -> iterator of blocks (frame, channel), float32. Only once.
    close : callable
        Lets go of the decoder.
    """

    name: str
    limits: Limits
    rate_hz: int
    channels: int
    encoding: str
    frames: int | None
    blocks: Callable[[int], Iterator[Block]]
    close: Callable[[], None]

    @property
    def duration_s(self) -> float | None:
        """Length in seconds as the header says, when it does."""
        return None if self.frames is None else self.frames / self.rate_hz


@contextmanager
def open_sound(
    source: bytes | Path, limits: Limits | None = None, name: str = ""
) -> Iterator[OpenSound]:
    """Open a sound file for as long as the ``with`` block lasts.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file in any of :data:`FORMATS`.
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
    _check_size(source, limits, name)
    with _file(source) as file:
        _check_whole(source, file, name)
        sound = _open(file, limits, name)
        try:
            _check_header(sound)
            yield sound
        finally:
            sound.close()


def mono_pieces(sound: OpenSound, rate_hz: int) -> Iterator[Block]:
    """Yield the sound piece by piece, (sample,): channels averaged, resampled (soxr HQ).

    Pieces differ in length and may be empty; put together they are the whole sound.

    Raises
    ------
    EmptyAudioError, DamagedAudioError, AudioLimitError
        When it shows, which for a file that breaks off is only at its end.
    """
    resampler = soxr.ResampleStream(sound.rate_hz, rate_hz, 1, dtype="float32", quality="HQ")
    n_frames = n_samples = 0
    for block in checked_blocks(sound):
        with np.errstate(over="ignore", invalid="ignore"):  # told by _check_samples
            mono = block.mean(axis=1, dtype=np.float32)
        piece = _check_samples(resampler.resample_chunk(mono), sound.name)
        n_frames, n_samples = n_frames + len(block), n_samples + len(piece)
        yield piece
    piece = _check_samples(resampler.resample_chunk(np.zeros(0, np.float32), last=True), sound.name)
    if n_samples + len(piece) == 0:
        raise EmptyAudioError(
            f"{sound.name} holds no sound ({n_frames} samples); choose a longer recording."
        )
    yield piece


def checked_blocks(sound: OpenSound, first: int = 0) -> Iterator[Block]:
    """Yield the blocks from frame `first` on, as they are.

    Raises
    ------
    DamagedAudioError, AudioLimitError
        If they cannot be decoded, end before the header says, or go on too long.
    """
    n_frames = first
    try:
        for block in sound.blocks(first):
            n_frames += len(block)
            if n_frames / sound.rate_hz > sound.limits.max_duration_s:
                raise _too_long(sound, n_frames / sound.rate_hz)
            yield block
    except (soundfile.LibsndfileError, av.error.FFmpegError):
        raise _damaged(sound, n_frames) from None
    if sound.frames is not None and n_frames < _SHORTFALL * sound.frames - sound.rate_hz / 10:
        raise _damaged(sound, n_frames)


def _check_samples(samples: Block, name: str) -> Block:
    if not float(np.abs(samples).max(initial=0)) < _LOUDEST:  # also false for NaN
        raise DamagedAudioError(
            f"{name} holds samples that are not numbers (NaN or infinite) or far out of "
            f"range (above {_LOUDEST:g}, where 1 is full scale); export it again."
        )
    return samples


def _check_size(source: bytes | Path, limits: Limits, name: str) -> None:
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


def _file(source: bytes | Path) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _check_whole(source: bytes | Path, file: BinaryIO, name: str) -> None:
    """Compare a file's framing with its length, without reading what lies between."""
    if isinstance(source, bytes):
        check_whole(source, name)
    else:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            check_whole(data, name)


def _open(file: BinaryIO, limits: Limits, name: str) -> OpenSound:
    """Open with soundfile, and what it does not know with PyAV (FFmpeg)."""
    try:
        return _open_soundfile(file, limits, name)
    except (soundfile.LibsndfileError, TypeError):  # TypeError: it takes a .raw for samples alone
        file.seek(0)
        return _open_av(file, limits, name)


def _open_soundfile(file: BinaryIO, limits: Limits, name: str) -> OpenSound:
    sound = soundfile.SoundFile(file)
    size = max(1, _BLOCK_SAMPLES // sound.channels)
    lossy = sound.subtype.startswith(_LOSSY)

    def blocks(first: int) -> Iterator[Block]:
        if first:
            sound.seek(min(first, sound.frames))
        # Not sound.blocks: where the file ends early, it repeats what it read before.
        while len(block := sound.read(size, dtype="float32", always_2d=True)):
            yield np.clip(block, -1, 1) if lossy else block

    encoding = f"{sound.format}, {sound.subtype_info}"
    return OpenSound(
        name, limits, sound.samplerate, sound.channels, encoding, sound.frames, blocks, sound.close
    )


def _open_av(file: BinaryIO, limits: Limits, name: str) -> OpenSound:
    container = _container(file, name)
    # A track in a codec FFmpeg does not know has no codec context.
    track = next((t for t in container.streams.audio if t.codec_context is not None), None)
    if track is None:
        container.close()
        raise NotAudioError(
            f"{name} holds no sound track this program can decode; choose a file with sound."
        )
    rate_hz, channels = track.codec_context.sample_rate, track.codec_context.channels
    encoding = f"{container.format.name.split(',')[0]}, {track.codec_context.name}"
    lossy = track.codec_context.codec.lossy
    frames = None
    if track.duration is not None and track.time_base is not None:
        frames = int(track.duration * track.time_base * rate_hz)

    def blocks(first: int) -> Iterator[Block]:
        # From the start, always: where FFmpeg lands after a seek is a guess in some formats.
        resampler = av.AudioResampler(format="fltp", rate=rate_hz)
        for frame in container.decode(track):
            for planar in resampler.resample(frame):
                block = planar.to_ndarray().astype(np.float32, copy=False).T
                block = np.clip(block, -1, 1) if lossy else block
                if first < len(block):
                    yield block[first:]
                first = max(0, first - len(block))

    return OpenSound(name, limits, rate_hz, channels, encoding, frames, blocks, container.close)


def _container(file: BinaryIO, name: str) -> InputContainer:
    try:
        return av.open(
            file, "r", metadata_errors="replace", container_options={"format_whitelist": _DEMUXERS}
        )
    except (av.error.FFmpegError, ValueError):
        file.seek(0)
        if looks_like_sound(file.read(16)):
            raise DamagedAudioError(
                f"{name} is damaged: it begins as a sound file but cannot be decoded; "
                "copy or export it again."
            ) from None
        raise NotAudioError(
            f"{name} is not a sound this program can read; use one of {', '.join(FORMATS)}."
        ) from None


def _check_header(sound: OpenSound) -> None:
    if not 1_000 <= sound.rate_hz <= 768_000:
        raise DamagedAudioError(
            f"{sound.name} has a sample rate of {sound.rate_hz} Hz, 1,000 to 768,000 Hz are "
            "allowed; save it again at a common rate such as 44,100 Hz."
        )
    if sound.duration_s is not None and sound.duration_s > sound.limits.max_duration_s:
        raise _too_long(sound, sound.duration_s)


def _too_long(sound: OpenSound, duration_s: float) -> AudioLimitError:
    return AudioLimitError(
        f"{sound.name} lasts {duration_s:,.0f} s, the limit is {sound.limits.max_duration_s:,.0f} "
        "s; cut out a shorter part."
    )


def _damaged(sound: OpenSound, n_frames: int) -> DamagedAudioError:
    promised = "" if sound.duration_s is None else f" of {sound.duration_s:.1f} s"
    return DamagedAudioError(
        f"{sound.name} is damaged: only {n_frames / sound.rate_hz:.1f} s{promised} can be decoded; "
        "copy or export it again."
    )
