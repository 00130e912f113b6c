"""What stands on Modal: under which names, on what hardware, and what that costs.

Those who deploy it and those who ask it both read it here. Nothing here loads torch or modal.
"""

from __future__ import annotations

APP = "resona"  # of the network, its API, the dashboard and TensorBoard; also the Volume
TRAINING = "resona-training"  # of `modal run`, which publishes nothing
NETWORK = "Network"
VOLUME = "volume:"  # how the name of a file begins that lies on the Volume
DEPLOY = "run `modal deploy train_modal.py`"

GPU = "T4"
CORES = 2.0
MEMORY_MIB = 4096

# modal.com/pricing in 2026, in dollars a second, without what some regions add.
_GPU_DOLLARS = 0.000164
_CORE_DOLLARS = 0.0000131
_GIB_DOLLARS = 0.00000222


def dollars(gpu_s: float) -> float:
    """Return what so many seconds of the network's containers cost, in dollars.

    Examples
    --------
    >>> round(dollars(3600), 2)
    0.72
    """
    each = _GPU_DOLLARS + CORES * _CORE_DOLLARS + MEMORY_MIB / 1024 * _GIB_DOLLARS
    return gpu_s * each
