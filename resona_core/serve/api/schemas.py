"""What goes over the wire, as pydantic models: they are the documentation at /docs."""

from __future__ import annotations

import base64
import io
import wave
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_Base64 = Field(json_schema_extra={"contentEncoding": "base64"})
Probability = Annotated[float, Field(ge=0, le=1)]


def _described(*examples: dict[str, Any]) -> ConfigDict:
    return ConfigDict(extra="forbid", json_schema_extra={"examples": [*examples]})


def _example_wav() -> bytes:
    """Return 4 ms of a 1 kHz square wave, the smallest sound that is one: 8 kHz, 8 bit, mono."""
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", "not compressed"))
        sound.writeframes(bytes([192, 192, 192, 192, 64, 64, 64, 64] * 4))
    return file.getvalue()


_EXAMPLE = base64.b64encode(_example_wav()).decode()


class SoundInJson(BaseModel):
    """A whole sound file in JSON."""

    model_config = _described(
        {"audio_data": _EXAMPLE}, {"audio_data": f"data:audio/wav;base64,{_EXAMPLE}"}
    )

    audio_data: Annotated[
        str, Field(description="The file's bytes in base64, padded, or a data: URI of them.")
    ]


class Problem(BaseModel):
    """Why there is no answer (RFC 9457)."""

    model_config = _described(
        {
            "type": "about:blank",
            "title": "Unsupported Media Type",
            "status": 415,
            "detail": "notes.txt is not a sound this program can read; use one of wav, flac, ogg.",
            "request_id": "6f1f1c2b7d4e4c0c9a54d6c1c1a0b9de",
        }
    )

    type: str = "about:blank"
    title: Annotated[str, Field(description="The status in words.")]
    status: Annotated[int, Field(ge=400, le=599)]
    detail: Annotated[str, Field(description="What was received, what is allowed, how to fix it.")]
    request_id: Annotated[str, Field(description="Also in the header X-Request-ID.")]
    errors: Annotated[
        dict[str, str] | None, Field(description="Where the request is not valid, and why.")
    ] = None


class RankedLabel(BaseModel):
    """A class and its probability."""

    label: str
    probability: Probability


class Verdict(BaseModel):
    """The answer in words, never stronger than its probability."""

    headline: str
    reason: str
    certain: bool


Known = Annotated[
    bool | None,
    Field(description="Whether it is of any of the classes; null for silence, or if not measured."),
]
Kind = Annotated[
    str | None,
    Field(
        description="If known is false, the most probable of the other kinds in /v1/model; "
        "otherwise null."
    ),
]


Precision = Annotated[str, Field(description="Of the network's numbers: float32 or int8.")]


class Window(BaseModel):
    """The answer for one window of the sound."""

    start_s: Annotated[float, Field(ge=0)]
    silent: Annotated[bool, Field(description="Nothing to hear, or nothing the network can.")]
    known: Known
    kind: Kind
    predictions: list[RankedLabel]


class SoundFacts(BaseModel):
    """The format of the file, and the sample rate the network used."""

    duration_s: Annotated[float, Field(ge=0)]
    source_rate_hz: Annotated[int, Field(gt=0, description="Sample rate of the file.")]
    sample_rate_hz: Annotated[int, Field(gt=0, description="Sample rate of the network's input.")]
    channels: Annotated[int, Field(ge=1, description="Channels in the file.")]
    encoding: str


class Classification(BaseModel):
    """What the sound is: averaged over the windows that are not silent, and for each window."""

    model_config = _described(
        {
            "network": "resnet34-esc50",
            "sound": {
                "duration_s": 5.0,
                "source_rate_hz": 44100,
                "sample_rate_hz": 44100,
                "channels": 1,
                "encoding": "WAV, PCM signed 16-bit",
            },
            "warnings": ["The file breaks off after 5.0 of 8.0 s; it is heard as far as it goes."],
            "nothing_to_hear": False,
            "known": True,
            "kind": None,
            "verdict": {
                "headline": "Probably rain",
                "reason": "The network gives it 81 %; next is wind with 9.0 %.",
                "certain": True,
            },
            "predictions": [{"label": "rain", "probability": 0.81}],
            "precision": "float32",
            "window_s": 5.0,
            "windows": [
                {
                    "start_s": 0.0,
                    "silent": False,
                    "known": True,
                    "kind": None,
                    "predictions": [{"label": "rain", "probability": 0.81}],
                }
            ],
        }
    )

    network: str
    sound: SoundFacts
    warnings: Annotated[
        list[str],
        Field(description="What the listener must know: what was missing, and what was done."),
    ]
    nothing_to_hear: Annotated[
        bool,
        Field(description="Every window is silent, or sounds only above what the network hears."),
    ]
    known: Known
    kind: Kind
    verdict: Verdict
    predictions: Annotated[
        list[RankedLabel], Field(description="Most probable first; empty for silence.")
    ]
    precision: Precision
    window_s: float
    windows: list[Window]


