"""The engine's answers, as they go over the wire."""

from __future__ import annotations

import base64
import io
from collections.abc import Collection
from dataclasses import asdict
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel
from starlette.responses import Response

from resona_core.classification import Classification, Prediction
from resona_core.engine import Engine
from resona_core.explain.explanation import Question
from resona_core.labels import group_of, spoken
from resona_core.results import LayerMaps
from resona_core.serve.api import explain_schemas, schemas
from resona_core.serve.packing import pack_maps, to_steps
from resona_core.sound.audio import Clip
from resona_core.words import verdict

Form = Literal["json", "npz"]
MapsForm = Literal["json", "npz", "packed"]
NPZ = "application/zip"
PACKED = "application/octet-stream"


def classification(engine: Engine, clip: Clip, top: int) -> Response:
    """Answer what the sound is, with the `top` most probable classes."""
    answer = engine.classify(clip)
    words = verdict(answer)
    return _json(
        schemas.Classification(
            network=engine.info.name,
            sound=_facts(clip),
            warnings=list(answer.warnings),
            nothing_to_hear=answer.nothing_to_hear,
            known=answer.is_known(),
            kind=answer.kind(),
            verdict=schemas.Verdict(**asdict(words)),
            predictions=_ranked(answer.top(top)),
            precision=answer.precision,
            window_s=answer.window_s,
            windows=[window(answer, number, top) for number in range(answer.n_windows)],
        )
    )


def window(answer: Classification, number: int, top: int) -> schemas.Window:
    """Answer what one window is, with the `top` most probable classes."""
    return schemas.Window(
        start_s=float(answer.window_starts_s[number]),
        silent=bool(answer.silent[number]),
        known=answer.is_known(number),
        kind=answer.kind(number),
        predictions=_ranked(answer.top(top, number)),
    )


def spectrogram(engine: Engine, clip: Clip, window: int | None, form: Form) -> Response:
    """Answer the log-mel picture of the whole sound, or of one window."""
    picture = engine.spectrogram(clip, window)
    if form == "npz":
        return _npz(asdict(picture))
    lowest_db = float(picture.decibels.min())
    codes, scale_db = _as_bytes((picture.decibels - lowest_db)[None])
    return _json(
        schemas.Spectrogram(
            shape=list(picture.decibels.shape),
            decibels=_base64(codes),
            scale_db=scale_db.item(),
            offset_db=lowest_db,
            frequency_hz=picture.frequency_hz.tolist(),
            time_s=picture.time_s.tolist(),
        )
    )


def feature_maps(
    engine: Engine, clip: Clip, window: int, layers: Collection[str] | None, form: MapsForm
) -> Response:
    """Answer the chosen layers' maps for one window; npz's names begin with the layer's."""
    maps = engine.feature_maps(clip, window, layers)
    if form == "packed":
        return _file(pack_maps(maps), PACKED, "resona.rmap")
    if form == "npz":
        names = ("maps", "frequency_hz", "time_s")
        return _npz(
            {f"{layer}.{name}": getattr(one, name) for layer, one in maps.items() for name in names}
        )
    return _json(schemas.FeatureMaps(window=window, layers=[_layer(one) for one in maps.values()]))


def explanation(engine: Engine, clip: Clip, question: Question, form: Form) -> Response:
    """Answer which part of a window a class rests on; npz has the kept and the left sound too."""
    why = engine.explain(clip, question)
    if form == "npz":
        sounds = {"heard": why.heard, "kept": why.kept, "rest": why.rest}
        return _npz({"mask": why.mask, **asdict(why.spectrogram), **sounds})
    return _json(
        explain_schemas.Explanation(
            **why.to_dict(),
            shape=list(why.mask.shape),
            mask=_base64((255 * why.mask).round().astype(np.uint8)),
            frequency_hz=why.spectrogram.frequency_hz.tolist(),
            time_s=why.spectrogram.time_s.tolist(),
        )
    )


def labels(engine: Engine) -> schemas.Labels:
    """Answer which classes there are."""
    return schemas.Labels(
        labels=[
            schemas.Label(label=label, spoken=spoken(label), group=group_of(label))
            for label in engine.info.labels
        ]
    )


def network(engine: Engine) -> schemas.Network:
    """Answer which network this is."""
    info = engine.info
    return schemas.Network(
        name=info.name,
        kinds=list(info.kinds),
        device=engine.device,
        runtime=engine.runtime,
        precision=engine.precision,
        data=info.data,
        folds=list(info.folds),
        licence=info.licence,
        validation=info.validation,
        scores=info.scores,
        front_end=info.front_end.to_dict(),
        layers=[schemas.LayerDescription(**asdict(layer)) for layer in engine.layers()],
    )


def _ranked(top: tuple[Prediction, ...]) -> list[schemas.RankedLabel]:
    return [schemas.RankedLabel(**asdict(prediction)) for prediction in top]


def _facts(clip: Clip) -> schemas.SoundFacts:
    return schemas.SoundFacts(
        duration_s=clip.duration_s,
        source_rate_hz=clip.source_rate_hz,
        sample_rate_hz=clip.sample_rate_hz,
        channels=clip.channels,
        encoding=clip.encoding,
    )


def _layer(one: LayerMaps) -> schemas.Layer:
    codes, scale = _as_bytes(one.maps)
    return schemas.Layer(
        layer=one.layer,
        shape=list(one.maps.shape),
        maps=_base64(codes),
        scale=scale.tolist(),
        frequency_hz=one.frequency_hz.tolist(),
        time_s=one.time_s.tolist(),
    )


def _as_bytes(maps: NDArray[np.float32]) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Return `maps` >= 0, (channel, mel, frame), in steps of 1/255 of each channel's maximum.

    The second array holds the steps, (channel,): maps ~ codes * steps.
    """
    peak = maps.max(axis=(1, 2))
    return to_steps(maps, peak), peak / np.float32(255)


def _base64(codes: NDArray[np.uint8]) -> str:
    return base64.b64encode(codes.tobytes()).decode("ascii")


def _json(answer: BaseModel) -> Response:
    return Response(answer.model_dump_json(), media_type="application/json")


def _npz(arrays: dict[str, NDArray[np.floating]]) -> Response:
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)  # type: ignore[arg-type]
    return _file(file.getvalue(), NPZ, "resona.npz")


def _file(data: bytes, media_type: str, name: str) -> Response:
    disposition = f'attachment; filename="{name}"'
    return Response(data, media_type=media_type, headers={"Content-Disposition": disposition})
