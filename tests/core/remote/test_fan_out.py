"""Many files asked of many GPUs, with a stand-in for Modal behind the small protocol."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from resona_core import wire
from resona_core.commands.batches import answer_all
from resona_core.deployment import dollars
from resona_core.errors import NotDeployedError, RemoteAnswerError
from resona_core.records import Task
from resona_core.remote import fan_out as fan_out_module
from resona_core.remote.fan_out import FanOut
from resona_core.remote.waiting import Patience, Wanted
from resona_core.settings import Limits
from resona_core.wire import Sender

HERE = Sender("0123", "a far GPU")
CLASSIFY = Task("classify", top=3)


class Containers:
    """Stands for Modal: answers batches in any order; a file of `deadly` kills its container.

    `once` kills the container that first gets it, and no other.
    """

    def __init__(
        self, deadly: tuple[str, ...] = (), once: tuple[str, ...] = (), sender: Sender = HERE
    ) -> None:
        self.batches: list[list[str]] = []
        self._deadly, self._once, self._sender = deadly, set(once), sender

    def call(self, method: str, *arguments: Any, wanted: Wanted) -> bytes:
        raise AssertionError("many files are asked about together")

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]], *, wanted: Wanted,
        ordered: bool = True,
    ) -> Iterator[bytes | Exception]:  # fmt: skip
        assert method == "answer"
        wanted.reached()
        asked = [self._answered(*each) for each in arguments]
        if not ordered:
            random.Random(0).shuffle(asked)
        yield from asked

    def _answered(self, task: str, files: list[tuple[str, bytes | None]]) -> bytes | Exception:
        assert Task.from_json(task).command in ("classify", "timeline")
        names = [name for name, _ in files]
        self.batches.append(names)
        if killing := set(names) & (self._once | set(self._deadly)):
            self._once -= killing
            return RuntimeError("the container died")
        records = [{"file": name, "bytes": len(data or b"")} for name, data in files]
        return wire.pack_records(records, 2.0, self._sender)


def fan_out(containers: Containers, task: Task = CLASSIFY, max_bytes: int = 50_000_000) -> FanOut:
    return FanOut(task, "0123", containers, Patience(9.0, 9.0), Limits(max_bytes=max_bytes))


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A thousand files of ten bytes."""
    folder = tmp_path_factory.mktemp("files")
    for i in range(1000):
        (folder / f"{i:03}.wav").write_bytes(b"0123456789")
    return sorted(str(path) for path in folder.iterdir())


def test_a_thousand_files_are_answered_once_each_in_batches(files: list[str]) -> None:
    containers = Containers()
    asking = fan_out(containers)
    found = list(asking.answers(files))
    assert sorted(one["file"] for one in found) == files
    assert [one["file"] for one in found] != files  # as they are ready
    assert {one["bytes"] for one in found} == {10}
    assert [len(batch) for batch in containers.batches] == [64] * 15 + [40]
    assert asking.gpu_s == 32.0
    assert dollars(asking.gpu_s) == pytest.approx(32 * 0.000199, rel=0.01)


def test_files_on_the_volume_are_named_and_not_read() -> None:
    containers = Containers()
    (found,) = fan_out(containers).answers(["volume:night/0.wav"])
    assert found == {"file": "volume:night/0.wav", "bytes": 0}


def test_long_recordings_go_one_by_one(files: list[str]) -> None:
    containers = Containers()
    list(fan_out(containers, Task("timeline")).answers(files[:3]))
    assert containers.batches == [[name] for name in files[:3]]


