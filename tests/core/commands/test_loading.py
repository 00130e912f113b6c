"""Ctrl-C while libraries are loaded."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from resona_core.commands.loading import loading

ROOT = Path(__file__).parents[3]
# Ctrl-C while a module is looked for; libraries make an ImportError of it.
INTERRUPTED = """
import os, runpy, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have had it ignored
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == {module!r}:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                for _ in range(1000):
                    pass
            except KeyboardInterrupt as error:
                raise ({error}) from error
sys.meta_path.insert(0, Interrupting())
sys.argv = ["resona", "layers"]
runpy.run_module("resona_core", run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("module", "error"),
    [
        ("resona_core.commands", "error"),
        ("argparse", "error"),
        ("numpy", "ImportError('initialisation failed')"),
        ("onnxruntime", "ImportError('initialisation failed')"),
    ],
)
def test_ctrl_c_while_the_program_is_loaded_ends_it_as_later(module: str, error: str) -> None:
    code = INTERRUPTED.format(module=module, error=error)
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (130, "", "stopped\n")


def test_ctrl_c_is_as_it_was_when_all_is_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with loading():
            assert signal.getsignal(signal.SIGINT) is not signal.default_int_handler
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # as nohup has it
        with loading():
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, usual)


def test_in_another_thread_libraries_are_loaded_too() -> None:
    """Where Ctrl-C can be given no other meaning."""
    done: list[bool] = []
    usual = signal.signal(signal.SIGINT, signal.default_int_handler)

    def load() -> None:
        with loading():
            done.append(signal.getsignal(signal.SIGINT) is signal.default_int_handler)

    try:
        thread = threading.Thread(target=load)
        thread.start()
        thread.join()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert done == [True]
