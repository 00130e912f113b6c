"""What a program may hand over as a sound, and the file it stands for."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile
from numpy.typing import ArrayLike, NDArray

from resona_core.errors import EmptyAudioError, RequestError

Source: TypeAlias = (
    "str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | tuple[ArrayLike, int]"
)
"""A path, a whole sound file's bytes, a file open for reading, or (samples, rate in Hz).

Samples are (sample,), (sample, channel) or (channel, sample), the longer axis being time: floats
whose full scale is 1, or integers, whose full scale is their type's.
"""


def as_file(source: Source) -> bytes | Path:
    """Return the path or the bytes of the sound file that `source` stands for.

    Raises
    ------
    RequestError
        For anything else than a `Source`.
    EmptyAudioError
        For no samples.
    """
    if isinstance(source, bytes | Path):
        return source
    if isinstance(source, str | os.PathLike):
        return Path(source)
    if isinstance(source, bytearray | memoryview):
        return bytes(source)
    if isinstance(source, tuple) and len(source) == 2:
        return _wav(np.asarray(source[0]), source[1])
    data = source.read() if hasattr(source, "read") else None
    if isinstance(data, bytes):
        return data
    raise RequestError(
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
