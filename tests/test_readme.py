"""What README.md and MODEL_CARD.md say is held against the program."""

import re
import shlex
from pathlib import Path

import pytest

from resona_core.commands.program import parser
from resona_core.settings import Settings, settings
from resona_core.sound.examples import DEMO_SOUNDS, demo_wav

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
MODEL_CARD = (ROOT / "MODEL_CARD.md").read_text()
COMMANDS = re.findall(
    r"^python -m resona_core (.+)$", (README + MODEL_CARD).replace("\\\n", ""), flags=re.MULTILINE
)


def test_every_setting_stands_in_the_table_with_its_default() -> None:
    source = (ROOT / "resona_core" / "settings.py").read_text()
    variables = set(re.findall(r'"(RESONA_\w+)"', source))
    table = dict(re.findall(r"^\| `(RESONA_\w+)` \| (.+?) \|", README, flags=re.MULTILINE))
    assert variables == set(table)
    defaults = Settings()
    assert table["RESONA_DEVICE"] == f"`{defaults.device}`"
    assert table["RESONA_RUNTIME"] == f"`{defaults.runtime}`"
    assert table["RESONA_PRECISION"] == f"`{defaults.precision}`"
    assert table["RESONA_RUNS"] == f"`{defaults.runs}`"
    assert float(table["RESONA_THREADS"]) == defaults.threads
    assert float(table["RESONA_CONCURRENCY"]) == defaults.concurrency
    assert table["RESONA_BACKEND"] == f"`{defaults.backend}`"
    assert float(table["RESONA_MODAL_TIMEOUT_S"]) == defaults.modal_timeout_s
    assert float(table["RESONA_MODAL_START_S"]) == defaults.modal_start_s
    assert float(table["RESONA_MODAL_SWITCH"]) == defaults.modal_switch
    assert float(table["RESONA_MODAL_OPEN"]) == defaults.modal_open
    assert float(table["RESONA_MODAL_CONTAINERS"]) == defaults.modal_containers
    assert float(table["RESONA_MAX_BYTES"]) == defaults.limits.max_bytes
    assert float(table["RESONA_MAX_DURATION_S"]) == defaults.limits.max_duration_s
    recording = defaults.recording_limits
    assert float(table["RESONA_MAX_RECORDING_BYTES"]) == recording.max_bytes
    assert float(table["RESONA_MAX_RECORDING_S"]) == recording.max_duration_s
    assert float(table["RESONA_API_CONCURRENCY"]) == defaults.api.concurrency
    assert float(table["RESONA_API_WAITING"]) == defaults.api.waiting


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_one_the_program_takes(command: str) -> None:
    words = shlex.split(command.split("#")[0].split(">")[0])
    assert parser().parse_args(words).command.__name__ == words[0].replace("-", "_")


def test_the_python_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if not settings().checkpoint.is_file():
        pytest.skip("the shipped weights are not there")
    (example,) = re.findall(r"```python\n(.+?)```", README, flags=re.DOTALL)
    (tmp_path / "rain.wav").write_bytes(demo_wav(DEMO_SOUNDS[0].key))
    monkeypatch.chdir(tmp_path)
    exec(compile(example, "README.md", "exec"), {})


def test_every_file_it_links_to_exists() -> None:
    for text in (README, MODEL_CARD):
        for target in re.findall(r"\]\(((?!http)[^)#]+)\)", text):
            assert (ROOT / target).exists(), target


def test_every_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in set(re.findall(r"make (\w+)", README.split("## Train")[0])):
        assert re.search(rf"^{target}:", makefile, flags=re.MULTILINE), target
