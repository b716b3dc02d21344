"""One study on several datasets: its page, and the table of its arms and datasets in other formats."""

import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from litmus.core.errors import UserError
from litmus.core.formatting import capital
from litmus.evidence.claims import Claim
from litmus.evidence.datasets import Joint, OverDatasets, claims_of_arms, over_datasets
from litmus.evidence.estimate import ALPHA
from litmus.evidence.results import Analysis
from litmus.evidence.summary import ArmStatistics, arm_statistics, statistics_table
from litmus.records.storage import write_atomically
from litmus.report.exports import latex_table, markdown, markdown_table, spreadsheet, write_files
from litmus.report.page import rendered
from litmus.report.tables import Bold, Table, with_unit

JOINT_FORMATS = ("markdown", "latex", "csv")
"""The formats in which several datasets are exported together."""
WIDTH = 79
"""Columns of a line for a terminal."""
TOGETHER = (
    "Together: a random-effects model (Paule and Mandel; Hartung and Knapp), which takes the datasets for a sample of "
    "similar ones; of few datasets the interval is wide. I² is the fraction of the effects' variance between datasets."
)


def write_joint(
    directory: Path, analyses: Mapping[str, Analysis], claims: Sequence[Claim] = ()
) -> tuple[Path, list[str]]:
    """Write the report of a study on several datasets, given the analysis of each, into `directory`.

    Without claims, each arm is claimed to be better than the baseline. Returns the report, and what it says in lines
    for a terminal.
    """
    found = over_datasets(analyses, claims or claims_of_arms(next(iter(analyses.values()))))
    tables = [_claim_table(each) for each in found]
    lines = [f"{directory.name} on {len(analyses)} datasets:"]
    for table in tables:
        width = max(len(row["dataset"]) for row in table.rows)
        lines += textwrap.wrap(table.title, WIDTH)
        lines += [f"  {row['dataset']:<{width}}  {row['verdict']:<12}  {row['effect [95 %]']}" for row in table.rows]
        lines += textwrap.wrap(table.note, WIDTH, initial_indent="  ", subsequent_indent="  ")
    path = directory / "report.html"
    page = rendered(
        "tables.html",
        title=f"{directory.name}: {', '.join(analyses)}",
        heading=_question(analyses) or lines[0].rstrip(":"),
        tables=[*tables, joint_table(analyses)],
        links={name: f"../{analysis.directory.name}/report.html" for name, analysis in analyses.items()},
    )
    write_atomically(path, page)
    return path, lines


def _question(analyses: Mapping[str, Analysis]) -> str:
    """Return the study's question; empty where the datasets have questions of their own."""
    questions = {each.study.question for each in analyses.values()}
    return questions.pop() if len(questions) == 1 else ""


def _claim_table(each: OverDatasets) -> Table:
    """Return a claim's verdict on each dataset, and on all together."""
    unit, joint = each.claim.unit, each.joint
    rows = [
        [name, finding.verdict, unit.difference(finding.effect), str(finding.effect.n or "–")]
        for name, finding in each.findings.items()
    ]
    note = f"No joint verdict: {each.reason}."
    if joint is not None:
        rows.append(["together", each.verdict, unit.difference(joint.effect), ""])
        note = (
            f"Between datasets: sd {unit.size(joint.between)}, I² {100 * joint.i_squared:.0f} %, p of "
            f"heterogeneity {joint.heterogeneity_p:.2g}."
        )
        if joint.prediction is not None:
            note += f" On another such dataset: {unit.span(*joint.prediction, signed=True)}."
    return Table.of(each.claim.sentence, ("dataset", "verdict", "effect [95 %]", "seeds"), rows, note)


