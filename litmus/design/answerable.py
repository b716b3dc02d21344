"""What a study cannot decide, whatever comes out: margins narrower than its seeds and test images leave open."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from litmus.core.errors import UserError
from litmus.core.formatting import listed, several
from litmus.core.metrics import split_of
from litmus.design.plan import Plan
from litmus.evidence.claims import ArmTest, Claim, primary_claims
from litmus.evidence.differences import Selector
from litmus.evidence.estimate import ALPHA, Effect
from litmus.evidence.power import seeds_to_decide, typical_effect
from litmus.evidence.results import Analysis, analyse
from litmus.evidence.units import POINTS, Unit, unit_of
from litmus.records.storage import CorruptRecord
from litmus.records.study_record import STUDY_FILE

TEST_IMAGES = {"digits": 360, "mnist": 10_000, "fashion_mnist": 10_000, "cifar10": 10_000, "cifar100": 10_000}
"""Test images of the datasets whose number is always the same."""
MOST_SEEDS = 100
"""More seeds than anybody runs."""
FEWEST_PAIRS = 3
"""Two pairs of runs have an interval of 12.7 standard errors to either side, three one of 4.3."""


@dataclass(frozen=True)
class TooNarrow:
    """A claim with a margin that the run cannot tell from zero with 80 % power.

    Args:
        claim: the claim.
        margin: how far from zero the verdict changes, in `unit`; 0 of a claim whose seeds are too few for any margin.
        seeds: how many seeds of each arm would do, the least without a margin; None where no number up to `MOST_SEEDS`
            does.
    """

    claim: Claim
    margin: float
    unit: Unit
    seeds: int | None

    @property
    def text(self) -> str:
        """The claim, and what would decide it."""
        claim = f"“{self.claim.sentence.rstrip('.')}”"
        if self.seeds is not None and not self.margin:
            return f"{claim} (it needs {several(self.seeds, 'seed')} or more)"
        remedy = "more test images would" if self.seeds is None else f"{several(self.seeds, 'seed')} would"
        return f"{claim} (margin {self.unit.size(self.margin)}; {remedy})"


def too_narrow(plan: Plan, earlier: Analysis | None = None) -> list[TooNarrow]:
    """Return the claims of a plan whose margin is narrower than what its seeds and test images leave open.

    The spread is that of the claim in `earlier` records of the experiment, else what is typical of an accuracy. Claims
    of a direction have no margin: how large an effect they find depends on the effect.
    """
    primary, images = primary_claims(plan.study.claims), images_of_test(plan)
    found = []
    for claim in plan.study.claims:
        test = claim.test
        if claim.check or not isinstance(test, ArmTest):
            continue
        # Where the best of several arms is compared, the first seed only chooses.
        choosing = any(_several(plan, selector) for selector in test.arms) and test.name != "trend"
        if len(plan.seeds) < FEWEST_PAIRS + choosing:
            found.append(TooNarrow(claim, 0.0, test.unit, FEWEST_PAIRS + choosing))
            continue
        margin, effect = _margin(claim), _earlier(claim, earlier) or _typical(test, images)
        if margin is None or effect is None:
            continue
        alpha = ALPHA / len(primary) if claim in primary else ALPHA
        seeds = seeds_to_decide(replace(effect, n=1), margin, MOST_SEEDS, alpha)
        if seeds is None or seeds + choosing > len(plan.seeds):
            found.append(TooNarrow(claim, margin, test.unit, None if seeds is None else seeds + choosing))
    return found


def warning(narrow: Sequence[TooNarrow]) -> str:
    """Return in a line which claims a run cannot decide, and what would; empty for none."""
    return f"this run can hardly decide {listed([each.text for each in narrow])}" if narrow else ""


def earlier_results(directory: Path) -> Analysis | None:
    """Return what the runs in a study's folder have shown so far; None where there are none that can be read."""
    try:
        return analyse(directory) if (directory / STUDY_FILE).exists() else None
    except (UserError, CorruptRecord):
        return None


def images_of_test(plan: Plan) -> int | None:
    """Return how many test images the arms have; None where it is not known before the data are read."""
    config = plan.baseline.config.flat()
    number = config.get("data.test_images", TEST_IMAGES.get(str(config["data.name"])))
    return int(number) if number else None


def _margin(claim: Claim) -> float | None:
    """Return how far from no effect the verdict changes, where the claim says that an effect is small."""
    if not isinstance(claim.test, ArmTest) or claim.test.level:
        return None
    if claim.test.equivalence:
        return claim.threshold
    return -claim.threshold if claim.threshold < 0 else None


def _earlier(claim: Claim, earlier: Analysis | None) -> Effect | None:
    effect = claim.find(earlier).effect if earlier is not None else None
    return effect if effect is not None and effect.n >= 2 and not math.isnan(effect.seed_error) else None


def _typical(test: ArmTest, images: int | None) -> Effect | None:
    """Return the errors that are typical of what a test compares; None where nothing is known of that."""
    accuracies = [metric for metric in test.metrics if isinstance(metric, str) and unit_of(metric) is POINTS]
    if not images or not accuracies or len(accuracies) < len(test.metrics):
        return None
    effect = typical_effect(images)
    if all(split_of(metric)[0] == "test" for metric in accuracies):
        return effect
    return replace(effect, image_error=0.0, step_variance=0.0)


def _several(plan: Plan, selector: Selector) -> bool:
    if isinstance(selector, str):
        return False
    return sum(all(arm.levels.get(key) == level for key, level in selector.items()) for arm in plan.arms) > 1
