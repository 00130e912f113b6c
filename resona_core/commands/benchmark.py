"""What an answer costs, stage by stage, against a plain implementation.

The plain way is what most such demos do: eager float32 torch, every layer's maps as nested
lists, ``json.dumps``. Both ways answer the same question about the same file (a synthesised
sound of 5 s, 16-bit WAV at 44.1 kHz): every cell of every channel of all 17 layers, none
resized. Ours is what ``/v1/feature-maps?format=packed`` answers, byte for byte, before HTTP: the
cells packed to 8 bit (:mod:`resona_core.serve.packing`); the plain way prints all their digits.

Every round takes all measurements once, so that a ratio compares neighbours in time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from time import perf_counter

import numpy as np
import soxr
import torch

from resona_core.commands.cold_start import cold_start
from resona_core.engine import Engine
from resona_core.errors import CheckpointError, RequestError
from resona_core.explain.channels import layer_summary
from resona_core.network import checkpoint, processor, runtimes
from resona_core.network.checkpoint import Classifier
from resona_core.network.description import CheckpointInfo
from resona_core.network.runtimes import OnnxRuntime
from resona_core.results import LayerMaps
from resona_core.serve.packing import pack_maps
from resona_core.settings import Settings
from resona_core.sound import audio, windows
from resona_core.sound.audio import Clip
from resona_core.sound.examples import DEMO_SOUNDS, SAMPLE_RATE_HZ, demo_wav

_BATCH = 16  # windows
_OURS, _PLAIN = "file to payload", "file to payload, plain"
_BARE_BATCH, _ENGINE_BATCH = "16 windows, network", "16 windows, engine"
Way = Callable[[], object]


@dataclass(frozen=True)
class Payload:
    """Bytes of one content: as JSON lists, and packed."""

    json_bytes: int
    packed_bytes: int


@dataclass(frozen=True)
class Report:
    """What :func:`measure` found.

    Attributes
    ----------
    runtime, precision, threads, rounds : what was measured, and how often
    instruction_sets : tuple of str
        Those of the processor that matter here.
    stages_ms : dict of str to (float, float)
        Median and 95th percentile of each stage, in milliseconds.
    speedup : float
        Median over the rounds of plain time / our time, file to payload.
    batch_cost : float
        Median over the rounds of the engine's time for 16 windows / the bare runtime's.
    payloads : dict of str to Payload
        By content.
    cold_start_s : float
        ``python -m resona_core classify`` in a fresh process, to its end.
    peak_mb : float or None
        The most memory that this process held; None where the kernel does not tell.
    agreement : float or None
        Share of the example sounds to which the networks in 8 bit and in float32 give the same
        class; None without the ranges that 8 bit needs.
    """

    runtime: str
    precision: str
    instruction_sets: tuple[str, ...]
    threads: int
    rounds: int
    stages_ms: dict[str, tuple[float, float]]
    speedup: float
    batch_cost: float
    payloads: dict[str, Payload]
    cold_start_s: float
    peak_mb: float | None
    agreement: float | None

    def to_json(self) -> str:
        """Return the report as one JSON object."""
        return json.dumps(dataclasses.asdict(self))

    def to_text(self) -> str:
        """Return the report for people."""
        processor_has = ", ".join(self.instruction_sets) or "not known"
        lines = [
            f"{self.runtime}, {self.precision}, threads: {self.threads}, rounds: {self.rounds}",
            f"instruction sets: {processor_has}",
            "",
        ]
        lines += [f"{'':<26}{'median':>8}{'p95':>8}  ms"]
        lines += [f"{name:<26}{a:>8.1f}{b:>8.1f}" for name, (a, b) in self.stages_ms.items()]
        lines += [
            "",
            f"file to payload: {self.speedup:.1f} times faster than the plain implementation",
        ]
        for name, payload in self.payloads.items():
            ratio = payload.json_bytes / payload.packed_bytes
            lines.append(
                f"{name}: {payload.packed_bytes / 1e3:,.0f} kB packed, "
                f"{payload.json_bytes / 1e3:,.0f} kB as JSON: {ratio:.1f} times smaller"
            )
        lines.append(f"16 windows: {self.batch_cost:.2f} times the bare runtime")
        memory = f", {self.peak_mb:.0f} MB" if self.peak_mb else ""
        lines.append(f"first answer of a fresh process: {self.cold_start_s:.1f} s{memory}")
        if self.agreement is not None:
            lines.append(f"8 bit and float32: the same class for {self.agreement:.0%} of sounds")
        return "\n".join(lines)


def measure(options: Settings, rounds: int) -> Report:
    """Measure everything `rounds` times.

    Raises
    ------
    RequestError
        If `rounds` is below 1.
    """
    if rounds < 1:
        raise RequestError(f"{rounds} rounds were asked for; ask for 1 or more.")
    engine = Engine(options)
    threads = options.threads or processor.cores()
    torch.set_num_threads(threads)
    classifier = checkpoint.load(options.checkpoint, options.device)
    both = _both_precisions(options, engine.info)
    cold_start_s, peak_mb = cold_start(options.checkpoint, demo_wav(DEMO_SOUNDS[0].key))
    wav = demo_wav(DEMO_SOUNDS[0].key)
    ways = (
        _stages(engine, classifier, wav)
        | _networks(both, engine, wav)
        | {
            _OURS: lambda: packed_answer(engine, wav),
            _PLAIN: lambda: plain_answer(classifier, wav),
        }
    )
    times_s = _times_s(ways, rounds)
    return Report(
        runtime=engine.runtime,
        precision=engine.precision,
        instruction_sets=processor.instruction_sets(),
        threads=threads,
        rounds=rounds,
        stages_ms={name: _median_and_p95_ms(values) for name, values in times_s.items()},
        speedup=_ratio(times_s[_PLAIN], times_s[_OURS]),
        batch_cost=_ratio(times_s[_ENGINE_BATCH], times_s[_BARE_BATCH]),
        payloads=_payloads(engine.feature_maps(engine.load(wav))),
        cold_start_s=cold_start_s,
        peak_mb=peak_mb,
        agreement=_agreement(both, engine),
    )


def plain_answer(classifier: Classifier, wav: bytes) -> str:
    """Answer as most demos do: the baseline of every ratio."""
    front_end, network = classifier.info.front_end, classifier.network
    clip = audio.load(wav, front_end.sample_rate_hz)
    window = windows.window_at(clip.samples, 0, front_end.window_samples)
    with torch.inference_mode():
        picture = classifier.front_end(torch.from_numpy(window).to(network.fc.weight.device)[None])
        _, kept = network.forward_intermediates(picture)
    return json.dumps({name: tensor[0].tolist() for name, tensor in kept.items()})


def packed_answer(engine: Engine, wav: bytes) -> bytes:
    """Answer the same question as the service does."""
    return pack_maps(engine.feature_maps(engine.load(wav)))


def _stages(engine: Engine, classifier: Classifier, wav: bytes) -> dict[str, Way]:
    """Return the steps of an answer, each ready to run alone on what the one before gave."""
    runtime = runtimes.start(engine.settings, engine.info, lambda: classifier)
    native = audio.load(wav, SAMPLE_RATE_HZ).samples
    clip = engine.load(wav)
    front_end = classifier.info.front_end
    many = np.tile(windows.window_at(clip.samples, 0, front_end.window_samples), (_BATCH, 1))
    picture, pictures = runtime.pictures(many[:1]), runtime.pictures(many)
    maps = engine.feature_maps(clip)
    long = _clip_of_windows(clip, front_end.window_samples)
    return {
        "decode": lambda: audio.load(wav, SAMPLE_RATE_HZ),
        "resample": lambda: soxr.resample(
            native, SAMPLE_RATE_HZ, front_end.sample_rate_hz, quality="HQ"
        ),
        "mel": lambda: runtime.pictures(many[:1]),
        "network": lambda: runtime.run(picture),
        "network and maps": lambda: runtime.run(picture, None),
        "packing": lambda: pack_maps(maps),
        _BARE_BATCH: lambda: runtime.run(pictures),
        _ENGINE_BATCH: lambda: engine.classify(long),
    }


def _clip_of_windows(clip: Clip, window_samples: int) -> Clip:
    """Repeat `clip` until it is heard in exactly 16 half-overlapping windows."""
    n_samples = window_samples * (_BATCH + 1) // 2
    return dataclasses.replace(clip, samples=np.resize(clip.samples, n_samples))


def _times_s(ways: Mapping[str, Way], rounds: int) -> dict[str, list[float]]:
    """Time every way once a round, after one round that does not count."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for round_number in range(rounds + 1):
        for name, way in ways.items():
            start = perf_counter()
            way()
            if round_number:
                times[name].append(perf_counter() - start)
    return times


