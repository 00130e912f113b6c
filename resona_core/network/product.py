"""A large matrix product in ONNX Runtime: nothing there multiplies faster.

Its time tells whether a processor is faster in 8 bit, and how far the network is from its limit.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnxruntime
from onnx import TensorProto, helper

from resona_core.network.export import IR_VERSION, OPSET

_VALUES, _WEIGHTS = (0, 255), (-64, 64)  # as in the 8-bit network where there is no VNNI


def matrix_product(precision: str, threads: int, size: int) -> Callable[[], object]:
    """Return the product of two square matrices, `size`**3 multiply-adds, ready to run.

    Parameters
    ----------
    precision : {"int8", "float32"}
        In 8 bit, as in the network: uint8 times int8.
    threads : int
    size : int
        Rows and columns.
    """
    rng, shape, eight = np.random.default_rng(0), (size, size), precision == "int8"
    left = rng.integers(*_VALUES, shape).astype(np.uint8 if eight else np.float32)
    right = rng.integers(*_WEIGHTS, shape).astype(np.int8 if eight else np.float32)
    kinds = [helper.np_dtype_to_tensor_dtype(each.dtype) for each in (left, right)]
    constant = helper.make_tensor("right", kinds[1], shape, right.tobytes(), raw=True)
    result = TensorProto.INT32 if eight else TensorProto.FLOAT
    name = "MatMulInteger" if eight else "MatMul"
    graph = helper.make_graph(
        [helper.make_node(name, ["left", "right"], ["product"])], "product",
        [helper.make_tensor_value_info("left", kinds[0], shape)],
        [helper.make_tensor_value_info("product", result, shape)], [constant],
    )  # fmt: skip
    opset = helper.make_opsetid("", OPSET)
    model = helper.make_model(graph, opset_imports=[opset], ir_version=IR_VERSION)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # as the network's
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    return lambda: session.run(None, {"left": left})
