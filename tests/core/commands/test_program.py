"""What the program does with any command: names, dashes, Ctrl-C."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from resona_core.__main__ import main
from resona_core.commands.loading import loading
from resona_core.commands.printing import AS_GIVEN, one_line

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


def _usage(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    return capsys.readouterr().err.splitlines()


@pytest.mark.parametrize(
    "words",
    [
        ("classify", "-dash.wav"),
        ("classify", "rain.wav", "-dash.wav", "--top", "-1"),
        ("timeline", "--format", "json", "-dash.wav"),
        ("feature-maps", "-dash.wav", "--layer", "stem", "--output", "x.npz"),
    ],
)
def test_a_name_with_a_leading_dash_makes_the_usage_say_how(
    words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    *_, last = _usage(capsys, *words)
    assert last == "note: a file whose name begins with a dash goes after --, as in: -- -dash.wav"


def test_so_does_one_with_two_dashes_that_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("--dash.wav").touch()
    *_, last = _usage(capsys, "classify", "--dash.wav")
    assert last.endswith("-- --dash.wav")


def test_other_wrong_usage_speaks_of_no_dash(capsys: pytest.CaptureFixture[str]) -> None:
    for words in (("classify",), ("classify", "-", "--top", "-1", "--bogus"), ("--", "-x.wav")):
        assert not any("dash" in line for line in _usage(capsys, *words))


def test_a_message_is_one_line_whatever_a_file_is_called() -> None:
    assert (
        one_line("a\nb\tc\x1b[31m\x7f é 雨 caf\udce9") == r"a\nb\tc\x1b[31m\x7f é 雨 caf" "\udce9"
    )


def test_no_name_is_an_error_in_any_encoding() -> None:
    name = "é 雨 caf\udce9"
    assert name.encode("utf-8", AS_GIVEN) == "é 雨 caf".encode() + b"\xe9"
    assert name.encode("latin-1", AS_GIVEN) == b"\xe9 \\u96e8 caf\xe9"
    assert name.encode("ascii", AS_GIVEN) == b"\\xe9 \\u96e8 caf\xe9"


@pytest.mark.parametrize(
    ("command", "lacking"),
    [
        ("", "COMMAND"),
    ],
)
def test_what_a_command_cannot_do_without_is_named(
    command: str, lacking: str, lacks: Callable[[str], str]
) -> None:
    assert lacks(command) == f"the following arguments are required: {lacking}"