class Spectrogram(BaseModel):
    """A log-mel spectrogram: cell (mel, frame) is `offset_db + scale_db * byte` dB."""

    model_config = _described(
        {
            "shape": [2, 2],
            "decibels": base64.b64encode(bytes([0, 85, 170, 255])).decode(),
            "scale_db": 0.3137,
            "offset_db": -80.0,
            "frequency_hz": [20.0, 48.5],
            "time_s": [0.0, 0.02],
        }
    )

    shape: Annotated[list[int], Field(description="Mel bins, frames.", min_length=2, max_length=2)]
    decibels: Annotated[
        str, _Base64, Field(description="One byte per cell, row by row, lowest frequency first.")
    ]
    scale_db: float
    offset_db: float
    frequency_hz: Annotated[list[float], Field(description="Centre of each row, ascending.")]
    time_s: Annotated[list[float], Field(description="Centre of each frame.")]


class Layer(BaseModel):
    """One layer's feature maps: cell (channel, mel, frame) is `scale[channel] * byte`."""

    layer: str
    shape: Annotated[
        list[int], Field(description="Channels, mel, frames.", min_length=3, max_length=3)
    ]
    maps: Annotated[
        str, _Base64, Field(description="One byte per cell, C order, lowest frequency first.")
    ]
    scale: Annotated[list[float], Field(description="Step of each channel.")]
    frequency_hz: Annotated[list[float], Field(description="Centre of each row.")]
    time_s: Annotated[
        list[float], Field(description="Centre of each column, from the start of the window.")
    ]


class FeatureMaps(BaseModel):
    """Feature maps of the chosen layers for one window, with their axes."""

    model_config = _described(
        {
            "window": 0,
            "layers": [
                {
                    "layer": "layer4.2",
                    "shape": [1, 1, 2],
                    "maps": base64.b64encode(bytes([0, 255])).decode(),
                    "scale": [0.0121],
                    "frequency_hz": [20.0],
                    "time_s": [0.0, 1.024],
                }
            ],
        }
    )

    window: int
    layers: Annotated[list[Layer], Field(description="In order of execution.")]


class Label(BaseModel):
    """A class the network knows."""

    label: str
    spoken: Annotated[str, Field(description="Name for display.")]
    group: Annotated[str | None, Field(description="Group in ESC-50; null for other classes.")]


class Labels(BaseModel):
    """The classes, in the order of the network's outputs."""

    model_config = _described(
        {"labels": [{"label": "sea_waves", "spoken": "Sea waves", "group": "Natural soundscapes"}]}
    )

    labels: list[Label]


class LayerDescription(BaseModel):
    """A layer: its size and receptive field."""

    name: str
    channels: int
    height: Annotated[int, Field(description="Cells along frequency.")]
    width: Annotated[int, Field(description="Cells along time.")]
    parameters: int
    receptive_field_mels: int
    receptive_field_s: float
    meaning: str


class Network(BaseModel):
    """The network: origin, front end, scores, layers."""

    name: str
    kinds: Annotated[
        list[str],
        Field(description="First any of the classes, then kinds of other sounds; may be empty."),
    ]
    device: str
    runtime: str
    precision: Precision
    data: Annotated[str, Field(description="Training data.")]
    folds: list[int]
    licence: str
    validation: Annotated[str, Field(description="How the scores were obtained.")]
    scores: dict[str, float]
    front_end: Annotated[
        dict[str, int | float], Field(description="Settings of the audio front end.")
    ]
    layers: list[LayerDescription]


class Health(BaseModel):
    """The service is up and its network is loaded."""

    model_config = _described({"status": "ok", "version": "0.1.0", "network": "resnet34-esc50"})

    status: str
    version: str
    network: str
