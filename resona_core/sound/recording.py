"""A clip, or a recording of hours a few windows at a time -> all that is known of it.

Of a recording only the windows at work are held. Who names them is not known here: a network on
this computer, or one elsewhere; nor how many batches at a time.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np

from resona_core.classification import Classification, Timeline
from resona_core.config import FrontEndConfig
from resona_core.errors import RequestError
from resona_core.settings import Limits
from resona_core.sound.audio import Clip, note_silent_track
from resona_core.sound.began import beginning_of
from resona_core.sound.mixing import Power, mono_pieces
from resona_core.sound.notices import Notices
from resona_core.sound.opening import open_sound
from resona_core.sound.sources import Source, as_file
from resona_core.sound.windows import Judge, Window, windows

BATCH = 16  # windows a question
HearEach = Callable[[Iterable[Sequence[Window]]], Iterator[Classification]]
"""Yields the answer for each batch of windows, in their order."""

_SHORTEST_HOP_S = 0.1


def told(
    answer: Classification, heard: Sequence[Window], clip: Clip, notices: Notices
) -> Classification:
    """Return the answer for a clip's windows with what is known of the clip itself."""
    return replace(
        answer,
        beyond=np.array([window.beyond for window in heard]),
        heard_s=clip.duration_s,
        warnings=notices.sentences(),
    )


def hear_recording(
    source: Source,
    front_end: FrontEndConfig,
    hear_each: HearEach,
    limits: Limits,
    name: str = "",
    hop_s: float | None = None,
    track: int | None = None,
) -> Iterator[Timeline]:
    """Put `hear_each` to a recording, :data:`BATCH` windows at a time; yield all that is known.

    See :meth:`resona_core.engine.Engine.timeline`, which this is, for anyone who hears.
    """
    rate_hz, hop_samples = front_end.sample_rate_hz, _hop_samples(front_end, hop_s)
    source = as_file(source, limits, name)
    if isinstance(source, Path):  # it is never held, whatever it weighs
        limits = replace(limits, max_bytes=sys.maxsize)
    with open_sound(source, limits, name, track) as sound:
        power = Power()
        judge = Judge(front_end, sound.quietest, power, sound.notices)
        pieces = mono_pieces(sound, rate_hz, power)
        cut = map(judge.judge, windows(pieces, front_end.window_samples, hop_samples))
        at_work: deque[tuple[list[Window], tuple[str, ...]]] = deque()

        def batches() -> Iterator[Sequence[Window]]:
            while batch := list(islice(cut, BATCH)):
                at_work.append((batch, sound.notices.sentences()))
                yield batch

        began = beginning_of(source, name)
        highest_hz = min(front_end.f_max_hz, sound.rate_hz / 2)
        timeline: Timeline | None = None
        for answer in hear_each(batches()):
            batch, warnings = at_work.popleft()
            part = Timeline(
                **vars(answer)
                | {
                    "beyond": np.array([window.beyond for window in batch]),
                    "heard_s": batch[-1].end / rate_hz,
                    "total_s": sound.duration_s,
                    "warnings": warnings,
                    "began": began,
                    "heard_hz": (front_end.f_min_hz, highest_hz),
                }
            )
            timeline = timeline.followed_by(part) if timeline else part
            yield timeline
        alone = sound.notices.tracks == 1
        if not alone and timeline and timeline.nothing_to_hear and not timeline.too_high():
            note_silent_track(sound, source)
            yield replace(timeline, warnings=sound.notices.sentences())


def _hop_samples(front_end: FrontEndConfig, hop_s: float | None) -> int:
    """Return the hop asked for, by default half a window; refuse one out of range."""
    hop_s = front_end.window_s / 2 if hop_s is None else hop_s
    if not _SHORTEST_HOP_S <= hop_s <= front_end.window_s:
        raise RequestError(
            f"A hop of {hop_s:g} s was asked for; "
            f"ask for {_SHORTEST_HOP_S:g} to {front_end.window_s:g} s, the length of a window."
        )
    return round(hop_s * front_end.sample_rate_hz)
