"""The same door on Modal: the questions that need the network are asked of a GPU there.

What travels is described in :mod:`resona_core.wire`; what runs there is the class ``Network``
of ``train_modal.py``.
"""

from resona_core.remote.engine import RemoteEngine
from resona_core.remote.service import APP, NETWORK, ModalService, Service

__all__ = ["APP", "NETWORK", "ModalService", "RemoteEngine", "Service"]
