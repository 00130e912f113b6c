from __future__ import annotations

from dataclasses import replace

from resona_core.training.evaluation.confusions import (
    NO_GROUP,
    ClassResult,
    Pair,
    class_results,
    confusion,
    in_groups,
    pairs,
)
from resona_core.training.evaluation.records import Answer, Report

ANSWERS = (
    Answer("1.wav", "rain", "rain", 0.9),
    Answer("2.wav", "rain", "dog", 0.4),
    Answer("3.wav", "rain", "dog", 0.6),
    Answer("4.wav", "rain", "siren", 0.6),
    Answer("5.wav", "dog", "dog", 0.8),
)
REPORT = Report(0.4, 0.2, 5, labels=("siren", "rain", "dog"), answers=ANSWERS)


def test_classes_come_group_by_group_and_own_ones_last() -> None:
    assert in_groups(("kettle", "siren", "rain", "dog")) == ("dog", "rain", "siren", "kettle")


def test_the_confusion_counts_true_by_given_class() -> None:
    table = confusion(REPORT)
    assert table.labels == ("dog", "rain", "siren")
    assert table.groups == ("Animals", "Natural soundscapes", "Exterior")
    assert table.counts.tolist() == [[1, 0, 0], [2, 1, 1], [0, 0, 0]]


def test_a_class_of_someones_own_has_a_group_too() -> None:
    table = confusion(replace(REPORT, answers=(Answer("1.wav", "kettle", "dog", 0.5),)))
    assert table.labels[-1] == "kettle"
    assert table.groups[-1] == NO_GROUP


def test_pairs_begin_with_the_most_frequent_mistake_and_end_with_what_was_right() -> None:
    assert pairs(confusion(REPORT)) == [
        Pair("rain", "dog", 2, 4),
        Pair("rain", "siren", 1, 4),
        Pair("dog", "dog", 1, 1),
        Pair("rain", "rain", 1, 4),
    ]


def test_a_class_that_was_not_evaluated_has_no_result() -> None:
    assert class_results(confusion(REPORT)) == [
        ClassResult("dog", "Animals", 1, 1, None),
        ClassResult("rain", "Natural soundscapes", 4, 1, "dog"),
    ]


def test_a_network_of_one_class_is_never_mistaken() -> None:
    alone = Report(1.0, 0.0, 1, labels=("dog",), answers=(Answer("1.wav", "dog", "dog", 1.0),))
    assert class_results(confusion(alone)) == [ClassResult("dog", "Animals", 1, 1, None)]
