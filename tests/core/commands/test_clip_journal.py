"""What is known of each clip, kept so that a stopped measurement goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from resona_core.commands.clip_journal import ClipJournal
from resona_core.errors import RequestError

ASKED = {"seed": 0}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bench.clips.jsonl"


def test_a_stopped_measurement_begins_with_what_is_known(path: Path) -> None:
    with ClipJournal(path, ASKED) as journal:
        journal.add("clean 0", {"energy": {"FF": 0.25, "ear": float("nan")}})
        journal.add("clean 1", {"energy": {"FF": 1}})
    with ClipJournal(path, ASKED) as again:
        assert again.found == {
            "clean 0": {"energy": {"FF": 0.25}},
            "clean 1": {"energy": {"FF": 1}},
        }
        again.add("clean 2", {"energy": {"FF": 0.5}})
    with ClipJournal(path, ASKED) as last:
        assert list(last.found) == ["clean 0", "clean 1", "clean 2"]
    with pytest.raises(RequestError, match="another question"):
        ClipJournal(path, {"seed": 1})


def test_when_all_is_measured_nothing_is_left(path: Path) -> None:
    journal = ClipJournal(path, ASKED)
    with journal:
        pass
    for _ in range(2):  # somebody may have been quicker
        journal.forget()
        assert not path.exists()


def test_the_file_is_closed_whatever_happens(path: Path) -> None:
    with pytest.raises(InterruptedError), ClipJournal(path, ASKED) as journal:
        raise InterruptedError
    with pytest.raises(ValueError, match="closed file"):
        journal.add("clean 0", {"energy": {"FF": 1}})


def test_without_a_place_the_figures_are_kept_in_memory() -> None:
    with ClipJournal(None, ASKED) as journal:
        journal.add("clean 0", {"energy": {"FF": 0.25, "ear": float("nan")}})
    journal.forget()
    assert journal.found == {"clean 0": {"energy": {"FF": 0.25}}}
