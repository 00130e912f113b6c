"""A file's bytes -> an open sound: the track that is heard, and what its header promises.

    bytes or path -> FFmpeg (PyAV) -> frames -> time axis -> blocks

A file is heard as far as it goes; refused is only what yields no sound, and what is too long.
"""

from __future__ import annotations

import io
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import av.error
import numpy as np
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Disposition

from resona_core.errors import (
    AudioError,
    DamagedAudioError,
    EmptyAudioError,
    NotAudioError,
    RequestError,
)
from resona_core.settings import Limits
from resona_core.sound import headers
from resona_core.sound.decoding import OpenSound, too_large, too_long
from resona_core.sound.formats import looks_like_sound
from resona_core.sound.frames import Frames, kind_of, open_container, sound_tracks
from resona_core.sound.headers import View
from resona_core.sound.notices import WORTH_TELLING_S, Notices
from resona_core.sound.sources import unreadable

_LEAST_BITS_PER_S = 500  # what any codec needs for silence; more time than that is not believed
_INEXACT = {"mp3": 0.02}  # share by which headers are often wrong


@contextmanager
def open_sound(
    source: bytes | Path, limits: Limits | None = None, name: str = "", track: int | None = None
) -> Iterator[OpenSound]:
    """Open a sound file for as long as the ``with`` block lasts.

    Parameters
    ----------
    source : bytes or Path
        A whole sound file in any of :data:`~resona_core.sound.formats.FORMATS`.
    limits : Limits, optional
        Largest size and duration.
    name : str, optional
        What messages call the file; the path's name by default.
    track : int, optional
        Which of several sound tracks, counted from 1; by default the one marked so, or the first.

    Raises
    ------
    NotAudioError, EmptyAudioError, DamagedAudioError, AudioLimitError, RequestError
        Each with one sentence: what was received, what is allowed, how to cure it.
    """
    limits = limits or Limits()
    name = name or (source.name if isinstance(source, Path) else "The sound")
    try:
        with _open(source, limits, name, track) as sound:
            yield sound
    except OSError as error:  # of the disk, now or while it is decoded
        raise unreadable(name, error) from None


@contextmanager
def _open(
    source: bytes | Path, limits: Limits, name: str, track: int | None
) -> Iterator[OpenSound]:
    n_bytes = check_size(source, limits, name)
    with _file(source) as file:
        view = headers.filled_in(file, n_bytes)
        container = _container(view, name)
        try:
            sound = _opened(view, container, n_bytes, limits, name, track)
        except BaseException:
            container.close()
            raise
        try:
            yield sound
        finally:
            sound.frames.close()


def track_with_sound(sound: OpenSound, source: bytes | Path) -> int | None:
    """Return the first track, counted from 1, that is not silent, of a file that is open."""
    for track in range(1, sound.notices.tracks + 1):
        try:
            with open_sound(source, sound.limits, sound.name, track) as other:
                if any(
                    np.ptp(block, axis=0).max() > 2 * other.quietest for block in other.blocks()
                ):
                    return track
        except AudioError:
            continue
    return None


def _opened(
    view: View,
    container: InputContainer,
    n_bytes: int,
    limits: Limits,
    name: str,
    wanted: int | None,
) -> OpenSound:
    tracks = sound_tracks(container)
    number = _chosen(tracks, name, wanted)
    track = tracks[number - 1]
    try:
        frames = Frames(view, container, track)
    except EOFError:
        raise EmptyAudioError(f"{name} holds no sound (0 samples); choose a longer one.") from None
    except ValueError:
        raise _damaged(name) from None
    if not 1_000 <= frames.rate_hz <= 768_000:
        raise DamagedAudioError(
            f"{name} has a sample rate of {frames.rate_hz} Hz, 1,000 to 768,000 Hz are "
            "allowed; save it again at a common rate such as 44,100 Hz."
        )
    kind = kind_of(container)
    promised_s = headers.promised_s(container, track, view, frames.begins)
    begins_s = 0.0 if kind == "matroska" else frames.begins_s  # whose header counts from zero
    if promised_s is not None:
        _check_promise(promised_s, track, n_bytes, limits, name)
    return OpenSound(
        name=name,
        limits=limits,
        encoding=_encoding(kind, track),
        duration_s=None if promised_s is None else promised_s + begins_s,
        slack_s=WORTH_TELLING_S + _INEXACT.get(kind, 0) * (promised_s or 0),
        cut=headers.breaks_off(view, n_bytes),
        notices=Notices(tracks=len(tracks), track=number),
        frames=frames,
    )


