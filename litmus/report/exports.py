"""A study's results in other formats: `litmus report STUDY --export markdown,latex`."""

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pandas as pd

from litmus.core.errors import require_choice
from litmus.core.formatting import capital, one_line
from litmus.core.metrics import metric_of
from litmus.design.study import Study
from litmus.evidence.estimate import ALPHA
from litmus.evidence.summary import StudySummary
from litmus.evidence.units import Unit
from litmus.records.frames import IDENTIFYING
from litmus.records.storage import write_atomically
from litmus.report.answer import answer_of, seeds_with_result
from litmus.report.figures import figures_of
from litmus.report.figures.pictures import forest_picture, picture
from litmus.report.forest import forest
from litmus.report.methods import methods
from litmus.report.tables import ArmRow, arm_rows, claim_rows

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
    groups = forest(summary)
    files: dict[str, str | bytes] = {f"forest.{name}": forest_picture(groups, name)} if groups else {}
    for number, figure in enumerate(figures_of(summary.analysis, study.plots if study is not None else ()), start=1):
        stem = re.sub(r"[^a-z0-9]+", "-", figure.title.lower()).strip("-")[:60] or "figure"
        file = f"{stem}.{name}" if f"{stem}.{name}" not in files else f"{stem}-{number}.{name}"
        files[file] = picture(figure.plot, name)
    return files


def as_markdown(summary: StudySummary, costs: bool = False) -> str:
    """Return the answer, the claims and the arms as Markdown."""
    parts = [f"## {markdown(summary.analysis.study.question)}", markdown(answer_of(summary))]
    if summary.findings:
        rows = [[each.claim.sentence, each.word, each.effect or "–", each.claim.paper] for each in claim_rows(summary)]
        parts.append(markdown_table(("claim", "verdict", "effect [95 %]", "the source's"), rows))
    arms = [_arm_cells(row, costs) for row in arm_rows(summary)]
    parts += [markdown_table(_arm_headings(summary, costs), arms), f"*{markdown(methods(summary))}*"]
    return "\n\n".join(parts) + "\n"


def _arm_headings(summary: StudySummary, costs: bool) -> list[str]:
    unit = summary.analysis.unit.difference_name
    difference = f"to the baseline, {unit} [95 %]" if unit else "to the baseline [95 %]"
    paid = ["parameters", "FLOPs"] if costs else []
    return ["arm", *paid, f"{summary.analysis.test_name} [95 %]", difference, "p, Holm", "seeds"]


def _arm_cells(row: ArmRow, costs: bool) -> list[str]:
    paid = [row.costs[name][1] for name in ("parameters", "flops")] if costs else []
    return [row.label, *paid, row.test, row.difference, row.p, row.seeds]


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that shows its headings and cells as they are, whatever characters they have."""
    heading, *body = ([markdown(cell) for cell in line] for line in (headings, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ["---"] * len(headings), *body))


def as_latex(summary: StudySummary, costs: bool = False) -> str:
    """Return the table of the arms, a difference in bold where p after Holm is below 0.05."""
    analysis, rows = summary.analysis, arm_rows(summary)
    unit, study = analysis.unit, analysis.study
    # A column of a paper is narrow: units are in the headings, and seeds in the caption where all arms have them.
    of_metric, of_difference = (f", {name}" if name else "" for name in (unit.name, unit.difference_name))
    uneven = len({row.seeds for row in rows}) > 1 or any(each.missing or each.failed for each in analysis.arms)
    headings = [
        "arm",
        *(["parameters", "FLOPs"] if costs else []),
        f"{analysis.test_name}{of_metric} [95 %]",
        f"difference{of_difference} [95 %]",
        "p",
        *(["seeds"] if uneven else []),
    ]
    cells = [_arm_cells(row, costs)[: len(headings)] for row in rows]
    place = headings.index("p") - 1
    for row in cells:
        row[place - 1] = without_unit(row[place - 1], unit)
    bold = {(index, place) for index, row in enumerate(rows) if row.differs}
    flops = " FLOPs are those of one image forward, a multiply-add counted once." if costs else ""
    caption = (
        f"{study.question} {capital(analysis.test_name)}: the mean over {seeds_with_result(analysis)} with its 95 % "
        f"interval, and the difference to the baseline; p is after Holm's correction, bold below {ALPHA:g}.{flops}"
    )
    return latex_table(headings, cells, caption, analysis.directory.name, bold)


def without_unit(text: str, unit: Unit) -> str:
    """Return a value without the name of its unit, which the heading has."""
    return text.replace(f" {unit.name}", "") if unit.name else text


def latex_table(
    headings: Sequence[str], rows: Sequence[Sequence[str]], caption: str, name: str, bold: Collection[tuple[int, int]]
) -> str:
    """Return a table with the label `tab:name`, for booktabs and graphicx; `bold` are its cells (row, column)."""
    lines = []
    for index, row in enumerate(rows):
        cells = [_MINUS.sub("$-$", latex(cell)) for cell in row]
        cells = [rf"\textbf{{{cell}}}" if (index, column) in bold else cell for column, cell in enumerate(cells)]
        lines.append(f"    {' & '.join(cells)} \\\\")
    return "\n".join(
        [
            r"% \usepackage{booktabs,graphicx}; names beyond Latin letters want XeLaTeX or LuaLaTeX",
            r"\begin{table}",
            r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{latex(caption)}}}",
            rf"  \label{{tab:{re.sub('[^A-Za-z0-9.-]+', '-', name).strip('-') or 'results'}}}",
            r"  \smallskip",
            r"  \resizebox{\ifdim\width>\linewidth\linewidth\else\width\fi}{!}{%",  # smaller where it is too wide
            rf"  \begin{{tabular}}{{@{{}}l{'r' * (len(headings) - 1)}@{{}}}}",
            r"    \toprule",
            f"    {' & '.join(map(latex, headings))} \\\\",
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
