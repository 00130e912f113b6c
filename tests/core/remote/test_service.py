"""Modal's client as this program uses it, with a stand-in for what the client gives."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from types import SimpleNamespace
from typing import Any, Self

import modal
import pytest
from modal.types import FileEntry, FileEntryType

from resona_core import deployment
from resona_core.errors import NotDeployedError
from resona_core.remote import ModalService
from resona_core.remote.service import volume_files
from resona_core.remote.waiting import NoLongerWantedError, Wanted


class Spawned:
    """A question that Modal has taken; answered at the third look."""

    def __init__(self, answer: bytes) -> None:
        self.answer, self.looks, self.cancelled = answer, 0, False

    def get(self, timeout: float) -> bytes:
        self.looks += 1
        if self.looks < 3:
            raise TimeoutError  # as modal.FunctionCall.get: Python's own
        return self.answer

    def cancel(self) -> None:
        self.cancelled = True


class Method:
    def __init__(self) -> None:
        self.spawned: list[Spawned] = []
        self.most_in_flight = 0

    def spawn(self, *arguments: Any) -> Spawned:
        self.spawned.append(Spawned(repr(arguments).encode()))
        return self.spawned[-1]

    def starmap(
        self, arguments: AsyncIterator[Any], order_outputs: bool, return_exceptions: bool
    ) -> Iterator[bytes]:
        """Take questions as fast as they come, answer one whenever none comes at once."""
        assert return_exceptions
        loop, waiting, ended, idle = asyncio.new_event_loop(), list[Any](), False, 0

        async def fill() -> None:
            nonlocal ended, coming
            while not ended:
                done, _ = await asyncio.wait([coming], timeout=0.01)
                if not done:
                    return
                try:
                    waiting.append(coming.result())
                    coming = asyncio.ensure_future(anext(arguments))
                except StopAsyncIteration:
                    ended = True

        async def begin() -> asyncio.Future[Any]:
            return asyncio.ensure_future(anext(arguments))

        coming = loop.run_until_complete(begin())
        try:
            while not ended or waiting:
                loop.run_until_complete(fill())
                self.most_in_flight = max(self.most_in_flight, len(waiting))
                idle = 0 if waiting or ended else idle + 1
                assert idle < 200, "nothing is asked any more, and no end is told"
                if waiting:
                    yield repr(waiting.pop(0 if order_outputs else -1)).encode()
        finally:
            loop.close()


class Network:
    """Stands for ``modal.Cls``: looked up, given options, made live, instantiated."""

    def __init__(self) -> None:
        self.hear = Method()
        self.looked_up: list[tuple[str, str]] = []
        self.options: dict[str, Any] = {}

    def from_name(self, app: str, name: str) -> Self:
        self.looked_up.append((app, name))
        return self

    def with_options(self, **options: Any) -> Self:
        self.options |= options
        return self

    def with_concurrency(self, max_inputs: int) -> Self:
        return self.with_options(max_inputs=max_inputs)

    def hydrate(self) -> Self:
        return self

    def __call__(self) -> Self:
        return self


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    made = Network()
    monkeypatch.setattr(modal.Cls, "from_name", made.from_name)
    return made


def test_the_deployed_class_is_looked_up_once_and_asked_by_its_names(network: Network) -> None:
    service, wanted = ModalService(), Wanted()
    assert service.call("hear", b"x", "y", wanted=wanted) == b"(b'x', 'y')"
    assert service.call("hear", b"z", wanted=wanted) == b"(b'z',)"
    answers = service.call_each("hear", [(b"x",), (b"z",)], wanted=wanted)
    assert list(answers) == [b"(b'x',)", b"(b'z',)"]
    assert network.looked_up == [(deployment.APP, deployment.NETWORK)]
    assert network.options == {}
    assert wanted.taken.is_set()


def test_after_a_failure_it_is_looked_up_anew(network: Network) -> None:
    service = ModalService()

    def gone(*_: Any) -> None:
        raise modal.exception.NotFoundError("deployed anew meanwhile")

    spawn, network.hear.spawn = network.hear.spawn, gone  # type: ignore[assignment,method-assign]
    with pytest.raises(modal.exception.NotFoundError):
        service.call("hear", b"x", wanted=Wanted())
    network.hear.spawn = spawn  # type: ignore[method-assign]
    assert service.call("hear", b"x", wanted=Wanted()) == b"(b'x',)"
    assert len(network.looked_up) == 2


def test_a_question_that_nobody_waits_for_is_taken_back(network: Network) -> None:
    wanted = Wanted()
    wanted.give_up()
    with pytest.raises(NoLongerWantedError):
        ModalService().call("hear", b"x", wanted=wanted)
    (asked,) = network.hear.spawned
    assert asked.cancelled


def test_of_many_questions_only_some_are_under_way_and_the_pool_is_capped(
    network: Network,
) -> None:
    taken = []

    def questions() -> Iterator[tuple[int]]:
        for i in range(40):
            taken.append(i)
            yield (i,)

    answers = ModalService(containers=3).call_each(
        "hear", questions(), wanted=Wanted(), ordered=False
    )
    assert next(answers) == b"(5,)"  # 6 are let in, twice the containers; the last is ready first
    assert len(taken) <= 7
    assert len(list(answers)) == 39
    assert network.hear.most_in_flight == 6
    assert (network.options["max_containers"], network.options["max_inputs"]) == (3, 1)
    assert network.options["retries"] == 1


def test_many_questions_end_when_nobody_waits(network: Network) -> None:
    wanted = Wanted()
    answers = ModalService(containers=1).call_each("hear", [(1,)] * 9, wanted=wanted)
    next(answers)
    wanted.give_up()
    with pytest.raises(NoLongerWantedError):
        list(answers)


def test_the_files_of_the_volume_are_listed_without_its_folders(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def listed(path: str, recursive: bool) -> Iterator[FileEntry]:
        assert (path, recursive) == ("night", True)
        for name, kind in (("a.wav", FileEntryType.FILE), ("b", FileEntryType.DIRECTORY)):
            yield FileEntry(f"night/{name}", kind, mtime=0, size=0)

    monkeypatch.setattr(modal.Volume, "from_name", lambda name: SimpleNamespace(iterdir=listed))
    assert list(volume_files("night", Wanted())) == ["night/a.wav"]


def test_a_folder_that_is_not_on_the_volume_is_told_with_its_cure(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def nothing(path: str, recursive: bool) -> Iterator[FileEntry]:
        raise modal.exception.NotFoundError("no such path")

    monkeypatch.setattr(modal.Volume, "from_name", lambda name: SimpleNamespace(iterdir=nothing))
    with pytest.raises(NotDeployedError, match=r"no night on Modal's Volume 'resona'.*volume put"):
        list(volume_files("night", Wanted()))
