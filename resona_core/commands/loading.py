"""Ctrl-C while libraries are loaded. Importing this loads nothing else."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPPED = 130
"""The exit status of a program that Ctrl-C ends: 128 + SIGINT."""


@contextmanager
def loading() -> Iterator[None]:
    """Let Ctrl-C end the program at once for as long as the ``with`` block lasts.

    Libraries that are being loaded make an ImportError of it, or nothing. There is no work yet
    that has to be ended.
    """
    usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not usual or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _stop(_: int, __: FrameType | None) -> None:
    os.write(2, b"stopped\n")
    os._exit(STOPPED)
