"""What a report can be written as beside the page: `litmus report STUDY --export markdown,latex`."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pandas as pd

from litmus.errors import UserError, require_choice
from studies.design.study import Study
from studies.evidence.summary import StudySummary
from studies.records.frames import load
from studies.records.storage import write_atomically
from studies.report.figure_list import figures_of
from studies.report.figures.figure import slugs
from studies.report.figures.picture import picture
from studies.report.methods import methods
from studies.report.plain_text import spreadsheet
from studies.report.text_exports import as_latex, as_markdown

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
