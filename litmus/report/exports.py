"""What a report can be written as beside the page: `litmus report STUDY --export markdown,latex`."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from litmus.core.errors import UserError, require_choice
from litmus.design.study import Study
from litmus.evidence.summary import StudySummary
from litmus.records.frames import load
from litmus.records.storage import write_atomically
from litmus.report.answer import headline_of
from litmus.report.figures.figure import slugs
from litmus.report.figures.order import figures_of
from litmus.report.figures.picture import picture
from litmus.report.methods import methods
from litmus.report.tables import results

_DIRECTION = re.compile("[\u202a-\u202e\u2066-\u2069\u200e\u200f]")
"""Marks that turn the direction of what follows, in which a name could hide what it is."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--", "−": "$-$", "×": r"$\times$", "…": r"\ldots{}",
    "±": r"$\pm$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "ε": r"$\varepsilon$", "η": r"$\eta$", "\u00a0": "~",
    "`": r"\textasciigrave{}",
}  # fmt: skip


def one_line(text: str) -> str:
    """Return a text on one line, without marks that control its direction or the terminal."""
    kept = _DIRECTION.sub("", text)
    return " ".join("".join(" " if unicodedata.category(each) == "Cc" else each for each in kept).split())


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
    """Return a frame whose texts no spreadsheet takes for formulas: an apostrophe stands before those that it would.

    Source: OWASP, CSV Injection.
    """
    safe = frame.copy()
    for name in frame:
        if not pd.api.types.is_numeric_dtype(frame[name]):
            safe[name] = pd.Series([_harmless(value) for value in frame[name]], index=frame.index, dtype=object)
    return safe


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


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
        parts.append(markdown_table(("claim", "verdict", "effect [95 %]", "the source's"), rows))
    parts.append(markdown_table(*_arms(summary)))
    parts.append(f"*{markdown(methods(summary))}*")
    return "\n\n".join(parts) + "\n"


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that shows its headings and cells as they are, whatever characters they have."""
    heading, *body = ([markdown(cell) for cell in line] for line in (headings, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ["---"] * len(headings), *body))


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


FOLDER = "export"


def write_exports(summary: StudySummary, study: Study | None, formats: Sequence[str]) -> list[Path]:
    """Write a study's results in each of `formats` into the folder `export` beside its report; return the files.

    Raises `UserError` for a format that does not exist, and where what it needs is not installed.
    """
    for name in formats:
        require_choice("--export", name, FORMATS)
    folder = summary.analysis.directory / FOLDER
    folder.mkdir(exist_ok=True)
    return [path for name in dict.fromkeys(formats) for path in FORMATS[name](folder, summary, study)]


def tidy_results(summary: StudySummary) -> pd.DataFrame:
    """Return a row for each run of the study: run, arm, seed, state, factors, metrics, cost."""
    frame = load(summary.analysis.directory)
    return frame[frame["run"].isin(summary.analysis.study.arm_of_run())].reset_index(drop=True)


def _markdown(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
    return [_written(folder / "results.md", as_markdown(summary))]


def _latex(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
    return [_written(folder / "results.tex", as_latex(summary))]


def _csv(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
    return [_written(folder / "results.csv", spreadsheet(tidy_results(summary)).to_csv(index=False))]


def _parquet(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
    try:
        import pyarrow  # noqa: F401
    except ImportError:
        raise UserError("Parquet needs pyarrow: pip install 'litmus-ablations[export]'") from None
    path, frame = folder / "results.parquet", tidy_results(summary)
    # Levels of several types in one column, as 0.1 beside "none", have no type in Parquet but text.
    for name in frame:
        if frame[name].dropna().map(type).nunique() > 1:
            frame[name] = frame[name].map(_as_text)
    frame.to_parquet(path, index=False)
    return [path]


def _as_text(value: object) -> str | None:
    return None if isinstance(value, float) and value != value else str(value)


def _methods(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
    return [_written(folder / "methods.txt", methods(summary) + "\n")]


def _pictures(kind: str) -> "Export":
    def export(folder: Path, summary: StudySummary, study: Study | None) -> list[Path]:
        figures = figures_of(summary.analysis, study.plots if study is not None else ())
        return [
            _written(folder / f"{slug}.{kind}", picture(figure.plot, kind))
            for slug, figure in zip(slugs(figures), figures, strict=True)
        ]

    return export


def _written(path: Path, content: str | bytes) -> Path:
    write_atomically(path, content)
    return path


Export = Callable[[Path, StudySummary, Study | None], list[Path]]

FORMATS: Mapping[str, Export] = {
    "markdown": _markdown,
    "latex": _latex,
    "csv": _csv,
    "parquet": _parquet,
    "svg": _pictures("svg"),
    "png": _pictures("png"),
    "methods": _methods,
}
"""Every format by its name."""
