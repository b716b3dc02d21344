"""A study's results as Markdown, for a README or an issue, and as a LaTeX table, for a paper."""

import re
from collections.abc import Sequence

from studies.evidence.summary import StudySummary
from studies.report.headline import headline_of
from studies.report.methods import methods
from studies.report.plain_text import latex, markdown
from studies.report.tables import results

MINUS = re.compile(r"(?<![\w-])-(?=\d)")
"""A hyphen that is the sign of a number."""


def as_markdown(summary: StudySummary) -> str:
    """Return the answer, the claims and the arms as Markdown."""
    study = summary.analysis.study
    parts = [f"## {markdown(study.question)}", markdown(headline_of(summary))]
    if summary.findings:
        rows = [
            [claim.sentence, verdict, claim.unit.difference(finding.effect) if finding.effect.n else "–", claim.paper]
            for (claim, finding), verdict in zip(summary.findings, summary.headline, strict=True)
        ]
        parts.append(_markdown_table(("claim", "verdict", "effect [95 %]", "the source's"), rows))
    parts.append(_markdown_table(*_arms(summary)))
    parts.append(f"*{markdown(methods(summary))}*")
    return "\n\n".join(parts) + "\n"


def _markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, ["---"] * len(headings), *([markdown(cell) for cell in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def as_latex(summary: StudySummary) -> str:
    """Return the table of the arms in the style of the package booktabs, bold where the difference is real."""
    headings, rows = _arms(summary)
    bold = [row["differs"] for row in results(summary)]
    study = summary.analysis.study
    body = []
    for row, differs in zip(rows, bold, strict=True):
        cells = [MINUS.sub("$-$", latex(cell)) for cell in row]
        if differs:
            cells[2] = rf"\textbf{{{cells[2]}}}"
        body.append(" & ".join(cells) + r" \\")
    return "\n".join(
        [
            r"% \usepackage{booktabs}; names beyond ASCII want XeLaTeX or LuaLaTeX",
            r"\begin{table}",
            r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{latex(study.question)} {latex(headline_of(summary))}}}",
            r"  \smallskip",
            rf"  \begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
            r"    \toprule",
            f"    {' & '.join(latex(heading) for heading in headings)} \\\\",
            r"    \midrule",
            *(f"    {line}" for line in body),
            r"    \bottomrule",
            r"  \end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _arms(summary: StudySummary) -> tuple[Sequence[str], list[list[str]]]:
    rows = [
        [row["label"], row["test"], row["difference"], row["p"], f"{row['finished']} of {row['planned']}"]
        for row in results(summary)
    ]
    unit = summary.analysis.unit.difference_name
    difference = f"to the baseline, {unit} [95 %]" if unit else "to the baseline [95 %]"
    return ("arm", f"test {summary.analysis.metric_name} [95 %]", difference, "p, Holm", "seeds"), rows
