"""What arms answer to single test images: the images that change most between arms."""

from pathlib import Path

import numpy as np
import pytest
from synthetic_records import synthetic

from litmus import Study
from litmus.evidence.results import Analysis, analyse
from litmus.records.answers import Answers, write_answers
from litmus.records.run_record import RunRecord
from litmus.report.images import changed_images, image_numbers

TRUE = np.array([0, 0, 1, 1, 2, 2])
GIVEN = {
    "norm none": [[0, 1, 1, 1, 2, -1], [0, 1, 1, 0, 2, 2]],
    "norm batch": [[0, 0, 1, 1, 2, 0], [0, 0, 1, 1, 2, 0]],
}
"""Answers by arm and seed: image 1 is right with batch norm alone, image 5 wrong with it."""


@pytest.fixture
def analysis(tmp_path: Path) -> Analysis:
    base = {"model.name": "mlp", "data.name": "digits"}
    study = Study("images", "Which?", base, {"model.norm": ["none", "batch"]}, {"model.norm": "none"})
    written = synthetic(tmp_path, study, lambda arm, seed: {"test_top1": 0.7, "val_top1": 0.7}, seeds=2)
    for result in written.arms:
        for seed, run in result.arm.runs.items():
            write_answers(RunRecord(tmp_path / run), Answers(np.array(GIVEN[result.label][seed]), TRUE))
    return analyse(tmp_path)


def test_the_images_that_change_most(analysis: Analysis) -> None:
    changed = changed_images(analysis)
    assert changed is not None
    assert list(changed.rows[0].values()) == ["1", "0", "norm batch", "2 of 2", "0 of 2, else mostly 1"]
    assert [row["image"] for row in changed.rows] == ["1", "3", "5"]
    assert image_numbers(changed) == [1, 3, 5]
