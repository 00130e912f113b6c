"""What an evaluation found: the records of evaluation.json.

:mod:`~resona_core.training.evaluation.report` makes a :class:`Report`, `evaluate --output` writes
it, the pages read it: one schema, `to_dict` and `from_dict`. Keys that are not known here are left
out, so that a newer program's file can still be looked at. Nothing here loads torch.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Self, get_args, get_origin, get_type_hints

from resona_core.errors import DataError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

_DIGITS = 4


@dataclass(frozen=True)
class Answer:
    """One clip of the evaluation: its true class, the predicted class and its probability."""

    file: str
    label: str
    predicted: str
    probability: float
    fold: int | None = None


@dataclass(frozen=True)
class Bin:
    """The clips whose confidence lies in (low, high]: count, mean confidence, accuracy."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class CalibrationScores:
    """How reliable the probabilities are.

    Attributes
    ----------
    nll : float
        Mean negative log likelihood of the true class, in nats.
    brier : float
        Mean squared distance between probabilities and truth, summed over classes, 0 to 2.
    ece : float
        Expected calibration error of the most probable class, 0 to 1.
    mean_confidence : float
        Mean probability of the most probable class.
    """

    nll: float
    brier: float
    ece: float
    mean_confidence: float


@dataclass(frozen=True)
class Calibration:
    """How reliable the probabilities are, before and after calibration.

    Attributes
    ----------
    temperature : float
        Divides the logits after calibration.
    before, after : CalibrationScores
    ece_noise_floor : float
        The ECE a perfectly calibrated classifier would show on this many clips.
    bins, bins_before : tuple of Bin
        After and before calibration; empty bins are left out.
    """

    temperature: float
    before: CalibrationScores
    after: CalibrationScores
    ece_noise_floor: float
    bins: tuple[Bin, ...]
    bins_before: tuple[Bin, ...]


@dataclass(frozen=True)
class ClaimCheck:
    """How often a wording of the verdict was used, and its accuracy (None: never used)."""

    claim: str
    count: int
    right: float | None = None


@dataclass(frozen=True)
class Condition:
    """The scores on clips changed in one way."""

    condition: str
    accuracy: float
    standard_error: float
    top_3_accuracy: float | None = None


@dataclass(frozen=True)
class Unknown:
    """How well a score separates sounds of no class from known ones.

    `sounds` says which; `auroc` is its area under the ROC curve with a 95 % interval; `fpr95` is
    the share of the `unknown` clips that still pass when 95 % of the `known` ones do; the last
    two are the shares that the network calls none of its classes, where the score decides that.
    """

    score: str
    auroc: float
    auroc_low: float
    auroc_high: float
    fpr95: float
    sounds: str = "unknown classes"
    known: int | None = None
    unknown: int | None = None
    known_called_none: float | None = None
    unknown_called_none: float | None = None


@dataclass(frozen=True)
class Report:
    """One evaluation.

    Attributes
    ----------
    accuracy, standard_error, top_3_accuracy : float
        Shares of `clips`; the standard error is that of sampling the clips.
    checkpoint : str
        The classifier's name.
    folds, trained_on_folds : tuple of int
        Evaluated on, and trained on.
    learnt : int or None
        How many of the clips the network had learnt from; None where it does not say which.
    labels : tuple of str
        The classifier's classes.
    per_class : dict of str to float
        Accuracy on each class that occurs.
    answers : tuple of Answer
        One a clip; empty where the file does not list them.
    calibration, verdicts, robustness, unknown
        What else was measured.
    """

    accuracy: float
    standard_error: float
    clips: int
    checkpoint: str = ""
    folds: tuple[int, ...] = ()
    trained_on_folds: tuple[int, ...] = ()
    learnt: int | None = None
    top_3_accuracy: float | None = None
    labels: tuple[str, ...] = ()
    per_class: dict[str, float] = dataclasses.field(default_factory=dict)
    answers: tuple[Answer, ...] = ()
    calibration: Calibration | None = None
    verdicts: tuple[ClaimCheck, ...] = ()
    robustness: tuple[Condition, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """Build the report from evaluation.json's object.

        Raises
        ------
        DataError
            If it lacks a field without which it says nothing.
        """
        try:
            return read_as(cls, values)  # type: ignore[no-any-return] # of the type asked for
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"The evaluation cannot be read ({error}); write it again with "
                "`python -m resona_core evaluate --output`."
            ) from None

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; floats with four digits."""
        return as_json(self)

    @property
    def is_test(self) -> bool:
        """Whether no clip was learnt; where the clips are not known, no fold."""
        if self.learnt is not None:
            return self.learnt == 0
        return not set(self.folds) & set(self.trained_on_folds)


def read_as(wanted: Any, value: Any) -> Any:
    """Return JSON's `value` as the type `wanted`: a record, a tuple or dict of them, or as it is.

    Raises
    ------
    TypeError, ValueError, AttributeError
        If a record lacks a field that it must have, or is no object.
    """
    if get_origin(wanted) is UnionType:
        return None if value is None else read_as(get_args(wanted)[0], value)
    if get_origin(wanted) is tuple:
        return tuple(read_as(get_args(wanted)[0], item) for item in value or ())
    if get_origin(wanted) is dict:
        kind = get_args(wanted)[1]
        return {name: read_as(kind, item) for name, item in (value or {}).items()}
    if not dataclasses.is_dataclass(wanted):
        return value
    types = get_type_hints(wanted)
    known = {name: read_as(types[name], item) for name, item in value.items() if name in types}
    return wanted(**known)  # type: ignore[operator] # a dataclass is a type here


def as_json(record: DataclassInstance) -> dict[str, Any]:
    """Return what JSON can hold of a record; floats with four digits."""
    return {name: _written(value) for name, value in dataclasses.asdict(record).items()}


def _written(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _written(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    if isinstance(value, float):
        return round(value, _DIGITS) if math.isfinite(value) else None  # JSON has no NaN
    return value
