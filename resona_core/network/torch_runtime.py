"""The network as it was trained, in torch: on GPUs, and where ONNX Runtime is missing."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import torch
from torch import Tensor

from resona_core.network.checkpoint import Classifier
from resona_core.network.outputs import Array, Outputs


class TorchRuntime:
    """Front end and network on the device where they lie, in float32.

    Parameters
    ----------
    classifier : Classifier
        In eval mode.
    """

    name = "torch"
    precision = "float32"

    def __init__(self, classifier: Classifier) -> None:
        self._front_end, self._network = classifier.front_end, classifier.network
        self.temperature = classifier.info.temperature

    @torch.inference_mode()
    def pictures(self, windows: Array) -> Tensor:
        """Return the log-mel pictures, on the network's device; see :class:`~.outputs.Runtime`."""
        samples = torch.from_numpy(np.ascontiguousarray(windows))
        pictures: Tensor = self._front_end(samples.to(self._network.fc.weight.device))
        return pictures

    @torch.inference_mode()
    def run(self, pictures: Tensor | Array, layers: Collection[str] | None = ()) -> Outputs:
        """Pass `pictures` through the network; see :class:`~.outputs.Runtime`."""
        network = self._network
        seen = torch.as_tensor(pictures, device=network.fc.weight.device)
        features, kept = network.forward_intermediates(seen, layers)
        kinds = network.kinds(network.embedding(features)) if network.config.n_kinds else None
        return Outputs(
            logits=network.forward_head(features).cpu().numpy(),
            kinds=None if kinds is None else kinds.cpu().numpy(),
            layers={name: tensor.cpu().numpy() for name, tensor in kept.items()},
        )
