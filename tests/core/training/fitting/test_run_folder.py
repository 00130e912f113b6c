from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from resona_core.errors import DataError
from resona_core.training.fitting.run_folder import RunFolder, read_json, write_json

ASKED = {"name": "toy", "training": {"epochs": 4, "seed": 0}, "labels": ["dog", "rain"]}


@pytest.fixture
def folder(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "runs" / "toy")


def test_a_run_folder_loads_no_torch() -> None:
    code = "import sys, resona_core.training.fitting.run_folder; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_run_that_begins_writes_what_was_asked_for(folder: RunFolder) -> None:
    assert not folder.is_run
    folder.create(ASKED)
    assert folder.is_run
    assert json.loads(folder.config.read_text()) == ASKED
    assert [path.name for path in folder.path.iterdir()] == ["config.json"]  # no .part


@pytest.mark.parametrize(
    "file",
    [
        "config.json", "environment.json", "evaluation.json", "cross_validation.json", "last.pt",
        "teacher.pt", "model.safetensors", "events.out.tfevents.1.host.1.0", "faithfulness.json",
        "model.masker.safetensors",
    ],
)  # fmt: skip
def test_a_run_is_not_begun_where_any_file_of_another_lies(file: str, folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / file).touch()
    told = r"There is a run in .*runs/toy already; resume it \(--resume\), replace it"
    with pytest.raises(DataError, match=told):
        folder.create(ASKED)
    with pytest.raises(DataError, match=r"already; take another\."):
        folder.refuse_if_taken("take another")


