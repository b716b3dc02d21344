"""A fast subset of `benchmarks/calibration`: in worlds without an effect no verdict is false more often than stated.

The draws are keyed, so that what passes once passes always.
"""

import numpy as np
import pytest

from benchmarks.calibration.effects import effects
from benchmarks.calibration.no_effect import no_effect
from benchmarks.calibration.rows import Cell, Row, measured

ROWS = {row.name: row for row in no_effect()}
SHOWN = {row.name: row for row in effects()}
FAST = (
    "more: normal",
    "more: sd of one arm x5",
    "more: both diverge, 20 %",
    "more: one diverges, for it",
    "more: an image or none",
    "more: at the floor",
    "more: at the ceiling",
    "more: images differ",
    "more: best of 6 against 1",
    "headline: best of 11",
    "looks 3 to 10",
    "interaction: a pair at the floor",
    "trend: last level's sd x20",
    "higher_limit: 1 1 1 .87 0 0",
    "higher_limit: 1 1 .2 .2 .2 .2",
    "table p: both diverge, 20 %",
    "claims, Holm: any of 6",
)
TRIALS = 300


def cells(row: Row) -> dict[int, Cell]:
    return measured(Row(row.name, row.trial, row.stated, row.plain, row.sizes[:3], cost=1), TRIALS, row.trial)


@pytest.mark.parametrize("name", FAST)
def test_a_verdict_errs_as_seldom_as_it_says(name: str) -> None:
    row = ROWS[name]
    for n, cell in cells(row).items():
        assert not cell.exceeds(row.stated / 100), f"{n} seeds: {100 * cell.share:.1f} % of {cell.trials}"


def test_calibration_is_not_bought_with_silence() -> None:
    """At five seeds, an effect of three sds is found at least 0.8 times as often as by the plain paired t test."""
    for name in ("more: 3 sd", "table p: 3 sd", "more: 3 sd, best of 6 to 1", "trend: 3 sd over 4 levels"):
        row = SHOWN[name]
        assert row.plain is not None
        found, plain = (
            np.mean([trial(np.random.default_rng(index), 5) for index in range(100)])
            for trial in (row.trial, row.plain)
        )
        assert found >= 0.8 * plain, name