def _median_and_p95_ms(times_s: list[float]) -> tuple[float, float]:
    median, late = np.percentile(times_s, [50, 95]) * 1000
    return round(float(median), 2), round(float(late), 2)


def _ratio(over: list[float], under: list[float]) -> float:
    return round(float(np.median(np.divide(over, under))), 2)


def _payloads(maps: Mapping[str, LayerMaps]) -> dict[str, Payload]:
    """Weigh every channel of every layer, and the one picture a layer that an overview shows.

    Both as JSON and packed they come with their axes.
    """
    overview = {
        name: dataclasses.replace(layer, maps=layer_summary(layer.maps)[None])
        for name, layer in maps.items()
    }
    contents = {"every channel": maps, "one picture a layer": overview}
    return {
        name: Payload(
            len(json.dumps([_lists(layer) for layer in content.values()])),
            len(pack_maps(content)),
        )
        for name, content in contents.items()
    }


def _lists(layer: LayerMaps) -> dict[str, object]:
    return {
        "layer": layer.layer,
        "maps": layer.maps.tolist(),
        "frequency_hz": layer.frequency_hz.tolist(),
        "time_s": layer.time_s.tolist(),
    }


def _both_precisions(options: Settings, info: CheckpointInfo) -> dict[str, OnnxRuntime]:
    """Return the compiled network in float32, and in 8 bit where it can be had."""
    if options.device != "cpu":
        return {}
    found = {"float32": runtimes.float32(options, info)}
    with suppress(CheckpointError):
        found["int8"] = runtimes.int8(options, info)
    return found


def _networks(both: Mapping[str, OnnxRuntime], engine: Engine, wav: bytes) -> dict[str, Way]:
    """Return one pass of each precision."""
    window = engine.window(engine.load(wav), 0)[None]
    return {
        f"network, {name}": partial(runtime.run, runtime.pictures(window))
        for name, runtime in both.items()
    }


def _agreement(both: Mapping[str, OnnxRuntime], engine: Engine) -> float | None:
    if len(both) < 2:
        return None
    clips = [engine.load(demo_wav(sound.key)) for sound in DEMO_SOUNDS]
    windows = np.stack([engine.window(clip, 0) for clip in clips])
    one, other = (each.run(each.pictures(windows)).logits for each in both.values())
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())
