"""The network as an ONNX graph: for other programs, and for the compiled runtime.

The graph is written node by node from a checkpoint's weights, without torch; a test holds it to
torch's network. It goes from a normalised log-mel picture to the logits, the embedding and every
named layer, with batch normalisation folded into the convolutions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from resona_core.config import ModelConfig
from resona_core.network.description import CheckpointInfo
from resona_core.network.layers import layer_infos

Floats = NDArray[np.float32]

OPSET, IR_VERSION = 13, 8  # the oldest that hold these nodes: old runtimes read them too
_EPSILON = 1e-5  # of torch's batch normalisation
_PICTURE = (
    "mean removed; short-time Fourier transform with a periodic Hann window of n_fft samples "
    "every hop_length, the ends padded by reflection with n_fft / 2 samples; power; n_mels mel "
    "filters on Slaney's scale with Slaney's norm, from f_min_hz to f_max_hz; decibels re the "
    "loudest cell, cut at -top_db; minus mean_db, divided by std_db; row 0 is the lowest frequency"
)
PICTURE, LOGITS, EMBEDDING, KINDS = "picture", "logits", "embedding", "kinds"


def to_onnx(info: CheckpointInfo, weights: Mapping[str, Floats]) -> onnx.ModelProto:
    """Return the network as a complete ONNX model whose batch size is free.

    Its input is ``picture`` (batch, 1, mel, frame), normalised as
    :class:`~resona_core.network.front_end.FrontEnd` does it. Its outputs are ``logits`` (batch,
    class), before the temperature, ``embedding`` (batch, 512), where the network has them
    ``kinds`` (batch, kind), before the softmax, and each layer (batch, channel, mel, frame)
    under its own name. The metadata holds the front end, the labels, the temperature, the kinds
    and their floor: all that is needed to get from a sound to a label, or to none.
    """
    return whole(*graph_and_weights(info, weights))


def whole(model: onnx.ModelProto, constants: Mapping[str, NDArray[Any]]) -> onnx.ModelProto:
    """Put the constants into their places."""
    for slot in model.graph.initializer:
        slot.CopyFrom(numpy_helper.from_array(constants[slot.name], slot.name))
    onnx.checker.check_model(model)
    return model


def graph_and_weights(
    info: CheckpointInfo, weights: Mapping[str, Floats], watched: Sequence[str] = ()
) -> tuple[onnx.ModelProto, dict[str, Floats]]:
    """Return the graph with empty places for its weights, and the weights by name.

    A runtime that is handed the arrays themselves starts half a second earlier than one that
    parses 85 MB of them. Values within the network that are to be `watched` are outputs too.
    """
    graph = Graph(weights)
    write_network(graph, info.model)
    embedding = info.model.channels[-1]
    height, width = info.front_end.n_mels, info.front_end.n_frames
    layers = [
        value(layer.name, layer.channels, -(-height // layer.stride), -(-width // layer.stride))
        for layer in layer_infos(info.model)
    ]
    outputs = [value(LOGITS, len(info.labels)), value(EMBEDDING, embedding)]
    outputs += [value(KINDS, len(info.kinds))] if info.kinds else []
    named = {each.name for each in layers}
    outputs += [*layers, *(_unsized(name) for name in watched if name not in named)]
    model = model_of(info, graph.nodes, outputs, OPSET, info.temperature)
    model.graph.initializer.extend(slots(graph.constants))
    return model, graph.constants


def model_of(
    info: CheckpointInfo,
    nodes: Sequence[onnx.NodeProto],
    outputs: Sequence[onnx.ValueInfoProto],
    opset: int,
    temperature: float,
) -> onnx.ModelProto:
    """Return nodes that go from the picture to `outputs` as a model, its constants left out."""
    picture = value(PICTURE, 1, info.front_end.n_mels, info.front_end.n_frames)
    model = helper.make_model(
        helper.make_graph(nodes, "resona", [picture], outputs),
        opset_imports=[helper.make_opsetid("", opset)],
        ir_version=IR_VERSION,
        producer_name="resona",
    )
    helper.set_model_props(model, metadata(info, temperature))
    return model


def metadata(info: CheckpointInfo, temperature: float) -> dict[str, str]:
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
        "temperature": str(temperature),
        "probabilities": "softmax(logits / temperature)",
        "folds": json.dumps(info.folds),
        "data": info.data,
        "licence": info.licence,
        **(of_kinds if info.kinds else {}),
    }


class Graph:
    """Nodes and constants, in the order in which they are added.

    Parameters
    ----------
    weights : mapping of str to ndarray
        A checkpoint's, by their names there.
    """

    def __init__(self, weights: Mapping[str, Floats]) -> None:
        self._weights = weights
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Any] = {}

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node that is named after its output; return that name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, values: NDArray[Any]) -> str:
        """Add a constant; return its name."""
        self.constants[name] = np.ascontiguousarray(values)
        return name

    def has(self, name: str) -> bool:
        """Tell whether the checkpoint has such weights."""
        return name in self._weights

    def start(self, picture: str) -> str:
        """Return what the first convolution reads."""
        return picture

    def convolution(self, x: str, convolution: str, norm: str, name: str, stride: int) -> str:
        """Add a convolution with its batch normalisation folded in."""
        weight, bias = self.folded(convolution, norm)
        inputs = [x, self.constant(f"{name}.weight", weight), self.constant(f"{name}.bias", bias)]
        return self.add("Conv", inputs, name, **geometry(weight, stride))

    def folded(self, convolution: str, norm: str) -> tuple[Floats, Floats]:
        """Return a convolution's weight and bias with the normalisation after it in them."""
        norms = {key: self._weights[f"{norm}.{key}"] for key in _NORM}
        scale = norms["weight"] / np.sqrt(norms["running_var"] + np.float32(_EPSILON))
        weight = self._weights[f"{convolution}.weight"] * scale[:, None, None, None]
        return weight, norms["bias"] - norms["running_mean"] * scale

    def relu(self, x: str, name: str) -> str:
        """Add a rectification."""
        return self.add("Relu", [x], name)

    def total(self, x: str, y: str, name: str) -> str:
        """Add the rectified sum of a block's two ways."""
        return self.add("Relu", [self.add("Add", [x, y], f"{name}.sum")], name)

    def largest(self, x: str, name: str) -> str:
        """Add the stem's pooling: the maximum of 3 x 3 cells, each second one."""
        window = {"kernel_shape": [3, 3], "strides": [2, 2], "pads": [1, 1, 1, 1]}
        return self.add("MaxPool", [x], name, **window)

    def average(self, x: str) -> str:
        """Add the mean of each channel."""
        return self.add("GlobalAveragePool", [x], "average")

    def linear(self, x: str, name: str, output: str) -> str:
        """Add a linear layer."""
        keys = (f"{name}.weight", f"{name}.bias")
        return self.add(
            "Gemm", [x, *(self.constant(k, self._weights[k]) for k in keys)], output, transB=1
        )


