"""One study on several datasets: its page, and the table of its arms and datasets in other formats."""

import math
import textwrap
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from litmus.core.errors import UserError
from litmus.core.formatting import capital
from litmus.evidence.claims import Claim
from litmus.evidence.datasets import Joint, OverDatasets, claims_of_arms, over_datasets
from litmus.evidence.estimate import ALPHA, NO_EFFECT
from litmus.evidence.results import Analysis
from litmus.evidence.summary import ArmStatistics, arm_statistics, statistics_table
from litmus.evidence.units import Unit
from litmus.records.storage import write_atomically
from litmus.report.exports import latex_table, markdown, markdown_table, spreadsheet, without_unit, write_files
from litmus.report.page import rendered
from litmus.report.tables import WIDTH, Table

JOINT_FORMATS = ("markdown", "latex", "csv")
"""The formats in which several datasets are exported together."""
_TOGETHER = (
    "Together: the difference to the baseline over the datasets, by a random-effects model (Paule and Mandel; Hartung "
    "and Knapp)."
)


def write_joint(
    directory: Path, analyses: Mapping[str, Analysis], claims: Sequence[Claim] = ()
) -> tuple[Path, list[str]]:
    """Write the report of a study on several datasets, given the analysis of each, into `directory`.

    Without claims, each arm is claimed to be better than the baseline. Returns the report, and what it says in lines
    for a terminal.
    """
    first = next(iter(analyses.values()))
    found = over_datasets(analyses, claims or claims_of_arms(first))
    path = directory / "report.html"
    claimed = [_dataset_table(each) for each in found]
    folders = {dataset: analysis.directory for dataset, analysis in analyses.items()}
    arms = joint_arms(analyses)
    note = f"The mean on each dataset, in brackets the difference to the baseline. {_TOGETHER}"
    content = {"folders": folders, "claims": claimed, "arms": Table("Arms", note, arms.headings, arms.rows())}
    question = arms.question or f"{first.study.study} on {len(folders)} datasets"
    page = rendered("datasets.html", name=directory.name, question=question, **content)
    write_atomically(path, page)
    lines = [f"{directory.name} on {len(folders)} datasets:"]
    for table in claimed:
        width = max(len(row[0]) for row in table.rows)
        lines += textwrap.wrap(table.title, WIDTH)
        lines += [f"  {name:<{width}}  {verdict:<12}  {effect}" for name, verdict, effect, _ in table.rows]
        lines += textwrap.wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    return path, lines


def _dataset_table(each: OverDatasets) -> Table:
    """Return a claim's verdict on each dataset, and on all together."""
    rows = [
        [name, finding.verdict, each.claim.unit.difference(finding.effect), str(finding.effect.n or "–")]
        for name, finding in each.findings.items()
    ]
    note = f"No joint verdict: {each.reason}."
    if each.joint is not None:
        joint = each.joint
        rows.append(["together", each.verdict, each.claim.unit.difference(joint.effect), ""])
        note = (
            f"Between datasets: sd {each.claim.unit.size(joint.between)}, I² {100 * joint.i_squared:.0f} %, p of "
            f"heterogeneity {joint.heterogeneity_p:.2g}."
        )
        if joint.prediction is not None:
            note += f" On another such dataset: {each.claim.unit.span(*joint.prediction, signed=True)}."
    return Table(each.claim.sentence, note, ["dataset", "verdict", "effect [95 %]", "seeds"], rows)


