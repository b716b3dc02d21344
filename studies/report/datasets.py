"""The report of one study on several datasets: a page, and lines for a terminal."""

import datetime
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from studies.design.study import Study
from studies.evidence.claims import Verdict
from studies.evidence.datasets import OverDatasets, claims_of_arms, over_datasets
from studies.evidence.estimate import Estimate
from studies.records.storage import write_atomically
from studies.records.study_record import read_study_record
from studies.report.html import template_environment

WIDTH = 79


def write_datasets_report(directory: Path, study: Study, folders: Mapping[str, Path]) -> list[str]:
    """Write `report.html` of a study on several datasets into `directory`; return what it says, for a terminal."""
    claims = study.claims or claims_of_arms(read_study_record(next(iter(folders.values()))))
    found = over_datasets(folders, claims)
    page = (
        template_environment()
        .get_template("datasets.html")
        .render(
            study=study.name,
            question=study.question,
            datasets=list(folders),
            claims=[_claim(each, folders) for each in found],
            written=datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        )
    )
    write_atomically(directory / "report.html", page)
    return [line for each in found for line in _lines(each)]


def joint_lines(directory: Path, study: Study, folders: Mapping[str, Path]) -> list[str]:
    """Write the report over the datasets; return its answer and its place, for a terminal."""
    lines = [f"{study.name} on {len(folders)} datasets:", *write_datasets_report(directory, study, folders)]
    return [*lines, f"report: {directory / 'report.html'}"]


def _claim(each: OverDatasets, folders: Mapping[str, Path]) -> dict[str, Any]:
    rows = [
        {
            "dataset": name,
            "folder": folders[name].name,
            "verdict": finding.verdict,
            "effect": each.unit.difference(finding.effect),
            "n": finding.effect.n or "–",
        }
        for name, finding in each.findings.items()
    ]
    return {
        "sentence": each.claim.sentence,
        "rows": rows,
        "verdict": each.verdict,
        "effect": each.unit.difference(each.joint.effect) if each.joint is not None else "–",
        "note": _note(each),
    }


def _lines(each: OverDatasets) -> list[str]:
    width = max(map(len, (*each.findings, "together")))
    lines = textwrap.wrap(each.claim.sentence, WIDTH)
    effects: dict[str, tuple[Verdict, Estimate]] = {
        name: (finding.verdict, finding.effect) for name, finding in each.findings.items()
    }
    if each.joint is not None:
        effects["together"] = (each.verdict, each.joint.effect)
    lines += [
        f"  {name:<{width}}  {verdict:<12}  {each.unit.difference(effect)}"
        for name, (verdict, effect) in effects.items()
    ]
    return lines + textwrap.wrap(_note(each), WIDTH, initial_indent="  ", subsequent_indent="  ")


def _note(each: OverDatasets) -> str:
    if each.joint is None:
        return f"No joint verdict: {each.reason}."
    joint = each.joint
    text = (
        f"Between datasets: sd {each.unit.size(joint.between)}, I² {100 * joint.i_squared:.0f} %, p of heterogeneity "
        f"{joint.heterogeneity_p:.2g}."
    )
    if joint.prediction is not None:
        text += f" On another such dataset: {each.unit.span(*joint.prediction, signed=True)}."
    return text
