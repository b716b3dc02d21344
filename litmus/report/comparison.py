"""Two experiments in one page: what differs between them, and how the arms and claims of both came out."""

import os
from pathlib import Path

from litmus.core.formatting import capital
from litmus.evidence.estimate import unpaired_effect
from litmus.evidence.summary import StudySummary
from litmus.records.storage import write_atomically
from litmus.report.claims import claim_rows
from litmus.report.controls import MOST_VALUES, VERSION_COLUMNS, config_columns, distinct
from litmus.report.page import rendered
from litmus.report.tables import Table

COMPARED = ("data.fingerprint", "data.num_classes", *(f"environment.{name}" for name in VERSION_COLUMNS))
"""Columns of the records in which two experiments are compared, besides the config keys."""


def write_comparison(first: StudySummary, second: StudySummary) -> tuple[Path, list[str]]:
    """Write the page of two experiments into the second one's folder; return it, and lines that say what it shows."""
    folders = [each.analysis.directory for each in (first, second)]
    path = folders[1] / f"against-{folders[0].name}.html"
    # Resolved, because `..` of a symbolic link is not the folder that the link is in.
    links = {
        str(folder): os.path.relpath((folder / "report.html").resolve(), path.parent.resolve()) for folder in folders
    }
    reports = Table("Experiments", [{"experiment": str(folder)} for folder in folders])
    differing, arms, claims = _settings(first, second), _arms(first, second), _claims(first, second)
    tables = [table for table in (reports, differing, arms, claims) if table.rows]
    title = " and ".join(folder.name for folder in folders)
    write_atomically(path, rendered("tables.html", title=title, heading=title, tables=tables, links=links))
    names = ", ".join(row["setting"] for row in differing.rows) or "nothing that is recorded"
    changed = [f"{row['arm']}: {row['change [95 %]']}" for row in arms.rows]
    return path, [
        f"they differ in: {names}",
        *(changed or ["they have no arm in common with results in the same metric"]),
    ]


def _settings(first: StudySummary, second: StudySummary) -> Table:
    one, other = first.analysis, second.analysis
    found = {
        "preset": [each.study.preset for each in (one, other)],
        "seeds": [
            ", ".join(map(str, sorted({seed for arm in each.arms for seed in arm.arm.runs}))) for each in (one, other)
        ],
        "metric": [each.test_metric for each in (one, other)],
    }
    for key in dict.fromkeys([*config_columns(one.records), *config_columns(other.records), *COMPARED]):
        found[key] = [distinct(each.records, key, MOST_VALUES) or "–" for each in (one, other)]
    rows = [{"setting": key, "first": pair[0], "second": pair[1]} for key, pair in found.items() if pair[0] != pair[1]]
    return Table("What differs", rows)


def _arms(first: StudySummary, second: StudySummary) -> Table:
    """Return each arm of both, with the change from the first experiment to the second.

    Two experiments on other data or with other code have no pairs, even where their seeds have the same numbers.
    """
    unit, others = first.analysis.unit, {each.arm.label: each for each in second.judged}
    rows = []
    for one in first.judged:
        other = others.get(one.arm.label)
        if other is None or first.analysis.test_metric != second.analysis.test_metric or not one.mean.n * other.mean.n:
            continue
        change = unpaired_effect([(1.0, other.mean), (-1.0, one.mean)])
        rows.append(
            {
                "arm": one.arm.label,
                "first": unit.interval(one.mean),
                "second": unit.interval(other.mean),
                "change [95 %]": f"{unit.signed(change)} {unit.difference_name}".strip(),
            }
        )
    note = "The runs of both are independent: the change has Welch's interval, without a correction for several arms."
    return Table(f"{capital(first.analysis.test_name)} of the arms in both", rows, note)


def _claims(first: StudySummary, second: StudySummary) -> Table:
    others = {row.claim.sentence: row for row in claim_rows(second)}
    rows = [
        {"claim": row.claim.sentence, "first": f"{row.word} {row.effect}", "second": f"{other.word} {other.effect}"}
        for row in claim_rows(first)
        if (other := others.get(row.claim.sentence)) is not None
    ]
    return Table("Claims", rows)
