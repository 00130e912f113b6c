"""What a GPU is asked for again and again, recorded once and then asked for in one word.

A step of training is some thousand small requests, and the processor takes longer to make them
than the GPU to answer. A CUDA graph holds them all.

Source: https://docs.pytorch.org/docs/stable/notes/cuda.html#cuda-graphs
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import torch
from torch import Tensor

T = TypeVar("T")


class Graphed(Generic[T]):
    """A function of tensors of fixed shapes, recorded as a CUDA graph.

    Recording runs nothing: the function must have run before, so that cuDNN has chosen its ways.
    It may draw from the default generator, and change tensors in place; it may not wait for a
    number. Meanwhile no other thread may ask the GPU for anything.

    Parameters
    ----------
    function : callable
        From tensors on a GPU to one of them or a tuple.
    examples : Tensor or None
        Of the shapes that it will be called with.
    """

    def __init__(self, function: Callable[..., T], *examples: Tensor | None) -> None:
        self.given = [None if example is None else example.clone() for example in examples]
        self.graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(self.graph):
            self.returned = function(*self.given)

    def __call__(self, *tensors: Tensor | None) -> T:
        """Return what the function returns for these `tensors`; the next call overwrites it."""
        for mine, given in zip(self.given, tensors, strict=True):
            if mine is not None and given is not None:
                mine.copy_(given)
        self.graph.replay()
        return self.returned
