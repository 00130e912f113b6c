"""The lines of a timeline as they go over the wire: windows, and in the end events or a problem."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from resona_core.serve.api.schemas import Precision, Probability, Problem, Window

Clock = Annotated[
    str | None,
    Field(
        description="Time of day (ISO 8601), with the offset from UTC where it is known; null "
        "where nothing tells when the recording began."
    ),
]


class WindowLine(Window):
    """One window of the recording, not smoothed."""

    line: Literal["window"] = "window"
    start_time: Clock


class Began(BaseModel):
    """When the recording began, and what says so."""

    time: str
    told_by: Annotated[str, Field(alias="from", description="GUANO, file name or BWF.")]
    utc_offset: str | None
    time_expansion: Annotated[float, Field(description="How many times slower than it was.")]


class Stretch(BaseModel):
    """From where to where, from the recording's start and as time of day."""

    start_s: Annotated[float, Field(ge=0)]
    end_s: float
    start_time: Clock
    end_time: Clock


class EventInTime(Stretch):
    """A stretch in which one class stays at the threshold or above."""

    label: str
    probability: Annotated[Probability, Field(description="The highest reached.")]


class StrangeStretch(Stretch):
    """A stretch that sounds like none of the classes."""

    kind: Annotated[str, Field(description="What it is more like.")]


class EndLine(BaseModel):
    """The last line: what was found, by which rules, and what the listener must know."""

    model_config = ConfigDict(extra="forbid")

    line: Literal["end"] = "end"
    network: str
    file: Annotated[str, Field(description="As it was called; may be empty.")]
    duration_s: float
    window_s: float
    windows: int
    silent_windows: int
    began: Began | None
    warnings: list[str]
    precision: Precision
    threshold: float
    smooth_s: float
    top: int | None
    events: list[EventInTime]
    none_of_the_classes: Annotated[
        list[StrangeStretch] | None, Field(description="Null where nothing measures it.")
    ]


class ProblemLine(Problem):
    """The last line where the recording could not be heard to its end."""

    line: Literal["problem"] = "problem"
