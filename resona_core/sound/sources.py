"""What a program may hand over as a sound, and the file it stands for."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from resona_core.errors import EmptyAudioError, NotAudioError, RequestError
from resona_core.settings import Limits
from resona_core.sound.decoding import too_large

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | tuple[ArrayLike, int]"
)
"""A path, a whole sound file's bytes, a file open for reading, or (samples, rate in Hz).

Samples are (sample,), (sample, channel) or (channel, sample), the longer axis being time: floats
whose full scale is 1, or integers, whose full scale is their type's. A path may be that of a pipe.
"""

_PIECE_BYTES = 1 << 20


def as_file(source: Source, limits: Limits | None = None, name: str = "") -> bytes | Path:
    """Return the path or the bytes of the sound file that `source` stands for.

    A pipe, or an open file, is read to its end, or to the limit.

    Parameters
    ----------
    source : Source
    limits : Limits, optional
        Largest size.
    name : str, optional
        What messages call the file; the path's name by default.

    Raises
    ------
    RequestError
        For anything else than a `Source`.
    EmptyAudioError
        For no samples.
    AudioLimitError
        If a pipe or an open file holds more than the limit.
    NotAudioError
        If it cannot be read.
    """
    limits = limits or Limits()
    if isinstance(source, bytes):
        return source
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        return _pipe(path, limits, name or path.name) if _is_pipe(path) else path
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, tuple) and len(source) == 2:
        return _wav(np.asarray(source[0]), source[1])
    if hasattr(source, "read"):
        return _read(source, limits, name or "The sound")
    raise _refused(source)


def unreadable(name: str, error: OSError) -> NotAudioError:
    """Return what is told of a file that the system does not let us read."""
    return NotAudioError(
        f"{name} cannot be read ({error.strerror or error}); check the disk and your permission."
    )


def _is_pipe(path: Path) -> bool:
    """Tell whether a path is read as a stream: a named pipe, or a shell's <(...)."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):  # the last for a NUL in the name
        return False  # told when it is opened
    return stat.S_ISFIFO(mode) or stat.S_ISCHR(mode)


def _pipe(path: Path, limits: Limits, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            return _read(file, limits, name)
    except OSError as error:
        raise unreadable(name, error) from None


def _read(file: BinaryIO, limits: Limits, name: str) -> bytes:
    """Return all that an open file holds from where it stands."""
    held = io.BytesIO()
    while data := _piece(file, name):
        held.write(data)
        if held.tell() > limits.max_bytes:
            raise too_large(f"{name} goes on after {limits.max_bytes / 1e6:g} MB", limits)
    return held.getvalue()


def _piece(file: BinaryIO, name: str) -> bytes:
    try:
        data = file.read(_PIECE_BYTES)
    except OSError as error:
        raise unreadable(name, error) from None
    if not isinstance(data, bytes):
        raise _refused(file)
    return data


def _refused(source: object) -> RequestError:
    return RequestError(
        f"The sound was given as {type(source).__name__}; give a path, a file's bytes, a file "
        "opened in binary mode, or (samples, rate in Hz)."
    )


def _wav(samples: NDArray[np.generic], rate_hz: int) -> bytes:
    """Return an array as a WAV file of floats."""
    if samples.dtype.kind not in "iuf" or samples.ndim not in (1, 2):
        raise RequestError(
            f"The samples are an array of {samples.dtype} with {samples.ndim} axes; give floats or "
            "integers, (sample,) or (sample, channel)."
        )
    if int(rate_hz) != rate_hz or rate_hz < 1:
        raise RequestError(f"The rate is {rate_hz} Hz; give a whole number above 0.")
    if samples.size == 0:
        raise EmptyAudioError("The array holds no samples; give some.")
    if samples.ndim == 2 and samples.shape[0] < samples.shape[1]:
        samples = samples.T
    file = io.BytesIO()
    soundfile.write(file, _floats(samples), int(rate_hz), format="WAV", subtype="FLOAT")
    return file.getvalue()


def _floats(samples: NDArray[np.generic]) -> NDArray[np.float32]:
    if samples.dtype.kind == "f":
        return samples.astype(np.float32)
    limits = np.iinfo(samples.dtype)  # type: ignore[type-var] # an integer, as tested
    middle = (limits.max + limits.min + 1) // 2  # 0, but for unsigned integers
    return ((samples.astype(np.float64) - middle) / (limits.max - middle + 1)).astype(np.float32)
