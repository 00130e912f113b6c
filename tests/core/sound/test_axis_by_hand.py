"""Where each frame of a sound belongs, counted by hand at 100 frames a second."""

from __future__ import annotations

import numpy as np
import pytest

from resona_core.sound.axis import Axis, evened
from resona_core.sound.notices import Notices

RATE_HZ = 100


def placed(axis: Axis, n_frames: int, stamp: int | None, damaged: bool = False) -> list[int]:
    """Place frames numbered from 1 on; return how many are silent, then the numbers' ends."""
    block = np.arange(1, n_frames + 1, dtype=np.float32)[:, None]
    out = list(axis.place(block, None if stamp is None else stamp / RATE_HZ, damaged))
    whole = np.concatenate(out)[:, 0]
    assert max(map(len, out)) <= 50  # half a second at a time
    sounding = whole[whole > 0]
    assert not len(sounding) or (sounding[-1] == n_frames and (np.diff(sounding) == 1).all())
    return [int((whole == 0).sum()), len(sounding)]


@pytest.mark.parametrize(
    ("stamp", "damaged", "silent", "new"),
    [
        (None, False, 0, 10),
        (None, True, 0, 10),
        (20, False, 0, 10),
        (23, False, 0, 10),  # within 30 ms
        (24, False, 4, 10),
        (20, True, 0, 10),
        (21, True, 1, 10),  # what could not be decoded is missing to the frame
        (150, False, 130, 10),
        (6_000, False, 5_980, 10),
        (6_001, False, 0, 10),  # beyond the longest: not believed
        (17, False, 0, 10),
        (16, False, 0, 6),  # heard before
        (10, False, 0, 0),
        (9, False, 0, 10),  # back by more than 0.1 s: a new part
    ],
)
def test_a_stamp_puts_a_frame_where_it_is_heard(
    stamp: int | None, damaged: bool, silent: int, new: int
) -> None:
    notices = Notices()
    axis = Axis(RATE_HZ, 60.0, notices)
    assert placed(axis, 20, 0) == [0, 20]
    assert placed(axis, 10, stamp, damaged) == [silent, new]
    assert axis.n_frames == 20 + silent + new
    told, other = notices.missing, notices.undecoded
    told, other = (other, told) if damaged else (told, other)
    assert (told.count, other.count) == (int(silent > 0), 0)
    if silent:
        assert (told.first_s, told.last_end_s) == pytest.approx((0.2, 0.2 + silent / RATE_HZ))


@pytest.mark.parametrize("first", [9, 6_001])
def test_a_new_part_follows_the_last_with_all_that_comes_in_it(first: int) -> None:
    axis = Axis(RATE_HZ, 60.0, Notices())
    stamps = [(20, 0), (10, first), (10, first + 10), (10, first + 25)]
    assert [placed(axis, n, stamp) for n, stamp in stamps] == [[0, 20], [0, 10], [0, 10], [5, 10]]


@pytest.mark.parametrize(
    ("stamp", "silent", "new"),
    [(None, 0, 10), (-5, 0, 5), (-3, 0, 10), (3, 0, 10), (4, 4, 10), (120, 120, 10)],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_silence_stands_before_a_sound_that_begins_late(
    stamp: int | None, silent: int, new: int, damaged: bool
) -> None:
    notices = Notices()
    axis = Axis(RATE_HZ, 60.0, notices)
    assert axis.n_frames == 0
    assert placed(axis, 10, stamp, damaged) == [silent, new]
    assert axis.n_frames == silent + new
    assert notices.late_s == pytest.approx(silent / RATE_HZ)
    assert notices.missing.count == notices.undecoded.count == 0


@pytest.mark.parametrize(
    ("stamp", "silent", "ends"), [(None, 0, 10), (40, 0, 50), (50, 0, 60), (60, 10, 70)]
)
def test_an_excerpt_begins_with_what_comes_first_or_in_silence(
    stamp: int | None, silent: int, ends: int
) -> None:
    axis = Axis(RATE_HZ, 60.0, Notices())
    axis.begin_before(50)
    assert placed(axis, 10, stamp) == [silent, 10]
    assert axis.n_frames == ends


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([], []),
        ([0], []),
        ([3], [3]),
        ([10], [10]),
        ([4, 6, 4], [10, 4]),
        ([9, 1, 31], [10] * 4 + [1]),
    ],
)
def test_blocks_are_of_one_size_but_the_last(lengths: list[int], sizes: list[int]) -> None:
    frames = np.arange(sum(lengths), dtype=np.float32)[:, None]
    pieces = np.split(frames, np.cumsum(lengths)[:-1]) if lengths else []
    blocks = list(evened(iter(pieces), 10))
    assert [len(block) for block in blocks] == sizes
    np.testing.assert_array_equal(np.concatenate([frames[:0], *blocks]), frames)
