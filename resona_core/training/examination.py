"""What an examination found: the records of evaluation.json, and the tables made of its answers.

Written by ``python -m resona_core evaluate --output``. Keys that are not known here are left
out, so that a newer program's file can still be looked at.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import DataError
from resona_core.labels import GROUPS, group_of

T = TypeVar("T")

NO_GROUP = "Other"


@dataclass(frozen=True)
class Answer:
    """One clip of the examination: its true class, the class given, and how surely."""

    file: str
    label: str
    predicted: str
    probability: float
    fold: int | None = None


@dataclass(frozen=True)
class Bin:
    """The clips whose confidence lies in [low, high): how many, how sure, how often right."""

    low: float
    high: float
    count: int
    confidence: float | None = None  # None: no clips
    accuracy: float | None = None


@dataclass(frozen=True)
class Calibration:
    """Whether the probabilities mean what they say.

    Attributes
    ----------
    temperature : float
        Divides the logits after calibration.
    before, after : dict of str to float
        nll, brier, ece and mean_confidence, each 0 or more.
    ece_noise_floor : float or None
        The ECE a perfectly calibrated classifier would show on this many clips.
    bins, bins_before : tuple of Bin
        After and before calibration.
    """

    temperature: float = 1.0
    before: dict[str, float] = field(default_factory=dict)
    after: dict[str, float] = field(default_factory=dict)
    ece_noise_floor: float | None = None
    bins: tuple[Bin, ...] = ()
    bins_before: tuple[Bin, ...] = ()


@dataclass(frozen=True)
class ClaimCheck:
    """How often a verdict's words were used, and how often they were right (None: never used)."""

    claim: str
    count: int
    right: float | None = None


@dataclass(frozen=True)
class Condition:
    """The accuracy on clips changed in one way."""

    condition: str
    accuracy: float
    standard_error: float | None = None


@dataclass(frozen=True)
class Unknown:
    """How well a score tells sounds of no class from known ones.

    `sounds` says which; `auroc` is its area under the ROC curve with a 95 % interval; `fpr95` is
    the share of them that still pass when 95 % of the `known` clips do; the last two are the
    shares that the network calls none of its classes.
    """

    score: str
    auroc: float
    sounds: str = "unknown classes"
    known: int | None = None
    unknown: int | None = None
    auroc_low: float | None = None
    auroc_high: float | None = None
    fpr95: float | None = None
    known_called_none: float | None = None
    unknown_called_none: float | None = None


@dataclass(frozen=True)
class Report:
    """One examination.

    Attributes
    ----------
    accuracy, standard_error, top_3_accuracy : float
        Shares of `clips`; the standard error is that of sampling the clips.
    folds, trained_on_folds : tuple of int
        Examined on, and learnt from.
    labels : tuple of str
        The classifier's classes.
    answers : tuple of Answer
        One a clip; empty where the file does not list them.
    """

    accuracy: float
    standard_error: float
    clips: int
    checkpoint: str = ""
    folds: tuple[int, ...] = ()
    trained_on_folds: tuple[int, ...] = ()
    top_3_accuracy: float | None = None
    labels: tuple[str, ...] = ()
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
            return _record(cls, dict(values) | _parts(values))
        except (TypeError, ValueError, AttributeError) as error:
            raise DataError(
                f"The examination cannot be read ({error}); write it again with "
                "`python -m resona_core evaluate --output`."
            ) from None

    @property
    def seen_folds(self) -> tuple[int, ...]:
        """Folds that were both learnt from and examined on: on these it is no test."""
        return tuple(sorted(set(self.folds) & set(self.trained_on_folds)))


def _parts(values: Mapping[str, Any]) -> dict[str, Any]:
    calibration, unknown = values.get("calibration"), values.get("unknown") or ()
    return {
        "folds": tuple(values.get("folds") or ()),
        "trained_on_folds": tuple(values.get("trained_on_folds") or ()),
        "labels": tuple(values.get("labels") or ()),
        "answers": _records(Answer, values.get("answers")),
        "calibration": _calibration(calibration) if calibration else None,
        "verdicts": _records(ClaimCheck, values.get("verdicts")),
        "robustness": _records(Condition, values.get("robustness")),
        "unknown": _records(Unknown, [unknown] if isinstance(unknown, Mapping) else unknown),
    }


def _calibration(values: Mapping[str, Any]) -> Calibration:
    bins = {key: _records(Bin, values.get(key)) for key in ("bins", "bins_before")}
    return _record(Calibration, dict(values) | bins)


def _records(cls: type[T], rows: Sequence[Mapping[str, Any]] | None) -> tuple[T, ...]:
    return tuple(_record(cls, row) for row in rows or ())


def _record(cls: type[T], values: Mapping[str, Any]) -> T:
    names = {f.name for f in dataclasses.fields(cls)}  # type: ignore[arg-type] # a dataclass
    return cls(**{name: value for name, value in values.items() if name in names})


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class was taken for each.

    Attributes
    ----------
    labels, groups : tuple of str
        The classes group by group, and the group of each.
    counts : ndarray (true class, given class), int64
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Clips of the class `label` that were given the class `predicted`: `count` of `clips`."""

    label: str
    predicted: str
    count: int
    clips: int

    @property
    def is_right(self) -> bool:
        """Whether the class given is the true one."""
        return self.label == self.predicted


@dataclass(frozen=True)
class ClassResult:
    """One class: how many of its clips were answered right, and what it is mistaken for most."""

    label: str
    group: str
    clips: int
    right: int
    taken_for: str | None  # None: never mistaken


def in_groups(labels: Sequence[str]) -> tuple[str, ...]:
    """Return the classes in the order of ESC-50's groups, then those of someone's own."""
    known = [label for members in GROUPS.values() for label in members if label in labels]
    return (*known, *(label for label in labels if label not in known))


def confusion(report: Report) -> Confusion:
    """Count the examination's answers by true and given class."""
    named = [label for answer in report.answers for label in (answer.label, answer.predicted)]
    labels = in_groups(tuple(dict.fromkeys([*report.labels, *named])))
    place = {label: index for index, label in enumerate(labels)}
    counts = np.zeros((len(labels), len(labels)), np.int64)
    for answer in report.answers:
        counts[place[answer.label], place[answer.predicted]] += 1
    return Confusion(labels, tuple(group_of(label) or NO_GROUP for label in labels), counts)


def pairs(table: Confusion) -> list[Pair]:
    """Return every pair that occurs: mistakes first, the most frequent first."""
    clips = table.counts.sum(axis=1)
    found = [
        Pair(table.labels[i], table.labels[j], int(table.counts[i, j]), int(clips[i]))
        for i, j in np.argwhere(table.counts).tolist()
    ]
    return sorted(found, key=lambda pair: (pair.is_right, -pair.count))


def class_results(table: Confusion) -> list[ClassResult]:
    """Return one row a class that was examined, in the table's order."""
    rows = []
    for index, label in enumerate(table.labels):
        wrong = Counter(dict(zip(table.labels, table.counts[index].tolist(), strict=True)))
        right = wrong.pop(label)
        (worst, count) = wrong.most_common(1)[0] if wrong else (None, 0)
        if clips := right + wrong.total():
            taken_for = worst if count else None
            rows.append(ClassResult(label, table.groups[index], clips, right, taken_for))
    return rows
