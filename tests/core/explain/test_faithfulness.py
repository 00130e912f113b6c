from __future__ import annotations

from math import inf, log, nan

import numpy as np
import pytest

from resona_core.explain.faithfulness import (
    FIGURES,
    Figure,
    Trial,
    cell,
    change,
    drop,
    figures,
    gain,
    gain_db,
    increases,
    log_odds,
    matched,
    table,
)


def _shares(*values: float) -> np.ndarray:
    return np.array(values, np.float32)


def _trial(full: float, kept: float, rest: float, **more: float) -> Trial:
    known = {"energy_kept": 0.5, "area_kept": 0.25, **more}
    parts = (_shares(p, 1 - p) for p in (full, kept, rest))
    return Trial(*parts, target=0, **known)  # type: ignore[misc, arg-type]


def _figures(*trials: Trial) -> dict[str, Figure]:
    return figures([trial.values() for trial in trials], seed=0)


def test_the_published_figures_are_those_worked_out_by_hand() -> None:
    """One clip becomes surer, one less so, and in the kept part of that one another class wins."""
    found = _figures(_trial(0.5, 0.75, 0.25), _trial(0.75, 0.25, 0.0))
    means = {name: figure.mean for name, figure in found.items()}
    assert means == pytest.approx(
        {
            "AI": 50,
            "AD": 100 * (0 + 0.5 / 0.75) / 2,
            "AG": 100 * (0.25 / 0.5 + 0) / 2,
            "FF": (0.25 + 0.75) / 2,
            "Fid-In": 0.5,
            "energy kept": 0.5,
            "area kept": 0.25,
        }
    )


def test_one_clips_values_are_its_own() -> None:
    same = _trial(0.75, 0.75, 0.5, false_probability=0.5).values()
    assert (same["AI"], same["AD"], same["AG"], same["FF"]) == (0, 0, 0, 0.25)
    assert (same["Fid-In"], same["false class"]) == (1, 0)
    other = _trial(0.75, 0.25, 0.5, false_probability=0.75).values()
    assert (other["Fid-In"], other["false class"]) == (0, 1)


def test_a_probability_of_0_loses_nothing_and_one_of_1_gains_nothing() -> None:
    assert (drop(0.0, 0.5), drop(0.5, 0.375)) == (0, 0.25)
    assert (gain(1.0, 0.5), gain(0.5, 0.75)) == (0, 0.5)


def test_what_is_not_known_of_a_clip_counts_in_no_mean() -> None:
    found = _figures(
        _trial(0.5, 0.5, 0.5, ear_kept=1.0, false_probability=0.6, gain_db=4.0),
        _trial(0.5, 0.5, 0.5, ear_kept=0.0, false_probability=0.4),
        _trial(0.5, 0.5, 0.5),
    )
    assert (found["ear kept"].mean, found["ear kept"].clips) == (0.5, 2)
    assert (found["false class"].mean, found["false class"].clips) == (0.5, 2)
    assert (found["SNR gain"].mean, found["SNR gain"].clips) == (4.0, 1)
    assert "ear rest" not in found
    assert found["AI"].clips == 3


def test_silence_keeps_no_class() -> None:
    silent = Trial(_shares(0.9, 0.1), _shares(0, 0), _shares(0.9, 0.1), 0, 0.0, 0.0)
    values = silent.values()
    assert (values["AI"], values["AD"], values["FF"], values["Fid-In"]) == (0, 100, 0, 0)


def test_two_probabilities_near_1_are_told_apart() -> None:
    surer, sure = _shares(1.0, 1e-12), _shares(1.0, 1e-9)
    assert increases(sure, surer, 0)
    assert not increases(surer, sure, 0)
    assert log_odds(sure, 0) == pytest.approx(-log(1e-9))
    assert log_odds(_shares(0, 0), 0) == -inf
    assert log_odds(surer, 0) < log_odds(_shares(1, 0), 0) < inf


def test_the_interval_is_that_of_drawing_the_clips_again() -> None:
    """400 clips, 100 of them increased: a standard error of 2.17 %, twice 1.96 of it wide."""
    trials = [_trial(0.5, 0.6 if i < 100 else 0.4, 0.1) for i in range(400)]
    found = _figures(*trials)["AI"]
    assert found.mean == pytest.approx(25)
    assert found.low == pytest.approx(25 - 1.96 * 2.17, abs=0.6)
    assert found.high == pytest.approx(25 + 1.96 * 2.17, abs=0.6)
    assert _figures(*trials)["AI"] == found


