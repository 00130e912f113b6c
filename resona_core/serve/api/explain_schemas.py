"""What /v1/explain answers, as pydantic models: they are the documentation at /docs."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field

from resona_core.explain.explanation import Method
from resona_core.serve.api.schemas import Probability

Share = Annotated[float, Field(ge=0)]


class Probabilities(BaseModel):
    """The probability of the target in the window, in what is kept of it, in what is left over.

    Each is that of /v1/classify for this part as a sound of its own.
    """

    full: Probability
    kept: Probability
    rest: Probability


class Parts(BaseModel):
    """Something in words about the window, what is kept of it, and what is left over."""

    full: str
    kept: str
    rest: str


class Explanation(BaseModel):
    """The part of a window that the probability of a class rests on."""

    window: int
    target: Annotated[str, Field(description="The class that was asked about.")]
    method: Method
    layer: Annotated[str, Field(description="Where grad-cam looked; empty for other methods.")]
    strength: float
    probabilities: Probabilities
    answers: Annotated[Parts, Field(description="The most probable class of each; empty: silence.")]
    verdicts: Annotated[Parts, Field(description="Each answer in words.")]
    energy_kept: Annotated[Share, Field(description="Share of the window's energy.")]
    area_kept: Annotated[Probability, Field(description="Share of the picture.")]
    summary: str
    seconds: float
    shape: Annotated[list[int], Field(description="Mel bins, frames.")]
    mask: Annotated[
        str,
        Field(
            description="How much of each cell is kept, in steps of 1/255: one byte each, row by "
            "row, in base64; row 0 is the lowest frequency.",
            json_schema_extra={"contentEncoding": "base64"},
        ),
    ]
    frequency_hz: list[float]
    time_s: list[float]
