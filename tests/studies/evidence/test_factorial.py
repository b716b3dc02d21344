"""Main effects and interactions: known sums of squares, another way to compute them, and simulation."""

import itertools
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic_records import Truth, synthetic

from litmus.errors import UserError
from studies.design.plan import Arm
from studies.design.study import Study
from studies.evidence.factorial import analysis_of_variance, tidy

FACTORS = ["model.norm", "optim.lr"]
NORMS, RATES = ["none", "a 'batch' (norm)"], [0.1, 1.0]


def known_design() -> pd.DataFrame:
    """Orthogonal parts: effects 2, 1 and their interaction 0.5 in ±1 coding, seeds −1, 0, 1, and a residual."""
    rows = []
    for (i, norm), (j, rate), seed in itertools.product(enumerate(NORMS), enumerate(RATES), range(3)):
        a, b = 2 * i - 1, 2 * j - 1
        residual = 0.5 * a * (1, -2, 1)[seed]
        value = 10 + 2 * a + b + 0.5 * a * b + (seed - 1) + residual
        rows.append({"model.norm": norm, "optim.lr": rate, "seed": seed, "value": value})
    return pd.DataFrame(rows)


def drawn(rng: np.random.Generator, levels: tuple[int, int], seeds: int, between: float) -> pd.DataFrame:
    """Two main effects, no interaction, seeds that differ by `between`, noise of sd 1."""
    shared = rng.normal(0, between, seeds)
    return pd.DataFrame(
        [
            {"model.norm": i, "optim.lr": j, "seed": seed, "value": 2.0 * i - j + shared[seed] + rng.normal()}
            for i, j, seed in itertools.product(range(levels[0]), range(levels[1]), range(seeds))
        ]
    )


def test_a_balanced_design_with_known_sums_of_squares() -> None:
    result = analysis_of_variance(known_design(), FACTORS)
    # Of 12 runs: 12·2², 12·1², 12·0.5²; the residual is 4·(1 + 4 + 1)/4 = 6 over 12 − 4 − 2 degrees of freedom.
    sums, residual = [48, 12, 3], 6
    assert [term.name for term in result.terms] == ["model.norm", "optim.lr", "model.norm × optim.lr"]
    assert (result.residual_df, result.runs, result.dropped) == (6, 12, 0)
    for term, total in zip(result.terms, sums, strict=True):
        assert term.df == 1
        assert term.f == pytest.approx(total)
        assert term.p_value == pytest.approx(stats.f.sf(total, 1, 6))
        assert term.partial_eta_squared == pytest.approx(total / (total + residual))


def test_dropped_runs_leave_type_two_sums_of_squares() -> None:
    frame = drawn(np.random.default_rng(0), (2, 3), 4, 1.0)
    frame.loc[[1, 7, 22], "value"] = math.nan
    result = analysis_of_variance(frame, FACTORS)
    kept = frame.dropna()

    def residual(*parts: str) -> float:
        columns = [np.ones(len(kept))]
        for part in parts:
            codes = kept[part.split("*")].apply(tuple, axis=1)
            columns += [(codes == code).to_numpy(float) for code in sorted(set(codes))]
        matrix = np.stack(columns, axis=1)
        return float(((kept["value"] - matrix @ np.linalg.lstsq(matrix, kept["value"])[0]) ** 2).sum())

    a, b = FACTORS
    full = residual(f"{a}*{b}", "seed")
    expected = [
        residual(b, "seed") - residual(a, b, "seed"),
        residual(a, "seed") - residual(a, b, "seed"),
        residual(a, b, "seed") - full,
    ]
    freedom = 21 - 6 - 3
    assert (result.residual_df, result.runs, result.dropped) == (freedom, 21, 3)
    for term, total in zip(result.terms, expected, strict=True):
        assert term.f == pytest.approx(total / term.df / (full / freedom))


