"""Which versions and devices a study's runs come from."""

from typing import Any

import pandas as pd

from studies.evidence.results import Analysis
from studies.evidence.units import level

VERSION_COLUMNS = ("code", "python", "torch", "lightning", "device", "hardware", "devices", "threads")


def versions(analysis: Analysis) -> dict[str, Any]:
    """Return the distinct environments with the number of runs of each, and in which columns they differ."""
    records = analysis.records
    columns = [name for name in VERSION_COLUMNS if f"environment.{name}" in records]
    if not columns:
        return {"columns": [], "rows": [], "mixed": []}
    frame = records[[f"environment.{name}" for name in columns]].dropna()
    frame.columns = pd.Index(columns)
    # Whole numbers became floats where some runs have none.
    frame = frame.map(level)
    counts = frame.value_counts().reset_index()
    return {
        "columns": columns,
        "rows": [[row[name] for name in (*columns, "count")] for row in counts.to_dict("records")],
        "mixed": [name for name in columns if frame[name].nunique() > 1],
    }
