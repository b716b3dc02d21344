"""A study as its file declares it, and its expansion into runs.

What a study's file needs, in one import:

    from studies.design import Claim, Levels, Study, interaction, more, trend
"""

from studies.design.plots import Against, ByLayer, OverTraining, Percentiles, Plot, Scatter
from studies.design.study import Levels, Study
from studies.design.tuning import Range, Tuning
from studies.evidence.claim_tests import alike, exceeds, interaction, more, near, trend
from studies.evidence.claims import Claim
from studies.evidence.measures import DECADES, drift, gap, logarithm, measure, probed
from studies.evidence.progress_tests import higher_limit, sooner
from studies.evidence.results import ArmResult
from studies.evidence.units import NUMBER, POINTS, Unit

__all__ = [
    "DECADES",
    "NUMBER",
    "POINTS",
    "Against",
    "ArmResult",
    "ByLayer",
    "Claim",
    "Levels",
    "OverTraining",
    "Percentiles",
    "Plot",
    "Range",
    "Scatter",
    "Study",
    "Tuning",
    "Unit",
    "alike",
    "drift",
    "exceeds",
    "gap",
    "higher_limit",
    "interaction",
    "logarithm",
    "measure",
    "more",
    "near",
    "probed",
    "sooner",
    "trend",
]
