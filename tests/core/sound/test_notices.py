"""Every sentence about a sound, with its figures."""

from __future__ import annotations

import pytest

from resona_core.sound.notices import Notices, Spans


def spans(*stretches: tuple[float, float], loss_db: float = 0.0) -> Spans:
    made = Spans()
    for start_s, end_s in stretches:
        made.add(start_s, end_s, loss_db)
    return made


def test_nothing_is_told_of_an_ordinary_sound() -> None:
    assert Notices().sentences() == ()
    assert Notices(late_s=0.099).sentences() == ()  # a codec's own delay


def test_each_fact_has_its_sentence() -> None:
    notices = Notices(
        late_s=8.0,
        missing=spans((5.0, 13.0)),
        undecoded=spans((30.7, 30.8), (41.0, 41.02)),
        cancelled=spans((0.0, 0.5), (0.5, 1.0), loss_db=38.6),
        above=spans((0.0, 5.0), (10.0, 15.0), loss_db=57.2),
        highest_hz=16_000.0,
        ends_s=3.7,
        promised_s=5.0,
        tracks=2,
        track=2,
        sounding_track=1,
    )
    assert notices.sentences() == (
        "The file holds 2 sound tracks; track 2 is heard, which is silent; track 1 has sound.",
        "The sound begins 8.0 s into the file; silence stands before it.",
        "8.0 s of sound are missing at 5.0 s; silence stands in.",
        "0.1 s could not be decoded in 2 places, the first at 30.7 s; silence stands in.",
        "The file breaks off after 3.7 of 5.0 s; it is heard as far as it goes.",
        "The channels cancel each other out from 0.0 s to 1.0 s: their mean is 39 dB weaker than "
        "the loudest of them, which is heard there instead.",
        "Most of the sound lies above the 16 kHz that the network hears for 10.0 s in 2 places, "
        "the first at 0.0 s: what is left is 57 dB weaker.",
    )


def test_stretches_that_overlap_count_once() -> None:
    made = spans((0.0, 5.0), (2.5, 7.5), (5.0, 10.0), (20.0, 25.0))
    made.add(25.0, 26.0)
    assert made == Spans(2, 16.0, first_s=0.0, last_end_s=26.0, most_db=0.0)


def test_a_tenth_of_a_second_and_a_single_track_are_told() -> None:
    (late,) = Notices(late_s=0.1).sentences()
    assert late == "The sound begins 0.1 s into the file; silence stands before it."
    (track,) = Notices(tracks=2, track=1).sentences()
    assert track == "The file holds 2 sound tracks; track 1 is heard."
    (ends,) = Notices(ends_s=3.7).sentences()
    assert ends == "The file breaks off after 3.7 s; it is heard as far as it goes."


def test_stretches_a_millisecond_apart_are_one_and_the_loss_is_the_greatest() -> None:
    made = spans((1.0, 2.0), (2.0009, 3.0), loss_db=12.0)
    made.add(3.0011, 4.0, 300.0)  # of which rounding alone is left
    assert (made.count, made.first_s, made.most_db) == (2, 1.0, 100.0)
    assert made.total_s == pytest.approx(1.0 + 0.9991 + 0.9989)
    made.add(1.5, 3.5, 11.0)
    assert (made.count, made.last_end_s, made.most_db) == (2, 4.0, 100.0)
    assert made.total_s == pytest.approx(2.998)
