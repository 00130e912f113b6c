from __future__ import annotations

import pytest

from resona_core import deployment


def test_a_second_costs_a_t4_two_cores_and_four_gib() -> None:
    # modal.com/pricing in 2026: $0.164, 2 x $0.0131 and 4 x $0.00222 for a thousand seconds
    assert (deployment.GPU, deployment.CORES, deployment.MEMORY_MIB) == ("T4", 2, 4096)
    assert deployment.dollars(1_000) == pytest.approx(0.164 + 0.0262 + 0.00888)
    assert deployment.dollars(0) == 0
