"""What only the tests of explanations share: a masker of toy size."""

from __future__ import annotations

import pytest
import torch

from resona_core.explain.masker import Masker
from resona_core.network.checkpoint import Classifier


@pytest.fixture
def masker(tiny_classifier: Classifier) -> Masker:
    """One whose last layer says something."""
    torch.manual_seed(1)
    made = Masker(tiny_classifier.network.config)
    torch.nn.init.normal_(made.last.weight, std=0.3)
    return made.eval().requires_grad_(False)