def test_masks_that_are_alike_changed_by_0_and_unrelated_ones_by_1() -> None:
    mask = np.random.default_rng(0).random((16, 32)).astype(np.float32)
    other = np.random.default_rng(1).random((16, 32)).astype(np.float32)
    assert change(mask, mask * 0.5) == pytest.approx(0, abs=1e-6)
    assert change(mask, 1 - mask) == pytest.approx(2, abs=1e-6)
    assert change(mask, other) == pytest.approx(1, abs=0.15)
    assert np.isnan(change(mask, np.ones_like(mask)))


def test_the_wanted_sound_gains_what_the_other_loses() -> None:
    tone = np.sin(np.arange(1_000, dtype=np.float32))
    assert gain_db((tone, tone), (tone, 0.1 * tone)) == pytest.approx(20, abs=1e-3)
    assert gain_db((tone, 0.5 * tone), (tone, 0.5 * tone)) == pytest.approx(0, abs=1e-3)
    soft = 1e-4 * tone  # 80 dB softer from the start
    assert gain_db((soft, soft), (tone, 0.1 * tone)) == pytest.approx(20, abs=1e-3)
    assert gain_db((tone, soft), (soft, 0.1 * soft)) == pytest.approx(20 - 80, abs=1e-3)


def test_what_is_silenced_altogether_falls_by_a_number() -> None:
    tone = np.sin(np.arange(1_000, dtype=np.float32))
    assert 100 < gain_db((tone, tone), (tone, 0 * tone)) < inf
    assert -inf < gain_db((tone, 0 * tone), (tone, tone)) < -100


@pytest.mark.parametrize("wanted", [0.05, 0.5, 0.9])
def test_noise_is_bent_until_it_keeps_as_much(wanted: float) -> None:
    noise = np.random.default_rng(0).random((16, 32)).astype(np.float32)
    power = np.random.default_rng(1).random((16, 32)).astype(np.float32)
    mask = matched(noise, power, wanted)
    assert (mask * power).sum() / power.sum() == pytest.approx(wanted, abs=1e-3)
    assert (np.diff(mask.ravel()[np.argsort(noise.ravel())]) >= 0).all()
    np.testing.assert_allclose(matched(noise, 1e-6 * power, wanted), mask, atol=1e-5)  # a share
    assert np.isfinite(matched(noise, 0 * power, wanted)).all()


def test_the_table_has_a_row_a_method_and_a_dash_for_what_is_not_known() -> None:
    text = table(
        {
            "one": _figures(_trial(0.5, 0.75, 0.25, ear_kept=1.0)),
            "two": _figures(_trial(0.5, 0.25, 0.25)),
        }
    )
    head, line, one, two = text.splitlines()
    assert head == "| method | AI | AD | AG | FF | Fid-In | energy kept | area kept | ear kept |"
    assert line == "|---|---|---|---|---|---|---|---|---|"
    assert one.startswith("| one | 100 (100 to 100) | 0 (0 to 0) | 50 (50 to 50) | 0.25")
    assert two.endswith("| - |")


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.8421, "0.84"), (0.00146, "0.001"), (0.0006, "0.001"), (-1e-17, "0"), (-0.25, "-0.25"),
        (9.46, "9.5"), (-9.46, "-9.5"), (10.4, "10"), (-10.6, "-11"), (123.4, "123"),
    ],
)  # fmt: skip
def test_a_number_in_the_table_has_two_digits_and_no_more_than_three_decimals(
    number: float, text: str
) -> None:
    assert cell(Figure(number, 0.5, 1.0, clips=3)) == f"{text} (0.5 to 1)"


def test_every_figure_has_a_value_a_clip() -> None:
    values = _trial(0.5, 0.5, 0.5).values()
    assert tuple(values) == FIGURES
    assert np.isnan(values["seconds"])
    assert _trial(0.5, 0.5, 0.5, seconds=2.0).values()["seconds"] == 2
    assert np.isnan(_trial(0.5, 0.5, 0.5, false_probability=nan).values()["false class"])


def test_what_a_clip_does_not_name_is_not_known() -> None:
    found = figures([{"AI": 100.0, "FF": 0.5}, {"AI": 0.0}], seed=0)
    assert (found["AI"].mean, found["AI"].clips) == (50, 2)
    assert (found["FF"].mean, found["FF"].clips) == (0.5, 1)
    assert set(found) == {"AI", "FF"}
