"""Many files and one file of answers, with a stand-in for whoever answers."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from tqdm import tqdm

from resona_core.commands import batches
from resona_core.commands.batches import answer_all
from resona_core.errors import OutputError, RemoteConnectionError, RequestError
from resona_core.records import Record, failed

FILES = [f"{i}.wav" for i in range(1000)]
ASKED = {"network": "0123", "command": "classify", "top": 3}


class Answering:
    """Answers in another order than asked; remembers what was asked; stops after some."""

    def __init__(self, stops_after: int | None = None, stop: BaseException | None = None) -> None:
        self.asked: list[str] = []
        self._left, self._stop = stops_after, stop

    def __call__(self, files: Iterable[str]) -> Generator[Record, None, None]:
        names = list(files)
        self.asked += names
        for name in reversed(names):
            if self._left == 0 and self._stop is not None:
                raise self._stop
            self._left = None if self._left is None else self._left - 1
            yield {"file": name, "verdict": f"Rain in {name}"}


def lines(path: Path) -> list[Record]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_of_a_thousand_files_gets_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "answers.jsonl"
    assert answer_all([*FILES, FILES[0]], Answering(), output, ASKED, lambda: "$0.10") == 0
    found = lines(output)
    assert sorted(one["file"] for one in found) == sorted(FILES)
    assert found[0] == {"file": "999.wav", "verdict": "Rain in 999.wav", "asked": ASKED}
    assert capsys.readouterr().err == f"{output}: 1,000 answered; $0.10\n"


@pytest.mark.parametrize("stop", [KeyboardInterrupt(), RemoteConnectionError("gone"), OSError(28)])
def test_stopped_in_the_middle_it_goes_on_and_asks_for_nothing_twice(
    stop: BaseException, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "answers.jsonl"
    with pytest.raises(type(stop)):
        answer_all(FILES, Answering(400, stop), output, ASKED)
    assert "400 answered; 600 left, with which the same command goes on" in capsys.readouterr().err
    again = Answering()
    assert answer_all(FILES, again, output, ASKED) == 0
    assert again.asked == FILES[:600]
    assert sorted(one["file"] for one in lines(output)) == sorted(FILES)
    assert "1,000 answered, 400 of them before" in capsys.readouterr().err
    asked_nothing = Answering()
    inode = output.stat().st_ino
    answer_all(FILES, asked_nothing, output, ASKED)
    assert asked_nothing.asked == []
    assert output.stat().st_ino == inode  # nor is it written anew: who follows it reads on


def test_progress_counts_what_was_answered_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bars: list[tqdm] = []

    def shown(**options: Any) -> tqdm:
        bars.append(tqdm(file=StringIO(), **options | {"disable": False}))
        return bars[-1]

    monkeypatch.setattr(batches, "tqdm", shown)
    for first, last in ((0, 10), (10, 40)):
        answer_all(FILES[:last], Answering(), tmp_path / "a.jsonl", ASKED, lambda: "$0.10")
        assert (bars[-1].initial, bars[-1].n, bars[-1].total) == (first, last, last)
        assert bars[-1].postfix == "$0.10"


def test_a_line_that_a_kill_has_torn_is_asked_for_again(tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    answer_all(FILES[:3], Answering(), output, ASKED)
    output.write_bytes(output.read_bytes()[:-9])
    again = Answering()
    answer_all(FILES[:3], again, output, ASKED)
    assert again.asked == ["0.wav"]  # the last that was written
    assert sorted(one["file"] for one in lines(output)) == FILES[:3]


def test_what_was_no_fault_of_the_file_is_asked_again_and_what_was_is_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "answers.jsonl"

    def failing(files: Iterable[str]) -> Generator[Record, None, None]:
        yield failed("0.wav", RequestError("0.wav has no sound track 3; it has 1."))
        yield failed("1.wav", RemoteConnectionError("Modal cannot be reached."))

    assert answer_all(FILES[:2], failing, output, ASKED) == 1
    assert capsys.readouterr().err == f"{output}: 0 answered, 2 failed\n"
    again = Answering()
    assert answer_all(FILES[:2], again, output, ASKED) == 1  # the one error stays
    assert again.asked == ["1.wav"]
    assert "1 answered, 1 failed, 1 of them before" in capsys.readouterr().err
    assert lines(output) == [
        {"file": "0.wav", "error": "0.wav has no sound track 3; it has 1.", "asked": ASKED},
        {"file": "1.wav", "verdict": "Rain in 1.wav", "asked": ASKED},
    ]


def test_answers_to_another_question_are_not_mixed_with_these(tmp_path: Path) -> None:
    output = tmp_path / "answers.jsonl"
    answer_all(FILES[:2], Answering(), output, ASKED)
    before = output.read_bytes()
    for other, told in (({"top": 5}, "top 3, now 5"), ({"network": "4567"}, "0123, now 4567")):
        asking = Answering()
        with pytest.raises(RequestError, match=f"another question .*{told}"):
            answer_all(FILES, asking, output, ASKED | other)
        assert asking.asked == []
    assert output.read_bytes() == before


def test_a_place_that_cannot_be_written_is_told_before_anything_is_asked(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    output = tmp_path / "taken" / "answers.jsonl"
    asking = Answering()
    told = (
        r"answers\.jsonl cannot be written \(Not a directory\); give another place for the result"
    )
    with pytest.raises(OutputError, match=told):
        answer_all(FILES, asking, output, ASKED)
    assert asking.asked == []


@pytest.mark.parametrize("line", ["file,verdict", '{"verdict": "Rain"}', "[1]", "\udcff"])
def test_a_file_that_holds_something_else_is_left_alone(line: str, tmp_path: Path) -> None:
    output = tmp_path / "table.csv"
    data = f"{line}\n".encode(errors="surrogateescape")
    output.write_bytes(data)
    with pytest.raises(RequestError, match=r"Line 1 of .*table\.csv is no answer"):
        answer_all(FILES, Answering(), output, ASKED)
    assert output.read_bytes() == data