_NORM = ("weight", "bias", "running_mean", "running_var")


def geometry(weight: NDArray[Any], stride: int) -> dict[str, list[int]]:
    """Return the attributes of a convolution that keeps the size but for its stride."""
    size = weight.shape[2]
    return {"kernel_shape": [size] * 2, "strides": [stride] * 2, "pads": [size // 2] * 4}


def write_network(graph: Graph, model: ModelConfig) -> None:
    """Write what ``AudioResNet`` computes, in its order."""
    x = graph.convolution(graph.start(PICTURE), "stem.0", "stem.1", "stem.conv", stride=2)
    x = graph.largest(graph.relu(x, "stem.relu"), "stem")
    for before, layer in pairwise(layer_infos(model)):
        x = _write_block(graph, x, layer.name, layer.stride // before.stride)
    embedding = graph.add("Flatten", [graph.average(x)], EMBEDDING)
    graph.linear(embedding, "fc", LOGITS)
    if model.n_kinds:
        graph.linear(embedding, "kinds", KINDS)


def _write_block(graph: Graph, x: str, name: str, stride: int) -> str:
    inner = graph.convolution(x, f"{name}.conv1", f"{name}.bn1", f"{name}.conv1", stride)
    inner = graph.relu(inner, f"{name}.relu1")
    inner = graph.convolution(inner, f"{name}.conv2", f"{name}.bn2", f"{name}.conv2", 1)
    if graph.has(f"{name}.shortcut.0.weight"):
        around = f"{name}.shortcut"
        x = graph.convolution(x, f"{around}.0", f"{around}.1", around, stride)
    return graph.total(inner, x, name)


def value(name: str, *sizes: int) -> onnx.ValueInfoProto:
    """Return an output of free batch size."""
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sizes])


def _unsized(name: str) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", None, None, None])


def slots(constants: Mapping[str, NDArray[Any]]) -> Iterator[TensorProto]:
    """Yield each constant's name, shape and type, without its numbers."""
    for name, values in constants.items():
        kind = helper.np_dtype_to_tensor_dtype(values.dtype)
        slot = TensorProto(name=name, dims=values.shape, data_type=kind)
        slot.data_location = TensorProto.EXTERNAL
        slot.external_data.add(key="location", value=name)
        slot.external_data.add(key="length", value=str(values.nbytes))
        yield slot
