"""What `bench` times: the steps of an answer, our ways to whole answers, and the plain ones.

The plain ways are what most such demos do: eager float32 torch, one file after the other, every
layer's maps as nested lists, ``json.dumps``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial

import numpy as np
import soxr
import torch
from torch.utils.flop_counter import FlopCounterMode

from resona_core.commands import for_many
from resona_core.engine import Engine
from resona_core.errors import CheckpointError
from resona_core.network import runtimes
from resona_core.network.answering import AT_ONCE
from resona_core.network.checkpoint import Classifier
from resona_core.network.outputs import Runtime
from resona_core.serve.packing import pack_maps
from resona_core.settings import Settings
from resona_core.side_by_side import in_order
from resona_core.sound import audio, windows
from resona_core.sound.audio import Clip
from resona_core.sound.examples import SAMPLE_RATE_HZ

BATCH = 16  # windows
N_FILES = 32
Way = Callable[[], object]


def plain_maps(classifier: Classifier, wav: bytes) -> str:
    """Return every layer's maps as JSON, the plain way: the baseline of a ratio."""
    picture = _plain_picture(classifier, wav)
    with torch.inference_mode():
        _, kept = classifier.network.forward_intermediates(picture)
    return json.dumps({name: tensor[0].tolist() for name, tensor in kept.items()})


def packed_maps(engine: Engine, wav: bytes) -> bytes:
    """Answer the same question as the service does."""
    return pack_maps(engine.feature_maps(engine.load(wav)))


def plain_classes(classifier: Classifier, wav: bytes) -> str:
    """Return the five most probable classes as JSON, the plain way: the baseline of a ratio."""
    picture = _plain_picture(classifier, wav)
    with torch.inference_mode():
        logits = classifier.network(picture)[0]
    top = (logits / classifier.info.temperature).softmax(0).topk(min(5, len(logits)))
    labels = [classifier.info.labels[i] for i in top.indices]
    return json.dumps(dict(zip(labels, top.values.tolist(), strict=True)))


def our_classes(engine: Engine, wav: bytes) -> str:
    """Answer the same question as `classify` does."""
    top = engine.classify(engine.load(wav)).top(5)
    return json.dumps({prediction.label: prediction.probability for prediction in top})


def many_files(options: Settings, wav: bytes) -> Way:
    """Return the answers for :data:`N_FILES` files, as many at a time as `classify` works on."""
    engine = Engine(for_many(options))
    work = partial(our_classes, engine)
    return lambda: list(in_order(work, [wav] * N_FILES, engine.settings.concurrency))


def steps(engine: Engine, exact: Runtime, wav: bytes) -> dict[str, Way]:
    """Return the steps of an answer, each ready to run alone on what the one before gave.

    `exact` is the runtime that gives the layers.
    """
    native = audio.load(wav, SAMPLE_RATE_HZ).samples
    clip, front_end = engine.load(wav), engine.info.front_end
    window = engine.window(clip, 0)[None]
    picture = exact.pictures(window)
    maps = engine.feature_maps(clip)
    return {
        "decode": lambda: audio.load(wav, SAMPLE_RATE_HZ),
        "resample": lambda: soxr.resample(
            native, SAMPLE_RATE_HZ, front_end.sample_rate_hz, quality="HQ"
        ),
        "mel": lambda: exact.pictures(window),
        "network and maps": lambda: exact.run(picture, None),
        "packing": lambda: pack_maps(maps),
    }


def batches(engine: Engine, bare: Runtime, wav: bytes) -> tuple[Way, Way]:
    """Return 16 windows through the bare runtime, and the sound that has them through the engine.

    The runtime gets as many at a time as the engine gives it.
    """
    clip = engine.load(wav)
    long = clip_of_windows(clip, engine.info.front_end.window_samples)
    pictures = bare.pictures(np.stack([engine.window(long, i) for i in range(BATCH)]))
    at_once = [pictures[first : first + AT_ONCE] for first in range(0, BATCH, AT_ONCE)]
    return lambda: [bare.run(some) for some in at_once], lambda: engine.classify(long)


def clip_of_windows(clip: Clip, window_samples: int) -> Clip:
    """Repeat `clip` until it is heard in exactly 16 half-overlapping windows."""
    n_samples = window_samples * (BATCH + 1) // 2
    return dataclasses.replace(clip, samples=np.resize(clip.samples, n_samples))


def both_precisions(options: Settings, engine: Engine) -> dict[str, Runtime]:
    """Return the compiled network in float32, and in 8 bit where it can be had."""
    if options.device != "cpu":
        return {}
    found: dict[str, Runtime] = {"float32": runtimes.float32(options, engine.info)}
    with suppress(CheckpointError):
        found["int8"] = runtimes.int8(options, engine.info)
    return found


def networks(both: Mapping[str, Runtime], engine: Engine, wav: bytes) -> dict[str, Way]:
    """Return one pass of each precision."""
    window = engine.window(engine.load(wav), 0)[None]
    return {
        f"network, {name}": partial(runtime.run, runtime.pictures(window))
        for name, runtime in both.items()
    }


def multiply_adds(classifier: Classifier) -> int:
    """Return how many multiplications with an addition the network needs for a window."""
    front_end = classifier.info.front_end
    picture = torch.zeros(1, 1, front_end.n_mels, front_end.n_frames)
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        classifier.network(picture.to(classifier.network.fc.weight.device))
    return int(counter.get_total_flops()) // 2


def _plain_picture(classifier: Classifier, wav: bytes) -> torch.Tensor:
    front_end = classifier.info.front_end
    clip = audio.load(wav, front_end.sample_rate_hz)
    window = windows.window_at(clip.samples, 0, front_end.window_samples)
    with torch.inference_mode():
        device = classifier.network.fc.weight.device
        picture: torch.Tensor = classifier.front_end(torch.from_numpy(window).to(device)[None])
    return picture
