from __future__ import annotations

import json
from pathlib import Path

import pytest

from resona_core.explain.faithfulness import MEANINGS
from tests.dashboard.training_page import Open, columns, evaluated, open_section, runs, texts
from tests.run_folder import evaluation, faithfulness, write_json, write_run

__all__ = ["runs"]  # a fixture


def test_without_a_run_the_page_says_how_to_make_one(open_page: Open) -> None:
    page = open_page("training")
    assert not page.exception
    assert "RESONA\\_RUNS" in texts(page)
    assert "resona_core train" in page.code[0].value


def test_a_figure_stands_with_its_error_its_clips_and_its_command(
    open_page: Open, runs: Path
) -> None:
    page = open_section(open_page, "Overview", evaluated(runs / "mine").name)
    assert "names :primary[91.5 %] of sounds it had never heard" in page.header[0].value
    assert "91.5 % ± 2.0" in texts(page)
    assert "200 clips of fold 3, trained on folds 1, 2, 5" in texts(page)
    assert "--folds 3" in page.code[0].value
    described = {
        str(row): table.value.iloc[i, 0]
        for table in page.table
        for i, row in enumerate(table.value.index)
    }
    assert described["Epochs"] == "10"
    assert described["Sample rate (Hz)"] == "44,100"
    assert described["Training folds"] == "1, 2, 5"
    assert described["Processor"] == "two cores"


def test_an_average_has_an_evaluation_and_no_curves(open_page: Open, runs: Path) -> None:
    folder = evaluated(runs / "mean")
    for log in folder.glob("events*"):
        log.unlink()
    page = open_section(open_page, "Curves", "mean")
    assert page.caption[0].value.endswith("Finished.")
    assert "no training curves: its weights are an average" in texts(page)


def test_an_evaluation_on_clips_trained_on_gives_optimistic_scores(
    open_page: Open, runs: Path
) -> None:
    folder = evaluated(runs / "mine")
    write_json(folder / "evaluation.json", evaluation() | {"folds": [2, 3]})
    assert "from these clips too, so the scores are optimistic" in texts(
        open_section(open_page, "Overview")
    )


def test_scores_of_a_twin_are_said_to_be_a_twins(open_page: Open, runs: Path) -> None:
    folder = evaluated(runs / "mine")
    config = json.loads((folder / "config.json").read_text())
    write_json(folder / "config.json", config | {"folds": [1, 2, 3, 5]})
    page = open_section(open_page, "Overview")
    assert "names :primary[91.5 %] of sounds it had never heard" in page.header[0].value
    assert "evaluate --data ESC-50 --folds 4" in page.code[0].value  # which neither has heard
    evaluated(runs / "yours")
    for section in ("Overview", "Mistakes", "Trust"):
        said = "answered by a twin of this network"
        assert said in texts(open_section(open_page, section))
        assert said not in texts(open_section(open_page, section, "yours"))


@pytest.mark.parametrize("section", ["Overview", "Mistakes", "Trust"])
def test_a_run_without_an_evaluation_says_how_to_make_one(
    open_page: Open, runs: Path, section: str
) -> None:
    write_run(runs / "mine")
    page = open_section(open_page, section)
    assert "has not been measured yet" in page.info[0].value
    assert "evaluate --data ESC-50 --folds 3,4" in page.code[0].value
    assert not page.get("plotly_chart")


def test_curves_of_one_run_and_of_two(open_page: Open, runs: Path) -> None:
    evaluated(runs / "mine")
    write_run(runs / "other", done=4)
    page = open_section(open_page, "Curves")
    assert len(page.get("plotly_chart")) == 1
    assert not page.dataframe
    page.multiselect(key="training_compare").select("other").run()
    assert not page.exception
    assert len(page.get("plotly_chart")) == 1
    (table,) = page.dataframe
    assert list(table.value["Run"]) == ["mine", "other"]
    assert list(table.value["Epochs"]) == ["10 of 10", "4 of 10"]
    assert list(table.value["Evaluation accuracy"]) == ["91.5 % ± 2.0, fold 3", "-"]


def test_beside_weights_that_are_an_average_stand_the_curves_of_its_neighbours(
    open_page: Open, runs: Path
) -> None:
    average = evaluated(runs / "mine")
    for log in average.glob("events*"):
        log.unlink()
    for name in ("one", "two"):
        write_run(runs / name)
    page = open_section(open_page, "Curves")
    assert set(page.multiselect(key="training_compare").value) == {"one", "two"}
    assert len(page.get("plotly_chart")) == 1
    (table,) = page.dataframe
    assert table.value["Epochs"][0] == "-"
    page.run()  # as when the width of the window becomes known
    assert set(page.multiselect(key="training_compare").value) == {"one", "two"}
    page.multiselect(key="training_compare").set_value([]).run()
    assert not page.get("plotly_chart")
    assert "has no training curves" in page.info[0].value


def test_a_run_that_trains_says_how_far_it_is(open_page: Open, runs: Path) -> None:
    write_run(runs / "mine", done=4)
    page = open_section(open_page, "Curves")
    assert "Training: 4 of 10 epochs" in texts(page)
    (progress,) = page.get("progress")
    assert progress.proto.value == 40


def test_a_run_without_a_log_has_no_curves_but_a_sentence(open_page: Open, runs: Path) -> None:
    write_run(runs / "mine", done=0)
    page = open_section(open_page, "Curves")
    assert "first point" in page.info[0].value


