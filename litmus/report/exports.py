"""A study's results in other formats: `litmus report STUDY --export markdown,latex`."""

import html
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import plotly.graph_objects as go

from litmus.core.errors import UserError, require_choice
from litmus.core.formatting import one_line
from litmus.core.metrics import metric_of
from litmus.design.study import Study
from litmus.evidence.summary import StudySummary
from litmus.records.frames import IDENTIFYING
from litmus.records.storage import write_atomically
from litmus.report.answer import answer_of
from litmus.report.figures import figures_of
from litmus.report.methods import methods
from litmus.report.tables import arm_rows, claim_rows

FORMATS = ("markdown", "latex", "csv", "svg", "png", "methods")
FOLDER = "export"
"""The folder of the exports in a study's folder."""
_MINUS = re.compile(r"(?<![\w-])-(?=\d)")
"""A hyphen that is the sign of a number."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "–": "--", "−": "$-$", "×": r"$\times$", "…": r"\ldots{}",
    "±": r"$\pm$", "∞": r"$\infty$", "²": r"\textsuperscript{2}", "ε": r"$\varepsilon$", "η": r"$\eta$", "\u00a0": "~",
    "`": r"\textasciigrave{}",
}  # fmt: skip

_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
_MARKERS = {"x": "x", "diamond": "D", "circle-open": "o", "circle": "o"}


def write_exports(summary: StudySummary, study: Study | None, formats: Sequence[str]) -> list[Path]:
    """Write a study's results in each of `formats` into the folder `export` of its folder; return the files.

    `study` brings its own figures. Raises `UserError` for an unknown format, and where a package that it needs is not
    installed.
    """
    for name in formats:
        require_choice("--export", name, FORMATS)
    folder = summary.analysis.directory / FOLDER
    folder.mkdir(exist_ok=True)
    paths = []
    for name in dict.fromkeys(formats):
        for file, content in _files(name, summary, study).items():
            write_atomically(folder / file, content)
            paths.append(folder / file)
    return paths


def _files(name: str, summary: StudySummary, study: Study | None) -> dict[str, str | bytes]:
    """Return the contents of the files of a format, by their names."""
    match name:
        case "markdown":
            return {"results.md": as_markdown(summary)}
        case "latex":
            return {"results.tex": as_latex(summary)}
        case "csv":
            return {"results.csv": spreadsheet(tidy_results(summary)).to_csv(index=False)}
        case "methods":
            return {"methods.txt": methods(summary) + "\n"}
    files: dict[str, str | bytes] = {}
    for number, figure in enumerate(figures_of(summary.analysis, study.plots if study is not None else ()), start=1):
        stem = re.sub(r"[^a-z0-9]+", "-", figure.title.lower()).strip("-")[:60] or "figure"
        file = f"{stem}.{name}" if f"{stem}.{name}" not in files else f"{stem}-{number}.{name}"
        files[file] = picture(figure.plot, name)
    return files


def as_markdown(summary: StudySummary) -> str:
    """Return the answer, the claims and the arms as Markdown."""
    parts = [f"## {markdown(summary.analysis.study.question)}", markdown(answer_of(summary))]
    if summary.findings:
        rows = [[each.claim.sentence, each.word, each.effect or "–", each.claim.paper] for each in claim_rows(summary)]
        parts.append(markdown_table(("claim", "verdict", "effect [95 %]", "the source's"), rows))
    arms = [[each.label, each.test, each.difference, each.p, each.seeds] for each in arm_rows(summary)]
    parts += [markdown_table(_arm_headings(summary), arms), f"*{markdown(methods(summary))}*"]
    return "\n\n".join(parts) + "\n"


def _arm_headings(summary: StudySummary) -> list[str]:
    unit = summary.analysis.unit.difference_name
    difference = f"to the baseline, {unit} [95 %]" if unit else "to the baseline [95 %]"
    return ["arm", f"{summary.analysis.test_name} [95 %]", difference, "p, Holm", "seeds"]


def markdown_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table that shows its headings and cells as they are, whatever characters they have."""
    heading, *body = ([markdown(cell) for cell in line] for line in (headings, *rows))
    return "\n".join(f"| {' | '.join(line)} |" for line in (heading, ["---"] * len(headings), *body))


