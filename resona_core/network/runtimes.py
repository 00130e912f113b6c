"""The same network on different engines: compiled by ONNX Runtime, or in torch, the reference.

On one core of an AVX-512 CPU (batch 1, float32) ONNX Runtime and OpenVINO are equally fast and
need two thirds of eager torch's time. ONNX Runtime is here because it needs no second
compiled model for the layers' outputs, and never leaves float32 by itself. In 8 bit it needs a
third of that where the processor has VNNI; elsewhere float32 answers.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

import numpy as np

from resona_core.errors import CheckpointError, SettingsError
from resona_core.network import processor
from resona_core.network.description import CheckpointInfo
from resona_core.network.front_end import FrontEnd
from resona_core.network.layers import check_layers, layer_infos
from resona_core.network.outputs import Array, Outputs, Runtime
from resona_core.network.ranges import Ranges, check_belongs, ranges_path, read_ranges
from resona_core.settings import Settings

if TYPE_CHECKING:  # torch is loaded only by whom it is asked for
    from resona_core.network.checkpoint import Classifier
    from resona_core.network.compiled import Compiled

_log = logging.getLogger(__name__)


class OnnxRuntime:
    """The network compiled for this CPU by ONNX Runtime, behind the front end in NumPy.

    Parameters
    ----------
    info : CheckpointInfo
    compiled : Compiled
    ranges : Ranges, optional
        Of the network in 8 bit, which gives answers and no layers; None: it is in float32.
    """

    name = "onnxruntime"

    def __init__(
        self, info: CheckpointInfo, compiled: Compiled, ranges: Ranges | None = None
    ) -> None:
        self._front_end, self._compiled = FrontEnd(info.front_end), compiled
        self.precision = "int8" if ranges else "float32"
        self.temperature = ranges.temperature if ranges else info.temperature
        self._kinds = ["kinds"] if info.kinds else []
        self._layer_names = [] if ranges else [layer.name for layer in layer_infos(info.model)]

    def pictures(self, windows: Array) -> Array:
        """Return the log-mel pictures; see :class:`Runtime`."""
        return self._front_end(windows)

    def run(self, pictures: Array, layers: Collection[str] | None = ()) -> Outputs:
        """Pass `pictures` through the network; see :class:`Runtime`."""
        wanted = self._layer_names if layers is None else layers
        check_layers(wanted, self._layer_names)
        names = [name for name in self._layer_names if name in wanted]
        asked = ["logits", *self._kinds, *names]
        logits, *kept = self._compiled.session.run(asked, {"picture": pictures})
        kinds = kept.pop(0) if self._kinds else None
        return Outputs(logits, kinds, dict(zip(names, kept, strict=True)))


def start(options: Settings, info: CheckpointInfo, classifier: Callable[[], Classifier]) -> Runtime:
    """Return the runtime that was asked for, or torch where it is missing.

    Parameters
    ----------
    options : Settings
        Checkpoint, device, runtime ("auto" is ONNX Runtime on the CPU and torch elsewhere),
        precision ("auto" is 8 bit where the processor is made for it), threads, cache.
    info : CheckpointInfo
        The checkpoint's.
    classifier : callable
        Returns torch's network; asked only where torch answers.

    Raises
    ------
    SettingsError
        If ONNX Runtime, or 8 bit, is to use another device than the CPU; 8 bit in torch.
    CheckpointError
        If the weights cannot be used.
    """
    _check(options)
    if options.runtime != "torch" and options.device == "cpu":
        try:
            return _eight_bit(options, info) or float32(options, info)
        except ImportError as error:
            _log.warning("ONNX Runtime cannot be used (%s); torch answers, more slowly.", error)
    from resona_core.network.torch_runtime import TorchRuntime

    return TorchRuntime(classifier())


def _check(options: Settings) -> None:
    """Raise SettingsError for what does not go together."""
    if options.runtime == "onnxruntime" and options.device != "cpu":
        raise SettingsError(
            f"RESONA_RUNTIME is 'onnxruntime', which runs on the CPU, and RESONA_DEVICE is "
            f"{options.device!r}; use torch or auto."
        )
    if options.precision == "int8" and (options.runtime == "torch" or options.device != "cpu"):
        raise SettingsError(
            f"RESONA_PRECISION is 'int8', which ONNX Runtime computes on the CPU, and "
            f"RESONA_RUNTIME is {options.runtime!r}, RESONA_DEVICE {options.device!r}; "
            "use float32 or auto."
        )


def _eight_bit(options: Settings, info: CheckpointInfo) -> OnnxRuntime | None:
    """Return the network in 8 bit; None where it is not wanted, or cannot be had."""
    if options.precision == "float32":
        return None
    if options.precision == "auto" and not (
        processor.has_fast_int8() and ranges_path(options.checkpoint).is_file()
    ):
        return None
    try:
        return int8(options, info)
    except CheckpointError as error:
        _log.warning("%s Meanwhile float32 answers.", error)
        return None


def float32(options: Settings, info: CheckpointInfo) -> OnnxRuntime:
    """Return the compiled network with all its layers, in float32.

    Raises
    ------
    CheckpointError
        If the weights cannot be used.
    ImportError
        If onnx or onnxruntime cannot be imported.
    """
    from resona_core.network.compiled import Compiled, Made, Source

    def make() -> Made:
        from resona_core.network.export import graph_and_weights
        from resona_core.network.weights import Weights

        return graph_and_weights(info, Weights(options.checkpoint))

    source = Source("float32", [options.checkpoint], make)
    return OnnxRuntime(info, Compiled(source, threads_of(options), options.cache))


def int8(options: Settings, info: CheckpointInfo) -> OnnxRuntime:
    """Return the compiled network in 8 bit, which answers as the one in float32 does.

    Raises
    ------
    CheckpointError
        If the weights or their ranges cannot be used, or 8 bit computes wrongly here or, where it
        was not asked for by name, more slowly than float32.
    ImportError
        If onnx or onnxruntime cannot be imported.
    """
    from resona_core.network.compiled import Compiled, Made, Session, Source

    path = ranges_path(options.checkpoint)
    ranges = read_ranges(path, info.model)

    def make() -> Made:
        from resona_core.network import quantised
        from resona_core.network.weights import Weights

        weights = Weights(options.checkpoint)
        check_belongs(ranges, weights, path)
        narrow = processor.is_x86() and not processor.has_fast_int8()
        largest = quantised.NARROW if narrow else quantised.FULL
        return quantised.int8_graph(info, weights, ranges, largest)

    def check(session: Session) -> None:
        from resona_core.network import trial

        pictures = FrontEnd(info.front_end)(trial.windows(info.front_end, ranges.checks))
        (logits,) = session.run(["logits"], {"picture": pictures})
        trial.check(softmax(logits / np.float32(ranges.temperature)), ranges.checks)
        if options.precision == "auto":
            trial.check_faster(threads_of(options))

    source = Source("int8", [options.checkpoint, path], make, check)
    return OnnxRuntime(info, Compiled(source, threads_of(options), options.cache), ranges)


def threads_of(options: Settings) -> int:
    """Return how many threads one pass takes."""
    return options.threads or processor.cores()


def softmax(logits: Array) -> Array:
    """Return probabilities, (row, class), that sum to one in each row."""
    powers: Array = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: Array = powers / powers.sum(axis=1, keepdims=True)
    return shares
