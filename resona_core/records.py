"""One JSON object for each file: what ``classify`` and ``timeline`` write, here and on Modal."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, Self, cast

from resona_core.classification import Classification
from resona_core.door import Door
from resona_core.errors import RemoteError, RequestError, ResonaError
from resona_core.sound.audio import Clip
from resona_core.sound.sources import Source
from resona_core.tables import to_json
from resona_core.timeline import Report, Rules
from resona_core.words import verdict

Record = dict[str, Any]
"""What is known of one file: under "file" its name, and its answer or an "error"."""


@dataclass(frozen=True)
class Task:
    """What is to be done with each of many files.

    Attributes
    ----------
    command : "classify" or "timeline"
    top : int or None, >= 1
        Classes to tell; of a timeline, None for all.
    track : int or None
        Which sound track of a film, from 1.
    threshold, smooth_s, hop_s
        Of a timeline: see :class:`resona_core.timeline.Rules`, and the step between windows.

    Raises
    ------
    RequestError
        For a value out of range, before any file is asked about.
    """

    command: Literal["classify", "timeline"]
    top: int | None = None
    track: int | None = None
    threshold: float = 0.5
    smooth_s: float = 0.0
    hop_s: float | None = None

    def __post_init__(self) -> None:
        if self.command == "classify" and self.top is None:
            raise RequestError("No number of classes was asked for; ask for 1 or more.")
        _ = self.rules  # refuses what is out of range

    @property
    def rules(self) -> Rules:
        """What counts as an event of a timeline."""
        return Rules(self.threshold, self.smooth_s, self.top)

    def to_dict(self) -> dict[str, Any]:
        """Return what was asked, without what was left open."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def to_json(self) -> str:
        """Return it as it travels."""
        return json.dumps(self.to_dict())

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` wrote."""
        return cls(**json.loads(text))


def answered(door: Door, task: Task, source: Source, name: str) -> Record:
    """Return the answer about one file, or why there is none."""
    try:
        if task.command == "timeline":
            return _timeline_record(door, task, source, name)
        clip = door.load(source, name, task.track)
        return classification_record(name, clip, door.classify(clip), cast(int, task.top))
    except (ResonaError, OSError) as error:
        return failed(name, error)


def failed(name: str, error: Exception) -> Record:
    """Return the record of a file without an answer.

    What was no fault of the file's, such as a lost connection, is to be asked "again".
    """
    record: Record = {"file": name, "error": str(error)}
    return record | ({"again": True} if isinstance(error, RemoteError) else {})


def classification_record(name: str, clip: Clip, answer: Classification, top: int) -> Record:
    """Return the answer about a sound, with its `top` classes."""
    predictions = answer.top(top)
    return {
        "file": name,
        "duration_s": round(clip.duration_s, 3),
        "sample_rate_hz": clip.source_rate_hz,
        "windows": answer.n_windows,
        "nothing_to_hear": answer.nothing_to_hear,
        "known": answer.is_known(),
        "kind": answer.kind(),
        "verdict": verdict(answer).headline,
        "warnings": list(answer.warnings),
        "precision": answer.precision,
        "predictions": [asdict(p) | {"probability": round(p.probability, 6)} for p in predictions],
    }


def _timeline_record(door: Door, task: Task, source: Source, name: str) -> Record:
    *_, heard = door.timeline(source, name, task.hop_s, task.track)
    record: Record = json.loads(to_json(Report(name, heard, task.rules)))
    return record
