"""Every sentence about a sound, with its figures."""

from __future__ import annotations

from resona_core.sound.notices import Notices, Spans


def spans(*stretches: tuple[float, float], loss_db: float = 0.0) -> Spans:
    made = Spans()
    for start_s, end_s in stretches:
        made.add(start_s, end_s, loss_db)
    return made


def test_nothing_is_told_of_an_ordinary_sound() -> None:
    assert Notices().sentences() == ()
    assert Notices(late_s=0.05).sentences() == ()  # a codec's own delay


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
    assert (made.count, made.total_s, made.first_s, made.last_end_s) == (2, 15.0, 0.0, 25.0)
