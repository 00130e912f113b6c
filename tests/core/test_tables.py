"""Events as files, with numbers counted by hand."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pytest

from resona_core.beginning import Beginning
from resona_core.classification import Timeline
from resona_core.tables import to_audacity, to_csv, to_json, to_raven
from resona_core.timeline import Report, Rules
from resona_core.words import began_in_words

LABELS = ("rain", "dog", "siren")
NAMED = Beginning(datetime(2024, 1, 31, 23, 59, 55), "file name")
IN_PARIS = Beginning(datetime(2024, 1, 31, 5, 30, tzinfo=timezone(timedelta(hours=1))), "GUANO")


def report(
    labels: tuple[str, ...] = LABELS, file: str = "night.wav", began: Beginning | None = None
) -> Report:
    """Windows of 5 s, one each 2.5 s: rain up to 6.25 s, and from 11.25 s on."""
    shares = np.zeros((5, 3), np.float32)
    shares[:, 0] = [0.5, 0.8, 0.4, 0.1, 0.9]
    heard = Timeline(
        labels, 5.0, 2.5 * np.arange(5), shares, np.zeros(5, bool), 15.0, None,
        began=began, heard_hz=(20.0, 16_000.0),
    )  # fmt: skip
    return Report(file, heard, Rules(0.5))


def with_music() -> Report:
    shares = np.array([[0.9, 0, 0]] * 2, np.float32)
    kinds = np.array([[1, 0], [0, 1]], np.float32)
    heard = Timeline(
        LABELS, 5.0, np.array([0, 2.5]), shares, np.zeros(2, bool), 7.5, None,
        kinds=("known", "music"), window_kinds=kinds, began=IN_PARIS,
    )  # fmt: skip
    return Report("night.wav", heard, Rules())


def test_json_gives_the_stretches_of_none_apart_and_no_other_file_does() -> None:
    found = with_music()
    record = json.loads(to_json(found))
    assert record["none_of_the_classes"] == [
        {
            "start_s": 3.75,
            "end_s": 7.5,
            "start_time": "2024-01-31T05:30:03.750+01:00",
            "end_time": "2024-01-31T05:30:07.500+01:00",
            "kind": "music",
        }
    ]
    assert [event["end_s"] for event in record["events"]] == [3.75]
    assert to_csv([found]).count("\n") == to_raven(found).count("\n") == 2
    assert to_audacity(found) == "0.000000\t3.750000\train\n"


def test_a_table_has_a_row_for_each_event() -> None:
    assert to_csv([report()]) == (
        "file,start_s,end_s,label,probability,start_time,end_time,time_from\n"
        "night.wav,0.000,6.250,rain,0.8000,,,\n"
        "night.wav,11.250,15.000,rain,0.9000,,,\n"
    )
    assert to_csv([], header=False) == ""


def test_json_has_milliseconds_and_four_digits_of_a_probability() -> None:
    whole = report()
    thirds = replace(
        whole.timeline, heard_s=50 / 3, window_starts_s=np.arange(5) * 7 / 3,
        window_probabilities=whole.timeline.window_probabilities * 2 / 3,
    )  # fmt: skip
    record = json.loads(to_json(replace(whole, timeline=thirds)))
    assert record["duration_s"] == 16.667
    assert [(one["start_s"], one["end_s"], one["probability"]) for one in record["events"]] == [
        (3.667, 6.0, 0.5333),  # half way between middles: 2.5 + 7/6, and 2.5 + 7/2
        (10.667, 16.667, 0.6),
    ]


def test_a_table_has_the_time_of_day_where_it_is_told() -> None:
    assert to_csv([report(began=NAMED), report(began=IN_PARIS)], header=False) == (
        "night.wav,0.000,6.250,rain,0.8000,"
        "2024-01-31T23:59:55.000,2024-02-01T00:00:01.250,file name\n"
        "night.wav,11.250,15.000,rain,0.9000,"
        "2024-02-01T00:00:06.250,2024-02-01T00:00:10.000,file name\n"
        "night.wav,0.000,6.250,rain,0.8000,"
        "2024-01-31T05:30:00.000+01:00,2024-01-31T05:30:06.250+01:00,GUANO\n"
        "night.wav,11.250,15.000,rain,0.9000,"
        "2024-01-31T05:30:11.250+01:00,2024-01-31T05:30:15.000+01:00,GUANO\n"
    )


def test_a_table_survives_commas_quotes_and_line_breaks() -> None:
    odd = report(('rain, "heavy"\tor\nlight', "dog", "siren"), "a,b.wav")
    rows = list(csv.DictReader(io.StringIO(to_csv([odd, odd]))))
    assert len(rows) == 4
    assert rows[0]["label"] == 'rain, "heavy"\tor\nlight'
    assert rows[3]["file"] == "a,b.wav"


def test_a_label_track_has_three_columns_whatever_a_class_is_called() -> None:
    assert to_audacity(report()) == "0.000000\t6.250000\train\n11.250000\t15.000000\train\n"
    odd = to_audacity(report(("rain\tor\nsnow, sleet", "dog", "siren")))
    assert odd.splitlines()[0].split("\t") == ["0.000000", "6.250000", "rain or snow, sleet"]


def test_a_selection_table_has_the_columns_that_raven_reads() -> None:
    assert to_raven(report()) == (
        "Selection\tView\tChannel\tBegin Time (s)\tEnd Time (s)\tLow Freq (Hz)\tHigh Freq (Hz)"
        "\tClass\tScore\n"
        "1\tSpectrogram 1\t1\t0.000000\t6.250000\t20.0\t16000.0\train\t0.8000\n"
        "2\tSpectrogram 1\t1\t11.250000\t15.000000\t20.0\t16000.0\train\t0.9000\n"
    )


def test_a_selection_table_tells_the_time_of_day_as_raven_does() -> None:
    header, first, second = (
        line.split("\t") for line in to_raven(report(began=NAMED)).splitlines()
    )
    assert header[9:] == ["Begin Date", "Begin Clock Time", "End Clock Time", "Clock Source"]
    assert first[9:] == ["2024/01/31", "23:59:55.000", "00:00:01.250", "file name"]
    assert second[9:] == ["2024/02/01", "00:00:06.250", "00:00:10.000", "file name"]
    assert to_raven(report(began=IN_PARIS)).splitlines()[1].endswith("\tGUANO, UTC+01:00")


def test_a_selection_table_takes_a_class_of_any_name_as_it_is() -> None:
    row = to_raven(report(('rain\t"heavy"\nor light', "dog", "siren"))).splitlines()[1]
    assert row.split("\t")[7] == 'rain "heavy" or light'


def test_json_gives_times_to_the_millisecond_and_shares_to_a_hundredth_of_a_percent() -> None:
    starts_s = np.array([0.0, 1.111111])
    shares = np.array([[0.1234567, 0, 0], [0.7654321, 0, 0]], np.float32)
    kinds = np.array([[0, 1.0], [1.0, 0]], np.float32)
    heard = Timeline(LABELS, 5.0, starts_s, shares, np.zeros(2, bool), 6.111111, None,
                     kinds=("known", "speech"), window_kinds=kinds)  # fmt: skip
    record = json.loads(to_json(Report("night.wav", heard, Rules(0.5))))
    assert record["duration_s"] == 6.111
    unknown = {"start_time": None, "end_time": None}
    assert record["events"] == [
        {"start_s": 3.056, "end_s": 6.111, "label": "rain", "probability": 0.7654} | unknown
    ]
    assert record["none_of_the_classes"] == [
        {"start_s": 0.0, "end_s": 3.056, "kind": "speech"} | unknown
    ]


def test_json_is_one_line_with_the_rules_and_the_events() -> None:
    text = to_json(report())
    assert text.count("\n") == 1
    unknown = {"start_time": None, "end_time": None}
    assert json.loads(text) == {
        "file": "night.wav", "duration_s": 15.0, "window_s": 5.0, "windows": 5,
        "silent_windows": 0, "began": None, "warnings": [], "precision": "",
        "threshold": 0.5, "smooth_s": 0.0, "top": None, "none_of_the_classes": None,
        "events": [
            {"start_s": 0.0, "end_s": 6.25, "label": "rain", "probability": 0.8} | unknown,
            {"start_s": 11.25, "end_s": 15.0, "label": "rain", "probability": 0.9} | unknown,
        ],
    }  # fmt: skip


def test_json_tells_when_it_began_and_what_says_so() -> None:
    assert json.loads(to_json(report(began=NAMED)))["began"] == {
        "time": "2024-01-31T23:59:55.000",
        "from": "file name",
        "utc_offset": None,
        "time_expansion": 1.0,
    }
    assert json.loads(to_json(report(began=IN_PARIS)))["began"]["utc_offset"] == "+01:00"


@pytest.mark.parametrize(
    ("began", "told"),
    [
        (None, ""),
        (NAMED, "began 2024-01-31 23:59:55 (file name, time zone not known)"),
        (IN_PARIS, "began 2024-01-31 05:30:00 (GUANO, UTC+01:00)"),
        (Beginning(datetime(2024, 7, 1, tzinfo=UTC), "GUANO"),
         "began 2024-07-01 00:00:00 (GUANO, UTC+00:00)"),
    ],
)  # fmt: skip
def test_it_is_told_in_words(began: Beginning | None, told: str) -> None:
    assert began_in_words(report(began=began)) == told


def test_a_recording_that_plays_ten_times_slower_has_its_own_seconds() -> None:
    slowed = Beginning(datetime(2024, 1, 31, 5, 30), "GUANO", slowed=10)
    assert slowed.clock(25) == "2024-01-31T05:30:02.500"
