"""The network as an ONNX graph: for other programs, and for the compiled runtime.

The graph is written node by node from the network's own modules. That takes a hundredth of a
second; tracing the network takes two seconds, which every start would pay. It goes from a
normalised log-mel picture to the logits, the embedding and every named layer, with batch
normalisation folded into the convolutions.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from resona_core.network.checkpoint import CheckpointInfo, Classifier
from resona_core.network.model import AudioResNet, ResidualBlock

OPSET, IR_VERSION = 13, 8  # the oldest that hold these nodes: old runtimes read them too
_PICTURE = (
    "mean removed; short-time Fourier transform with a periodic Hann window of n_fft samples "
    "every hop_length, the ends padded by reflection with n_fft / 2 samples; power; n_mels mel "
    "filters on Slaney's scale with Slaney's norm, from f_min_hz to f_max_hz; decibels re the "
    "loudest cell, cut at -top_db; minus mean_db, divided by std_db; row 0 is the lowest frequency"
)
PICTURE, LOGITS, EMBEDDING, KINDS = "picture", "logits", "embedding", "kinds"


def to_onnx(classifier: Classifier) -> onnx.ModelProto:
    """Return the network as a complete ONNX model whose batch size is free.

    Its input is ``picture`` (batch, 1, mel, frame), normalised as
    :class:`~resona_core.network.spectrogram.LogMel` does it. Its outputs are ``logits`` (batch,
    class), before the temperature, ``embedding`` (batch, 512), where the network has them
    ``kinds`` (batch, kind), before the softmax, and each layer (batch, channel, mel, frame)
    under its own name. The metadata holds the front end, the labels, the temperature, the kinds
    and their floor: all that is needed to get from a sound to a label, or to none.
    """
    model, weights = graph_and_weights(classifier)
    for slot in model.graph.initializer:
        slot.CopyFrom(numpy_helper.from_array(weights[slot.name], slot.name))
    onnx.checker.check_model(model)
    return model


def graph_and_weights(
    classifier: Classifier,
) -> tuple[onnx.ModelProto, dict[str, NDArray[np.float32]]]:
    """Return the graph with empty places for its weights, and the weights by name.

    A runtime that is handed the arrays themselves starts half a second earlier than one that
    parses 85 MB of them.
    """
    graph = _Graph()
    _write_network(graph, classifier.network)
    info, network = classifier.info, classifier.network
    height, width = info.front_end.n_mels, info.front_end.n_frames
    layers = [
        _value(layer.name, layer.channels, -(-height // layer.stride), -(-width // layer.stride))
        for layer in network.layer_infos()
    ]
    kinds = [_value(KINDS, len(info.kinds))] if info.kinds else []
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "resona",
            [_value(PICTURE, 1, height, width)],
            [
                _value(LOGITS, len(info.labels)),
                _value(EMBEDDING, network.fc.in_features),
                *kinds,
                *layers,
            ],
            [_slot(name, values) for name, values in graph.weights.items()],
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="resona",
    )
    helper.set_model_props(model, metadata(info))
    return model, graph.weights


def metadata(info: CheckpointInfo) -> dict[str, str]:
    """Return what an ONNX file says beside the network.

    Front end, labels, folds and kinds are JSON. With `picture` and `probabilities` it is complete:
    who reads it alone can make the network's input and read its output.
    """
    of_kinds = {"kinds": json.dumps(info.kinds), "known_floor": str(info.known_floor)}
    return {
        "name": info.name,
        "front_end": json.dumps(info.front_end.to_dict()),
        "labels": json.dumps(info.labels),
        "picture": _PICTURE,
        "temperature": str(info.temperature),
        "probabilities": "softmax(logits / temperature)",
        "folds": json.dumps(info.folds),
        "data": info.data,
        "licence": info.licence,
        **(of_kinds if info.kinds else {}),
    }


class _Graph:
    """Nodes and weights, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.weights: dict[str, NDArray[np.float32]] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node that is named after its output; return that name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def weight(self, name: str, tensor: Tensor) -> str:
        """Add a constant; return its name."""
        self.weights[name] = np.ascontiguousarray(tensor.detach().cpu().numpy(), np.float32)
        return name

    def convolution(self, x: str, conv: nn.Module, norm: nn.Module, name: str) -> str:
        """Add a convolution with its batch normalisation folded in."""
        assert isinstance(conv, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None and norm.running_var is not None
        weight, bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var,
            norm.eps, norm.weight, norm.bias,
        )  # fmt: skip
        return self.add(
            "Conv",
            [x, self.weight(f"{name}.weight", weight), self.weight(f"{name}.bias", bias)],
            name,
            kernel_shape=conv.kernel_size,
            strides=conv.stride,
            pads=conv.padding * 2,  # before and after
        )

    def linear(self, x: str, layer: nn.Linear, name: str, output: str) -> str:
        """Add a linear layer with the weights `name`.weight and `name`.bias."""
        weights = [self.weight(f"{name}.{key}", value) for key, value in layer.named_parameters()]
        return self.add("Gemm", [x, *weights], output, transB=1)


def _write_network(graph: _Graph, network: AudioResNet) -> None:
    conv, norm, _, pool = network.stem
    assert isinstance(pool, nn.MaxPool2d)
    x = graph.add("Relu", [graph.convolution(PICTURE, conv, norm, "stem.conv")], "stem.relu")
    size, stride, padding = pool.kernel_size, pool.stride, pool.padding
    x = graph.add(
        "MaxPool", [x], "stem", kernel_shape=[size] * 2, strides=[stride] * 2, pads=[padding] * 4
    )
    for name in network.layer_names[1:]:
        x = _write_block(graph, x, network.get_submodule(name), name)
    average = graph.add("GlobalAveragePool", [x], "average")
    embedding = graph.add("Flatten", [average], EMBEDDING)
    graph.linear(embedding, network.fc, "fc", LOGITS)
    if network.config.n_kinds:
        graph.linear(embedding, network.kinds, "kinds", KINDS)


def _write_block(graph: _Graph, x: str, block: nn.Module, name: str) -> str:
    assert isinstance(block, ResidualBlock)
    inner = graph.convolution(x, block.conv1, block.bn1, f"{name}.conv1")
    inner = graph.add("Relu", [inner], f"{name}.relu1")
    inner = graph.convolution(inner, block.conv2, block.bn2, f"{name}.conv2")
    if isinstance(block.shortcut, nn.Sequential):
        conv, norm = block.shortcut
        x = graph.convolution(x, conv, norm, f"{name}.shortcut")
    return graph.add("Relu", [graph.add("Add", [inner, x], f"{name}.sum")], name)


def _value(name: str, *sizes: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sizes])


def _slot(name: str, values: NDArray[np.float32]) -> TensorProto:
    """Return a constant's name, shape and type, without its numbers."""
    slot = TensorProto(name=name, dims=values.shape, data_type=TensorProto.FLOAT)
    slot.data_location = TensorProto.EXTERNAL
    slot.external_data.add(key="location", value=name)
    slot.external_data.add(key="length", value=str(values.nbytes))
    return slot
