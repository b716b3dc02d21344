"""A W&B report as text: what it says and which panels it has, for those who have no account, and before it is saved."""

import dataclasses
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from studies.report.wandb_report import escaped

if TYPE_CHECKING:
    from wandb_workspaces.reports.v2 import Report

HIDDEN = ("layout", "title", "filters", "order", "custom_run_colors", "run_settings", "entity", "project", "name")
"""Fields of panels and run sets that are told otherwise, or say nothing to a reader."""


def as_markdown(report: "Report") -> str:
    """Return the report's blocks in their order as Markdown: texts as they are, panels by their settings."""
    lines = [f"# {escaped(report.title)}", "", escaped(report.description)]
    for block in report.blocks:
        lines += ["", *_block(block)]
    return "\n".join(lines) + "\n"


def as_json(report: "Report") -> str:
    """Return the specification as W&B gets it."""
    model = report._to_model()
    content = {"title": model.display_name, "description": model.description}
    return json.dumps({**content, "spec": model.spec.model_dump(by_alias=True, exclude_none=True)}, indent=2) + "\n"


def _block(block: Any) -> list[str]:
    kind = type(block).__name__
    if kind in ("H1", "H2", "H3"):
        return [f"{'#' * int(kind[1])} {_text(block.text)}"]
    if kind == "MarkdownBlock":
        return [block.text]
    if kind == "UnorderedList":
        return [f"- {_text(item)}" for item in block.items]
    if kind == "CodeBlock":
        return ["```", *block.code.splitlines(), "```"]
    if kind == "CalloutBlock":
        return [f"> {_text(block.text)}"]
    if kind == "PanelGrid":
        sets = [f"- run set {escaped(each.name)}: {_runs(each)}" for each in block.runsets]
        return [*sets, "", *(f"- {_panel(each)}" for each in block.panels)]
    return [_text(block.text)]


def _text(text: Any) -> str:
    if isinstance(text, list):
        return "".join(_text(part) for part in text)
    if isinstance(text, str):
        return escaped(text) + (" " if text.endswith(" ") else "")
    return f"[{_text(text.text)}]({text.url})"


def _runs(run_set: Any) -> str:
    count = run_set.filters.count("'") // 2
    return f"{count} run{'' if count == 1 else 's'} by their ids, grouped by {', '.join(run_set.groupby)}"


def _panel(panel: Any) -> str:
    given = {
        field.name: getattr(panel, field.name)
        for field in dataclasses.fields(panel)
        if field.name not in HIDDEN and not field.name.startswith("_")
    }
    defaults = type(panel)()
    told = [
        f"{name} {_value(value)}"
        for name, value in given.items()
        if value != getattr(defaults, name) and value is not None
    ]
    title = getattr(panel, "title", None)
    return f"{type(panel).__name__}{f' “{escaped(title)}”' if title else ''}: {', '.join(told)}"


def _value(value: Any) -> str:
    if isinstance(value, Iterable) and not isinstance(value, str):
        return " and ".join(_value(each) for each in value)
    name = getattr(value, "name", None)
    kind = {"Config": "config ", "SummaryMetric": "final "}.get(type(value).__name__, "")
    return escaped(str(value)) if name is None else f"{kind}{escaped(name)}"