def test_a_pair_of_classes_shows_its_clips(open_page: Open, runs: Path) -> None:
    evaluated(runs / "mine")
    page = open_section(open_page, "Mistakes")
    assert len(page.get("plotly_chart")) == 2
    page.selectbox(key="training_pair").select("siren>car_horn").run()
    assert not page.exception
    clips, classes = page.dataframe
    assert list(clips.value["Clip"]) == ["3-00042-A-0.wav"]
    assert list(clips.value["Probability"]) == [40]
    assert len(classes.value) == 50
    assert classes.value["Accuracy"].is_monotonic_increasing


def test_trust_shows_every_part_that_was_measured(open_page: Open, runs: Path) -> None:
    evaluated(runs / "mine")
    page = open_section(open_page, "Trust")
    assert len(page.get("plotly_chart")) == 1
    assert [table[0] for table in columns(page)] == ["Measure", "Verdict", "Condition", "Sounds"]
    assert list(page.dataframe[2].value["Change"].round(1)) == [0, -21.5]
    unknown = page.dataframe[3].value
    assert list(unknown["AUROC"]) == ["0.800 (0.750 to 0.850)"]
    assert [list(unknown[name]) for name in ("FPR95", "Rejected")] == [["60 %"], ["-"]]
    assert "3.6 %" in texts(page)
    assert "xplanation" not in texts(page)  # not measured, so nothing is said of them


def test_trust_leaves_out_what_was_not_measured(open_page: Open, runs: Path) -> None:
    folder = evaluated(runs / "mine")
    bare = evaluation() | {"robustness": [], "verdicts": [], "unknown": None}
    write_json(folder / "evaluation.json", bare)
    page = open_section(open_page, "Trust")
    assert len(page.dataframe) == 1


def test_trust_shows_how_faithful_the_explanations_are_and_how_that_is_measured(
    open_page: Open, runs: Path
) -> None:
    write_json(evaluated(runs / "mine") / "faithfulness.json", faithfulness())
    page = open_section(open_page, "Trust")
    assert "Are the explanations faithful?" in [head.value for head in page.header]
    clean, mixed = page.dataframe[-2:]
    assert list(clean.value.columns) == ["Method", "AI", "FF", "energy kept"]
    assert list(clean.value["Method"]) == ["Mask", "Grad-CAM", "Random, same area"]
    assert list(clean.value["AI"]) == ["98 (95 to 100)", "49 (46 to 51)", "15 (12 to 18)"]
    assert clean.value["energy kept"][2] == "-"
    assert mixed.value["SNR gain"][0] == "3.1 (0.6 to 5.6)"
    for table in (clean, mixed):
        told = json.loads(table.proto.columns)
        for name in list(table.value.columns)[1:]:
            assert told[name]["help"] == MEANINGS[name]
    assert "learnt from all of them\\; the masker has learnt from none of them" in texts(page)
    assert "surer of sounds it has learnt from than of others" in texts(page)
    assert "Perfect separation" not in texts(page)
    command, output = page.code[-1].value, runs / "mine" / "faithfulness.json"
    assert "--folds 3 --clips 60 --seed 1 --methods mask,grad-cam --judge mn04_as" in command
    assert command.endswith(f"mine/model.safetensors --output {output}")
    assert "--condition" not in command


def test_trust_says_what_a_perfect_separation_is_and_nothing_of_clips_that_are_new(
    open_page: Open, runs: Path
) -> None:
    found = faithfulness() | {"learnt": 0}
    methods = found["tables"][1]["methods"]
    methods["perfect separation"] = methods["mask"]
    write_json(evaluated(runs / "mine") / "faithfulness.json", found)
    page = open_section(open_page, "Trust")
    assert "Perfect separation is the mask of one who knows what was mixed in" in texts(page)
    assert "surer of sounds" not in texts(page)


def test_without_an_evaluation_the_explanations_are_still_shown(
    open_page: Open, runs: Path
) -> None:
    only_clean = faithfulness()
    del only_clean["tables"][1]
    write_json(write_run(runs / "mine") / "faithfulness.json", only_clean)
    page = open_section(open_page, "Trust")
    assert "has not been measured yet" in page.info[0].value
    (table,) = page.dataframe
    assert len(table.value) == 3
    assert "--condition clean" in "".join(code.value for code in page.code)


def test_augmentations_are_drawn_and_drawn_again(open_page: Open, runs: Path) -> None:
    write_run(runs / "mine")
    page = open_section(open_page, "Augmentations")
    assert len(page.get("plotly_chart")) == len(page.get("audio")) == 10
    before = [audio.proto.url for audio in page.get("audio")]
    page.button[0].click().run()
    assert not page.exception
    after = [audio.proto.url for audio in page.get("audio")]
    assert before[0] == after[0]
    assert not set(before[1:]) & set(after[1:])


def test_the_first_page_says_what_it_is_good_at_and_what_it_confuses(
    open_page: Open, runs: Path
) -> None:
    evaluated(runs / "mine")
    page = open_section(open_page, "Overview")
    assert [head.value for head in page.header][1:3] == ["What it is good at", "What it confuses"]
    assert len(page.get("plotly_chart")) == 2
    assert "Without a mistake: Rooster" in texts(page)
    assert [fold.label for fold in page.expander] == [
        "Measure it yourself",
        "Recipe, data and network",
    ]


def test_a_network_without_a_mistake_is_said_to_have_none(open_page: Open, runs: Path) -> None:
    values = evaluation()
    right = [answer | {"predicted": answer["label"]} for answer in values["answers"]]
    write_json(write_run(runs / "mine") / "evaluation.json", values | {"answers": right})
    for section in ("Overview", "Mistakes"):
        assert "No clip of this evaluation is classified wrongly" in texts(
            open_section(open_page, section)
        )