def _chosen(tracks: list[AudioStream], name: str, wanted: int | None) -> int:
    """Return the track that is heard, counted from 1."""
    if not tracks:
        raise NotAudioError(
            f"{name} holds no sound track this program can decode; choose a file with sound."
        )
    if wanted is None:
        marked = [bool(track.disposition & Disposition.default) for track in tracks]
        return 1 + (marked.index(True) if any(marked) else 0)
    if not 1 <= wanted <= len(tracks):
        raise RequestError(
            f"{name} has no sound track {wanted}; it has {len(tracks)}, counted from 1."
        )
    return wanted


def _encoding(kind: str, track: AudioStream) -> str:
    names = {"mov": "MP4", "matroska": "Matroska", "asf": "WMA"}
    codec = track.codec_context.codec.long_name.partition(" (")[0]
    for order in (" little-endian", " big-endian"):
        codec = codec.removesuffix(order)
    return f"{names.get(kind, kind.upper())}, {codec}"


def _check_promise(
    promised_s: float, track: AudioStream, n_bytes: int, limits: Limits, name: str
) -> None:
    """Refuse at once a sound that is too long, if the file's bytes could hold it."""
    pcm = track.codec_context.name.startswith("pcm_")
    least = (track.codec_context.bit_rate or 0) if pcm else _LEAST_BITS_PER_S
    if promised_s > limits.max_duration_s and 8 * n_bytes >= 0.99 * promised_s * least:
        raise too_long(name, limits, promised_s)


def check_size(source: bytes | Path, limits: Limits, name: str) -> int:
    """Return the size of a file in bytes.

    Raises
    ------
    NotAudioError, EmptyAudioError, AudioLimitError
        Where there is no file, nothing in it, or too much.
    """
    size = _size_on_disk(source, name) if isinstance(source, Path) else len(source)
    if size == 0:
        raise EmptyAudioError(f"{name} is empty (0 bytes); choose a file that holds sound.")
    if size > limits.max_bytes:
        raise too_large(f"{name} is {size / 1e6:.1f} MB", limits)
    return size


def _size_on_disk(path: Path, name: str) -> int:
    # by `stat`: from Python 3.14 on `is_file` hides what is wrong, such as a name that is too long
    try:
        about = path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a NUL in the name
        raise NotAudioError(f"{name} is not a file; give the path of a sound file.") from None
    if stat.S_ISDIR(about.st_mode):
        raise NotAudioError(f"{name} is a folder; give the path of a sound file in it.")
    if not stat.S_ISREG(about.st_mode):
        raise NotAudioError(f"{name} is not a file; give the path of a sound file.")
    return about.st_size


def _file(source: bytes | Path) -> BinaryIO:
    return source.open("rb") if isinstance(source, Path) else io.BytesIO(source)


def _container(view: View, name: str) -> InputContainer:
    try:
        return open_container(view)
    except (av.error.FFmpegError, ValueError):
        if looks_like_sound(view.peek(0, 16)):
            raise _damaged(name) from None
        raise NotAudioError(
            f"{name} is not a sound this program can read; save it as wav, flac, mp3, m4a or ogg."
        ) from None


def _damaged(name: str) -> DamagedAudioError:
    return DamagedAudioError(
        f"{name} is damaged: it begins as a sound file but cannot be decoded; "
        "copy or export it again."
    )
