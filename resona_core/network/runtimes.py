"""The same network on different engines: torch, the reference, and ONNX Runtime, compiled.

A runtime starts at the log-mel picture, not at the waveform: the front end stays one module,
the same for training, serving and charts, and it is a tenth of the work.

On one core of an AVX-512 CPU (batch 1, float32) ONNX Runtime and OpenVINO are equally fast and
need two thirds of eager torch's time. ONNX Runtime is here because it needs no second
compiled model for the layers' outputs, and never leaves float32 by itself.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from resona_core.errors import SettingsError
from resona_core.network.checkpoint import Classifier
from resona_core.network.model import AudioResNet, check_layers

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
    """Runs the network; may be asked from many threads."""

    @property
    def name(self) -> str:
        """What users read: "torch" or "onnxruntime"."""

    def run(self, pictures: Tensor, layers: Collection[str] | None = ()) -> Outputs:
        """Pass `pictures` through the network.

        Parameters
        ----------
        pictures : Tensor (batch, 1, mel, frame), float32
            Normalised log-mel pictures, as the front end gives them: on the network's device.
        layers : collection of str, optional
            Layers whose outputs are wanted; all of them when None.

        Raises
        ------
        RequestError
            For a layer that does not exist.
        """


class TorchRuntime:
    """The network as it was trained, on the device where it lies."""

    name = "torch"

    def __init__(self, network: AudioResNet) -> None:
        self._network = network

    @torch.inference_mode()
    def run(self, pictures: Tensor, layers: Collection[str] | None = ()) -> Outputs:
        """Pass `pictures` through the network; see :class:`Runtime`."""
        features, kept = self._network.forward_intermediates(pictures, layers)
        embedding = self._network.embedding(features)
        has_kinds = self._network.config.n_kinds > 0
        return Outputs(
            logits=self._network.forward_head(features).cpu().numpy(),
            kinds=self._network.kinds(embedding).cpu().numpy() if has_kinds else None,
            layers={name: tensor.cpu().numpy() for name, tensor in kept.items()},
        )


class OnnxRuntime:
    """The network compiled for this CPU by ONNX Runtime, in float32.

    Parameters
    ----------
    classifier : Classifier
        What is compiled; its weights are copied.
    threads : int
        Threads for one pass.

    Raises
    ------
    ImportError
        If onnx or onnxruntime cannot be imported.
    """

    name = "onnxruntime"

    def __init__(self, classifier: Classifier, threads: int) -> None:
        import onnxruntime

        from resona_core.network import export

        model, weights = export.graph_and_weights(classifier)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # Threads that wait spinning take the CPU from the front end and from other programs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._weights = {  # the session reads this memory as long as it lives
            name: onnxruntime.OrtValue.ortvalue_from_numpy(values)
            for name, values in weights.items()
        }
        options.add_external_initializers(list(self._weights), list(self._weights.values()))
        self._session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        self._kinds = [export.KINDS] if classifier.info.kinds else []
        self._answer = (export.LOGITS, *self._kinds)
        self._input = export.PICTURE
        self._layer_names = classifier.network.layer_names

    def run(self, pictures: Tensor, layers: Collection[str] | None = ()) -> Outputs:
        """Pass `pictures` through the network; see :class:`Runtime`."""
        wanted = self._layer_names if layers is None else layers
        check_layers(wanted, self._layer_names)
        names = [name for name in self._layer_names if name in wanted]
        logits, *kept = self._session.run([*self._answer, *names], {self._input: pictures.numpy()})
        kinds = kept.pop(0) if self._kinds else None
        return Outputs(logits, kinds, dict(zip(names, kept, strict=True)))


def start(classifier: Classifier, wanted: str = "auto") -> Runtime:
    """Return the runtime that was asked for, or torch where it is missing.

    Parameters
    ----------
    classifier : Classifier
        In eval mode, on the device to use.
    wanted : {"auto", "torch", "onnxruntime"}
        "auto" is ONNX Runtime on the CPU and torch elsewhere.

    Raises
    ------
    SettingsError
        If ONNX Runtime is to use another device than the CPU.
    """
    device = classifier.network.fc.weight.device.type
    if wanted == "onnxruntime" and device != "cpu":
        raise SettingsError(
            f"RESONA_RUNTIME is 'onnxruntime', which runs on the CPU, and RESONA_DEVICE is "
            f"{device!r}; use torch or auto."
        )
    if wanted == "torch" or device != "cpu":
        return TorchRuntime(classifier.network)
    try:
        return OnnxRuntime(classifier, torch.get_num_threads())
    except ImportError as error:
        _log.warning("ONNX Runtime cannot be used (%s); torch answers, more slowly.", error)
        return TorchRuntime(classifier.network)