def as_latex(summary: StudySummary) -> str:
    """Return the table of the arms for the package booktabs, a difference in bold where p after Holm is below 0.05."""
    headings, lines = _arm_headings(summary), []
    for row in arm_rows(summary):
        cells = [_MINUS.sub("$-$", latex(cell)) for cell in (row.label, row.test, row.difference, row.p, row.seeds)]
        if row.differs:
            cells[2] = rf"\textbf{{{cells[2]}}}"
        lines.append(f"    {' & '.join(cells)} \\\\")
    caption = f"{latex(summary.analysis.study.question)} {latex(answer_of(summary))}"
    return "\n".join(
        [
            r"% \usepackage{booktabs}; names beyond ASCII want XeLaTeX or LuaLaTeX",
            r"\begin{table}",
            r"  \centering\footnotesize\setlength{\tabcolsep}{3pt}",
            rf"  \caption{{{caption}}}",
            r"  \smallskip",
            rf"  \begin{{tabular}}{{l{'r' * (len(headings) - 1)}}}",
            r"    \toprule",
            f"    {' & '.join(map(latex, headings))} \\\\",
            r"    \midrule",
            *lines,
            r"    \bottomrule",
            r"  \end{tabular}",
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


def picture(plot: go.Figure, kind: str) -> bytes:
    """Return a plot as SVG or PNG. Raises `UserError` where matplotlib is not installed.

    Plotly needs a browser to write such files, which clusters lack. Matplotlib draws the lines, points, error bars and
    bands of the Plotly figure, so that both show the same numbers.
    """
    try:
        import matplotlib
    except ImportError:
        raise UserError("pictures of figures need matplotlib: pip install 'litmus-ablations[export]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    settings: dict[Any, Any] = {"svg.fonttype": "none", "svg.hashsalt": "litmus", "text.parse_math": False}
    with pyplot.rc_context({**settings, "font.size": 9}):
        height = float(plot.layout.height or 420) / 100
        figure, axes = pyplot.subplots(figsize=(6.4, max(2.4, height)), layout="constrained")
        try:
            for trace in plot.data:
                if trace.type != "scatter":
                    raise UserError(f"--export {kind}: a plot of type {trace.type} can only be saved from report.html")
                _trace(axes, trace)
            _axes(axes, plot)
            content = io.BytesIO()
            metadata: dict[str, Any] = {"Date": None} if kind == "svg" else {}
            figure.savefig(content, format=kind, dpi=200, metadata=metadata)
        finally:
            pyplot.close(figure)
    return content.getvalue()


def _trace(axes: Any, trace: Any) -> None:
    if trace.x is None or trace.y is None:
        return
    x, y = _numbers(trace.x), _numbers(trace.y)
    colour = trace.line.color or trace.marker.color
    name = _plain(trace.name) if trace.showlegend is not False and trace.name else None
    if trace.fill == "toself":
        half = len(x) // 2
        axes.fill_between(x[:half], y[half:][::-1], y[:half], color=trace.fillcolor, alpha=trace.opacity, linewidth=0)
        return
    mode = trace.mode or "lines"
    style: dict[str, Any] = {"color": colour, "label": name, "linestyle": "none", "markersize": 5}
    if "lines" in mode:
        style |= {"linestyle": _DASHES.get(trace.line.dash or "solid", "-"), "linewidth": 1.4}
        if trace.line.shape == "hv":
            style["drawstyle"] = "steps-post"
    if "markers" in mode:
        symbol = str(trace.marker.symbol or "circle")
        hollow = {"markerfacecolor": "none"} if symbol.endswith("-open") else {}
        style |= {"marker": _MARKERS.get(symbol, "o"), **hollow}
    error = trace.error_y
    if error is not None and error.array is not None:
        low = _numbers(error.arrayminus if error.arrayminus is not None else error.array)
        axes.errorbar(x, y, yerr=[low, _numbers(error.array)], capsize=2, elinewidth=1, **style)
    else:
        axes.plot(x, y, **style)
    if "text" in mode and trace.text is not None:
        for place, value, text in zip(x, y, trace.text, strict=False):
            axes.annotate(_plain(text), (place, value), (0, 5), textcoords="offset points", ha="center", fontsize=7)


def _axes(axes: Any, plot: go.Figure) -> None:
    from matplotlib.ticker import LogFormatter

    axes.set(xlabel=_plain(plot.layout.xaxis.title.text or ""), ylabel=_plain(plot.layout.yaxis.title.text or ""))
    for name, axis, drawn in (("x", plot.layout.xaxis, axes.xaxis), ("y", plot.layout.yaxis, axes.yaxis)):
        if axis.type == "log":
            axes.set(**{f"{name}scale": "log"})
            # The usual formatter writes powers as math, which the settings have switched off for names.
            drawn.set_major_formatter(LogFormatter(labelOnlyBase=False))
            drawn.set_minor_formatter(LogFormatter(labelOnlyBase=False))
        if axis.range is not None and axis.type != "category":
            ends = [10 ** float(end) if axis.type == "log" else float(end) for end in axis.range]
            axes.set(**{f"{name}lim": ends})
    if plot.layout.xaxis.tickvals is not None:
        axes.set_xticks(list(plot.layout.xaxis.tickvals), list(plot.layout.xaxis.ticktext or ()))
        axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(alpha=0.25, linewidth=0.6)
    handles, labels = axes.get_legend_handles_labels()
    if labels and plot.layout.showlegend is not False:
        axes.figure.legend(
            handles, labels, loc="outside lower center", ncols=min(3, len(labels)), fontsize=7, frameon=False
        )


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values]


def _plain(text: str) -> str:
    # Plotly takes some HTML for markup.
    return html.unescape(re.sub(r"</?(?:b|i|br|sub|sup)>", "", str(text))).replace("%\u200b{", "%{")
