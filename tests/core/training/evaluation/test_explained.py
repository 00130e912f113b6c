from __future__ import annotations

import json
import subprocess
import sys

import pytest

from resona_core.errors import DataError
from resona_core.explain.faithfulness import Figure
from resona_core.training.evaluation.explained import Faithfulness
from tests.run_folder import faithfulness


def test_every_part_of_the_file_arrives_as_a_record() -> None:
    found = Faithfulness.from_dict(faithfulness())
    assert (found.clips, found.folds, found.seed, found.weights) == (60, (3,), 1, "0123456789ab")
    assert (found.methods, found.judge) == (("mask", "grad-cam"), "mn04_as.safetensors")
    assert (found.learnt, found.masker_learnt) == (60, 0)
    assert [table.condition for table in found.tables] == ["clean", "contaminated"]
    clean, mixed = found.tables
    assert list(clean.methods) == ["mask", "grad-cam", "random, same area"]
    assert clean.methods["mask"]["AI"] == Figure(97.5, 95.0, 100.0, 60)
    assert "SNR gain" not in clean.methods["mask"]
    assert mixed.methods["mask"]["SNR gain"].mean == 3.1


def test_what_is_written_is_what_is_read() -> None:
    written = json.loads(json.dumps(Faithfulness.from_dict(faithfulness()).to_dict()))
    assert Faithfulness.from_dict(written).to_dict() == written
    assert written["tables"][1]["methods"]["mask"]["SNR gain"]["high"] == 5.6
    assert next(iter(written)) == "clips"  # by which the command knows its own files


def test_what_a_newer_program_writes_is_left_out() -> None:
    values = faithfulness() | {"of_tomorrow": 1}
    values["tables"][0]["methods"]["mask"]["AI"]["of_tomorrow"] = 1
    assert Faithfulness.from_dict(values) == Faithfulness.from_dict(faithfulness())


@pytest.mark.parametrize(
    "wrong",
    [
        {"clips": 60, "clean": {}},
        faithfulness() | {"tables": [{"condition": "clean"}]},
        faithfulness() | {"tables": [{"condition": "clean", "methods": {"mask": {"AI": 3}}}]},
    ],
)
def test_a_file_that_lacks_what_it_must_have_is_told_with_the_cure(
    wrong: dict[str, object],
) -> None:
    with pytest.raises(DataError, match="explain-bench --output"):
        Faithfulness.from_dict(wrong)


def test_the_records_load_no_torch() -> None:
    code = "import sys, resona_core.training.evaluation.explained; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
