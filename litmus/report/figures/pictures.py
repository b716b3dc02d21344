"""Figures as SVG, PNG and PDF, drawn with Matplotlib: Plotly needs a browser to write them, which clusters lack."""

import html
import io
import math
import re
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import plotly.graph_objects as go

from litmus.core.errors import UserError
from litmus.report.figures.figure import short_number
from litmus.report.forest import Group

KINDS = ("svg", "png", "pdf")
_DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
_MARKERS = {"x": "x", "diamond": "D", "circle-open": "o", "circle": "o"}
_COLOURS = {"supported": "#009E73", "opposite": "#D55E00"}
"""Of an effect, by its verdict."""
_POINT = 0.62
"""Points of Matplotlib for a pixel of Plotly."""
_LABEL, _ROW = 36, 0.44
"""Characters of a line of a label, and the height of a row of a forest plot in inches."""
_LEGEND = 88
"""Characters of a line of a legend, with six for each key."""


@contextmanager
def _drawing() -> Iterator[Any]:
    """Provide Matplotlib's pyplot with the settings of all pictures. Raises `UserError` where it is not installed."""
    try:
        import matplotlib
    except ImportError:
        raise UserError("pictures of figures need matplotlib: pip install 'litmus-ablations[export]'") from None
    matplotlib.use("Agg")
    from matplotlib import pyplot

    # Type 42 fonts are what journals ask for; names are no math.
    fonts = {"svg.fonttype": "none", "pdf.fonttype": 42, "font.size": 9}
    settings: dict[Any, Any] = {**fonts, "svg.hashsalt": "litmus", "text.parse_math": False}
    with pyplot.rc_context(settings):
        try:
            yield pyplot
        finally:
            pyplot.close("all")


def _saved(figure: Any, kind: str) -> bytes:
    content = io.BytesIO()
    # Without a time, the same figure gives the same file.
    metadata: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind, {})
    figure.savefig(content, format=kind, dpi=200, metadata=metadata)
    return content.getvalue()


def picture(plot: go.Figure, kind: str) -> bytes:
    """Return a plot as SVG, PNG or PDF. Raises `UserError` where matplotlib is not installed.

    Matplotlib draws the lines, points, error bars and bands of the Plotly figure, so that both show the same numbers.
    """
    with _drawing() as pyplot:
        height = float(plot.layout.height or 420) / 100
        figure, axes = pyplot.subplots(figsize=(5.4, max(2.4, 0.85 * height)), layout="constrained")
        for trace in plot.data:
            if trace.type != "scatter":
                raise UserError(f"--export {kind}: a plot of type {trace.type} can only be saved from report.html")
            _trace(axes, trace)
        _axes(axes, plot)
        return _saved(figure, kind)


def forest_picture(groups: Sequence[Group], kind: str) -> bytes:
    """Return a forest plot as SVG, PNG or PDF, its groups below one another, each on its axis."""
    with _drawing() as pyplot:
        counts = [len(group.rows) for group in groups]
        figure, all_axes = pyplot.subplots(
            len(groups),
            squeeze=False,
            figsize=(6.4, sum(_ROW * count + 0.5 for count in counts)),
            height_ratios=[count + 1 for count in counts],
            layout="constrained",
        )
        for group, axes in zip(groups, all_axes[:, 0], strict=True):
            _group(axes, group)
        return _saved(figure, kind)


def _group(axes: Any, group: Group) -> None:
    rows = group.rows
    for place, row in enumerate(rows):
        mark = group.mark(row)
        colour = _COLOURS.get(row.kind, "#555555")
        if mark.zone is not None:
            start, width = mark.zone[0], max(0.0, mark.zone[1] - mark.zone[0])
            axes.broken_barh([(start, width)], (place - 0.32, 0.64), facecolors="#009E73", alpha=0.12)
        if math.isfinite(mark.low):
            axes.plot([mark.low, mark.high], [place, place], color=colour, linewidth=1.5, marker="|", markersize=6)
        if math.isfinite(mark.mean):
            end = "<" if mark.mean < 0 else ">" if mark.mean > 100 else "o"
            filled = {} if row.kind in _COLOURS else {"markerfacecolor": "#ffffff"}
            axes.plot([min(max(mark.mean, 0.0), 100.0)], [place], marker=end, color=colour, markersize=6, **filled)
        axes.annotate(row.text, (1.02, place), xycoords=("axes fraction", "data"), va="center", fontsize=9)
    if group.zero is not None:
        axes.axvline(group.zero, color="#999999", linewidth=0.8, zorder=0)
    labels = [textwrap.fill(textwrap.shorten(row.label, 3 * _LABEL, placeholder=" …"), _LABEL) for row in rows]
    axes.set_yticks(range(len(rows)), labels, fontsize=9)
    axes.set(xlim=(0, 100), ylim=(len(rows) - 0.5, -0.5), xlabel=group.axis)
    axes.set_xticks([place for place, _ in group.ticks], [label for _, label in group.ticks])
    axes.set_title(group.title, loc="left", fontsize=9, fontweight="bold")
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.tick_params(axis="y", length=0)


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
    style: dict[str, Any] = {"color": colour, "label": name, "linestyle": "none"}
    if "lines" in mode:
        style |= {"linestyle": _DASHES.get(trace.line.dash or "solid", "-"), "linewidth": 1.4}
        if trace.line.shape == "hv":
            style["drawstyle"] = "steps-post"
    if "markers" in mode:
        symbol = str(trace.marker.symbol or "circle")
        hollow = {"markerfacecolor": "none"} if symbol.endswith("-open") else {}
        size = _POINT * (trace.marker.size or 8)
        style |= {"marker": _MARKERS.get(symbol, "o"), "markersize": size, **hollow}
        if trace.marker.line.width:
            style["markeredgewidth"] = _POINT * trace.marker.line.width
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
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes.set(xlabel=_plain(plot.layout.xaxis.title.text or ""), ylabel=_plain(plot.layout.yaxis.title.text or ""))
    for name, axis, drawn in (("x", plot.layout.xaxis, axes.xaxis), ("y", plot.layout.yaxis, axes.yaxis)):
        if axis.type == "log":
            axes.set(**{f"{name}scale": "log"})
            low, high = drawn.get_view_interval()
            steps = (1.0, 2.0, 5.0) if high < 300 * low else (1.0,)
            drawn.set_major_locator(LogLocator(subs=steps))
            # The usual formatter writes powers as math, which the settings have switched off for names.
            drawn.set_major_formatter(FuncFormatter(lambda value, _: short_number(value)))
            drawn.set_minor_formatter(NullFormatter())
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
        columns = max(1, min(3, len(labels), _LEGEND // (max(map(len, labels)) + 6)))
        axes.figure.legend(handles, labels, loc="outside lower center", ncols=columns, fontsize=8, frameon=False)


def _numbers(values: Sequence[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values]


def _plain(text: str) -> str:
    # Plotly takes some HTML for markup.
    return html.unescape(re.sub(r"</?(?:b|i|br|sub|sup)>", "", str(text))).replace("%\u200b{", "%{")
