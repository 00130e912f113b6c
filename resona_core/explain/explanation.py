"""Why this answer: the question, and a mask over the spectrogram for an answer.

Importing this loads neither torch nor SciPy.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, Self, get_args

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import RequestError
from resona_core.results import Spectrogram
from resona_core.words import faithfulness

Floats = NDArray[np.float32]

Method = Literal["grad-cam", "mask", "integrated-gradients", "occlusion", "energy", "random"]
METHODS: tuple[Method, ...] = get_args(Method)
STRENGTHS = (0.25, 4.0)

Told = Callable[[float], None]
"""Is given the share of the work that is done, now and then; what it raises ends the work."""


def untold(done: float) -> None:
    """Take no notice of how far the work is."""


def masker_path(checkpoint: Path) -> Path:
    """Return where the masker of a checkpoint lies: beside it.

    Examples
    --------
    >>> masker_path(Path("runs/mine/model.safetensors")).as_posix()
    'runs/mine/model.masker.safetensors'
    """
    return checkpoint.with_suffix(".masker.safetensors")


def default_method(checkpoint: Path) -> Method:
    """Return the method that explains these weights best: "mask" where they have a masker."""
    return "mask" if masker_path(checkpoint).is_file() else "grad-cam"


@dataclass(frozen=True)
class Question:
    """Why does the network give this window this class?

    Attributes
    ----------
    window : int
        Of a longer sound, counted from 0.
    target : str
        The class that is asked about; "": the most probable one.
    method : {"grad-cam", "mask", "integrated-gradients", "occlusion", "energy", "random"}
        "mask" needs the masker of the weights. The last two ask no network: they are what the
        others have to surpass.
    layer : str
        Where Grad-CAM looks; "": the last one. No other method looks at a layer.
    strength : float, 0.25 to 4
        The relevance of each cell, 0 to 1, times this, but at most 1, is what is kept of it.

    Raises
    ------
    RequestError
        For a method or a strength that does not exist.
    """

    window: int = 0
    target: str = ""
    method: Method = "grad-cam"
    layer: str = ""
    strength: float = 1.0

    def __post_init__(self) -> None:
        if self.method not in METHODS:
            raise RequestError(
                f"There is no method {self.method!r}; the methods are {', '.join(METHODS)}."
            )
        if not STRENGTHS[0] <= self.strength <= STRENGTHS[1]:
            raise RequestError(
                f"The strength is {self.strength:g}; it can be {STRENGTHS[0]:g} to "
                f"{STRENGTHS[1]:g}."
            )
        if self.layer and self.method != "grad-cam":
            raise RequestError(
                f"The method {self.method} looks at no layer; leave the layer out, or ask grad-cam."
            )

    def to_json(self) -> str:
        """Return it as it travels."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))


@dataclass(frozen=True, eq=False)
class Explanation:
    """The part of a window that the probability of a class rests on.

    Attributes
    ----------
    question : Question
        With the class and the layer that were taken.
    spectrogram : Spectrogram
        Of the window.
    mask : ndarray (mel, frame), 0 to 1
        How much of each cell is kept.
    sample_rate_hz : int
    heard, kept, rest : ndarray (sample,), float32
        The window; what the mask keeps of it; what is left over: they add up.
    probabilities : dict of str to float
        Of the target, in "full", "kept" and "rest": each heard as a sound of its own.
    answers, verdicts : dict of str to str
        The most probable class of each, or "" for silence; and the answer in words.
    seconds : float
        How long it took.
    """

    question: Question
    spectrogram: Spectrogram
    mask: Floats
    sample_rate_hz: int
    heard: Floats
    kept: Floats
    rest: Floats
    probabilities: dict[str, float]
    answers: dict[str, str]
    verdicts: dict[str, str]
    seconds: float

    @property
    def energy_kept(self) -> float:
        """The share of the window's energy that is kept, 0 to 1; a constant offset is none."""
        return float(np.var(self.kept) / max(float(np.var(self.heard)), 1e-30))

    @property
    def area_kept(self) -> float:
        """The share of the picture that is kept, 0 to 1."""
        return float(self.mask.mean())

    def summary(self) -> str:
        """Say in words what keeping and leaving out do to the answer."""
        return faithfulness(self.energy_kept, **self.probabilities)

    def to_dict(self) -> dict[str, Any]:
        """Return what stands in ``explanation.json``."""
        return {
            **asdict(self.question),
            "probabilities": {k: round(v, 6) for k, v in self.probabilities.items()},
            "answers": self.answers,
            "verdicts": self.verdicts,
            "energy_kept": round(self.energy_kept, 4),
            "area_kept": round(self.area_kept, 4),
            "summary": self.summary(),
            "seconds": round(self.seconds, 3),
        }

    def to_npz(self) -> bytes:
        """Return an .npz file with the mask, its axes and the spectrogram under it."""
        file = io.BytesIO()
        np.savez_compressed(
            file, mask=self.mask, frequency_hz=self.spectrogram.frequency_hz,
            time_s=self.spectrogram.time_s, decibels=self.spectrogram.decibels,
            target=self.question.target, method=self.question.method, layer=self.question.layer,
        )  # fmt: skip
        return file.getvalue()


def level_matched(part: Floats, whole: Floats) -> tuple[Floats, float]:
    """Return a part of a sound as loud as the whole, as far as its peak allows; never softer.

    Returns
    -------
    samples : ndarray (sample,), float32
    gain_db : float
        By how much it was made louder.
    """
    levels = [float(np.sqrt(np.square(samples).mean())) for samples in (part, whole)]
    loudest = float(np.abs(part).max())
    if not loudest:
        return part, 0.0
    gain = max(1.0, min(levels[1] / levels[0], 1 / loudest))
    return (part * np.float32(gain)).astype(np.float32), float(20 * np.log10(gain))


def wav(samples: Floats, sample_rate_hz: int) -> bytes:
    """Return a WAV file of 32-bit floats: nothing is rounded, and no peak is cut.

    The same samples are the same bytes, or a page would stop its player whenever it is drawn
    again; soundfile writes the time of day into such a file.
    """
    file = io.BytesIO()
    from scipy.io import wavfile  # takes as long to load as all the rest

    wavfile.write(file, sample_rate_hz, np.asarray(samples, dtype=np.float32))
    return file.getvalue()
