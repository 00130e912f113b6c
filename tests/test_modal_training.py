"""What `modal run train_modal.py` asks for and brings home, with stand-ins where Modal would be."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from modal.types import FileEntry, FileEntryType

import train_modal
from resona_core.settings import settings
from resona_core.training.cross_validation import Outcome
from resona_core.training.evaluation.records import Report
from resona_core.training.fitting.recipes import read_recipe
from resona_core.training.session import Session


def ask(options: str) -> None:
    """Call what `modal run train_modal.py` calls."""
    train_modal.main(*shlex.split(options))


class FakeTraining:
    """Stands for ``train``: remembers GPU and sessions, returns what each came to."""

    def __init__(self, failing: tuple[str, ...] = ()) -> None:
        self.failing, self.lost = failing, ("run-fold3",)
        self.gpu = ""
        self.sessions: list[Session] = []

    def with_options(self, gpu: str) -> FakeTraining:
        self.gpu = gpu
        return self

    def map(self, sessions: list[str], return_exceptions: bool) -> list[str | Exception]:
        assert return_exceptions
        self.sessions = [Session.from_json(each) for each in sessions]
        return [self._outcome(each) for each in self.sessions]

    def _outcome(self, each: Session) -> str | Exception:
        if each.name in self.failing:
            return Outcome.failed_json("a clip cannot be read")
        if each.name in self.lost:
            return RuntimeError("preempted too often")
        if each.validate_on is None:
            return Outcome(None, 0).to_json()
        report = Report(0.5, 0.025, 400, folds=(each.validate_on,), top_3_accuracy=0.75)
        return Outcome(report, 0).to_json()


class FakeVolume:
    """A Volume in which every run has the same files, and a folder with one."""

    FILES = ("config.json", "last.pt", "model.safetensors", "pictures/events.1")

    def listdir(self, path: str, recursive: bool) -> list[FileEntry]:
        assert recursive
        names = [(name, FileEntryType.FILE) for name in self.FILES]
        return [
            FileEntry(f"{path}/{name}", kind, mtime=0, size=0)
            for name, kind in [("pictures", FileEntryType.DIRECTORY), *names]
        ]

    def read_file(self, path: str) -> Iterator[bytes]:
        yield from (b"first half, ", path.encode())


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Callable[..., FakeTraining]:
    """A function that puts stand-ins where Modal would be, and returns the training's."""

    def put(*failing: str) -> FakeTraining:
        training = FakeTraining(failing)
        monkeypatch.setattr(train_modal, "volume", FakeVolume())
        monkeypatch.setattr(train_modal, "train", training)
        monkeypatch.setattr(train_modal, "make_ready", SimpleNamespace(remote=lambda sessions: ""))
        return training

    return put


def test_cross_validation_runs_each_fold_and_brings_everything_home(
    cloud: Callable[..., FakeTraining], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    training = cloud()
    ask(
        "--recipe brief --folds 1,2,3 --cross-validate --gpu H100 --name cv --epochs 5 "
        f"--runs {tmp_path}"
    )
    assert training.gpu == "H100"
    assert [(s.name, s.validate_on) for s in training.sessions] == [
        ("cv-fold1", 1),
        ("cv-fold2", 2),
        ("cv-fold3", 3),
    ]
    assert {s.recipe.training.epochs for s in training.sessions} == {5}
    assert {s.recipe.front_end.n_fft for s in training.sessions} == {1024}
    home = tmp_path / "cv-fold2"
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*.*")) == [
        "config.json",
        "cross_validation.json",
        "evaluation.json",
        "model.safetensors",
        "pictures/events.1",
    ]
    weights = (home / "model.safetensors").read_text()
    assert weights == "first half, runs/cv-fold2/model.safetensors"
    assert json.loads((home / "evaluation.json").read_text())["folds"] == [2]
    over = json.loads((home / "cross_validation.json").read_text())
    assert [row["fold"] for row in over["folds"]] == [1, 2, 3]
    assert (over["recipe"], over["seeds"]) == ("brief", [0])
    assert "mean of 3 folds: accuracy 50.0%" in capsys.readouterr().out


def test_one_run_without_a_fold_left_out_has_no_scores(
    cloud: Callable[..., FakeTraining], tmp_path: Path
) -> None:
    training = cloud()
    ask(f"--runs {tmp_path}")
    (one,) = training.sessions
    assert (one.name, one.folds, one.validate_on) == ("run", (1, 2, 3, 4, 5), None)
    assert not (tmp_path / "run" / "evaluation.json").exists()


def test_a_fold_that_fails_does_not_lose_the_others(
    cloud: Callable[..., FakeTraining], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud("run-fold1")
    with pytest.raises(SystemExit) as ended:
        ask(f"--folds 1,2,3 --cross-validate --runs {tmp_path}")
    assert ended.value.code == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run-fold2"]
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "error: run-fold1: a clip cannot be read", "error: run-fold3: preempted too often"
    ]  # fmt: skip


def test_what_the_cpu_refuses_starts_no_gpu(
    cloud: Callable[..., FakeTraining], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = cloud()
    refuse = SimpleNamespace(remote=lambda sessions: "There is no data in data/mine.")
    monkeypatch.setattr(train_modal, "make_ready", refuse)
    with pytest.raises(SystemExit, match=r"^error: There is no data in data/mine\.$"):
        ask(f"--data mine --runs {tmp_path}")
    assert training.sessions == []
    assert [*tmp_path.iterdir()] == []


def test_every_option_has_its_help_and_the_order_of_commands_stands_below(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with pytest.raises(SystemExit):
        ask("--help")
    told = capsys.readouterr().out
    create, put = told.index("modal volume create resona"), told.index("modal volume put resona")
    assert create < put < told.index("modal run train_modal.py --data")
    assert "--detach" in told
    parser = train_modal._parser()
    assert all(action.help for action in parser._actions)


def test_all_options_of_the_command_line_reach_the_container(
    cloud: Callable[..., FakeTraining], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = cloud()
    monkeypatch.setenv("RESONA_RUNS", str(tmp_path))
    settings.cache_clear()
    ask(
        "--data mine --validate-on 5 --seed 3 --without dog,rain --skip-unreadable --licence MIT "
        "--initial runs/first/model.safetensors --teacher mn04.pt --others data/others "
        "--data-name mine"
    )
    settings.cache_clear()
    (one,) = training.sessions
    assert one == Session(
        Path("/store/data/mine"), Path("/store/runs"), folds=(1, 2, 3, 4, 5), validate_on=5, seed=3,
        without=("dog", "rain"), skip_unreadable=True, licence="MIT", data_name="mine",
        initial=Path("/store/runs/first/model.safetensors"), teacher=Path("/store/mn04.pt"),
        others=Path("/store/data/others"), recipe=read_recipe("resona"),
    )  # fmt: skip
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["folds"] == [5]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--recipe 22k", "no recipe '22k'"),
        ("--folds 1 --cross-validate", "at least two folds"),
        ("--epochs 0", "0 epochs were asked for"),
        ("--folds one", "'one' names no folds; write 1,2,3"),
        ("--config brief", "unrecognized arguments: --config"),
        ("--initial a.safetensors --from-scratch", "not allowed with argument --initial"),
    ],
)
def test_wrong_options_are_told_before_anything_is_sent(
    options: str,
    message: str,
    cloud: Callable[..., FakeTraining],
    capsys: pytest.CaptureFixture[str],
) -> None:
    training = cloud()
    with pytest.raises(SystemExit) as ended:
        ask(options)
    assert message in str(ended.value.code) + capsys.readouterr().err
    assert training.sessions == []
