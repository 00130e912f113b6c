"""The whole listener as one ONNX graph: waveform in, probabilities out.

For programs that have no front end of their own. The front end is written in ONNX's operators
around the graph of :mod:`resona_core.network.export`; ``STFT`` asks for opset 17, which ONNX
Runtime knows from version 1.14 on.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from resona_core.config import FrontEndConfig
from resona_core.network.description import CheckpointInfo
from resona_core.network.export import IR_VERSION, KINDS, LOGITS, PICTURE
from resona_core.network.front_end import TINY_POWER, hann, mel_filters

WAVEFORM_OPSET = 17
WAVEFORM, PROBABILITIES, KIND_PROBABILITIES = "waveform", "probabilities", "kind_probabilities"


def with_front_end(
    inner: onnx.ModelProto, info: CheckpointInfo, temperature: float
) -> onnx.ModelProto:
    """Return front end, network, temperature and softmax as one ONNX model of free batch size.

    Its input is ``waveform`` (batch, sample): mono windows of the front end's length and rate, of
    any level. Its outputs are ``probabilities`` (batch, class) and, where the network has kinds,
    ``kind_probabilities`` (batch, kind), the first of which says how surely the sound is of any of
    the classes.

    Parameters
    ----------
    inner : onnx.ModelProto
        The network, in float32 or in 8 bit.
    info : CheckpointInfo
    temperature : float
        Of that network.
    """
    front, back = _Nodes(), _Nodes()
    _write_front_end(front, info.front_end)
    scaled = back.add("Div", [LOGITS, back.constant("temperature", temperature)], "scaled")
    outputs = [_output(back.add("Softmax", [scaled], PROBABILITIES, axis=1), len(info.labels))]
    if info.kinds:
        kinds = back.add("Softmax", [KINDS], KIND_PROBABILITIES, axis=1)
        outputs.append(_output(kinds, len(info.kinds)))
    sound = helper.make_tensor_value_info(
        WAVEFORM, TensorProto.FLOAT, ["batch", info.front_end.window_samples]
    )
    graph = helper.make_graph(
        [*front.nodes, *inner.graph.node, *back.nodes],
        "resona",
        [sound],
        outputs,
        [*front.constants, *inner.graph.initializer, *back.constants],
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", WAVEFORM_OPSET)],
        ir_version=IR_VERSION,
        producer_name="resona",
    )
    model.metadata_props.extend(inner.metadata_props)
    onnx.checker.check_model(model)
    return model


def labels_json(info: CheckpointInfo) -> str:
    """Return what a program must know beside the graph; not every runtime reads its metadata."""
    return json.dumps(
        {
            "labels": info.labels,
            "sample_rate_hz": info.front_end.sample_rate_hz,
            "window_samples": info.front_end.window_samples,
            "kinds": info.kinds,
            "known_floor": info.known_floor,
            "licence": info.licence,
        },
        indent=1,
    )


class _Nodes:
    """Nodes and their constants, in the order in which they are added."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, inputs: list[str], output: str, **attributes: Any) -> str:
        """Add a node that is named after its output; return that name."""
        self.nodes.append(helper.make_node(operator, inputs, [output], output, **attributes))
        return output

    def constant(self, name: str, value: Any, kind: type = np.float32) -> str:
        """Add a constant; return its name."""
        self.constants.append(numpy_helper.from_array(np.asarray(value, kind), name))
        return name


def _write_front_end(graph: _Nodes, config: FrontEndConfig) -> None:
    """Write what :class:`~resona_core.network.front_end.FrontEnd` does, in its order."""
    half = config.n_fft // 2
    mean = graph.add("ReduceMean", [WAVEFORM], "offset", axes=[1], keepdims=1)
    centred = graph.add("Sub", [WAVEFORM, mean], "centred")
    margins = graph.constant("margins", [0, half, 0, half], np.int64)
    padded = graph.add("Pad", [centred, margins], "padded", mode="reflect")
    signal = graph.add("Unsqueeze", [padded, graph.constant("last", [2], np.int64)], "signal")
    hop = graph.constant("hop", config.hop_length, np.int64)
    window = graph.constant("window", hann(config.n_fft))
    length = graph.constant("length", config.n_fft, np.int64)
    steps = [signal, hop, window, length]
    spectrum = graph.add("STFT", steps, "spectrum", onesided=1)  # (batch, frame, bin, 2)
    squares = graph.add("Mul", [spectrum, spectrum], "squares")
    parts = graph.constant("parts", [3], np.int64)
    power = graph.add("ReduceSum", [squares, parts], "power", keepdims=0)
    filters = graph.constant("filters", mel_filters(config).T)
    frames = graph.add("MatMul", [power, filters], "frames")
    mel = graph.add("Transpose", [frames], "mel", perm=[0, 2, 1])
    loudest = graph.add("ReduceMax", [mel], "loudest", axes=[1, 2], keepdims=1)
    reference = graph.add("Max", [loudest, graph.constant("tiny", TINY_POWER)], "reference")
    relative = graph.add("Div", [mel, reference], "relative")
    floor = graph.constant("floor", 10 ** (-config.top_db / 10))
    logarithm = graph.add("Log", [graph.add("Max", [relative, floor], "cut")], "logarithm")
    scale = graph.constant("scale", 10 / math.log(10))
    decibels = graph.add("Mul", [logarithm, scale], "decibels")
    above = graph.add("Sub", [decibels, graph.constant("mean_db", config.mean_db)], "above")
    scaled = graph.add("Div", [above, graph.constant("std_db", config.std_db)], "normalised")
    graph.add("Unsqueeze", [scaled, graph.constant("channel", [1], np.int64)], PICTURE)


def _output(name: str, size: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", size])