@pytest.mark.parametrize(("n_bytes", "lengths"), [(20, [2, 2, 2, 1]), (21, [3, 3, 1])])
def test_a_batch_of_just_the_weight_that_is_enough_is_full(
    n_bytes: int, lengths: list[int], files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of files of ten bytes."""
    monkeypatch.setattr(fan_out_module, "_BATCH_BYTES", n_bytes)
    containers = Containers()
    list(fan_out(containers).answers(files[:7]))
    assert [len(batch) for batch in containers.batches] == lengths


def test_a_batch_is_full_when_it_is_heavy(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).write_bytes(bytes(9_000_000))
    containers = Containers()
    list(fan_out(containers).answers([str(tmp_path / name) for name in "abc"]))
    assert [len(batch) for batch in containers.batches] == [2, 1]


def test_a_container_that_dies_loses_nothing(files: list[str]) -> None:
    containers = Containers(once=(files[70], files[500]))
    found = list(fan_out(containers).answers(files))
    assert sorted(one["file"] for one in found) == files
    assert not [one for one in found if "error" in one]
    alone = containers.batches[16:]
    assert sorted(name for (name,) in alone) == files[64:128] + files[448:512]


def test_a_file_that_kills_every_container_is_a_line_and_takes_no_other_with_it(
    files: list[str],
) -> None:
    deadly = files[300]
    found = list(fan_out(Containers(deadly=(deadly,))).answers(files))
    assert sorted(one["file"] for one in found) == files
    (bad,) = [one for one in found if "error" in one]
    assert bad["file"] == deadly
    assert "the container died" in bad["error"]
    assert bad["again"] is True


def test_where_nothing_is_answered_any_more_no_more_is_spent(files: list[str]) -> None:
    with pytest.raises(RemoteAnswerError, match="the container died"):
        list(fan_out(Containers(deadly=tuple(files)), Task("timeline")).answers(files))


class InOrder(Containers):
    """Answers in the order of the questions."""

    def call_each(
        self, method: str, arguments: Iterable[tuple[Any, ...]], *, wanted: Wanted,
        ordered: bool = True,
    ) -> Iterator[bytes | Exception]:  # fmt: skip
        return super().call_each(method, arguments, wanted=wanted)


@pytest.mark.parametrize(
    ("deadly", "hopeless"), [((0, 1, 3, 4), False), ((0, 1, 2), True), ((1, 2, 3), True)]
)
def test_only_what_is_lost_one_after_the_other_is_hopeless(
    deadly: tuple[int, ...], hopeless: bool, files: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three of them; among batches of one file, and among the files of a batch that was lost."""
    monkeypatch.setattr(fan_out_module, "_HOPELESS", 3)
    lost = tuple(files[number] for number in deadly)
    as_batches = fan_out(InOrder(once=lost), Task("timeline")).answers(files[:5])
    one_by_one = fan_out(InOrder(deadly=lost)).answers(files[:5])
    if hopeless:
        for answers in (as_batches, one_by_one):
            with pytest.raises(RemoteAnswerError, match="the container died"):
                list(answers)
        return
    assert not [one for one in as_batches if "error" in one]
    assert [one["file"] for one in one_by_one if "error" in one] == list(lost)


def test_what_cannot_be_sent_is_a_line_here(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "large.wav").write_bytes(bytes(101))
    (tmp_path / "good.wav").write_bytes(bytes(100))
    names = ["empty.wav", "large.wav", "good.wav", "missing.wav"]
    containers = Containers()
    asked = [str(tmp_path / name) for name in names]
    found = {one["file"]: one for one in fan_out(containers, max_bytes=100).answers(asked)}
    assert containers.batches == [[asked[2]]]
    assert "is empty (0 bytes)" in found[asked[0]]["error"]
    assert "the limit is" in found[asked[1]]["error"]
    assert found[asked[2]]["bytes"] == 100
    assert "is not a file" in found[asked[3]]["error"]
    assert not any("again" in one for one in found.values())


def test_another_network_there_is_refused(files: list[str]) -> None:
    with pytest.raises(NotDeployedError, match="another network"):
        list(fan_out(Containers(sender=Sender("4567", "a far GPU"))).answers(files))


def test_what_was_answered_before_a_failure_is_kept_and_not_asked_again(
    files: list[str], tmp_path: Path
) -> None:
    output = tmp_path / "answers.jsonl"
    deadly = tuple(files[200:])
    with pytest.raises(RemoteAnswerError):  # only the first batches are answered
        answer_all(files, fan_out(Containers(deadly=deadly), Task("timeline")).answers, output,
                   {"top": 3})  # fmt: skip
    kept = len(output.read_text().splitlines())
    again = Containers()
    answer_all(files, fan_out(again).answers, output, {"top": 3})
    assert sum(map(len, again.batches)) == 1000 - kept
    assert len(output.read_text().splitlines()) == 1000
