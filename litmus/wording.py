"""Counts of parameters and FLOPs as a reader wants them; metrics are written by `studies/evidence/units.py`."""


def count(number: float) -> str:
    """Return a large count with its unit: `269,722` up to a million, then `1.73 M`, `4.09 G`."""
    for size, unit in ((1e9, "G"), (1e6, "M")):
        if number >= size:
            return f"{number / size:.2f} {unit}"
    return f"{number:,.0f}"