def joint_table(analyses: Mapping[str, Analysis]) -> Table:
    """Return each arm's mean on each dataset, and its difference to the baseline there and over all of them.

    A difference is bold where it is decided after Holm's correction over the arms.
    """
    first = next(iter(analyses.values()))
    unit, joint = first.unit, _joint(analyses)
    bare, together = replace(unit, name=""), f"{with_unit('together', unit.difference_name)} [95 %]"
    rows = []
    for result in first.arms:
        row = {"arm": result.label}
        for name, statistics in _statistics(analyses).items():
            cell = "–"
            if (arm := next((each for each in statistics if each.arm.label == result.label), None)) is not None:
                cell = bare.text(arm.mean.mean)
                if arm.comparison is not None and (difference := arm.comparison.difference).n:
                    cell += f" ({unit.signed(replace(difference, low=math.nan))})"
                    cell = Bold(cell) if arm.comparison.p_holm < ALPHA else cell
            row[with_unit(name, unit.name)] = cell
        effect, decided = joint.get(result.label, (None, False))
        text = "–" if effect is None else unit.signed(effect.effect)
        row[together] = "baseline" if result.arm.is_baseline else Bold(text) if decided else text
        rows.append(row)
    return Table("Arms", rows, f"The mean on each dataset, in brackets the difference to the baseline. {TOGETHER}")


def _statistics(analyses: Mapping[str, Analysis]) -> dict[str, list[ArmStatistics]]:
    return {name: arm_statistics(analysis, analysis.test_metric) for name, analysis in analyses.items()}


def _joint(analyses: Mapping[str, Analysis]) -> dict[str, tuple[Joint, bool]]:
    """Return each rival's difference to the baseline over the datasets, and whether it is decided, by its label.

    An arm without an effect on some dataset is left out.
    """
    first = next(iter(analyses.values()))
    rivals = [result.label for result in first.arms if not result.arm.is_baseline]
    found = {}
    for label, each in zip(rivals, over_datasets(analyses, claims_of_arms(first)), strict=True):
        if each.joint is not None:
            effect = each.joint.effect
            if not first.higher_is_better:  # the claim is that the baseline has more
                effect = replace(effect, mean=-effect.mean, low=-effect.high, high=-effect.low)
            found[label] = replace(each.joint, effect=effect), each.verdict != "inconclusive"
    return found


def write_joint_exports(directory: Path, analyses: Mapping[str, Analysis], formats: Sequence[str]) -> list[Path]:
    """Write the table of arms × datasets in each of `formats` into `export/` of `directory`; return the files.

    Raises `UserError` for a format that several datasets do not have.
    """
    for name in formats:
        if name not in JOINT_FORMATS:
            valid = ", ".join(JOINT_FORMATS)
            raise UserError(f"--export {name}: {directory} holds several datasets; valid for them: {valid}")
    metric = next(iter(analyses.values())).test_metric
    question, table = _question(analyses), joint_table(analyses)
    files: dict[str, str | bytes] = {}
    if "markdown" in formats:
        title = markdown(question or directory.name)
        files["results.md"] = f"## {title}\n\n{markdown_table(table)}\n\n{markdown(table.note)}\n"
    if "latex" in formats:
        name = capital(next(iter(analyses.values())).test_name)
        caption = f"{question} {name}. {table.note} Bold: p < {ALPHA:g} after Holm's correction over the arms."
        files["results.tex"] = latex_table(table, caption.strip(), directory.name)
    if "csv" in formats:
        frames = [statistics_table({metric: each}).assign(dataset=name) for name, each in _statistics(analyses).items()]
        together = [
            {"metric": metric, "arm": label, "dataset": "together", "difference_mean": each.effect.mean,
             "difference_low": each.effect.low, "difference_high": each.effect.high, "difference_n": each.effect.n,
             "between_datasets_sd": each.between, "i_squared": each.i_squared}
            for label, (each, _) in _joint(analyses).items()
        ]  # fmt: skip
        frame = pd.concat([*frames, pd.DataFrame(together)], ignore_index=True)
        files["results.csv"] = spreadsheet(frame[["dataset", *frame.columns.drop("dataset")]]).to_csv(index=False)
    return write_files(directory, files)
