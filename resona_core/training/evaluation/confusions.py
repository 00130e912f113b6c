"""An evaluation's answers -> what is mistaken for what. Nothing here loads torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from resona_core.labels import GROUPS, group_of
from resona_core.training.evaluation.records import Report

NO_GROUP = "Other"


@dataclass(frozen=True, eq=False)
class Confusion:
    """How often each class was predicted for each.

    Attributes
    ----------
    labels, groups : tuple of str
        The classes group by group, and the group of each.
    counts : ndarray (true class, predicted class), int64
    """

    labels: tuple[str, ...]
    groups: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """Clips of the class `label` classified as `predicted`: `count` of `clips`."""

    label: str
    predicted: str
    count: int
    clips: int

    @property
    def is_right(self) -> bool:
        """Whether the predicted class is the true one."""
        return self.label == self.predicted


@dataclass(frozen=True)
class ClassResult:
    """One class: how many clips are classified correctly, what it is mistaken for most."""

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
    """Count the answers by true and predicted class."""
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
    """Return one row for each class that was evaluated, in the table's order."""
    rows = []
    for index, label in enumerate(table.labels):
        given = dict(zip(table.labels, table.counts[index].tolist(), strict=True))
        right = given.pop(label)
        taken_for = max(given, key=given.__getitem__) if any(given.values()) else None
        if clips := right + sum(given.values()):
            rows.append(ClassResult(label, table.groups[index], clips, right, taken_for))
    return rows