def test_rows_that_are_absent_count_as_dropped() -> None:
    assert analysis_of_variance(known_design().drop(index=[0, 5]), FACTORS).dropped == 2


def test_three_factors_have_seven_terms() -> None:
    rng = np.random.default_rng(1)
    frame = pd.concat([drawn(rng, (2, 2), 3, 1.0).assign(depth=depth) for depth in ("8", 20, None)])
    result = analysis_of_variance(frame, [*FACTORS, "depth"])
    assert [len(term.factors) for term in result.terms] == [1, 1, 1, 2, 2, 2, 3]
    assert [term.df for term in result.terms] == [1, 1, 2, 1, 2, 2, 2]
    assert result.residual_df == 36 - 12 - 2


@pytest.mark.parametrize("dropped", [0, 3])
def test_an_interaction_that_is_not_there_is_found_as_often_as_the_level_says(dropped: int) -> None:
    rng = np.random.default_rng(2)
    p = []
    for _ in range(100):
        frame = drawn(rng, (2, 2), 5, 3.0)
        frame.loc[rng.choice(len(frame), dropped, replace=False), "value"] = math.nan
        p.append(analysis_of_variance(frame, FACTORS).terms[2].p_value)
    # All levels at once: without an effect, p-values are uniform. The 0.05 level has a standard error of 0.022.
    assert stats.kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=3 * 0.022)


def without_cell(frame: pd.DataFrame) -> pd.DataFrame:
    cell = (frame["model.norm"] == "none") & (frame["optim.lr"] == 1.0)
    return frame.assign(value=frame["value"].mask(cell))


@pytest.mark.parametrize(
    ("change", "factors", "reason"),
    [
        (without_cell, FACTORS, "1 of 4 cells have no run with a value, model.norm none, optim.lr 1 for one"),
        (lambda frame: frame[frame["seed"] == 0], FACTORS, "no degree of freedom"),
        (lambda frame: frame, FACTORS[:1], "two factors or more, got 1"),
        (lambda frame: frame.assign(**{"optim.lr": 0.1}), FACTORS, "same seed twice"),
        (lambda frame: frame[frame["optim.lr"] == 0.1], FACTORS, "optim.lr has one level only"),
        (lambda frame: frame.assign(value=0.3), FACTORS, "no variance"),
        (lambda frame: frame.assign(value=0.1 * (frame["model.norm"] == "none")), FACTORS, "no variance"),
    ],
)
def test_a_design_that_cannot_be_analysed_is_refused_with_the_reason(
    change: Callable[[pd.DataFrame], pd.DataFrame],
    factors: list[str],
    reason: str,
) -> None:
    with pytest.raises(UserError, match=reason):
        analysis_of_variance(change(known_design()), factors)


def test_a_study_becomes_a_frame_with_its_holes(tmp_path: Path) -> None:
    study = Study(
        name="product",
        question="Norm and rate?",
        base={"model.name": "lenet5", "data.name": "digits"},
        factors={"model.norm": ["none", "batch"], "optim.lr": [0.1, 1.0], "model.dropout": [0.0]},
        baseline={"model.norm": "none", "optim.lr": 0.1, "model.dropout": 0.0},
    )

    def truth(arm: Arm, seed: int) -> Truth:
        if arm.is_baseline and seed < 2:
            return ("diverged", "missing")[seed]
        return {
            "test_top1": 0.5 + 0.1 * (arm.levels["optim.lr"] == 1.0) + 0.01 * seed**2 * (1 + arm.levels["optim.lr"])
        }

    frame = tidy(synthetic(tmp_path / "product", study, truth, seeds=4), "test_top1")
    assert list(frame.columns) == ["model.norm", "optim.lr", "seed", "value"]
    assert (len(frame), int(frame["value"].isna().sum())) == (16, 2)
    result = analysis_of_variance(frame, FACTORS)
    assert (result.runs, result.dropped) == (14, 2)
    assert result.terms[1].p_value < 0.05
