"""What travels between this computer and Modal: sound there, arrays back, never pickles.

Windows of a sound go as the stretch they lie in, one window for its maps as a WAV file. An
answer is an .npz file in memory. Its entry ``about`` is JSON: what answered and, in words and
numbers, what is not an array.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from resona_core.classification import Classification
from resona_core.errors import RemoteAnswerError
from resona_core.explain.boxes import Box
from resona_core.explain.explanation import Explanation, Question
from resona_core.explain.shaping import kept_by
from resona_core.network.description import CheckpointInfo
from resona_core.results import LayerMaps, Spectrogram
from resona_core.sound.audio import Clip
from resona_core.sound.windows import Window

_TOLD = ("probabilities", "answers", "verdicts", "seconds")  # of an explanation


@dataclass(frozen=True)
class Sender:
    """What answered: a key of the network's description, and the device it ran on."""

    network: str
    device: str

    @classmethod
    def of(cls, info: CheckpointInfo, device: str) -> Sender:
        """Describe the network `info` on `device`."""
        return cls(hashlib.sha256(info.to_json().encode()).hexdigest()[:16], device)


def pack_clip(clip: Clip) -> bytes:
    """Return a clip as a WAV file of 32-bit floats: it is decoded to the same samples."""
    file = io.BytesIO()
    soundfile.write(file, clip.samples, clip.sample_rate_hz, format="WAV", subtype="FLOAT")
    return file.getvalue()


def pack_windows(windows: Sequence[Window]) -> bytes:
    """Return windows of one sound, in their order, as bytes, exactly.

    They go as the stretch from the first to the last: where they overlap, once.
    """
    first, size = windows[0].start, len(windows[0].samples)
    stretch = np.zeros(windows[-1].start - first + size, np.float32)
    for window in windows:
        stretch[window.start - first :][:size] = window.samples
    file = io.BytesIO()
    np.savez(
        file, allow_pickle=False, samples=stretch, size=np.array(size),
        starts=np.array([window.start for window in windows]),
        silent=np.array([window.silent for window in windows]),
    )  # fmt: skip
    return file.getvalue()


def unpack_windows(data: bytes) -> list[Window]:
    """Read what :func:`pack_windows` wrote; the windows share the stretch's memory.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    arrays = _arrays(data)
    try:
        samples, starts, size = arrays["samples"], arrays["starts"], int(arrays["size"])
        windows = [
            Window(start, start + size, samples[start - starts[0] :][:size], silent)
            for start, silent in zip(starts.tolist(), arrays["silent"].tolist(), strict=True)
        ]
    except (KeyError, TypeError, ValueError, IndexError):
        raise _not_understood() from None
    if not windows or any(len(window.samples) != size for window in windows):
        raise _not_understood()
    return windows


def pack_classification(answer: Classification, sender: Sender) -> bytes:
    """Return an answer as bytes, exactly."""
    values = {field.name: getattr(answer, field.name) for field in fields(answer)}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    return _pack(sender, {name: values[name] for name in values if name not in arrays}, arrays)


def unpack_classification(data: bytes) -> tuple[Classification, Sender]:
    """Read what :func:`pack_classification` wrote.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    sender, values, arrays = _unpack(data)
    try:
        names = {name: tuple(values[name]) for name in ("labels", "kinds", "warnings")}
        fields_of = values | arrays | names
        return Classification(**fields_of), sender
    except (KeyError, TypeError):
        raise _not_understood() from None


def pack_maps(maps: Mapping[str, LayerMaps], sender: Sender) -> bytes:
    """Return layers as bytes; the maps as float16 shares of their layer's maximum.

    Every value is off by at most 2^-11 of itself, or 2^-25 of the layer's maximum.
    """
    peaks = {name: float(layer.maps.max()) or 1.0 for name, layer in maps.items()}
    arrays: dict[str, NDArray[Any]] = {}
    for name, layer in maps.items():
        arrays[f"{name}/maps"] = (layer.maps / np.float32(peaks[name])).astype(np.float16)
        arrays[f"{name}/frequency_hz"] = layer.frequency_hz
        arrays[f"{name}/time_s"] = layer.time_s
    return _pack(sender, {"peaks": peaks}, arrays)


