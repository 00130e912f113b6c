"""The matrix product by which 8 bit and float32 are compared."""

from __future__ import annotations

import numpy as np
import pytest

from resona_core.network.product import matrix_product


def test_both_precisions_multiply_the_same_whole_numbers() -> None:
    (eight,), (exact,) = (matrix_product(kind, 1, 64)() for kind in ("int8", "float32"))  # type: ignore[misc]
    assert (eight.dtype, exact.dtype) == (np.int32, np.float32)
    assert eight.shape == (64, 64)
    np.testing.assert_array_equal(eight, exact)
    assert eight.std() > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_the_threads_change_nothing(threads: int) -> None:
    (found,), (one,) = (matrix_product("int8", n, 32)() for n in (threads, 1))  # type: ignore[misc]
    np.testing.assert_array_equal(found, one)
