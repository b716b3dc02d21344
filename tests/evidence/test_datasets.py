"""Effects over several datasets: the model's equations, its coverage where datasets are few, and a study's claims."""

import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats
from synthetic_records import Truth, synthetic

from litmus import Claim, Study, alike, more, near
from litmus.core.errors import UserError
from litmus.design.plan import Arm
from litmus.evidence.claims import Finding
from litmus.evidence.datasets import joint_effect, over_datasets, read_datasets, write_datasets
from litmus.evidence.estimate import Effect
from litmus.evidence.results import analyse
from litmus.report.datasets import write_joint


def effect(mean: float, error: float) -> Effect:
    """Return an effect of four seeds with this standard error."""
    return Effect(mean, mean, mean, 4, 2 * error)


def test_the_variance_between_datasets_solves_its_equation_and_the_interval_is_hartung_and_knapps() -> None:
    means, errors = np.array([0.1, 0.5, 0.9, 0.2]), np.array([0.05, 0.1, 0.08, 0.2])
    joint = joint_effect([effect(mean, error) for mean, error in zip(means, errors, strict=True)])
    weights = 1 / (errors**2 + joint.between**2)
    mean = weights @ means / weights.sum()
    spread = weights @ (means - mean) ** 2
    assert spread == pytest.approx(3, abs=1e-4)  # Paule and Mandel: the generalised Q is its degrees of freedom
    assert joint.effect.mean == pytest.approx(mean)
    half = stats.t.ppf(0.975, 3) * math.sqrt(max(1.0, spread / 3) / weights.sum())
    assert (joint.effect.low, joint.effect.high) == pytest.approx((mean - half, mean + half), rel=1e-4)
    assert joint.heterogeneity_p < 1e-6
    assert joint.i_squared > 0.9
    assert joint.prediction is not None
    assert joint.prediction[0] < joint.effect.low


def test_effects_that_agree_have_no_variance_between_and_no_interval_narrower_than_their_errors_make_it() -> None:
    joint = joint_effect([effect(0.3, 0.1), effect(0.3, 0.1)])
    assert joint.between == 0
    assert joint.effect.high - joint.effect.mean == pytest.approx(stats.t.ppf(0.975, 1) * 0.1 / math.sqrt(2))
    assert joint.prediction is None


def test_the_interval_covers_the_mean_of_few_unlike_datasets() -> None:
    generator = np.random.default_rng(0)
    covered = 0
    for _ in range(400):
        errors = generator.uniform(0.2, 1.0, 3)
        means = generator.normal(0.0, 1.0, 3) + generator.normal(0.0, errors)
        joint = joint_effect([effect(mean, error) for mean, error in zip(means, errors, strict=True)])
        covered += joint.effect.low <= 0 <= joint.effect.high
    # 95 % less twice the Monte Carlo error; the normal interval of the same model covers 80 %.
    assert covered / 400 >= 0.95 - 2 * math.sqrt(0.95 * 0.05 / 400)


def test_effects_that_cannot_be_combined_are_refused() -> None:
    with pytest.raises(UserError, match="fewer than two datasets"):
        joint_effect([effect(0.3, 0.1)])
    with pytest.raises(UserError, match="no spread to weigh it by"):
        joint_effect([effect(0.3, 0.1), effect(0.3, 0.0)])


def recorded(directory: Path, study: Study, gains: dict[str, float]) -> dict[str, Path]:
    """Return the folders of a study on datasets where batch norm gains that much."""
    folders = {name: directory / f"example.{name}" for name in gains}
    for name, folder in folders.items():

        def truth(arm: Arm, seed: int, gain: float = gains[name]) -> Truth:
            value = 0.5 + gain * (arm.levels["model.norm"] == "batch") + 0.001 * ((3 * seed + len(arm.label)) % 5)
            return {"test_top1": value, "val_top1": value}

        synthetic(folder, study, truth)
    return folders


def test_a_joint_verdict_stands_after_holms_correction_over_the_primary_claims(tmp_path: Path) -> None:
    better = Claim("Batch norm is better.", more("test_top1", {"model.norm": "batch"}, than={"model.norm": "none"}))
    study = Study(
        name="example", base={"model.name": "lenet5"}, factors={"model.norm": ["none", "batch"]}, claims=[better]
    )
    folders = recorded(tmp_path, study, {"one": 0.1, "two": 0.13, "three": 0.08})
    analyses = {name: analyse(folder) for name, folder in folders.items()}
    [alone] = over_datasets(analyses, [better])
    assert alone.joint is not None
    assert 0.05 / 3 < alone.joint.effect.p_value < 0.05
    assert alone.verdict == "supported"
    null = Claim("It is worse.", more("val_top1", {"model.norm": "none"}, than={"model.norm": "none"}))
    found = over_datasets(analyses, [better, null, null])
    assert [each.verdict for each in found] == ["inconclusive"] * 3
    primary = Claim(better.sentence, better.test, primary=True)
    assert over_datasets(analyses, [primary, null, null])[0].verdict == "supported"


def test_each_claim_has_its_verdicts_and_the_joint_one(tmp_path: Path) -> None:
    study = Study(
        name="example",
        base={"model.name": "lenet5"},
        factors={"model.norm": ["none", "batch"], "optim.lr": [0.1, 0.5]},
        claims=[
            Claim("Batch norm is better.", more("test_top1", "norm batch, lr 0.1", than="norm none, lr 0.1")),
            Claim("Both are alike.", alike("val_top1", "norm batch, lr 0.1", "norm none, lr 0.1"), threshold=0.2),
            Claim("It is near 60 %.", near("test_top1", "norm batch, lr 0.1", 0.605), threshold=0.02),
            Claim("It is so.", lambda analysis, threshold: Finding("inconclusive", "A test without an effect.")),
        ],
    )  # fmt: skip
    folders = recorded(tmp_path, study, {"one": 0.1, "two": 0.101, "three": 0.099})
    together = tmp_path / "example.datasets"
    write_datasets(together, "example", {name: folder.name for name, folder in folders.items()})
    assert read_datasets(together) == folders

    analyses = {name: analyse(folder) for name, folder in folders.items()}
    better, both_alike, close, without = over_datasets(analyses, study.claims)
    assert [finding.verdict for finding in better.findings.values()] == ["supported"] * 3
    assert better.verdict == "supported"
    assert better.joint is not None
    assert better.joint.effect.mean == pytest.approx(0.1, abs=0.005)
    assert both_alike.verdict == "supported"  # within the margin, and not above it
    assert close.verdict == "supported"
    assert (without.joint, without.verdict) == (None, "inconclusive")

    _, lines = write_joint(together, analyses, study.claims)
    assert max(map(len, lines)) <= 80
    assert any(line.startswith("  together  supported     +") for line in lines)
    page = (together / "report.html").read_text()
    assert "../example.two/report.html" in page
    assert "No joint verdict: not every dataset has an effect with an interval." in page
