"""What an answer costs, stage by stage, against a plain implementation.

Both ways answer the same questions about the same file (a synthesised sound of 5 s, 16-bit WAV at
44.1 kHz): its five most probable classes; and every cell of every channel of all 17 layers, none
resized. Ours of the second is what ``/v1/feature-maps?format=packed`` answers, byte for byte,
before HTTP: the cells packed to 8 bit (:mod:`resona_core.serve.packing`); the plain way prints all
their digits.

Every round takes all measurements once, so that a ratio compares neighbours in time.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import torch

from resona_core.commands import bench_ways as ways
from resona_core.commands.bench_ways import Way
from resona_core.commands.cold_start import cold_start
from resona_core.engine import Engine
from resona_core.errors import RequestError
from resona_core.explain.channels import layer_summary
from resona_core.network import checkpoint, processor, runtimes
from resona_core.network.outputs import Runtime
from resona_core.network.product import matrix_product
from resona_core.results import LayerMaps
from resona_core.serve.packing import pack_maps
from resona_core.settings import Settings
from resona_core.sound.examples import DEMO_SOUNDS, demo_wav

_MAPS, _PLAIN_MAPS = "file to all layers", "file to all layers, plain"
_CLASSES, _PLAIN_CLASSES = "file to classes", "file to classes, plain"
_MANY = f"file to classes, {ways.N_FILES} files"
_BARE_BATCH, _ENGINE_BATCH = "16 windows, network", "16 windows, engine"
_PRODUCT = "as large a matrix product"
_PRODUCT_SIZE = 1024  # rows and columns


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
        Median and 95th percentile of each stage, in milliseconds; of many files, for each.
    speedups : dict of str to float
        Median over the rounds of the plain way's time / ours, by what is asked.
    batch_cost : float
        Median over the rounds of the engine's time for 16 windows / the bare runtime's.
    multiply_adds : int
        What the network needs for a window.
    of_the_limit : float
        Median over the rounds of the time that a matrix product of as many takes, in the precision
        that answers / the network's: 1 is the processor's limit. 0 without a compiled network.
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
    speedups: dict[str, float]
    batch_cost: float
    multiply_adds: int
    of_the_limit: float
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
            f"{'':<28}{'median':>8}{'p95':>8}  ms",
            *(f"{name:<28}{a:>8.1f}{b:>8.1f}" for name, (a, b) in self.stages_ms.items()),
            "",
        ]
        lines += [
            f"{asked}: {ratio:.1f} times faster than the plain implementation"
            for asked, ratio in self.speedups.items()
        ]
        for name, payload in self.payloads.items():
            ratio = payload.json_bytes / payload.packed_bytes
            lines.append(
                f"{name}: {payload.packed_bytes / 1e3:,.0f} kB packed, "
                f"{payload.json_bytes / 1e3:,.0f} kB as JSON: {ratio:.1f} times smaller"
            )
        lines.append(f"16 windows: {self.batch_cost:.2f} times the bare runtime")
        if self.of_the_limit:
            lines.append(
                f"network: {self.multiply_adds / 1e9:.2f} G multiply-adds a window, at "
                f"{self.of_the_limit:.0%} of the rate of a matrix product in {self.precision}"
            )
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
    wav = demo_wav(DEMO_SOUNDS[0].key)
    cold_start_s, peak_mb = cold_start(options.checkpoint, wav)
    engine = Engine(options)
    threads = options.threads or processor.cores()
    torch.set_num_threads(threads)
    classifier = checkpoint.load(options.checkpoint, options.device)
    both = ways.both_precisions(options, engine)
    bare = runtimes.start(options, engine.info, lambda: classifier)
    product = matrix_product(engine.precision, threads, _PRODUCT_SIZE)
    bare_batch, engine_batch = ways.batches(engine, bare, wav)
    times_s = _times_s(
        {
            **ways.steps(engine, both.get("float32", bare), wav),
            **ways.networks(both, engine, wav),
            _PRODUCT: product,
            _BARE_BATCH: bare_batch,
            _ENGINE_BATCH: engine_batch,
            _CLASSES: lambda: ways.our_classes(engine, wav),
            _MANY: ways.many_files(options, wav),
            _PLAIN_CLASSES: lambda: ways.plain_classes(classifier, wav),
            _MAPS: lambda: ways.packed_maps(engine, wav),
            _PLAIN_MAPS: lambda: ways.plain_maps(classifier, wav),
        },
        rounds,
    )
    multiply_adds = ways.multiply_adds(classifier)
    times_s[_MANY] = [each / ways.N_FILES for each in times_s[_MANY]]
    times_s[_PRODUCT] = [each * multiply_adds / _PRODUCT_SIZE**3 for each in times_s[_PRODUCT]]
    network = times_s.get(f"network, {engine.precision}")
    plain = {_CLASSES: _PLAIN_CLASSES, _MANY: _PLAIN_CLASSES, _MAPS: _PLAIN_MAPS}
    return Report(
        runtime=engine.runtime,
        precision=engine.precision,
        instruction_sets=processor.instruction_sets(),
        threads=threads,
        rounds=rounds,
        stages_ms={name: _median_and_p95_ms(values) for name, values in times_s.items()},
        speedups={ours: _ratio(times_s[theirs], times_s[ours]) for ours, theirs in plain.items()},
        batch_cost=_ratio(times_s[_ENGINE_BATCH], times_s[_BARE_BATCH]),
        multiply_adds=multiply_adds,
        of_the_limit=_ratio(times_s[_PRODUCT], network) if network else 0.0,
        payloads=_payloads(engine.feature_maps(engine.load(wav))),
        cold_start_s=cold_start_s,
        peak_mb=peak_mb,
        agreement=_agreement(both, engine),
    )


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


def _agreement(both: Mapping[str, Runtime], engine: Engine) -> float | None:
    if len(both) < 2:
        return None
    clips = [engine.load(demo_wav(sound.key)) for sound in DEMO_SOUNDS]
    windows = np.stack([engine.window(clip, 0) for clip in clips])
    one, other = (each.run(each.pictures(windows)).logits for each in both.values())
    return float((one.argmax(axis=1) == other.argmax(axis=1)).mean())
