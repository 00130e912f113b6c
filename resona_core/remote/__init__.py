"""The same door on Modal: the questions that need the network are asked of a GPU there.

What travels is described in :mod:`resona_core.wire`; what runs there is the class ``Network``
of ``cloud/serving.py``.
"""

from resona_core.remote.engine import RemoteEngine
from resona_core.remote.service import ModalService, Service

__all__ = ["ModalService", "RemoteEngine", "Service"]