def unpack_maps(data: bytes) -> tuple[dict[str, LayerMaps], Sender]:
    """Read what :func:`pack_maps` wrote; the maps are float32 again.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    sender, values, arrays = _unpack(data)
    try:
        return {
            name: LayerMaps(
                layer=name,
                maps=arrays[f"{name}/maps"].astype(np.float32) * np.float32(peak),
                frequency_hz=arrays[f"{name}/frequency_hz"],
                time_s=arrays[f"{name}/time_s"],
            )
            for name, peak in values["peaks"].items()
        }, sender
    except KeyError:
        raise _not_understood() from None


def pack_shares(shares: NDArray[np.float32], sender: Sender) -> bytes:
    """Return channels' shares, (channel,), as bytes, exactly."""
    return _pack(sender, {}, {"shares": shares})


def unpack_shares(data: bytes) -> tuple[NDArray[np.float32], Sender]:
    """Read what :func:`pack_shares` wrote.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    sender, _, arrays = _unpack(data)
    if "shares" not in arrays:
        raise _not_understood()
    return arrays["shares"], sender


def pack_explanation(why: Explanation, sender: Sender) -> bytes:
    """Return an explanation as bytes: of its pictures and sounds the mask alone, exactly."""
    values = {name: getattr(why, name) for name in _TOLD} | {"question": asdict(why.question)}
    return _pack(sender, values, {"mask": why.mask})


def unpack_explanation(
    data: bytes, heard: NDArray[np.float32], sample_rate_hz: int, picture: Spectrogram
) -> tuple[Explanation, Sender]:
    """Read what :func:`pack_explanation` wrote, and let the mask keep its part of the sound.

    Parameters
    ----------
    data : bytes
    heard : ndarray (sample,), float32
        The window that was sent.
    sample_rate_hz : int
    picture : Spectrogram
        Of the window.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    sender, values, arrays = _unpack(data)
    try:
        mask, question = arrays["mask"], Question(**values["question"])
        told = {name: values[name] for name in _TOLD}
    except (KeyError, TypeError):
        raise _not_understood() from None
    if mask.shape != picture.decibels.shape:
        raise _not_understood()
    kept = kept_by(mask, picture, heard, sample_rate_hz)
    why = Explanation(
        question, picture, mask, sample_rate_hz, heard, kept, rest=heard - kept, **told
    )
    return why, sender


def pack_box(box: Box | None, sender: Sender) -> bytes:
    """Return a box, or that there is none, as bytes, exactly."""
    return _pack(sender, {"box": None if box is None else asdict(box)}, {})


def unpack_box(data: bytes) -> tuple[Box | None, Sender]:
    """Read what :func:`pack_box` wrote.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    sender, values, _ = _unpack(data)
    try:
        return None if values["box"] is None else Box(**values["box"]), sender
    except (KeyError, TypeError):
        raise _not_understood() from None


def pack_records(records: Sequence[Mapping[str, Any]], gpu_s: float, sender: Sender) -> bytes:
    """Return the records of a batch of files, and the seconds they took, as JSON."""
    about = {"sender": asdict(sender), "gpu_s": gpu_s, "records": records}
    return json.dumps(about).encode()


def unpack_records(data: bytes) -> tuple[list[dict[str, Any]], float, Sender]:
    """Read what :func:`pack_records` wrote.

    Raises
    ------
    RemoteAnswerError
        If it is something else.
    """
    try:
        about = json.loads(data)
        records = [dict(record) for record in about["records"]]
        return records, float(about["gpu_s"]), Sender(**about["sender"])
    except (ValueError, KeyError, TypeError):
        raise _not_understood() from None


def _pack(sender: Sender, values: dict[str, Any], arrays: Mapping[str, NDArray[Any]]) -> bytes:
    about = json.dumps({"sender": asdict(sender)} | values)
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, about=np.array(about), **arrays)
    return file.getvalue()


def _unpack(data: bytes) -> tuple[Sender, dict[str, Any], dict[str, NDArray[Any]]]:
    """Return who answered, the values and the arrays."""
    arrays = _arrays(data)
    try:
        values = json.loads(str(arrays.pop("about")))
        return Sender(**values.pop("sender")), values, arrays
    except (ValueError, KeyError, TypeError):
        raise _not_understood() from None


def _arrays(data: bytes) -> dict[str, NDArray[Any]]:
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as file:
            return dict(file)
    except (ValueError, KeyError, TypeError, OSError, EOFError, zipfile.BadZipFile):
        raise _not_understood() from None


def _not_understood() -> RemoteAnswerError:
    return RemoteAnswerError(
        "Modal's answer cannot be read, so another version of this program runs there; "
        "run `modal deploy train_modal.py` again."
    )
