from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from resona_core.labels import ESC50_LABELS, GROUPS, group_of, in_sentence, spoken


def test_there_are_five_groups_of_ten_classes_each_once() -> None:
    assert [len(members) for members in GROUPS.values()] == [10] * 5
    assert len(set(ESC50_LABELS)) == 50


@pytest.mark.parametrize(
    ("target", "label"),
    [(0, "dog"), (9, "crow"), (10, "rain"), (20, "crying_baby"), (30, "door_wood_knock"),
     (40, "helicopter"), (42, "siren"), (49, "hand_saw")],
)  # fmt: skip
def test_a_class_stands_at_the_datasets_target(target: int, label: str) -> None:
    assert ESC50_LABELS[target] == label


def test_every_class_knows_its_group_and_a_foreign_one_has_none() -> None:
    assert [group_of(label) for label in ("dog", "rain", "laughing", "clock_tick", "siren")] == [
        *GROUPS
    ]
    assert group_of("kettle") is None


@pytest.mark.parametrize(
    ("label", "words"),
    [("sea_waves", "Sea waves"), ("door_wood_knock", "Door knock"),
     ("drinking_sipping", "Drinking or sipping"), ("kettle", "Kettle"), ("", "")],
)  # fmt: skip
def test_a_label_is_spoken_as_a_person_would(label: str, words: str) -> None:
    assert spoken(label) == words


def test_a_name_keeps_its_capitals_within_a_sentence() -> None:
    assert [in_sentence(label) for label in ("Pump_7", "sea_waves", "door_wood_knock")] == [
        "Pump 7",
        "sea waves",
        "door knock",
    ]


def test_no_two_classes_sound_the_same_when_spoken() -> None:
    assert len({spoken(label) for label in ESC50_LABELS}) == 50


def test_the_order_is_that_of_the_real_dataset(esc50: Path) -> None:
    table = pd.read_csv(next((esc50 / "meta").glob("*.csv"))).sort_values("target")
    assert tuple(table["category"].unique()) == ESC50_LABELS
