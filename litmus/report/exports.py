"""A study's results in other formats: `litmus report STUDY --export markdown,latex`."""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from litmus.core.errors import require_choice
from litmus.core.formatting import capital, one_line
from litmus.core.metrics import metric_of
from litmus.design.study import Study
from litmus.evidence.estimate import ALPHA
from litmus.evidence.summary import StudySummary
from litmus.records.frames import IDENTIFYING
from litmus.records.storage import write_atomically
from litmus.report.answer import answer_of
from litmus.report.claims import claim_rows, claims_table
from litmus.report.figures import figures_of
from litmus.report.figures.pictures import forest_picture, picture
from litmus.report.forest import forest
from litmus.report.methods import methods
from litmus.report.tables import Bold, Table, arms_table, costs_table, seeds_with_result

FORMATS = ("markdown", "latex", "csv", "pdf", "svg", "png", "methods")
FOLDER = "export"
"""The folder of the exports in a study's folder."""
_MINUS = re.compile(r"(?<![\w-])-(?=\d)")
"""A hyphen that is the sign of a number."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': "''", "–": "--", "−": "$-$", "×": r"$\times$", "…": r"\ldots{}",
    "±": r"$\pm$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "ε": r"$\varepsilon$", "η": r"$\eta$",
    "α": r"$\alpha$", "β": r"$\beta$", "γ": r"$\gamma$", "λ": r"$\lambda$", "≤": r"$\leq$", "≥": r"$\geq$",
    "→": r"$\to$", "\u00a0": "~",
    "`": r"\textasciigrave{}",
}  # fmt: skip


def write_exports(
    summary: StudySummary, study: Study | None, formats: Sequence[str], costs: bool = False
) -> list[Path]:
    """Write a study's results in each of `formats` into the folder `export` of its folder; return the files.

    `study` brings its own figures; `costs` adds parameters and FLOPs to the tables of arms. Raises `UserError` for an
    unknown format, and where a package that it needs is not installed.
    """
    for name in formats:
        require_choice("--export", name, FORMATS)
    files = {
        file: text for name in dict.fromkeys(formats) for file, text in _files(name, summary, study, costs).items()
    }
    return write_files(summary.analysis.directory, files)


def write_files(directory: Path, files: Mapping[str, str | bytes]) -> list[Path]:
    """Write files by their names into the folder `export` of a study's folder; return their paths."""
    folder = directory / FOLDER
    folder.mkdir(exist_ok=True)
    for file, content in files.items():
        write_atomically(folder / file, content)
    return [folder / file for file in files]


def _files(name: str, summary: StudySummary, study: Study | None, costs: bool) -> dict[str, str | bytes]:
    """Return the contents of the files of a format, by their names."""
    match name:
        case "markdown":
            return {"results.md": as_markdown(summary, costs)}
        case "latex":
            return {"results.tex": as_latex(summary, costs)}
        case "csv":
            return {"results.csv": spreadsheet(tidy_results(summary)).to_csv(index=False)}
        case "methods":
            return {"methods.txt": methods(summary) + "\n"}
    groups = forest(summary, claim_rows(summary))
    files: dict[str, str | bytes] = {f"forest.{name}": forest_picture(groups, name)} if groups else {}
    for number, figure in enumerate(figures_of(summary.analysis, study.plots if study is not None else ()), start=1):
        stem = re.sub(r"[^a-z0-9]+", "-", figure.title.lower()).strip("-")[:60] or "figure"
        file = f"{stem}.{name}" if f"{stem}.{name}" not in files else f"{stem}-{number}.{name}"
        files[file] = picture(figure.plot, name)
    return files


def as_markdown(summary: StudySummary, costs: bool = False) -> str:
    """Return the answer, the claims and the arms as Markdown."""
    parts = [f"## {markdown(summary.analysis.study.question)}", markdown(answer_of(summary))]
    if claims := claims_table(claim_rows(summary)):
        parts.append(markdown_table(claims.only("claim", "verdict", "effect [95 %]", "p, Holm", "n", "the source's")))
    parts += [markdown_table(_results(summary, costs)), f"*{markdown(methods(summary))}*"]
    return "\n\n".join(parts) + "\n"


