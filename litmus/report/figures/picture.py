"""A figure as SVG or PNG for a paper, drawn by Matplotlib.

Plotly needs a browser to write such files, which clusters lack. Matplotlib draws the lines, points, error bars and
bands of the Plotly figure, so that both show the same numbers.
"""

import html
import io
import math
import re
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from litmus.core.errors import UserError

DASHES = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-.", "longdash": (0, (8, 3))}
MARKERS = {"x": "x", "diamond": "D", "circle-open": "o", "circle": "o"}


def picture(plot: go.Figure, kind: str) -> bytes:
    """Return a plot as SVG or PNG. Raises `UserError` where matplotlib is not installed."""
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
    x, y = _values(trace.x), _values(trace.y)
    colour = trace.line.color or trace.marker.color
    name = _plain(trace.name) if trace.showlegend is not False and trace.name else None
    if trace.fill == "toself":
        half = len(x) // 2
        axes.fill_between(x[:half], y[half:][::-1], y[:half], color=trace.fillcolor, alpha=trace.opacity, linewidth=0)
        return
    mode = trace.mode or "lines"
    style: dict[str, Any] = {"color": colour, "label": name, "linestyle": "none", "markersize": 5}
    if "lines" in mode:
        style |= {"linestyle": DASHES.get(trace.line.dash or "solid", "-"), "linewidth": 1.4}
        if trace.line.shape == "hv":
            style["drawstyle"] = "steps-post"
    if "markers" in mode:
        symbol = str(trace.marker.symbol or "circle")
        hollow = {"markerfacecolor": "none"} if symbol.endswith("-open") else {}
        style |= {"marker": MARKERS.get(symbol, "o"), **hollow}
    error = trace.error_y
    if error is not None and error.array is not None:
        low = _values(error.arrayminus if error.arrayminus is not None else error.array)
        axes.errorbar(x, y, yerr=[low, _values(error.array)], capsize=2, elinewidth=1, **style)
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


def _values(values: Sequence[Any]) -> list[Any]:
    return [math.nan if value is None else value for value in values]


def _plain(text: str) -> str:
    # Plotly takes some HTML for markup.
    return html.unescape(re.sub(r"</?(?:b|i|br|sub|sup)>", "", str(text))).replace("%\u200b{", "%{")
