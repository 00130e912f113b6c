from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from torch.utils.tensorboard import SummaryWriter

from resona_core.config import TrainConfig
from resona_core.errors import ConfigError, DataError
from resona_core.settings import SHIPPED_RUNS
from resona_core.training.runs import find_runs, is_evaluated, read_run, stamp
from tests.run_folder import evaluation, faithfulness, write_epochs, write_json, write_run


def grow_old(folder: Path, written_s: float) -> None:
    for path in folder.glob("events*"):
        os.utime(path, (written_s, written_s))


def test_reading_a_run_loads_no_torch() -> None:
    code = "import sys, resona_core.training.runs; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_a_finished_run_is_read_back_as_it_was_written(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "mine", epochs=10))
    assert run.state == "finished"
    assert (run.epochs, run.epochs_done) == (10, 10)
    assert run.folds == (1, 2, 5)
    assert run.recipe == TrainConfig(epochs=10)
    assert run.environment["python"] == "3.11.2"
    assert run.report is None
    loss = run.curves["train/loss"]
    assert loss.steps.tolist() == list(range(100, 1001, 100))
    np.testing.assert_allclose(loss.values[[4, 9]], [4 * 0.5**0.5, 2], rtol=1e-6)
    assert run.last("held_out/accuracy_averaged") == pytest.approx(0.7)
    assert run.last("train/loss") == pytest.approx(2)
    assert run.last("held_out/nothing") is None


def test_a_run_that_has_logged_nothing_has_done_no_epoch(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "mine", epochs=10, done=0))
    assert (run.epochs_done, run.seconds_an_epoch) == (0, None)


def test_steps_become_epochs_by_the_first_point_of_the_loss(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "mine", epochs=10))
    held_out = run.curves["held_out/loss_raw"]
    assert run.in_epochs(held_out).tolist() == [5, 10]
    del run.curves["train/loss"]
    assert run.in_epochs(held_out).tolist() == [500, 1_000]  # nothing tells how long an epoch is


def test_an_unfinished_run_trains_until_its_log_has_been_quiet_for_a_while(tmp_path: Path) -> None:
    run = read_run(write_run(tmp_path / "mine", epochs=10, done=4))
    assert (run.state, run.epochs_done) == ("training", 4)
    for quiet_s, state in ((880, "training"), (920, "stopped")):
        grow_old(run.folder, time.time() - quiet_s)
        assert run.state == state


def test_a_run_with_its_weights_is_finished_whatever_its_log_says(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine", epochs=10, done=4)
    (folder / "model.safetensors").touch()
    assert read_run(folder).state == "finished"


def test_a_run_that_was_evaluated_is_finished_whatever_its_log_says(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine", epochs=10, done=4)
    write_json(folder / "evaluation.json", evaluation())
    assert read_run(folder).state == "finished"


def test_a_run_that_left_nothing_has_been_stopped(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    run = read_run(tmp_path / "mine")
    assert (run.state, run.epochs, run.epochs_done, run.folds) == ("stopped", None, 0, ())
    assert stamp(run.folder) == ()


def test_what_a_resumed_run_wrote_twice_counts_once(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine", epochs=10, done=6)
    with SummaryWriter(folder, filename_suffix=".resumed", purge_step=401) as log:
        write_epochs(log, range(5, 9), 10)
    run = read_run(folder)
    assert run.epochs_done == 8
    assert run.curves["train/loss"].steps.tolist() == list(range(100, 801, 100))


@pytest.mark.parametrize("missing", ["config.json", "environment.json", "events*"])
def test_a_missing_file_leaves_its_part_empty(tmp_path: Path, missing: str) -> None:
    folder = write_run(tmp_path / "mine")
    for path in folder.glob(missing):
        path.unlink()
    run = read_run(folder)
    assert (run.config == {}) == (missing == "config.json")
    assert (run.environment == {}) == (missing == "environment.json")
    assert (run.curves == {}) == (missing == "events*")
    assert run.epochs == (None if missing == "config.json" else 10)
    assert run.seconds_an_epoch is None or run.curves


def test_the_pace_is_the_median_time_between_two_epochs(tmp_path: Path) -> None:
    for times_s, pace_s in (((1_000, 1_060, 1_120, 1_500), 60), ((7, 9), 2), ((7,), None)):
        folder = write_run(tmp_path / f"{len(times_s)} epochs", done=0)
        with SummaryWriter(folder, filename_suffix=".paced") as log:
            for epoch, time_s in enumerate(times_s, start=1):
                log.add_scalar("train/loss", 1.0, 100 * epoch, walltime=time_s)
        assert read_run(folder).seconds_an_epoch == pace_s


def test_the_evaluation_comes_with_the_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine")
    before = stamp(folder)
    write_json(folder / "evaluation.json", evaluation())
    assert stamp(folder) != before
    report = read_run(folder).report
    assert report is not None
    assert report.clips == len(report.answers) == 200


def test_how_faithful_the_explanations_are_comes_with_the_run(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine")
    assert read_run(folder).faithfulness is None
    before = stamp(folder)
    write_json(folder / "faithfulness.json", faithfulness())
    assert stamp(folder) != before
    found = read_run(folder).faithfulness
    assert found is not None
    assert found.tables[0].methods["mask"]["AI"].mean == 97.5
    write_json(folder / "faithfulness.json", {"clips": 3})
    with pytest.raises(DataError, match="explain-bench --output"):
        read_run(folder)


def test_a_file_that_is_no_json_object_is_named(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine")
    for text in ("{half a f", "[1, 2]"):
        (folder / "evaluation.json").write_text(text)
        with pytest.raises(DataError, match=r"mine/evaluation\.json holds no JSON object"):
            read_run(folder)


def test_a_recipe_of_another_version_keeps_what_is_known(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "mine")
    write_json(folder / "config.json", {"training": {"seed": 7, "of_tomorrow": True}})
    assert read_run(folder).recipe == TrainConfig(seed=7, room_probability=0.0)  # not named
    write_json(folder / "config.json", {"training": {"seed": "seven"}})
    with pytest.raises(ConfigError, match="seed is 'seven'"):
        _ = read_run(folder).recipe


def test_runs_are_listed_that_of_the_weights_in_use_first_then_the_newest(tmp_path: Path) -> None:
    shipped, local = tmp_path / "shipped", tmp_path / "runs"
    for folder in (shipped / "b", shipped / "a", local / "old", local / "new"):
        write_run(folder, done=0)
    (local / "no run").mkdir()
    os.utime(local / "old", (0, 0))
    found = find_runs(local, shipped)
    assert list(found) == ["new", "old", "shipped/a", "shipped/b"]
    write_run(shipped / "shipped", done=0)
    assert next(iter(find_runs(local, shipped))) == "shipped/shipped"
    used = find_runs(local, shipped, local / "old" / "model.safetensors")
    assert list(used) == ["old", "new", "shipped/a", "shipped/b", "shipped/shipped"]
    far = write_run(tmp_path / "far", done=0)
    assert next(iter(find_runs(local, shipped, far / "model.safetensors"))) == str(far)
    assert found["new"] == local / "new"
    assert find_runs(tmp_path / "nowhere", tmp_path / "nowhere") == {}


def test_the_shipped_weights_have_the_evaluation_of_a_twin_that_knew_less() -> None:
    run = read_run(SHIPPED_RUNS / "shipped")
    assert run.report is not None
    assert is_evaluated(run.folder)
    assert run.report.is_test
    assert set(run.report.folds).isdisjoint(run.report.trained_on_folds)
    assert set(run.report.trained_on_folds) < set(run.folds)
