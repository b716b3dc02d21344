"""One study on several datasets: each claim's effect on each of them, and over all of them by random effects."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from litmus.core.errors import UserError
from litmus.evidence.claim_tests import more
from litmus.evidence.claims import ArmTest, Claim, Finding, Verdict, after_holm, finding_of
from litmus.evidence.estimate import CONFIDENCE, Effect
from litmus.evidence.results import Analysis
from litmus.records.storage import to_json, write_atomically

FILE = "datasets.json"
MOST_STEPS = 500


@dataclass(frozen=True)
class Joint:
    """A claim's effect over datasets, which are taken for a sample of others like them.

    Args:
        effect: the mean effect with its 95 % interval; `n` is the number of datasets.
        between: the standard deviation of the true effects between datasets, τ.
        i_squared: the share of the variance of the datasets' effects that is between them, and not of their estimation.
        heterogeneity_p: the p of Cochran's Q, that the true effects are all one.
        prediction: where the effect on another such dataset is expected to lie, at 95 %; None for fewer than three.
    """

    effect: Effect
    between: float
    i_squared: float
    heterogeneity_p: float
    prediction: tuple[float, float] | None


@dataclass(frozen=True)
class OverDatasets:
    """A claim with its finding on each dataset; `joint` is over all of them, None with `reason` where it cannot be.

    `verdict` is that of the joint effect; of a primary claim, the one that holds after Holm's correction over them.
    """

    claim: Claim
    findings: Mapping[str, Finding]
    joint: Joint | None
    verdict: Verdict
    reason: str = ""


def joint_effect(effects: Sequence[Effect]) -> Joint:
    """Return the mean of the effects of several datasets by a random-effects model.

    The variance between datasets is that of Paule & Mandel 1982, the interval that of Hartung & Knapp 2001, A Refined
    Method for the Meta-Analysis of Controlled Clinical Trials: Student's t with one degree of freedom less than there
    are datasets, which keeps its level where they are few. It is never narrower than the model's standard error
    makes it (Röver, Knapp & Friede 2015, arXiv 1411.5163). The prediction interval is that of Higgins et al. 2009.
    Computed by statsmodels. Raises `UserError` with the reason where there is nothing to combine.
    """
    # Imported here because both take most of a second.
    from scipy import stats
    from statsmodels.stats.meta_analysis import combine_effects

    if len(effects) < 2:
        raise UserError("fewer than two datasets have an effect")
    errors = np.array([effect.standard_error for effect in effects])
    if not np.all(errors > 0):
        raise UserError("on a dataset the effect has no spread to weigh it by")
    means = np.array([effect.mean for effect in effects])
    with np.errstate(divide="ignore"):  # of effects that agree to the last digit, which have no heterogeneity
        combined = combine_effects(means, errors**2, method_re="iterated", use_t=True, maxiter=MOST_STEPS)
    count, mean, tau2 = len(effects), float(combined.mean_effect_re), float(combined.tau2)
    model_error = float(combined.sd_eff_w_re)
    error = max(float(combined.sd_eff_w_re_hksj), model_error)
    tail = (1 + CONFIDENCE) / 2
    around = float(stats.t.ppf(tail, count - 2)) * math.sqrt(tau2 + model_error**2) if count > 2 else math.nan
    return Joint(
        effect=Effect(mean, math.nan, math.nan, count, error * math.sqrt(count)).at(1 - CONFIDENCE),
        between=math.sqrt(tau2),
        i_squared=max(0.0, 1 - (count - 1) / float(combined.q)) if combined.q > 0 else 0.0,
        heterogeneity_p=float(stats.chi2.sf(combined.q, count - 1)),
        prediction=(mean - around, mean + around) if count > 2 else None,
    )


def over_datasets(analyses: Mapping[str, Analysis], claims: Sequence[Claim]) -> list[OverDatasets]:
    """Return each claim over the datasets, given the analysis of each by its name."""
    found: list[OverDatasets] = []
    joint_findings: list[tuple[Claim, Finding]] = []
    for claim in claims:
        findings = {name: claim.find(analysis) for name, analysis in analyses.items()}
        effects = [finding.effect for finding in findings.values() if finding.effect.n > 1]
        joint, reason, joint_finding = None, "", Finding("inconclusive", "")
        try:
            if len(effects) < len(findings):
                raise UserError("not every dataset has an effect with an interval")
            joint = joint_effect(effects)
            level = isinstance(claim.test, ArmTest) and claim.test.level
            joint_finding = finding_of(joint.effect, claim.region, "", level=level)
        except UserError as error:
            reason = str(error)
        found.append(OverDatasets(claim, findings, joint, "inconclusive", reason))
        joint_findings.append((claim, joint_finding))
    held = after_holm(joint_findings)
    return [replace(each, verdict=finding.verdict) for each, finding in zip(found, held, strict=True)]


def claims_of_arms(analysis: Analysis) -> list[Claim]:
    """Return the claims that each arm is better than the baseline, for a study without claims on several datasets."""
    metric, column, baseline = analysis.metric, analysis.test_metric, analysis.baseline.label
    word = "higher" if metric.higher_is_better else "lower"
    arms = [result.label for result in analysis.arms if not result.arm.is_baseline]
    pairs = [(arm, arm, baseline) if metric.higher_is_better else (arm, baseline, arm) for arm in arms]
    return [
        Claim(f"{arm} reaches a {word} {metric.display_name} than {baseline}.", more(column, higher, than=lower))
        for arm, higher, lower in pairs
    ]


def write_datasets(directory: Path, study: str, folders: Mapping[str, str]) -> None:
    """Write which folders next to `directory` hold the study on which dataset."""
    directory.mkdir(parents=True, exist_ok=True)
    write_atomically(directory / FILE, to_json({"study": study, "folders": dict(folders)}))


def read_datasets(directory: Path) -> dict[str, Path]:
    """Return the folders of a study's runs by dataset. Raises `UserError` where `directory` keeps none."""
    path = directory / FILE
    try:
        folders = json.loads(path.read_bytes())["folders"]
        return {name: directory.parent / folder for name, folder in folders.items()}
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{path} cannot be read ({error}); the same litmus run command writes it again") from None