@dataclass(frozen=True)
class JointArms:
    """The arms of a study on several datasets: each dataset's statistics, and each rival's difference over all of them.

    `joint` and `decided`, by the arm's label, are the difference to the baseline over the datasets, and whether it
    is decided after Holm's correction; an arm without an effect on some dataset is in neither.
    """

    analyses: Mapping[str, Analysis]
    statistics: Mapping[str, Sequence[ArmStatistics]]
    joint: Mapping[str, Joint]
    decided: Collection[str]

    @property
    def question(self) -> str:
        """The study's question; empty where the datasets have questions of their own."""
        questions = {each.study.question for each in self.analyses.values()}
        return questions.pop() if len(questions) == 1 else ""

    @property
    def headings(self) -> list[str]:
        """The headings of the table."""
        unit = next(iter(self.analyses.values())).unit
        of_metric, of_difference = (f", {name}" if name else "" for name in (unit.name, unit.difference_name))
        return ["arm", *(f"{name}{of_metric}" for name in self.analyses), f"together{of_difference} [95 %]"]

    def rows(self) -> list[list[str]]:
        """Return the table: an arm's mean on each dataset with its difference, and its difference over all of them."""
        first = next(iter(self.analyses.values()))
        rows = []
        for result in first.arms:
            means = [_mean_and_difference(self.of(result.label, name), first.unit) for name in self.analyses]
            joint = self.joint.get(result.label)
            together = "–" if joint is None else first.unit.signed(joint.effect)
            rows.append([result.label, *means, "baseline" if result.arm.is_baseline else together])
        return rows

    def of(self, label: str, dataset: str) -> ArmStatistics | None:
        """Return an arm's statistics on a dataset; None where it has no such arm."""
        return next((each for each in self.statistics[dataset] if each.arm.label == label), None)

    def bold(self) -> set[tuple[int, int]]:
        """Return the cells, as (row, column), whose difference is decided after Holm's correction over the arms."""
        found = set()
        for index, row in enumerate(self.rows()):
            for column, name in enumerate(self.analyses, start=1):
                arm = self.of(row[0], name)
                if arm is not None and arm.comparison is not None and arm.comparison.p_holm < ALPHA:
                    found.add((index, column))
            if row[0] in self.decided:
                found.add((index, len(row) - 1))
        return found


def _mean_and_difference(each: ArmStatistics | None, unit: Unit) -> str:
    if each is None:
        return "–"
    effect = NO_EFFECT if each.comparison is None else each.comparison.difference
    return without_unit(unit.text(each.mean.mean), unit) + (
        f" ({unit.signed(replace(effect, low=math.nan))})" if effect.n else ""
    )


def joint_arms(analyses: Mapping[str, Analysis]) -> JointArms:
    """Return the arms of a study on several datasets, given the analysis of each."""
    first = next(iter(analyses.values()))
    rivals = [result.label for result in first.arms if not result.arm.is_baseline]
    joint, decided = {}, set()
    for label, found in zip(rivals, over_datasets(analyses, claims_of_arms(first)), strict=False):
        if found.joint is not None:
            effect = found.joint.effect
            if not first.higher_is_better:  # the claim is that the baseline has more
                effect = replace(effect, mean=-effect.mean, low=-effect.high, high=-effect.low)
            joint[label] = replace(found.joint, effect=effect)
            if found.verdict != "inconclusive":
                decided.add(label)
    statistics = {name: arm_statistics(analysis, analysis.test_metric) for name, analysis in analyses.items()}
    return JointArms(analyses, statistics, joint, decided)


def write_joint_exports(directory: Path, analyses: Mapping[str, Analysis], formats: Sequence[str]) -> list[Path]:
    """Write the table of arms × datasets in each of `formats` into `export/` of `directory`; return the files.

    Raises `UserError` for a format that several datasets do not have.
    """
    for name in formats:
        if name not in JOINT_FORMATS:
            valid = ", ".join(JOINT_FORMATS)
            raise UserError(f"--export {name}: {directory} holds several datasets; valid for them: {valid}")
    arms = joint_arms(analyses)
    first = next(iter(analyses.values()))
    rows, headings = arms.rows(), arms.headings
    files: dict[str, str | bytes] = {}
    if "markdown" in formats:
        title = markdown(arms.question or directory.name)
        files["results.md"] = f"## {title}\n\n{markdown_table(headings, rows)}\n\n{markdown(_TOGETHER)}\n"
    if "latex" in formats:
        caption = (
            f"{arms.question} {capital(first.test_name)} on each dataset, in brackets the difference to the baseline. "
            f"{_TOGETHER} Bold: p < {ALPHA:g} after Holm's correction over the arms."
        )
        files["results.tex"] = latex_table(headings, rows, caption.strip(), directory.name, arms.bold())
    if "csv" in formats:
        frames = [
            statistics_table({first.test_metric: each}).assign(dataset=name) for name, each in arms.statistics.items()
        ]
        together = [
            {"metric": first.test_metric, "arm": label, "dataset": "together", "difference_mean": each.effect.mean,
             "difference_low": each.effect.low, "difference_high": each.effect.high, "difference_n": each.effect.n,
             "between_datasets_sd": each.between, "i_squared": each.i_squared}
            for label, each in arms.joint.items()
        ]  # fmt: skip
        frame = pd.concat([*frames, pd.DataFrame(together)], ignore_index=True)
        files["results.csv"] = spreadsheet(frame[["dataset", *frame.columns.drop("dataset")]]).to_csv(index=False)
    return write_files(directory, files)