def _results(summary: StudySummary, costs: bool) -> Table:
    """Return the table of the arms without how they trained; `costs` adds parameters and FLOPs."""
    arms, spent = arms_table(summary), costs_table(summary.analysis)
    paid = ("parameters", "FLOPs") if costs else ()
    rows = [
        {"arm": row["arm"], **{name: cost[name] for name in paid}, **row}
        for row, cost in zip(arms.rows, spent.rows, strict=True)
    ]
    _, test, difference, p, *_ = arms.rows[0]
    return Table(arms.title, rows).only("arm", *paid, test, difference, p, "seeds finished")


def markdown_table(table: Table) -> str:
    """Return a Markdown table that shows its headings and cells as they are, whatever characters they have."""
    lines = [table.headings, *([row[name].partition("\n")[0] for name in table.headings] for row in table.rows)]
    heading, *body = ([markdown(cell) for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ["---"] * len(heading), *body))


def as_latex(summary: StudySummary, costs: bool = False) -> str:
    """Return the table of the arms, a difference in bold where p after Holm is below 0.05."""
    analysis, table = summary.analysis, _results(summary, costs)
    uneven = len({row["seeds finished"] for row in table.rows}) > 1 or any(
        each.missing or each.failed for each in analysis.arms
    )
    # A column of a paper is narrow: the caption says how many seeds there are where all arms have them.
    if not uneven:
        table = table.only(*(name for name in table.rows[0] if name != "seeds finished"))
    flops = " FLOPs are those of one image forward, a multiply-add counted once." if costs else ""
    caption = (
        f"{analysis.study.question} {capital(analysis.test_name)}: the mean over {seeds_with_result(analysis)} with "
        "its 95 % interval, and the difference to the baseline; p is after Holm's correction, bold below "
        f"{ALPHA:g}.{flops}"
    )
    return latex_table(table, caption, analysis.directory.name)


def latex_table(table: Table, caption: str, name: str) -> str:
    """Return a table with the label `tab:name`, for booktabs and graphicx."""
    lines = []
    for row in table.rows:
        cells = []
        for heading in table.headings:
            text = _MINUS.sub("$-$", latex(row[heading].partition("\n")[0]))
            cells.append(rf"\textbf{{{text}}}" if isinstance(row[heading], Bold) else text)
        lines.append(f"    {' & '.join(cells)} \\\\")
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx}; names with other than Latin letters need XeLaTeX or LuaLaTeX",
            r"\begin{table}",
            r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \label{{tab:{re.sub('[^A-Za-z0-9.-]+', '-', name).strip('-') or 'results'}}}",
            r"  \smallskip",
            r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",  # smaller where it is too wide
            rf"  \begin{{tabular}}{{@{{}}l{'r' * (len(table.headings) - 1)}@{{}}}}",
            r"    \toprule",
            f"    {' & '.join(map(latex, table.headings))} \\\\",
            r"    \midrule",
            *lines,
            r"    \bottomrule",
            r"  \end{tabular}}",
            r"\end{table}",
            "",
        ]
    )


def tidy_results(summary: StudySummary) -> pd.DataFrame:
    """Return a row for each run of the study: run, arm, seed, state, factors, metrics, cost."""
    records, study = summary.analysis.records, summary.analysis.study
    names = [*IDENTIFYING, *study.factors, summary.analysis.test_metric]
    names += [*(str(name) for name in records if metric_of(name)), "diverged_at_step"]
    return records[[name for name in dict.fromkeys(names) if name in records]]


def markdown(text: str) -> str:
    """Return a text that Markdown, in a table too, shows as it is."""
    return re.sub(r"([\\`*_{}\[\]<>|~#&$!])", r"\\\1", one_line(text))


def latex(text: str) -> str:
    """Return a text that LaTeX sets as it is."""
    line = one_line(text)
    # Behind the end of a table's row, \\, these would be its arguments.
    guard = "{}" if line.startswith(("[", "*")) else ""
    return guard + "".join(_LATEX.get(each, each) for each in line)


def spreadsheet(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a frame whose texts no spreadsheet takes for formulas: an apostrophe is put before those.

    Source: OWASP, CSV Injection.
    """
    safe = frame.copy()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            risky = frame[name].map(lambda value: isinstance(value, str) and value.startswith(_FORMULA)).astype(bool)
            safe[name] = frame[name].astype(object).mask(risky, "'" + frame[name].astype(str))
    return safe
