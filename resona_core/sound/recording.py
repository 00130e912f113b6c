"""A recording of hours -> a few windows at a time -> all that is known of it so far.

Only the windows at work are held, never the recording. Who names them is not known here: a
network on this computer, or one elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from resona_core.classification import Classification, Timeline
from resona_core.config import FrontEndConfig
from resona_core.errors import RequestError
from resona_core.settings import Limits
from resona_core.sound.audio import Window, windows
from resona_core.sound.decoding import mono_pieces, open_sound

BATCH = 16  # windows a pass
_SHORTEST_HOP_S = 0.1


def hear_recording(
    source: bytes | Path,
    front_end: FrontEndConfig,
    hear: Callable[[Sequence[Window]], Classification],
    limits: Limits,
    name: str = "",
    hop_s: float | None = None,
) -> Iterator[Timeline]:
    """Put `hear` to a recording, :data:`BATCH` windows at a time; yield all that is known.

    See :meth:`resona_core.engine.Engine.timeline`, which this is, for any `hear`.
    """
    rate_hz = front_end.sample_rate_hz
    hop_s = front_end.window_s / 2 if hop_s is None else hop_s
    if not _SHORTEST_HOP_S <= hop_s <= front_end.window_s:
        raise RequestError(
            f"A hop of {hop_s:g} s was asked for; "
            f"ask for {_SHORTEST_HOP_S:g} to {front_end.window_s:g} s, the length of a window."
        )
    with open_sound(source, limits, name) as sound:
        cut = windows(mono_pieces(sound, rate_hz), front_end.window_samples, round(hop_s * rate_hz))
        timeline: Timeline | None = None
        while batch := list(islice(cut, BATCH)):
            heard_s = batch[-1].end / rate_hz
            part = Timeline(**vars(hear(batch)), heard_s=heard_s, total_s=sound.duration_s)
            timeline = timeline.followed_by(part) if timeline else part
            yield timeline
