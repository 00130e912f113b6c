"""The same network on different engines: compiled by ONNX Runtime, or in torch, the reference.

On one core of an AVX-512 CPU (batch 1, float32) ONNX Runtime and OpenVINO are equally fast and
need two thirds of eager torch's time. ONNX Runtime is here because it needs no second
compiled model for the layers' outputs, and never leaves float32 by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from resona_core.errors import SettingsError
from resona_core.network import processor
from resona_core.network.description import CheckpointInfo
from resona_core.network.front_end import FrontEnd
from resona_core.network.layers import check_layers, layer_infos
from resona_core.settings import Settings

if TYPE_CHECKING:  # torch is loaded only by whom it is asked for
    from resona_core.network.checkpoint import Classifier
    from resona_core.network.compiled import Compiled

Array = NDArray[np.float32]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Outputs:
    """What one pass gives.

    Attributes
    ----------
    logits : ndarray (batch, class), before the temperature
    kinds : ndarray (batch, kind), before the softmax; None where the network has none
    layers : dict of str to ndarray (batch, channel, mel, frame), each >= 0
    """

    logits: Array
    kinds: Array | None
    layers: dict[str, Array]


class Runtime(Protocol):
    """Front end and network, ready to run; may be asked from many threads."""

    @property
    def name(self) -> str:
        """What users read: "torch" or "onnxruntime"."""

    @property
    def precision(self) -> str:
        """The numbers it computes with: "float32"."""

    @property
    def temperature(self) -> float:
        """Divides the logits before the softmax."""

    def pictures(self, windows: Array) -> Any:
        """Return what the front end makes of windows (batch, sample), for :meth:`run`."""

    def run(self, pictures: Any, layers: Collection[str] | None = ()) -> Outputs:
        """Pass pictures through the network.

        Parameters
        ----------
        pictures : ndarray, or Tensor where the network lies, (batch, 1, mel, frame), float32
        layers : collection of str, optional
            Layers whose outputs are wanted; all of them when None.

        Raises
        ------
        RequestError
            For a layer that does not exist.
        """


class OnnxRuntime:
    """The network compiled for this CPU by ONNX Runtime, behind the front end in NumPy.

    Parameters
    ----------
    info : CheckpointInfo
    compiled : Compiled
    """

    name = "onnxruntime"
    precision = "float32"

    def __init__(self, info: CheckpointInfo, compiled: Compiled) -> None:
        self._front_end, self._compiled = FrontEnd(info.front_end), compiled
        self.temperature = info.temperature
        self._kinds = ["kinds"] if info.kinds else []
        self._layer_names = [layer.name for layer in layer_infos(info.model)]

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
        threads, cache.
    info : CheckpointInfo
        The checkpoint's.
    classifier : callable
        Returns torch's network; asked only where torch answers.

    Raises
    ------
    SettingsError
        If ONNX Runtime is to use another device than the CPU.
    CheckpointError
        If the weights cannot be used.
    """
    if options.runtime == "onnxruntime" and options.device != "cpu":
        raise SettingsError(
            f"RESONA_RUNTIME is 'onnxruntime', which runs on the CPU, and RESONA_DEVICE is "
            f"{options.device!r}; use torch or auto."
        )
    if options.runtime != "torch" and options.device == "cpu":
        try:
            return float32(options, info)
        except ImportError as error:
            _log.warning("ONNX Runtime cannot be used (%s); torch answers, more slowly.", error)
    from resona_core.network.torch_runtime import TorchRuntime

    return TorchRuntime(classifier())


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

    threads = options.threads or processor.cores()
    source = Source("float32", [options.checkpoint], make)
    return OnnxRuntime(info, Compiled(source, threads, options.cache))