def test_an_empty_folder_or_one_of_other_files_is_no_run(folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    (folder.path / "notes.txt").touch()
    folder.create(ASKED)


def test_the_same_run_goes_on_and_one_that_never_began_begins(folder: RunFolder) -> None:
    folder.resume(ASKED)
    assert json.loads(folder.config.read_text()) == ASKED
    folder.resume(ASKED)


def test_a_run_without_its_configuration_does_not_go_on(folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.last.touch()
    with pytest.raises(
        DataError, match=r"no config\.json, .*; start again under another --name, or"
    ):
        folder.resume(ASKED)


@pytest.mark.parametrize("text", ["", '{"name": "to', "[1]", "\xff"])
def test_a_damaged_configuration_does_not_go_on(text: str, folder: RunFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.config.write_text(text, encoding="latin-1")
    with pytest.raises(DataError, match=r"config\.json is damaged: .*; start again under another"):
        folder.resume(ASKED)


def test_another_configuration_is_refused_with_what_differs(folder: RunFolder) -> None:
    folder.create(ASKED | {"data": "ESC-50"})
    other = {**ASKED, "training": {"epochs": 5, "seed": 0}, "labels": ["x" * 60]}
    with pytest.raises(DataError) as caught:
        folder.resume(other)
    message = str(caught.value)
    assert "training.epochs is 4 there, 5 was asked for" in message
    assert 'data is "ESC-50" there, nothing was asked for' in message
    assert f'labels is ["dog", "rain"] there, ["{"x" * 35}... was asked for' in message
    assert "seed" not in message
    assert message.endswith(
        "; ask for the same, or start again under another --name, or in its place: --overwrite."
    )


def test_clips_that_have_changed_are_counted_and_not_listed(folder: RunFolder) -> None:
    folder.create({"learnt": "aa bb cc"})
    folder.resume({"learnt": "cc bb aa"})  # the same clips in another order
    with pytest.raises(DataError, match="2 of its clips have gone and 1 are new; ask for the same"):
        folder.resume({"learnt": "cc dd"})


@pytest.mark.parametrize(
    ("there", "asked", "told"),
    [
        ({}, {"learnt": "aa bb"}, 'learnt is nothing there, "aa bb" was asked for'),
        ({"learnt": "aa bb"}, {}, 'learnt is "aa bb" there, nothing was asked for'),
        ({"model": {"blocks": 3}}, {}, 'model is {"blocks": 3} there, nothing was asked for'),
        ({}, {"model": {"blocks": 3}}, 'model is nothing there, {"blocks": 3} was asked for'),
        (
            {"model": {"blocks": 3, "channels": 8, "dropout": 0.5}},
            {"model": {"kinds": 2, "channels": 9}},
            "model.kinds is nothing there, 2 was asked for, "
            "model.channels is 8 there, 9 was asked for, "
            "model.blocks is 3 there, nothing was asked for, "
            "model.dropout is 0.5 there, nothing was asked for",
        ),
    ],
)
def test_what_only_one_of_two_configurations_names_is_told(
    there: dict[str, object], asked: dict[str, object], told: str, folder: RunFolder
) -> None:
    folder.create(there)
    with pytest.raises(DataError, match=re.escape(f"with another configuration: {told}; ask")):
        folder.resume(asked)


def test_a_value_is_shown_whole_up_to_forty_characters(folder: RunFolder) -> None:
    for length, shown in ((38, f'"{"x" * 38}"'), (39, f'"{"x" * 36}...')):  # with its quotes
        folder.clear()
        folder.create({"name": "x" * length})
        with pytest.raises(DataError, match=re.escape(f"name is {shown} there")):
            folder.resume({"name": "y"})


def test_of_many_differences_five_are_named(folder: RunFolder) -> None:
    folder.create({f"key {i}": i for i in range(8)})
    with pytest.raises(DataError, match="key 4 is 4 there, 5 was asked for and 3 more; ask"):
        folder.resume({f"key {i}": i + 1 for i in range(8)})


def test_names_are_told_as_they_are_written(folder: RunFolder) -> None:
    folder.create({"data": "Vögel"})
    with pytest.raises(DataError, match='data is "Vögel" there, "Wälder" was asked for'):
        folder.resume({"data": "Wälder"})


def test_five_differences_are_all_of_them(folder: RunFolder) -> None:
    folder.create({f"key {i}": i for i in range(5)})
    with pytest.raises(DataError, match="key 4 is 4 there, 5 was asked for; ask"):
        folder.resume({f"key {i}": i + 1 for i in range(5)})


def test_a_run_is_finished_with_its_weights_and_without_what_it_could_go_on_from(
    folder: RunFolder,
) -> None:
    folder.create(ASKED)
    assert not folder.is_finished
    for path in (folder.last, folder.teacher, folder.model):
        path.touch()
    assert not folder.is_finished
    for _ in range(2):  # it may have gone already
        folder.forget_state()
        assert folder.is_finished
    assert {path.name for path in folder.path.iterdir()} == {"config.json", "model.safetensors"}


def test_clearing_leaves_what_is_not_of_the_run(folder: RunFolder) -> None:
    folder.create(ASKED)
    for name in ("events.out.tfevents.1", "last.pt", "model.safetensors.part", "notes.txt"):
        (folder.path / name).touch()
    folder.clear()
    assert [path.name for path in folder.path.iterdir()] == ["notes.txt"]
    assert not folder.is_taken


def test_what_is_no_number_is_written_as_null(tmp_path: Path) -> None:
    given = {"a": float("nan"), "b": [1.5, float("-inf")], "c": {"d": (float("inf"), "x", 2)}}
    write_json(tmp_path / "a.json", given)
    assert read_json(tmp_path / "a.json") == {
        "a": None,
        "b": [1.5, None],
        "c": {"d": [None, "x", 2]},
    }


def test_a_record_is_read_back_and_a_missing_one_is_empty(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"what": "größer"})
    assert read_json(tmp_path / "a.json") == {"what": "größer"}
    assert read_json(tmp_path / "b.json") == {}


def test_a_record_is_written_field_by_field(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"what": "bell", "how often": 2})
    assert (tmp_path / "a.json").read_text() == '{\n "what": "bell",\n "how often": 2\n}\n'


def test_a_kill_while_writing_leaves_the_old_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_json(tmp_path / "a.json", {"old": 1})

    def half(path: Path, text: str, encoding: str) -> None:
        path.write_bytes(text.encode()[:4])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_text", half)
    with pytest.raises(KeyboardInterrupt):
        write_json(tmp_path / "a.json", {"new": 2})
    assert read_json(tmp_path / "a.json") == {"old": 1}
